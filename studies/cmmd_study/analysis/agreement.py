"""How far raters agree on one question: with each other, each with the others, and each with themselves."""

from dataclasses import dataclass

import numpy as np

from cmmd_bench.metrics.opinion import FriedmanTest, friedman_of_systems, select, wide_table
from cmmd_bench.metrics.opinion.alpha import Alpha, krippendorff_alpha
from cmmd_bench.metrics.opinion.reliability import (
    Intraclass,
    RaterCorrelation,
    RepeatAgreement,
    intraclass_correlations,
    leave_one_out,
    repeat_agreement,
)
from cmmd_study.analysis.asked import Asked

BOOTSTRAP = 500
"""Resamples of alpha's interval, which is read to two digits."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """What cannot be had is None, for the reason in `reasons`, by name.

    single, panel: ICC(A,1) and ICC(A,k), of one rater's number and of the mean of all. alpha: Krippendorff's, ordinal
    others: (rater, correlation with the mean of the others). repeats: of stimuli shown twice
    omnibus: Friedman's test of all systems but the reference, on rater means; never a gate for the contrasts
    """

    section: str
    question: str
    single: Intraclass | None
    panel: Intraclass | None
    alpha: Alpha | None
    others: tuple[tuple[str, RaterCorrelation], ...]
    repeats: RepeatAgreement | None
    omnibus: FriedmanTest | None
    reasons: dict[str, str]


def agreement(asked: Asked, *, level: float = 0.95) -> Agreement:
    """Agreement on one question; every sample of every system is an item."""
    table = wide_table(asked.ratings, ("clip", "system", "sample"))
    reasons: dict[str, str] = {}
    single = panel = alpha = repeats = omnibus = None
    others: tuple[tuple[str, RaterCorrelation], ...] = ()
    try:
        forms = intraclass_correlations(table.values, level=level)
        single, panel = forms["A,1"], forms["A,k"]
    except ValueError as error:
        reasons["icc"] = str(error)
    try:
        clips = [clip for clip, *_ in table.columns]
        alpha = krippendorff_alpha(table.values, clips=clips, level=level, n_resamples=BOOTSTRAP)
        others = tuple(zip(table.raters, leave_one_out(table.values), strict=True))
    except ValueError as error:
        reasons["alpha"] = str(error)
    try:
        repeats = _repeats(asked)
    except ValueError as error:
        reasons["repeats"] = str(error)
    try:
        omnibus = _omnibus(asked)
    except ValueError as error:
        reasons["omnibus"] = str(error)
    return Agreement(asked.section, asked.question, single, panel, alpha, others, repeats, omnibus, reasons)


def _repeats(asked: Asked) -> RepeatAgreement:
    if not asked.repeats:
        raise ValueError("no stimulus was shown to a rater twice")
    first, second = np.array(asked.repeats).T
    low, high = asked.ratings.scale
    return repeat_agreement(first, second, scale=(int(low), int(high)))


def _omnibus(asked: Asked) -> FriedmanTest:
    if len(asked.systems) < 3:
        raise ValueError(f"an omnibus test is for 3 systems or more, found {len(asked.systems)} besides the reference")
    return friedman_of_systems(select(asked.ratings, system=asked.systems))
