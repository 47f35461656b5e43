"""JEDi's kernel distance: biased MMD² with the quadratic kernel k(a, b) = (a·b/D)², times 100. Lower is better.

JEDi = 100 (mean k(xi, xj) + mean k(yi, yj) - 2 mean k(xi, yj)), all pairs, diagonals included (Luo et al. 2024, on
V-JEPA features; oooolga/JEDi@c03d178 `mmd_poly`). Biased: above 0 even between sets of one distribution, by about
(E|x|⁴ - |E xxᵀ|²) / D² (1/m + 1/n), so values compare only at equal numbers of rows. A set against itself is at 0.

The kernel's feature map is xxᵀ/D, so the distance is 100 |E xxᵀ - E yyᵀ|² / D² in the Frobenius norm: no kernel matrix
is needed, nothing cancels, and the value is never below 0.
"""

import numpy as np
from numpy.typing import NDArray

from cmmd_bench.metrics.checks import Rows, check_same_width, feature_rows

_ROWS_AT_ONCE = 4096


def jedi_distance(x: Rows, y: Rows) -> float:
    """JEDi of x (m, D) and y (n, D), m and n >= 1. Memory O(D²).

    Raises ValueError for wrong shapes, NaN, infinity, different D, or values whose squares overflow.
    """
    x, y = feature_rows(x, "x"), feature_rows(y, "y")
    check_same_width(x.shape[1], y.shape[1], "x", "y")
    with np.errstate(over="ignore", invalid="ignore"):
        gap = _second_moment(x) - _second_moment(y)
        distance = float(100.0 * np.vdot(gap, gap) / x.shape[1] ** 2)
    if not np.isfinite(distance):
        largest = max(float(np.abs(x).max()), float(np.abs(y).max()))
        raise ValueError(f"x and y are too large for a kernel of degree 2: found values up to {largest:.3g}")
    return distance


def _second_moment(x: Rows) -> NDArray[np.float64]:
    total = np.zeros((x.shape[1], x.shape[1]))
    for start in range(0, len(x), _ROWS_AT_ONCE):
        block = np.asarray(x[start : start + _ROWS_AT_ONCE], dtype=np.float64)
        total += block.T @ block
    return np.asarray(total / len(x))
