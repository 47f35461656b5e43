"""Effect sizes of paired differences that need no scale: rank-biserial correlation and plain shares.

The matched-pairs rank-biserial correlation is (W+ - W-) over a sum of ranks, from -1 to 1. Three conventions are in
use, and they differ as soon as there are zeros, so a value is nothing without the name of its convention:

    pratt    Pratt's ranks (zeros ranked, then dropped) over the sum of the ranks that remain: goes with the Pratt test
    dropped  zeros dropped before ranking, over all remaining ranks: pingouin, R's effectsize
    all      Pratt's ranks over n(n+1)/2, the ranks of the zeros included: ties count as no effect
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from cmmd_bench.metrics.opinion.ratings import Exact, exact
from cmmd_bench.metrics.opinion.signed_rank import signed_ranks

Convention = Literal["pratt", "dropped", "all"]


@dataclass(frozen=True, slots=True)
class Shares:
    """Shares of the differences above, at, and below 0; they add up to 1."""

    better: float
    tie: float
    worse: float


def rank_biserial(differences: Sequence[Exact], *, convention: Convention = "pratt") -> float:
    """Matched-pairs rank-biserial correlation, above 0 when positive differences prevail; 0 when all are zero.

    Raises ValueError for no differences, NaN, or an unknown convention.
    """
    if convention not in ("pratt", "dropped", "all"):
        raise ValueError(f"convention must be one of pratt, dropped, all, found {convention!r}")
    d = [exact(value) for value in differences]
    if not d:
        raise ValueError("differences must hold at least one, found none")
    positive, negative = signed_ranks(d, zeros="wilcox" if convention == "dropped" else "pratt")
    doubled_total = len(d) * (len(d) + 1) if convention == "all" else sum(positive) + sum(negative)
    return (sum(positive) - sum(negative)) / doubled_total if positive or negative else 0.0


def shares(differences: Sequence[Exact]) -> Shares:
    """How often the difference is positive, zero, negative; ValueError for none."""
    d = [exact(value) for value in differences]
    if not d:
        raise ValueError("differences must hold at least one, found none")
    better, worse = sum(value > 0 for value in d), sum(value < 0 for value in d)
    return Shares(better / len(d), (len(d) - better - worse) / len(d), worse / len(d))
