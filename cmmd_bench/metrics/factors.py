"""Factors of scatter matrices: k <= D rows R in place of n centred rows X, with RᵀR = XᵀX.

Two ways lead to R for n > D. Householder QR works on X itself and is exact to rounding for any X, at 2 n D² operations
that BLAS runs at half speed. The Cholesky factor of XᵀX takes n D² at full speed, but squares the condition number.
What the squaring costs a Fréchet distance is known: the nuclear norm of Rx Ryᵀ moves by about ε κ relative, κ the
condition of R with its columns scaled to equal length (Demmel and Veselić 1992 for the scaling). So the short way is
taken where LAPACK's estimate of κ in the 1-norm, which lies above that in the 2-norm, is below `LARGEST_CONDITION`,
and QR elsewhere: for degenerate, constant or nearly dependent features. Rounding cannot take a Fréchet distance below
0 by either way, because any R is the exact factor of some scatter matrix.

Triangular factors are joined by the QR of a triangle on a triangle (LAPACK's tpqrt), a fifth of the work of a new QR.
"""

import numpy as np
from numpy.typing import NDArray

from cmmd_bench.metrics.checks import Rows

Array = NDArray[np.float64]

LARGEST_CONDITION = 1e6
"""Measured just below it, at D = 40 and 400, against a round reference: distances move by 4e-14 of the traces."""

_SMALLEST_SQUARE = 1e-280
"""Sums of squares below this one have lost digits to underflow."""

_FEWEST_TOGETHER = 1024

_PANEL = 48
"""Columns that LAPACK works on at a time; 32 to 64 are about equally fast for D from 400 to 2048."""


def scatter_factor(rows: Rows, mean: Array) -> Array:
    """R (k, D), k <= D, with the scatter of `rows` (n, D) about `mean` (D,); upper triangular when n > D."""
    factor = _cholesky(rows, mean) if len(rows) > rows.shape[1] else None
    if factor is not None:
        return factor
    centred = _centred(rows, mean)
    return centred if len(rows) <= rows.shape[1] else _triangle(centred)


def joined_factors(a: Array, b: Array, row: Array) -> Array:
    """R (k, D), k <= D, with the scatter of `a` (k_a, D), `b` (k_b, D) and `row` (D,) together."""
    if not _is_triangular(a):
        a, b = b, a
    if _is_triangular(a):
        return _folded(a, np.concatenate([row[np.newaxis], b]), row.size if _is_triangular(b) else 0)
    stacked = np.concatenate([a, b, row[np.newaxis]])
    return stacked if len(stacked) <= row.size else _triangle(stacked)


def _folded(triangle: Array, below: Array, trapezoid: int) -> Array:
    """Triangular factor of `triangle` over `below`, whose last `trapezoid` rows are upper triangular."""
    from scipy.linalg.lapack import dtpqrt

    factor, *_, info = dtpqrt(trapezoid, min(_PANEL, len(triangle)), triangle, below)
    return _accepted(factor, info)


def _centred(rows: Rows, mean: Array) -> Array:
    return np.asarray(np.subtract(rows, mean, dtype=np.float64))


def _cholesky(rows: Rows, mean: Array) -> Array | None:
    """The triangular factor by way of the scatter matrix, or None where that would cost digits."""
    from scipy.linalg.blas import dsyrk
    from scipy.linalg.lapack import dpotrf, dtrcon

    # The upper triangle alone, in the order of axes that LAPACK works on without a copy; in slices, so that the rows
    # are never in memory in double precision all at once.
    together = max(rows.shape[1], _FEWEST_TOGETHER)
    scatter = np.zeros((rows.shape[1], rows.shape[1]), order="F")
    for start in range(0, len(rows), together):
        centred = _centred(rows[start : start + together], mean)
        scatter = dsyrk(1.0, centred.T, beta=1.0, c=scatter, overwrite_c=1)
    lengths = np.sqrt(scatter.diagonal())
    if float(lengths.min()) ** 2 < _SMALLEST_SQUARE:
        return None
    factor, info = dpotrf(scatter, lower=0, clean=1, overwrite_a=1)
    if info > 0:
        return None
    reciprocal, _ = dtrcon(factor / lengths)
    return _accepted(factor, info) if reciprocal * LARGEST_CONDITION >= 1 else None


def _accepted(factor: Array, info: int) -> Array:
    if info != 0:
        raise RuntimeError(f"LAPACK refused its argument number {-info}")
    return factor


def _triangle(rows: Array) -> Array:
    return np.asarray(np.linalg.qr(rows, mode="r"))


def _is_triangular(factor: Array) -> bool:
    return factor.shape[0] == factor.shape[1] and not any(column[i + 1 :].any() for i, column in enumerate(factor.T))
