"""Screening of raters: one report each, with the reasons in words. It is reported always and applied by the plan only.

Nothing is left out of any result here, and no rule sees which system should win except `reference below worst`. Rules
and where their limits come from:

    checks      more than one gold or attention question failed
    straight    variance of the ratings below 0.15 (within questions, divisor n - 1; default of the P.910 toolkit)
    reference   ground truth rated below the worst system, on the rater's own means
    played      less than 0.95 of the clips' duration was played
    stalled     viewing took more than 1.15 times the clips' duration (P.910 toolkit: playback was not smooth)
    bt500       outlier rule of ITU-R BT.500 (`panel.bt500`)
    p910        inconsistency (`panel.project`) with a modified z-score above 3.5 among the raters (Iglewicz, Hoaglin)
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from cmmd_bench.metrics.opinion.matrix import Matrix
from cmmd_bench.metrics.opinion.panel import FEWEST_RATERS, Bt500, CorrectedOpinion, bt500, project
from cmmd_bench.metrics.opinion.ratings import Ratings, exact_means, subset, wide_table
from cmmd_bench.metrics.opinion.reliability import RaterCorrelation, leave_one_out

FAILED_CHECKS = 1
SMALLEST_VARIANCE = 0.15
SMALLEST_PLAYED = 0.95
LARGEST_VIEWING = 1.15
LARGEST_Z = 3.5
SMALLEST_MAD = 0.05
"""Among raters nearly equal in inconsistency the median deviation nears 0, and any of them would stand out by it."""


@dataclass(frozen=True, slots=True)
class Check:
    """One gold or attention question that a rater was asked: what it was, and whether the answer was right."""

    rater: str
    name: str
    passed: bool


@dataclass(frozen=True, slots=True)
class Playback:
    """One clip shown to a rater, in seconds: its duration, how much of it was played, each part counted once, and the
    time from the start to the end of one viewing, or None if that was not measured."""

    rater: str
    duration: float
    played: float
    viewing: float | None = None


@dataclass(frozen=True, slots=True)
class RaterReport:
    """What screening found about one rater. Measures are None where they could not be taken; `flags` names the rules
    that the rater broke and `reasons` says so in words, in the same order.

    variance: of the ratings within questions; reference_mean, worst_mean: the rater's mean for the reference and for
    the lowest other system; played_share, viewing_ratio: of the clips' total duration; correlation: with the mean of
    the other raters; bias, inconsistency: by P.910, in points of the scale; inconsistency_z: its modified z-score
    """

    rater: str
    n_ratings: int
    variance: float | None
    n_checks: int
    failed_checks: tuple[str, ...]
    reference_mean: float | None
    worst_mean: float | None
    worst_system: str | None
    played_share: float | None
    viewing_ratio: float | None
    correlation: RaterCorrelation | None
    bt500: Bt500 | None
    bias: float | None
    inconsistency: float | None
    inconsistency_z: float | None
    flags: tuple[str, ...]
    reasons: tuple[str, ...]


def screen(
    ratings: Ratings,
    *,
    reference: str | None = None,
    checks: Sequence[Check] = (),
    playbacks: Sequence[Playback] = (),
) -> tuple[RaterReport, ...]:
    """One report for each rater of the table, sorted by label; every question of every stimulus is an item.

    reference: the system that is ground truth, None if there is none. Checks and playbacks may be of raters without
    ratings, who get no report. With fewer than 3 raters nobody is compared with the panel.
    ValueError for a reference that nobody rated, or for times that are negative or not finite.
    """
    if reference is not None and reference not in ratings.system:
        known = ", ".join(np.unique(ratings.system).tolist())
        raise ValueError(f"reference must be a system that was rated ({known}), found {reference!r}")
    _check_times(playbacks)
    table = wide_table(ratings, ("question", "system", "clip", "sample"))
    panel = _compared(table.values)
    reports = []
    for row, rater in enumerate(table.raters):
        own = subset(ratings, ratings.rater == rater)
        asked = [check for check in checks if check.rater == rater]
        plays = [play for play in playbacks if play.rater == rater]
        report = _measured(own, rater, panel, row, reference, asked, plays)
        broken = _broken(report)
        reports.append(replace(report, flags=tuple(broken), reasons=tuple(broken.values())))
    return tuple(reports)


@dataclass(frozen=True, slots=True, eq=False)
class _Panel:
    """All raters against each other; z is the modified z-score of each rater's inconsistency."""

    correlations: tuple[RaterCorrelation, ...]
    verdicts: tuple[Bt500, ...]
    corrected: CorrectedOpinion
    z: Matrix


