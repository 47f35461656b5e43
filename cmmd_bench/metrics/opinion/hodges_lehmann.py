"""Hodges-Lehmann estimate: the typical paired difference, with the interval that belongs to the signed-rank test.

The estimate is the median of the Walsh averages (d_i + d_j)/2, i <= j, of all differences, zeros included. The interval
runs from the k-th smallest to the k-th largest of them, k being the quantile of the signed-rank distribution without
ties: coverage is at least the level whatever the (symmetric) distribution of the differences, and more with ties.
R's `wilcox.test` drops zeros first and so answers for another set of differences.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cmmd_bench.metrics.opinion.ratings import Exact, exact, whole_numbers
from cmmd_bench.metrics.opinion.signed_rank import EXACT_UP_TO


@dataclass(frozen=True, slots=True)
class HodgesLehmann:
    """`coverage` is what low..high covers at least, not below `level`.

    low, high and coverage are None where no finite interval has the level: 95 % needs 6 differences, since the whole
    range of 5 covers 93.75 %.
    """

    estimate: float
    low: float | None
    high: float | None
    level: float
    coverage: float | None
    n: int


def hodges_lehmann(differences: Sequence[Exact], *, level: float = 0.95) -> HodgesLehmann:
    """Median Walsh average of the differences and its interval; exact quantiles up to 200 differences, normal beyond.

    Memory grows with the square of their number: 100 MB for 5000. Raises ValueError for none, NaN, or a bad level.
    """
    if not 0 < level < 1:
        raise ValueError(f"level must be between 0 and 1, found {level!r}")
    d = [exact(value) for value in differences]
    if not d:
        raise ValueError("differences must hold at least one, found none")
    numbers, denominator = whole_numbers(d)
    array: NDArray[Any] = np.array(numbers, dtype=np.int64 if max(map(abs, numbers)) < 2**61 else np.object_)
    first, second = np.triu_indices(len(numbers))
    sums = np.sort(array[first] + array[second])

    def walsh(position: int) -> Fraction:
        return Fraction(int(sums[position]), 2 * denominator)

    middle = (walsh((len(sums) - 1) // 2) + walsh(len(sums) // 2)) / 2
    k, coverage = _quantile(len(d), level)
    if k == 0:
        return HodgesLehmann(float(middle), None, None, level, None, len(d))
    return HodgesLehmann(float(middle), float(walsh(k - 1)), float(walsh(-k)), level, coverage, len(d))


def _quantile(n: int, level: float) -> tuple[int, float | None]:
    """Largest k with 2·P(W+ < k) <= 1 - level for the ranks 1..n, and 1 - 2·P(W+ < k); (0, None) if there is none."""
    outside = 1 - exact(level)
    if n > EXACT_UP_TO:
        from scipy.special import ndtr, ndtri

        mean, sd = n * (n + 1) / 4, math.sqrt(n * (n + 1) * (2 * n + 1) / 24)
        k = math.floor(mean + float(ndtri(float(outside) / 2)) * sd)
        return k, 1 - 2 * float(ndtr((k - 1 - mean) / sd))
    counts = [1]
    for rank in range(1, n + 1):
        longer = counts + [0] * rank
        for total, count in enumerate(counts):
            longer[total + rank] += count
        counts = longer
    below, k = 0, 0
    while 2 * Fraction(below + counts[k], 2**n) <= outside:
        below += counts[k]
        k += 1
    return k, float(1 - 2 * Fraction(below, 2**n)) if k else None
