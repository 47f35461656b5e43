"""Signs that a training goes wrong."""

from collections.abc import Sequence

import numpy as np

WINDOW = 500
RISE = 0.1


def rising(values: Sequence[float], *, window: int = WINDOW, rise: float = RISE) -> float | None:
    """By which share the mean of the last `window` values lies above the lowest earlier window's, if above `rise`.

    None while there are fewer than two windows, and where values are not above 0. A contrastive term that wins shows as
    a positive loss that rises: it is unbounded, so the training is lost unless someone looks.
    """
    whole = len(values) // window
    if whole < 2:
        return None
    # From the end, so that the last window is whole.
    means = np.asarray(values[len(values) - whole * window :], dtype=np.float64).reshape(whole, window).mean(axis=1)
    lowest = float(means[:-1].min())
    if not lowest > 0:
        return None
    above = float(means[-1]) / lowest - 1
    return above if above > rise else None
