"""FVD and FAD of infinitely many clips, at a price that leaves room for an interval."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cmmd_bench.metrics import Gaussian
from cmmd_bench.metrics.extrapolation import Extrapolation, clip_orders, frechet_at_infinity, kept_orders
from cmmd_bench.scoring.features import Rows

Indices = NDArray[np.intp]

FEWEST_FOR_LIMIT_INTERVAL = 16
"""Conditions; with a tenth of fewer left out, the line's smallest sets would hold two clips."""

SMALLEST_SHARE = 4
"""The line begins at sets of a quarter of the clips."""

LIMIT_PERMUTATIONS = 8
LIMIT_GROUPS = 10
"""Permutations of the clips, and jackknife groups: every extrapolation is some seventy distances."""


def at_infinity(clips: Sequence[Rows], reference: Gaussian, kept: Indices | None = None) -> Extrapolation:
    """The extrapolation of a table's cell, or of those clips that are kept (increasing indices), in the same orders."""
    orders = clip_orders(len(clips), permutations=LIMIT_PERMUTATIONS)
    if kept is None:
        return frechet_at_infinity(clips, reference, orders=orders)
    return frechet_at_infinity([clips[i] for i in kept], reference, orders=kept_orders(orders, kept))
