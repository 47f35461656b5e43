"""Kernel distance with a polynomial kernel: unbiased squared maximum mean discrepancy (MMD²).

k(a, b) = (gamma·a·b + coef0)^degree, by default (a·b/D + 1)³. With m rows of x and n rows of y,

    MMD² = Σ_{i≠j} k(xi, xj) / m(m-1) + Σ_{i≠j} k(yi, yj) / n(n-1) - 2 Σ_{i,j} k(xi, yj) / mn.

KVD is this on 400 I3D logits, all rows, no subsets, no scale factor (TATS, LVDM, MM-Diffusion; Bińkowski et al. 2018).
Lower is better. Unbiased at any n for independent rows: values of small sets scatter, and may be below 0, but do not
drift with n as a Fréchet distance does. Several rows of one condition are not independent: their pairs pull the value
up, the more the fewer conditions there are. A set against itself is below 0, because two of the three sums lack the
diagonal.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cmmd_bench.metrics.checks import Rows, check_same_width, feature_rows

Array = NDArray[np.float64]

ROWS_AT_ONCE = 512


def polynomial_mmd(x: Rows, y: Rows, *, degree: int = 3, gamma: float | None = None, coef0: float = 1.0) -> float:
    """Unbiased MMD² between x (m, D) and y (n, D), m and n >= 2; `gamma` None is 1/D.

    Memory: both sets as float64 and one block of the kernel matrix. Independent of the order of rows up to rounding.
    Raises ValueError for wrong shapes, NaN, infinity, fewer than 2 rows, different D, or values too large for the
    kernel.
    """
    x, y = feature_rows(x, "x", at_least=2), feature_rows(y, "y", at_least=2)
    groups = np.zeros(len(x), dtype=np.intp), np.zeros(len(y), dtype=np.intp)
    return kernel_sums(x, y, *groups, n_groups=1, degree=degree, gamma=gamma, coef0=coef0).mmd()


@dataclass(frozen=True, slots=True, eq=False)
class KernelSums:
    """Sums of the kernel matrices by groups of rows: all that the MMD² of any union of groups needs.

    n_x, n_y (G,): rows in each group; xx, yy, xy (G, G): kernel sums, xx and yy without the diagonal.
    """

    n_x: Array
    n_y: Array
    xx: Array
    yy: Array
    xy: Array

    def mmd(self, without: int | None = None) -> float:
        """MMD² of all rows, or of those outside one group; ValueError when fewer than 2 rows remain on a side."""
        keep = np.ones(len(self.n_x))
        if without is not None:
            keep[without] = 0.0
        m, n = float(keep @ self.n_x), float(keep @ self.n_y)
        if m < 2 or n < 2:
            raise ValueError(f"an unbiased MMD needs at least 2 rows on either side, found {m:g} and {n:g}")
        within = keep @ self.xx @ keep / (m * (m - 1)) + keep @ self.yy @ keep / (n * (n - 1))
        return float(within - 2 * (keep @ self.xy @ keep) / (m * n))


def kernel_sums(
    x: Rows,
    y: Rows,
    groups_x: NDArray[np.intp],
    groups_y: NDArray[np.intp],
    *,
    n_groups: int,
    degree: int = 3,
    gamma: float | None = None,
    coef0: float = 1.0,
) -> KernelSums:
    """Kernel sums of x (m, D) and y (n, D) by group.

    groups_x (m,), groups_y (n,): group of each row, 0..n_groups-1. Kernel and errors as in `polynomial_mmd`.
    """
    x, y = feature_rows(x, "x"), feature_rows(y, "y")
    check_same_width(x.shape[1], y.shape[1], "x", "y")
    if isinstance(degree, bool) or not isinstance(degree, int) or degree < 1:
        raise ValueError(f"degree must be a whole number of at least 1, found {degree!r}")
    gamma = 1.0 / x.shape[1] if gamma is None else gamma
    for name, value in (("gamma", gamma), ("coef0", coef0)):
        if not math.isfinite(value):
            raise ValueError(f"{name} must be finite, found {value!r}")
    a, b = np.ascontiguousarray(x, dtype=np.float64), np.ascontiguousarray(y, dtype=np.float64)
    numbers = np.arange(n_groups)
    in_a = (groups_x[:, np.newaxis] == numbers).astype(np.float64)
    in_b = (groups_y[:, np.newaxis] == numbers).astype(np.float64)
    # An overflow is found in the sums, where it can be told as what it is.
    with np.errstate(over="ignore", invalid="ignore"):
        sums = KernelSums(
            n_x=in_a.sum(axis=0),
            n_y=in_b.sum(axis=0),
            xx=_sums_within(a, in_a, degree, gamma, coef0),
            yy=_sums_within(b, in_b, degree, gamma, coef0),
            xy=_sums_between(a, in_a, b, in_b, degree, gamma, coef0),
        )
    if not all(np.isfinite(part.sum()) for part in (sums.xx, sums.yy, sums.xy)):
        largest = max(float(np.abs(a).max()), float(np.abs(b).max()))
        raise ValueError(f"x and y are too large for a kernel of degree {degree}: found values up to {largest:.3g}")
    return sums


def _sums_within(a: Array, members: Array, degree: int, gamma: float, coef0: float) -> Array:
    sums = np.zeros((members.shape[1], members.shape[1]))
    for start in range(0, len(a), ROWS_AT_ONCE):
        stop = start + ROWS_AT_ONCE
        # The matrix is symmetric: a block row from its diagonal on holds every pair once, except in the diagonal block.
        kernel = _kernel(a[start:stop], a[start:], degree, gamma, coef0)
        np.fill_diagonal(kernel, 0.0)
        rows = members[start:stop]
        square, rest = kernel[:, : len(rows)], kernel[:, len(rows) :]
        sums += rows.T @ (square @ rows)
        beyond = rows.T @ (rest @ members[stop:])
        sums += beyond + beyond.T
    return sums


def _sums_between(a: Array, in_a: Array, b: Array, in_b: Array, degree: int, gamma: float, coef0: float) -> Array:
    sums = np.zeros((in_a.shape[1], in_b.shape[1]))
    for start in range(0, len(a), ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        sums += in_a[rows].T @ (_kernel(a[rows], b, degree, gamma, coef0) @ in_b)
    return sums


def _kernel(a: Array, b: Array, degree: int, gamma: float, coef0: float) -> Array:
    base: Array = a @ b.T
    base *= gamma
    base += coef0
    power = base.copy()
    # Products: an order of magnitude faster than numpy's general power.
    for _ in range(degree - 1):
        power *= base
    return power
