"""FVD and FAD of infinitely many clips, at a price that leaves room for an interval."""

from collections.abc import Sequence

from cmmd_bench.metrics import Gaussian
from cmmd_bench.metrics.extrapolation import Extrapolation, frechet_at_infinity
from cmmd_bench.scoring.features import Rows

FEWEST_FOR_LIMIT_INTERVAL = 16
"""Conditions; with a tenth of fewer left out, the line's smallest sets would hold two clips."""

SMALLEST_SHARE = 4
"""The line begins at sets of a quarter of the clips."""

LIMIT_PERMUTATIONS = 8
LIMIT_GROUPS = 10
"""Permutations of the clips, and jackknife groups: every extrapolation is some seventy distances."""


def at_infinity(clips: Sequence[Rows], reference: Gaussian) -> Extrapolation:
    """The extrapolation of a table's cell; the same permutations whenever it is asked for again."""
    return frechet_at_infinity(clips, reference, permutations=LIMIT_PERMUTATIONS)
