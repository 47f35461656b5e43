"""Work on many items in several processes, with results in the order of the items.

Each item is worked on alone and single-threaded, in this process or in another, so the number of workers changes
nothing but the time. A process per core beats threads inside one: decoding and small convolutions do not scale.
"""

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from typing import Any, TypeVar

from threadpoolctl import threadpool_limits

from cmmd_bench.errors import ENVIRONMENT, UserError

A = TypeVar("A")
B = TypeVar("B")

ITEMS_PER_WORKER = 32


def default_workers() -> int:
    """One process per available core."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def workers_for(count: int, workers: int, *, each: int = ITEMS_PER_WORKER) -> int:
    """How many of `workers` processes pay for `count` items: starting one takes as long as `each` items do."""
    return max(1, min(workers, count // each))


def in_order(function: Callable[[A], B], items: Iterable[A], workers: int, *, first_here: bool = True) -> Iterator[B]:
    """`function` of each item, lazily and in order. With `workers` > 1 function, items and results must be picklable.

    first_here: the first item is done in this process before workers start; False where nothing is compiled on first
        use and one item is a large part of the work

    A few items per worker are in flight, so memory does not grow with their number. Inside this process only libraries
    that are already loaded are kept to one thread: load what `function` needs before.
    """
    if workers <= 1:
        with threadpool_limits(limits=1):
            for item in items:
                yield function(item)
        return
    remaining = iter(items)
    # The first item is done here: librosa compiles itself on first use, up to a minute of work that is cached on disk.
    # Workers that all find that cache empty do it all at once, and have been seen to crash while writing it.
    with threadpool_limits(limits=1):
        yield from map(function, islice(remaining, int(first_here)))
    # "spawn": a forked child would inherit locked thread pools of torch and BLAS.
    context = multiprocessing.get_context("spawn")
    # The function travels once per worker, not once per item: it may hold a dataset of many thousand entries.
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_start, initargs=(function,)) as pool:
        flying: deque[Future[B]] = deque(pool.submit(_call, item) for item in islice(remaining, 4 * workers))
        try:
            while flying:
                result = flying.popleft().result()
                flying.extend(pool.submit(_call, item) for item in islice(remaining, 1))
                yield result
        except BrokenProcessPool:
            raise UserError(
                "a worker process died, most often for lack of memory. Do the same again to go on, with fewer workers "
                "if it repeats. (A script that starts workers needs an `if __name__ == '__main__':` guard.)",
                exit_code=ENVIRONMENT,
            ) from None
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def read_ahead(function: Callable[[A], B], items: Iterable[A], *, ahead: int = 2) -> Iterator[B]:
    """`function` of each item, in order, computed by one thread up to `ahead` items before they are asked for.

    For decoding, which leaves Python while it works, beside a network that looks at what was decoded.
    """
    remaining = iter(items)
    with ThreadPoolExecutor(1, thread_name_prefix="read-ahead") as thread:
        flying: deque[Future[B]] = deque(thread.submit(function, item) for item in islice(remaining, ahead))
        try:
            while flying:
                result = flying.popleft().result()
                flying.extend(thread.submit(function, item) for item in islice(remaining, 1))
                yield result
        finally:
            thread.shutdown(wait=False, cancel_futures=True)


_function: Callable[[Any], Any]


def _start(function: Callable[[Any], Any]) -> None:
    global _function
    _function = function
    # Ctrl-C belongs to the parent, which stops its workers; a worker's own traceback would only be noise.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"
    threadpool_limits(limits=1)


def _call(item: Any) -> Any:
    return _function(item)
