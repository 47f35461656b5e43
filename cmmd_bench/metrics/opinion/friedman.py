"""Friedman's test: do any of several systems differ, by each rater's own ranking of them? With Kendall's W, how much.

With R raters and S systems, mid-ranks r within each rater and Σ_rater Σ(t³ - t) over groups of t tied systems,

    χ² = (12 Σ_s (rank sum_s - R(S + 1)/2)²) / (R S (S + 1) - Σ(t³ - t)/(S - 1)),   df = S - 1,   W = χ²/(R(S - 1)).

An omnibus test beside the contrasts, never a gate for them. The χ² approximation wants about 10 raters or more. On
raters' means it answers for these clips only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from cmmd_bench.metrics.opinion.contrasts import one_question
from cmmd_bench.metrics.opinion.ranks import doubled_mid_ranks
from cmmd_bench.metrics.opinion.ratings import Exact, Ratings, exact, exact_means


@dataclass(frozen=True, slots=True)
class FriedmanTest:
    """chi2 with df, its p, and Kendall's W (0 no agreement between raters, 1 all rank alike).

    mean_ranks: of each system, by column, 1 for the lowest. Where every rater ties all systems, chi2 and W are 0, p 1.
    """

    chi2: float
    df: int
    p: float
    kendalls_w: float
    mean_ranks: tuple[float, ...]
    n_raters: int
    n_systems: int


def friedman_test(table: Sequence[Sequence[Exact]]) -> FriedmanTest:
    """Test a complete table, one row per rater with a value for each of S >= 2 systems; at least 2 raters.

    Values are exact (see `ratings`). Raises ValueError for rows of different lengths, NaN, or too few of either.
    """
    from scipy.special import chdtrc

    rows = [[exact(value) for value in row] for row in table]
    n_raters, n_systems = len(rows), len(rows[0]) if rows else 0
    if n_raters < 2 or n_systems < 2:
        raise ValueError(f"table must hold at least 2 raters and 2 systems, found {n_raters} and {n_systems}")
    if any(len(row) != n_systems for row in rows):
        raise ValueError(f"table must have {n_systems} values in every row, found {[len(row) for row in rows]}")
    doubled = [doubled_mid_ranks(row) for row in rows]
    sums = [sum(column) for column in zip(*doubled, strict=True)]
    between = sum((total - n_raters * (n_systems + 1)) ** 2 for total in sums)
    ties = sum(row.count(value) ** 2 - 1 for row in rows for value in row)
    # Whole numbers throughout, so that a tie of all systems in every row is an exact 0 here.
    scale = n_raters * n_systems * (n_systems + 1) * (n_systems - 1) - ties
    chi2 = Fraction(3 * between * (n_systems - 1), scale) if scale else Fraction(0)
    return FriedmanTest(
        chi2=float(chi2),
        df=n_systems - 1,
        p=float(chdtrc(n_systems - 1, float(chi2))),
        kendalls_w=float(chi2 / (n_raters * (n_systems - 1))),
        mean_ranks=tuple(total / (2 * n_raters) for total in sums),
        n_raters=n_raters,
        n_systems=n_systems,
    )


def friedman_of_systems(ratings: Ratings) -> FriedmanTest:
    """Test all systems on the raters' means of one question; systems in sorted order.

    A rater's mean of a system weighs its clips alike. Raises ValueError where a rater has not rated a system on a clip
    that was rated by anyone: rank a rater's means only when they are over the same clips.
    """
    one_question(ratings)
    cells = exact_means(ratings, ("rater", "system", "clip"))
    raters, systems, clips = (np.unique(c).tolist() for c in (ratings.rater, ratings.system, ratings.clip))
    for rater in raters:
        for system in systems:
            if missing := [clip for clip in clips if (rater, system, clip) not in cells]:
                raise ValueError(
                    f"Friedman's test needs every rater's scores for every system and clip, found none of rater"
                    f" {rater!r} for system {system!r}, clip {missing[0]!r}"
                )
    return friedman_test(
        [
            [sum((cells[rater, system, clip] for clip in clips), Fraction(0)) / len(clips) for system in systems]
            for rater in raters
        ]
    )
