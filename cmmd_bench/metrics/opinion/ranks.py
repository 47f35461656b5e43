"""Mid-ranks of exact numbers, doubled so that they are whole: tied values share the mean of the ranks they occupy."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import groupby

from cmmd_bench.metrics.opinion.ratings import whole_numbers


def doubled_mid_ranks(values: Sequence[Fraction]) -> list[int]:
    """Twice the rank (1 = smallest) of each value, in the order given; empty in, empty out."""
    numbers, _ = whole_numbers(values)
    order = sorted(range(len(numbers)), key=numbers.__getitem__)
    ranks = [0] * len(numbers)
    first = 1
    for _, tied in groupby(order, key=numbers.__getitem__):
        members = list(tied)
        last = first + len(members) - 1
        for index in members:
            ranks[index] = first + last
        first = last + 1
    return ranks
