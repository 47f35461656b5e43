"""Requests in batches of one size, so that a clip has the same bits alone as among others.

Convolutions and products of matrices are split by the size of a batch, and their last bits with it; within one size
neither place nor neighbours matter. So every batch has the same size, a short one filled with copies of its last.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby

from cmmd_bench.types import Request


def even_batches(requests: Sequence[Request], size: int) -> Iterator[tuple[list[Request], int]]:
    """Batches of `size` requests of one task and length, in order, and how many of each were asked for."""
    for _, group in groupby(requests, key=lambda request: (request.task, request.seconds)):
        waiting = list(group)
        for start in range(0, len(waiting), size):
            batch = waiting[start : start + size]
            yield batch + batch[-1:] * (size - len(batch)), len(batch)
