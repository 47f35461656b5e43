"""Distances between rows in blocks: never all pairs in memory at once.

Squared Euclidean distances as |a|² + |b|² - 2 a·b, in float64: an absolute error of about ε(|a|² + |b|²). Move rows to
their mean first, which changes no distance, where the mean is large against the spread.
"""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from cmmd_bench.metrics.checks import Rows, feature_rows

Array = NDArray[np.float64]

PAIRS_AT_ONCE = 1 << 22

_BINS = 1 << 12


def squared_distances(a: Array, b: Array) -> Array:
    """(m, n) of a (m, D) and b (n, D), never below 0."""
    distances: Array = a @ b.T
    distances *= -2.0
    distances += np.einsum("nd,nd->n", a, a)[:, np.newaxis]
    distances += np.einsum("nd,nd->n", b, b)
    return np.asarray(np.maximum(distances, 0.0, out=distances))


def median_distance(rows: Rows) -> float:
    """Median of the N (N - 1) / 2 distances between two rows of (N, D), N >= 2; of an even number, the lower one.

    Distances that rounding alone explains count as 0. Exact, in O(N² D) time and the memory of `PAIRS_AT_ONCE`
    distances: where there are more, they are counted in bins first, and computed again for the bin of the median.
    """
    rows = feature_rows(rows, "rows", at_least=2)
    centred = rows - rows.mean(axis=0, dtype=np.float64)
    rank = (len(rows) * (len(rows) - 1) // 2 - 1) // 2
    largest = float(np.einsum("nd,nd->n", centred, centred).max())
    low, high, rounding = 0.0, 4 * largest * (1 + 1e-9), 1e-14 * largest
    count = len(rows) * (len(rows) - 1) // 2
    while count > PAIRS_AT_ONCE and low < high:
        low, high, rank, count = _narrowed(centred, low, high, rank)
    if low < high:
        inside = np.concatenate([d[(d >= low) & (d <= high)] for d in _pairs(centred)])
        low = float(np.partition(inside, rank)[rank])
    return math.sqrt(low) if low > rounding else 0.0


def _narrowed(rows: Array, low: float, high: float, rank: int) -> tuple[float, float, int, int]:
    """Smallest and largest distance in the bin that holds the one of that rank, its rank in there, and their number."""
    counts = np.zeros(_BINS, dtype=np.int64)
    smallest, largest = np.full(_BINS, np.inf), np.full(_BINS, -np.inf)
    for distances in _pairs(rows):
        inside = distances[(distances >= low) & (distances <= high)]
        bins = np.minimum(((inside - low) * (_BINS / (high - low))).astype(np.int64), _BINS - 1)
        counts += np.bincount(bins, minlength=_BINS)
        np.minimum.at(smallest, bins, inside)
        np.maximum.at(largest, bins, inside)
    up_to = np.cumsum(counts)
    chosen = int(np.searchsorted(up_to, rank, side="right"))
    before = int(up_to[chosen] - counts[chosen])
    return float(smallest[chosen]), float(largest[chosen]), rank - before, int(counts[chosen])


def _pairs(rows: Array) -> Iterator[Array]:
    """Squared distances of every pair once, in flat blocks; the same numbers on every pass."""
    together = max(1, PAIRS_AT_ONCE // len(rows))
    for start in range(0, len(rows), together):
        block = squared_distances(rows[start : start + together], rows[start:])
        yield block[~np.tri(*block.shape, dtype=np.bool_)]