def _compared(values: Matrix) -> _Panel | None:
    if len(values) < FEWEST_RATERS:
        return None
    corrected = project(values)
    away = corrected.inconsistency - np.median(corrected.inconsistency)
    z = 0.6745 * away / max(float(np.median(np.abs(away))), SMALLEST_MAD)
    return _Panel(leave_one_out(values), bt500(values), corrected, z)


def _measured(
    own: Ratings,
    rater: str,
    panel: _Panel | None,
    row: int,
    reference: str | None,
    asked: Sequence[Check],
    plays: Sequence[Playback],
) -> RaterReport:
    reference_mean, worst_mean, worst_system = _against_reference(own, reference)
    played_share, viewing_ratio = _playing(plays)
    return RaterReport(
        rater=rater,
        n_ratings=len(own),
        variance=_variance(own),
        n_checks=len(asked),
        failed_checks=tuple(check.name for check in asked if not check.passed),
        reference_mean=reference_mean,
        worst_mean=worst_mean,
        worst_system=worst_system,
        played_share=played_share,
        viewing_ratio=viewing_ratio,
        correlation=panel.correlations[row] if panel else None,
        bt500=panel.verdicts[row] if panel else None,
        bias=float(panel.corrected.bias[row]) if panel else None,
        inconsistency=float(panel.corrected.inconsistency[row]) if panel else None,
        inconsistency_z=float(panel.z[row]) if panel else None,
        flags=(),
        reasons=(),
    )


def _broken(report: RaterReport) -> dict[str, str]:
    """Rule to reason, in the order of the module's table."""
    found = {}
    if len(report.failed_checks) > FAILED_CHECKS:
        names = ", ".join(report.failed_checks)
        found["checks"] = f"failed {len(report.failed_checks)} of {report.n_checks} check questions: {names}"
    if report.variance is not None and report.variance < SMALLEST_VARIANCE:
        found["straight"] = f"ratings hardly vary: variance {report.variance:.3f}, below {SMALLEST_VARIANCE:g}"
    worst, best = report.worst_mean, report.reference_mean
    if worst is not None and best is not None and best < worst:
        found["reference"] = f"rated the reference {best:.2f}, below every system: {report.worst_system} {worst:.2f}"
    if report.played_share is not None and report.played_share < SMALLEST_PLAYED:
        found["played"] = f"played {report.played_share:.0%} of the clips' duration, below {SMALLEST_PLAYED:.0%}"
    if report.viewing_ratio is not None and report.viewing_ratio > LARGEST_VIEWING:
        found["stalled"] = (
            f"viewing took {report.viewing_ratio:.0%} of the clips' duration, above {LARGEST_VIEWING:.0%}"
        )
    if report.bt500 is not None and report.bt500.rejected:
        above, below, n = report.bt500.above, report.bt500.below, report.bt500.n_ratings
        found["bt500"] = f"often far off, in both directions: {above} ratings above and {below} below, of {n}"
    if report.inconsistency_z is not None and report.inconsistency_z > LARGEST_Z:
        sd, z = report.inconsistency, report.inconsistency_z
        found["p910"] = f"inconsistent: sd {sd:.2f} around the panel, modified z-score {z:.1f}, above {LARGEST_Z:g}"
    return found


def _variance(own: Ratings) -> float | None:
    """Pooled within questions: three constant answers to three questions are a straight line too."""
    groups = [own.score[own.question == question] for question in np.unique(own.question)]
    freedom = sum(len(group) - 1 for group in groups)
    squares = sum(float(((group - group.mean()) ** 2).sum()) for group in groups)
    return squares / freedom if freedom else None


def _against_reference(own: Ratings, reference: str | None) -> tuple[float | None, float | None, str | None]:
    means = {system: float(mean) for (system,), mean in exact_means(own, ("system",)).items()}
    best = means.pop(reference) if reference in means else None
    if best is None or not means:
        return best, None, None
    worst = min(means, key=lambda system: means[system])
    return best, means[worst], worst


def _playing(plays: Sequence[Playback]) -> tuple[float | None, float | None]:
    """Played share of all clips shown, and viewing time over duration of those whose viewing was timed."""
    timed = [play for play in plays if play.viewing is not None]
    played = sum(play.played for play in plays) / sum(play.duration for play in plays) if plays else None
    viewing = sum(play.viewing or 0.0 for play in timed) / sum(play.duration for play in timed) if timed else None
    return played, viewing


def _check_times(playbacks: Sequence[Playback]) -> None:
    for number, play in enumerate(playbacks, 1):
        times = (play.played, play.viewing if play.viewing is not None else 0.0)
        if not (math.isfinite(play.duration) and play.duration > 0):
            raise ValueError(f"duration must be above 0 s, found {play.duration!r} in playback {number}")
        if not all(math.isfinite(time) and time >= 0 for time in times):
            raise ValueError(f"played and viewing must be finite and not negative, found {times} in playback {number}")
