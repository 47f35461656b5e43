"""What the statistics on plain matrices demand of them: R raters by I items, NaN where a rater did not rate an item.

An item is whatever is rated as one thing: a stimulus, a clip, a system. `wide_table` makes such a matrix.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]


def rater_rows(
    ratings: NDArray[Any],
    *,
    raters: int = 1,
    items: int = 1,
    complete: bool = False,
    scale: tuple[float, float] | None = None,
) -> Matrix:
    """`ratings` as a float64 (R, I) matrix with R >= `raters`, I >= `items` and at least one rating, else ValueError.

    complete: refuse missing cells; scale: the lowest and highest rating possible. Infinite ratings are always refused.
    """
    matrix = np.asarray(ratings)
    if matrix.ndim != 2 or matrix.dtype.kind not in "fiu":
        found = f"shape {matrix.shape} of {matrix.dtype}"
        raise ValueError(f"ratings must be a real matrix of raters by items, found {found}")
    matrix = matrix.astype(np.float64)
    if matrix.shape[0] < raters or matrix.shape[1] < items:
        needed = f"{raters} rater(s) and {items} item(s)"
        raise ValueError(f"ratings must be of at least {needed}, found {matrix.shape[0]} by {matrix.shape[1]}")
    if np.isinf(matrix).any():
        raise ValueError(f"ratings must be finite or missing (NaN), found {int(np.isinf(matrix).sum())} infinite")
    missing = np.isnan(matrix)
    if missing.all():
        raise ValueError("ratings must hold at least one rating, found none")
    if complete and missing.any():
        rater, item = np.argwhere(missing)[0]
        raise ValueError(
            f"ratings must have no missing cell here, found {int(missing.sum())} of {missing.size} missing"
            f" (first: rater {rater + 1}, item {item + 1})"
        )
    if scale is not None:
        _check_scale(matrix, scale)
    return matrix


def _check_scale(matrix: Matrix, scale: tuple[float, float]) -> None:
    low, high = scale
    with np.errstate(invalid="ignore"):
        outside = (matrix < low) | (matrix > high)
    if outside.any():
        rater, item = np.argwhere(outside)[0]
        raise ValueError(
            f"ratings must lie within {low:g}..{high:g}, found {matrix[rater, item]:g}"
            f" (rater {rater + 1}, item {item + 1})"
        )
