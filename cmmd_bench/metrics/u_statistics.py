"""Unbiased variance of U-statistics of degree two, from sums that one pass over the pairs leaves behind.

One sample of m units with a symmetric h: U = Σ_{i≠j} h_ij / m(m-1). Two independent samples, of m and n units:
U = U_x + U_y - 2 Σ_ij f_ij / mn. Since Var U = E U² - (E U)² and U² is at hand, all that has to be estimated is (E U)²,
without bias, by the mean of products of terms that share no unit. These means need no pass over quadruples:

    Σ_{i,j,k,l all different} h_ij h_kl = T² - 4 Σ r_i² + 2 Q,   T = Σ h_ij,  r_i = Σ_j h_ij,  Q = Σ h_ij²

and likewise for the mixed terms. No asymptotics, no null hypothesis, any m >= 4; the estimate is unchanged when h is
shifted to h_ij - s_i - s_j + c in a way that leaves U as it is. It is the symmetric unbiased estimator, hence the only
one. Source: Hoeffding 1948 for the variance; Sutherland and Deka 2019 for unbiased forms of it.

An unbiased estimate of a small positive number is sometimes below 0. The part of the variance that remains when no unit
sticks out, that of the doubly centred h, is estimated by a sum of squares; `variance` never goes below it.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

FEWEST_UNITS = 4
"""Products of two terms without a shared unit need four units."""


@dataclass(frozen=True, slots=True, eq=False)
class PairSums:
    """Of one sample: rows (m,) sums of h over j ≠ i, and `squares`, the sum of all h_ij², i ≠ j."""

    rows: Array
    squares: float

    @property
    def mean(self) -> float:
        """Mean of h over pairs."""
        m = len(self.rows)
        return float(self.rows.sum()) / (m * (m - 1))

    @property
    def mean_squared(self) -> float:
        """Unbiased estimate of the squared expectation of h."""
        m = len(self.rows)
        total = float(self.rows.sum())
        return (total**2 - 4 * float(self.rows @ self.rows) + 2 * self.squares) / (m * (m - 1) * (m - 2) * (m - 3))

    @property
    def degenerate_variance(self) -> float:
        """Variance of U that is left when all row sums have the same expectation."""
        m = len(self.rows)
        total = float(self.rows.sum())
        centred = self.squares - 2 * float(self.rows @ self.rows) / (m - 2) + total**2 / ((m - 1) * (m - 2))
        return max(2 * centred / (m * (m - 1) * m * (m - 3)), 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class CrossSums:
    """Of two samples: rows (m,) and columns (n,) sums of f, and `squares`, the sum of all f_ij²."""

    rows: Array
    columns: Array
    squares: float

    @property
    def mean(self) -> float:
        """Mean of f."""
        return float(self.rows.sum()) / (len(self.rows) * len(self.columns))

    @property
    def mean_squared(self) -> float:
        """Unbiased estimate of the squared expectation of f."""
        m, n = len(self.rows), len(self.columns)
        total = float(self.rows.sum())
        shared = float(self.rows @ self.rows) + float(self.columns @ self.columns) - self.squares
        return (total**2 - shared) / (m * (m - 1) * n * (n - 1))

    @property
    def degenerate_variance(self) -> float:
        """Variance of the mean that is left when all row sums, and all column sums, have the same expectation."""
        m, n = len(self.rows), len(self.columns)
        total = float(self.rows.sum())
        sums = float(self.rows @ self.rows) / n + float(self.columns @ self.columns) / m
        return max((self.squares - sums + total**2 / (m * n)) / ((m - 1) * (n - 1) * m * n), 0.0)


def pair_sums(blocks: Iterable[tuple[slice, Array]]) -> PairSums:
    """From blocks of rows of h (m, m), each with the range of its rows; the diagonal is left out (set to 0 in them)."""
    rows, squares = [], 0.0
    for block, values in blocks:
        at = np.arange(block.start, block.stop)
        values[at - block.start, at] = 0.0
        rows.append(values.sum(axis=1))
        squares += float(np.vdot(values, values))
    return PairSums(np.concatenate(rows), squares)


def cross_sums(blocks: Iterable[tuple[slice, Array]]) -> CrossSums:
    """From blocks of rows of f (m, n)."""
    rows, columns, squares = [], [], 0.0
    for _, values in blocks:
        rows.append(values.sum(axis=1))
        columns.append(values.sum(axis=0))
        squares += float(np.vdot(values, values))
    return CrossSums(np.concatenate(rows), np.sum(columns, axis=0), squares)


def variance(x: PairSums) -> float:
    """Variance of the mean of h over pairs; ValueError for fewer than 4 units."""
    check_units(len(x.rows))
    return max(x.mean**2 - x.mean_squared, x.degenerate_variance)


def two_sample_variance(x: PairSums, xy: CrossSums, y: PairSums | None) -> float:
    """Variance of x.mean + y.mean - 2·xy.mean for independent samples; `y` None: its term is not part of the value."""
    m, n = len(xy.rows), len(xy.columns)
    check_units(m)
    check_units(n)
    total = float(xy.rows.sum())

    def product(own: PairSums, sums: Array, others: int) -> float:
        """Unbiased estimate of E h · E f: terms of `own` and of f that share no unit of own."""
        k = len(own.rows)
        without = float(own.rows.sum()) * total - 2 * float(own.rows @ sums)
        return without / (k * (k - 1) * (k - 2) * others)

    value = x.mean - 2 * xy.mean
    squared = x.mean_squared + 4 * xy.mean_squared - 4 * product(x, xy.rows, n)
    least = x.degenerate_variance + 4 * xy.degenerate_variance
    if y is not None:
        value += y.mean
        squared += y.mean_squared + 2 * x.mean * y.mean - 4 * product(y, xy.columns, m)
        least += y.degenerate_variance
    return max(value**2 - squared, least)


def check_units(count: int) -> None:
    """Raise ValueError when there are too few units for a variance."""
    if count < FEWEST_UNITS:
        raise ValueError(f"a variance needs at least {FEWEST_UNITS} independent rows or clusters a side, found {count}")
