"""Means and covariances of feature sets, kept as a factor of the covariance instead of the covariance.

`GaussianStatistics` of n rows: n, mean (D,), factor R (k, D), k <= D, with RᵀR = Σ (x - mean)(x - mean)ᵀ, the scatter.
Two of them merge exactly into the statistics of the union (QR of the stacked factors and the gap between the means),
so shards, resumed runs and streams need no second pass and no stored features; `factors` says how R is found.
`Gaussian` is what a distance needs: mean and a factor F (k, D) with FᵀF = covariance, from statistics and a ddof, or
from a published mean and covariance.

All arithmetic is float64. Rows are centred before they are multiplied: E[xxᵀ] - mean·meanᵀ cancels where the mean is
large against the spread.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from cmmd_bench.metrics.checks import Rows, check_ddof, check_finite, check_same_width, describe, feature_rows
from cmmd_bench.metrics.factors import joined_factors, scatter_factor

Array = NDArray[np.float64]

TOLERANCE = 1e-8
"""Relative to the largest entry or eigenvalue, and times D: what rounding may do to a covariance that was stored."""

ROWS_PER_COLUMN, FEWEST_ROWS = 8, 4096
"""A stream is folded every max(8 D, 4096) rows, 8 MB at D = 512 and 134 MB at D = 2048 in float32. The fast factor
wants several rows a column, and the fewer folds the fewer merges."""


@dataclass(frozen=True, slots=True, eq=False)
class Gaussian:
    """A normal distribution: mean (D,) and factor F (k, D) with FᵀF = covariance."""

    mean: Array
    factor: Array

    def __post_init__(self) -> None:
        _check_parts(self.mean, self.factor)

    @classmethod
    def from_moments(cls, mean: NDArray[Any], covariance: NDArray[Any]) -> Self:
        """From mean (D,) and covariance (D, D), as statistics files hold them.

        Raises ValueError when the covariance is not symmetric or has eigenvalues below 0, beyond what rounding
        explains: the sign of a cropped or corrupt file.
        """
        mean = np.asarray(mean, dtype=np.float64)
        return cls(mean, _factor(np.asarray(covariance, dtype=np.float64), mean))

    @property
    def trace(self) -> float:
        """Trace of the covariance: the total variance."""
        # In the order in which they lie: for a factor from LAPACK any other would be a copy.
        entries = self.factor.ravel(order="K")
        return float(entries @ entries)


@dataclass(frozen=True, slots=True, eq=False)
class GaussianStatistics:
    """Number, mean (D,) and scatter factor (k, D) of a set of rows; see the module's head."""

    n: int
    mean: Array
    factor: Array

    def __post_init__(self) -> None:
        if isinstance(self.n, bool) or not isinstance(self.n, int | np.integer) or self.n < 1:
            raise ValueError(f"n must be a whole number of rows, at least 1, found {self.n!r}")
        _check_parts(self.mean, self.factor)

    @classmethod
    def from_features(cls, rows: Rows) -> "GaussianStatistics":
        """Of `rows` (N, D), N >= 1."""
        return accumulate([rows])

    @classmethod
    def from_moments(cls, mean: NDArray[Any], covariance: NDArray[Any], n: int, *, ddof: int = 1) -> Self:
        """From a mean (D,), a covariance (D, D) that was divided by n - `ddof`, and n; errors as `Gaussian`'s."""
        scale = math.sqrt(_degrees(n, ddof, "n"))
        gaussian = Gaussian.from_moments(mean, covariance)
        return cls(n, gaussian.mean, gaussian.factor * scale)

    def gaussian(self, ddof: int = 1) -> Gaussian:
        """The distribution with covariance scatter / (n - ddof); ValueError when n <= ddof."""
        return Gaussian(self.mean, self.factor / math.sqrt(_degrees(self.n, ddof, "the statistics")))

    def covariance(self, ddof: int = 1) -> Array:
        """(D, D), scatter / (n - ddof); ValueError when n <= ddof."""
        factor = self.gaussian(ddof).factor
        return factor.T @ factor


