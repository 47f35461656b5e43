"""What every metric demands of its arrays before it computes anything.

Features are (N, D): N items, D numbers each. Times are seconds in increasing order.
A NaN is found here, in one pass over the input, because the linear algebra behind a metric may loop for minutes on one.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.floating[Any]]
"""Feature vectors, (N, D), of any real dtype; promoted to float64 before any arithmetic."""

LARGEST_FEATURE = 1e100
"""Larger magnitudes would overflow a double once squared and summed."""


def feature_rows(x: Rows, name: str, *, at_least: int = 1) -> Rows:
    """`x` as a real, finite (N, D) array with N >= `at_least` and D >= 1, else ValueError naming `name`."""
    rows = np.asarray(x)
    if rows.ndim != 2 or rows.dtype.kind not in "fiu":
        raise ValueError(f"{name} must be a real array of shape (N, D), found {describe(rows)}")
    if rows.shape[1] == 0:
        raise ValueError(f"{name} must have at least one feature per row, found {describe(rows)}")
    if len(rows) < at_least:
        raise ValueError(f"{name} must hold at least {at_least} row(s), found {len(rows)}")
    check_finite(rows, name)
    return rows


def check_finite(array: NDArray[Any], name: str) -> None:
    """Raise ValueError unless every entry is finite and small enough to be squared."""
    if array.size == 0:
        return
    # min and max need no copy of the array, and NaN passes through both.
    low, high = float(array.min()), float(array.max())
    if low >= -LARGEST_FEATURE and high <= LARGEST_FEATURE:
        return
    bad = int(np.count_nonzero(~np.isfinite(array)))
    found = f"{bad} of {array.size} entries NaN or infinite" if bad else f"values from {low:.3g} to {high:.3g}"
    raise ValueError(f"{name} must be finite and within ±{LARGEST_FEATURE:g}, found {found}")


def check_same_width(a: int, b: int, name_a: str, name_b: str) -> None:
    """Raise ValueError unless two sets have the same number of features."""
    if a != b:
        raise ValueError(f"{name_a} and {name_b} must have the same number of features, found {a} and {b}")


def check_ddof(ddof: int) -> None:
    """Raise ValueError unless the covariance divisor is n or n - 1."""
    if ddof not in (0, 1):
        raise ValueError(f"ddof must be 0 or 1, found {ddof!r}")


def event_times(times: Sequence[float] | NDArray[Any], name: str) -> list[float]:
    """`times` as a list of finite, non-decreasing seconds, else ValueError naming `name`."""
    array = np.asarray(times, dtype=np.float64)
    if array.ndim != 1:
        raise ValueError(f"{name} must be a list of times in seconds, found shape {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite seconds, found {array[~np.isfinite(array)][0]}")
    steps = np.diff(array)
    if (steps < 0).any():
        at = int(np.argmax(steps < 0))
        raise ValueError(f"{name} must not decrease, found {array[at]:g} s before {array[at + 1]:g} s")
    seconds: list[float] = array.tolist()
    return seconds


def check_positive(value: float, name: str) -> None:
    """Raise ValueError unless `value` is a finite number above 0."""
    if not (math.isfinite(value) and value > 0):
        raise ValueError(f"{name} must be a finite number above 0, found {value!r}")


def describe(array: NDArray[Any]) -> str:
    """Shape and dtype, for messages."""
    return f"shape {array.shape} of {array.dtype}"
