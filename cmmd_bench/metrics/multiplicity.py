"""Several tests at once: Holm's step-down correction of p-values.

With m tests at 5 % each, one in m/20 finds something that is not there. Holm (1979) holds the chance of any false
finding in the family at the level that adjusted values are compared with, whatever the dependence between the tests.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def holm(p_values: Sequence[float] | NDArray[np.float64]) -> list[float]:
    """Adjusted p-values in the order given: p_(i) -> max over j <= i of min(1, (m - j + 1)·p_(j)), p sorted upwards.

    Empty in, empty out. Raises ValueError for values outside [0, 1] or NaN.
    """
    p = np.asarray(p_values, dtype=np.float64)
    if p.ndim != 1:
        raise ValueError(f"p_values must be a list of numbers, found shape {p.shape}")
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError(f"p_values must lie within 0..1, found {p.tolist()}")
    return [float(value) for value in holm_rows(p)]


def holm_rows(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """`holm` along the last axis of p (..., m), each row a family of its own, without checks."""
    order = np.argsort(p, axis=-1, kind="stable")
    stepped = np.take_along_axis(p, order, axis=-1) * np.arange(p.shape[-1], 0, -1)
    adjusted = np.empty_like(p)
    np.put_along_axis(adjusted, order, np.maximum.accumulate(np.minimum(1.0, stepped), axis=-1), axis=-1)
    return adjusted