def merge(a: GaussianStatistics, b: GaussianStatistics) -> GaussianStatistics:
    """Statistics of the union of two disjoint sets; order and grouping matter to rounding only. O(D³) at most."""
    check_same_width(a.mean.size, b.mean.size, "a", "b")
    n = a.n + b.n
    gap = b.mean - a.mean
    factor = joined_factors(a.factor, b.factor, gap * math.sqrt(a.n * b.n / n))
    return GaussianStatistics(n, a.mean + gap * (b.n / n), factor)


def accumulate(blocks: Iterable[Rows]) -> GaussianStatistics:
    """Statistics of all rows of a stream of (n_i, D) arrays, in memory that does not grow with the stream.

    Bit for bit the same however the rows are cut into blocks. Raises ValueError for an empty stream.
    """
    accumulator = Accumulator()
    for block in blocks:
        accumulator.add(block)
    return accumulator.statistics()


class Accumulator:
    """The pushing form of `accumulate`, for rows that arrive interleaved from several sets."""

    def __init__(self) -> None:
        self._folded: GaussianStatistics | None = None
        self._pending: list[Rows] = []
        self._filled = 0
        self._width = 0

    def add(self, rows: Rows) -> None:
        """Take in (n, D) rows, n >= 1."""
        rows = feature_rows(rows, "rows")
        self._width = self._width or rows.shape[1]
        check_same_width(rows.shape[1], self._width, "rows", "the rows before them")
        together = max(ROWS_PER_COLUMN * self._width, FEWEST_ROWS)
        while len(rows):
            # A copy, because the caller may reuse the array, in its own precision, because that is half the memory.
            taken = np.array(rows[: together - self._filled])
            self._pending.append(taken)
            self._filled += len(taken)
            rows = rows[len(taken) :]
            if self._filled == together:
                self._folded = self.statistics()
                self._pending, self._filled = [], 0

    def statistics(self) -> GaussianStatistics:
        """Statistics of all rows so far; ValueError before the first."""
        if self._width == 0:
            raise ValueError("statistics need at least one row, found none")
        if self._filled == 0 and self._folded is not None:
            return self._folded
        block = self._pending[0] if len(self._pending) == 1 else np.concatenate(self._pending)
        mean = block.mean(axis=0, dtype=np.float64)
        last = GaussianStatistics(len(block), mean, scatter_factor(block, mean))
        return last if self._folded is None else merge(self._folded, last)


def _factor(covariance: Array, mean: Array) -> Array:
    """F (D, D) with FᵀF = covariance, negative eigenvalues at rounding level set to 0."""
    if mean.ndim != 1 or covariance.shape != (mean.size, mean.size):
        found = f"mean of {describe(mean)} and covariance of {describe(covariance)}"
        raise ValueError(f"mean must have shape (D,) and covariance (D, D), found {found}")
    check_finite(covariance, "covariance")
    allowed = TOLERANCE * len(covariance)
    skew = float(np.abs(covariance - covariance.T).max())
    if skew > allowed * float(np.abs(covariance).max()):
        raise ValueError(
            f"covariance must be symmetric, found entries that differ from their mirror image by {skew:.3g}"
        )
    eigenvalues, vectors = np.linalg.eigh((covariance + covariance.T) / 2)
    smallest, largest = float(eigenvalues[0]), float(eigenvalues[-1])
    if smallest < -allowed * max(largest, 0.0):
        raise ValueError(
            f"covariance must have no eigenvalue below 0, found {smallest:.3g} (the largest is {largest:.3g}); "
            "was it cropped, or its file damaged?"
        )
    factor: Array = np.sqrt(np.maximum(eigenvalues, 0.0))[:, np.newaxis] * vectors.T
    return factor


def _degrees(n: int, ddof: int, name: str) -> int:
    check_ddof(ddof)
    if n <= ddof:
        raise ValueError(f"a covariance with ddof={ddof} needs at least {ddof + 1} rows, found {n} in {name}")
    return n - ddof


def _check_parts(mean: Array, factor: Array) -> None:
    for name, part, ndim in (("mean", mean, 1), ("factor", factor, 2)):
        if not isinstance(part, np.ndarray) or part.dtype != np.float64 or part.ndim != ndim or 0 in part.shape:
            found = describe(part) if isinstance(part, np.ndarray) else type(part).__name__
            raise ValueError(f"{name} must be a float64 array with {ndim} axis or axes, none empty, found {found}")
        check_finite(part, name)
    check_same_width(mean.size, factor.shape[1], "mean", "factor")
