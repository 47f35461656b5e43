"""Seconds per evaluation: after a warm-up, in repeats long enough to be timed.

A repeat runs as many evaluations as fill `REPEAT_SECONDS`, one after the other as a sampler does, and ends when the
device has finished. Processor seconds are those of all threads of this process: far fewer than threads times seconds
means that the threads waited, for memory, for each other or for a busy machine.
"""

import time
from collections.abc import Callable
from functools import partial
from math import ceil
from typing import Any, NamedTuple

import torch

REPEAT_SECONDS = 0.2
WARM_UP_SECONDS = 0.5

SMALLEST, LARGEST = 512, 8192
"""Rows and columns of the matrices whose product shows what a device can do."""
LONG_SECONDS = 0.1
"""A product that takes this long has long filled the device."""
PRODUCTS = 5


class Repeat(NamedTuple):
    """One timing, per evaluation."""

    seconds: float
    processor_seconds: float


def timed(run: Callable[[], Any], *, repeats: int, synchronize: Callable[[], None]) -> list[Repeat]:
    """Time `run`, which has run before: the first time allocates memory and chooses or compiles kernels."""
    started, last = time.perf_counter(), 0.0
    while not last or time.perf_counter() - started < WARM_UP_SECONDS:
        last = _repeat(run, 1, synchronize).seconds
    evaluations = max(1, ceil(REPEAT_SECONDS / last))
    return [_repeat(run, evaluations, synchronize) for _ in range(repeats)]


def matmul_limit(device: str, dtype: torch.dtype, *, synchronize: Callable[[], None]) -> float:
    """GFLOP per second of the fastest of some products of square matrices, as large as can be had in a moment."""
    size = SMALLEST
    while True:
        run = _product(size, device, dtype)
        _repeat(run, 1, synchronize)
        if size == LARGEST or _repeat(run, 1, synchronize).seconds > LONG_SECONDS:
            break
        size *= 2
    fastest = min(repeat.seconds for repeat in timed(run, repeats=PRODUCTS, synchronize=synchronize))
    return 2 * size**3 / fastest / 1e9


def synchronizer(device: str) -> Callable[[], None]:
    """What waits until a device has done all it was given."""
    if torch.device(device).type == "cpu":
        return lambda: None
    return lambda: torch.cuda.synchronize(device)


def _product(size: int, device: str, dtype: torch.dtype) -> Callable[[], Any]:
    a, b = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    return partial(torch.mm, a, b, out=torch.empty_like(a))


def _repeat(run: Callable[[], Any], evaluations: int, synchronize: Callable[[], None]) -> Repeat:
    started, worked = time.perf_counter(), time.process_time()
    for _ in range(evaluations):
        run()
    synchronize()
    return Repeat(
        (time.perf_counter() - started) / evaluations,
        (time.process_time() - worked) / evaluations,
    )
