"""Power before the study: in how many of a thousand simulated studies would the difference be found?

Each simulated study (`simulate`) is analysed as a real one would be, for both claims:

    clips like these    crossed test: raters and clips are both samples. The claim that readers take away.
    these clips         exact Pratt signed-rank test on rater means: other raters, the same clips.

The second always finds more, and not only what is there: with few clips it also finds the luck of those clips, in 10
to 50 % of studies of equal systems under the default assumptions (14 raters of 40 clips, 56 raters of 5 clips). Its
"power" is no reason to prefer it.

As a rule, more clips help and more raters do not. All systems are rated by every rater who finishes; those who drop out
are left out of the analysis. Everything follows from the seed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cmmd_bench.metrics.multiplicity import holm_rows
from cmmd_bench.metrics.opinion.crossed import crossed_p_values
from cmmd_bench.metrics.opinion.signed_rank import EXACT_UP_TO
from cmmd_bench.metrics.opinion.simulate import SCALE, Components, simulate_ratings

Floats = NDArray[np.float64]
Correction = Literal["holm", "none"]
Claim = Literal["clips like these", "these clips"]

SIMULATIONS = 1000
CELLS = 4_000_000


@dataclass(frozen=True, slots=True)
class Design:
    """raters x clips x samples of each system for each clip, every rater rating all; `questions` asked about each."""

    raters: int
    clips: int
    samples: int = 1
    questions: int = 1

    def __post_init__(self) -> None:
        if min(self.raters, self.clips) < 2 or min(self.samples, self.questions) < 1:
            raise ValueError(f"a design needs 2 raters, 2 clips, 1 sample and 1 question at least, found {self}")


@dataclass(frozen=True, slots=True)
class Power:
    """Share of studies, 0..1, in which each contrast is found in the right direction, after the correction.

    contrasts: pairs of positions in the means; deltas: their true differences, before rounding. standard_error: the
    largest of the simulation's own. A delta of 0 counts findings in either direction: the rate of false ones.
    """

    design: Design
    contrasts: tuple[tuple[int, int], ...]
    deltas: tuple[float, ...]
    clips_like_these: tuple[float, ...]
    these_clips: tuple[float, ...]
    standard_error: float
    mean_raters: float
    n_simulations: int
    correction: Correction
    alpha: float


def power(
    design: Design,
    means: Sequence[float],
    *,
    contrasts: Sequence[tuple[int, int]] | None = None,
    components: Components | None = None,
    dropout: float = 0.0,
    correction: Correction = "holm",
    alpha: float = 0.05,
    scale: tuple[int, int] = SCALE,
    n_simulations: int = SIMULATIONS,
    seed: int = 0,
) -> Power:
    """Power of a design for systems with these expected ratings, at least 2, such as (3.3, 3.0) for a delta of 0.3.

    contrasts: default the first system against each other one. The family that is corrected is every contrast for every
    question; questions are simulated independently, with the same means. dropout: chance 0..1 that a rater does not
    finish; studies left with fewer than 2 raters find nothing.
    """
    pairs = tuple(contrasts) if contrasts is not None else tuple((0, other) for other in range(1, len(means)))
    _check(pairs, len(means), dropout, correction, alpha, n_simulations)
    rng = np.random.default_rng(seed)
    cells = design.raters * design.clips * design.samples * len(means) * design.questions
    block = max(1, CELLS // cells)
    finished = rng.binomial(design.raters, 1 - dropout, size=n_simulations)
    p = {claim: np.ones((n_simulations, design.questions, len(pairs))) for claim in ("crossed", "raters")}
    sign = np.zeros((n_simulations, design.questions, len(pairs)))
    for start in range(0, n_simulations, block):
        here = slice(start, min(start + block, n_simulations))
        ratings = simulate_ratings(
            (here.stop - start) * design.questions,
            means,
            raters=design.raters,
            clips=design.clips,
            samples=design.samples,
            components=components or Components(),
            rng=rng,
            scale=scale,
        ).sum(axis=4)
        ratings = ratings.reshape(-1, design.questions, design.raters, design.clips, len(means))
        p["crossed"][here], p["raters"][here], sign[here] = _analysed(ratings, pairs, finished[here])
    deltas = tuple(float(means[a] - means[b]) for a, b in pairs)
    right = (np.sign(deltas) == 0) | (sign == np.sign(deltas))
    adjust = _of_each_study if correction == "holm" else _as_they_are
    found = {claim: ((adjust(values) <= alpha) & right).mean(axis=(0, 1)) for claim, values in p.items()}
    spread = max(float(share * (1 - share)) for shares in found.values() for share in shares)
    return Power(
        design=design,
        contrasts=pairs,
        deltas=deltas,
        clips_like_these=tuple(float(share) for share in found["crossed"]),
        these_clips=tuple(float(share) for share in found["raters"]),
        standard_error=float(np.sqrt(spread / (n_simulations * design.questions))),
        mean_raters=float(finished.mean()),
        n_simulations=n_simulations,
        correction=correction,
        alpha=alpha,
    )


def power_curve(designs: Sequence[Design], means: Sequence[float], **options: object) -> tuple[Power, ...]:
    """`power` of each design in turn, with the same options and seed."""
    run: Callable[..., Power] = power
    return tuple(run(design, means, **options) for design in designs)


def smallest_reaching(
    curve: Sequence[Power], target: float = 0.8, *, claim: Claim = "clips like these"
) -> Power | None:
    """The first of the curve, given from small to large, whose every contrast reaches the target; None if none does."""
    if not 0 < target < 1:
        raise ValueError(f"target must be between 0 and 1, found {target!r}")
    if claim not in ("clips like these", "these clips"):
        raise ValueError(f"claim must be 'clips like these' or 'these clips', found {claim!r}")
    for point in curve:
        shares = point.clips_like_these if claim == "clips like these" else point.these_clips
        if min(shares) >= target:
            return point
    return None


def minutes_per_rater(design: Design, n_systems: int, *, clip_seconds: float, seconds_per_answer: float) -> float:
    """How long one rater is busy: every stimulus seen once in full, and every question about it answered."""
    if n_systems < 1 or not clip_seconds > 0 or not seconds_per_answer >= 0:
        raise ValueError(
            "n_systems must be at least 1, clip_seconds above 0 and seconds_per_answer not negative,"
            f" found {n_systems}, {clip_seconds} and {seconds_per_answer}"
        )
    stimuli = design.clips * design.samples * n_systems
    return stimuli * (clip_seconds + design.questions * seconds_per_answer) / 60


def _analysed(
    ratings: Floats, pairs: tuple[tuple[int, int], ...], finished: NDArray[np.int_]
) -> tuple[Floats, Floats, Floats]:
    """p by the crossed test, p by raters and the sign of the difference, (B, Q, C) each, of ratings (B, Q, R, I, S).

    Ratings are sums over samples, which are whole, so that ties between raters stay ties.
    """
    shape = (*ratings.shape[:2], len(pairs))
    crossed, raters, sign = np.ones(shape), np.ones(shape), np.zeros(shape)
    for n in np.unique(finished[finished >= 2]):
        rows = np.flatnonzero(finished == n)
        for column, (a, b) in enumerate(pairs):
            table = ratings[rows, :, :n, :, a] - ratings[rows, :, :n, :, b]
            crossed[rows, :, column] = crossed_p_values(table)
            raters[rows, :, column] = _signed_rank_p_values(table.sum(axis=3))
            sign[rows, :, column] = np.sign(table.sum(axis=(2, 3)))
    return crossed, raters, sign


def _signed_rank_p_values(differences: Floats) -> Floats:
    """Exact two-sided Pratt p (normal beyond 200 raters) of whole differences (B, Q, R), one for each study: (B, Q)."""
    from scipy.special import ndtr
    from scipy.stats import rankdata

    d = differences.reshape(-1, differences.shape[-1])
    ranks = np.rint(2 * rankdata(np.abs(d), axis=1)) * (d != 0)
    totals, positive = ranks.sum(axis=1), (ranks * (d > 0)).sum(axis=1)
    reach = np.maximum(positive, totals - positive)
    if d.shape[1] > EXACT_UP_TO:
        spread = np.sqrt((ranks**2).sum(axis=1)) / 2
        p = 2 * ndtr(-(reach - totals / 2) / np.where(spread > 0, spread, 1.0))
    else:
        p = np.array([_tail(row[row > 0], r) for row, r in zip(ranks.astype(int), reach.astype(int), strict=True)])
    shaped: Floats = np.minimum(p, 1.0).reshape(differences.shape[:-1])
    return shaped


def _tail(ranks: NDArray[np.int_], reach: int) -> float:
    """Twice the chance that the ranks with a random sign + add up to `reach` or more, sum by sum; 2 without ranks.

    `signed_rank` counts in whole numbers, which is exact to the last digit and slower than a thousand studies allow.
    """
    chances = np.zeros(ranks.sum() + 1)
    chances[0] = 2.0
    for rank in ranks:
        chances[rank:] += chances[:-rank].copy()
        chances /= 2
    return float(chances[reach:].sum())


def _of_each_study(p: Floats) -> Floats:
    """Holm's adjusted p over the last two axes, which are the family of one study."""
    return holm_rows(p.reshape(len(p), -1)).reshape(p.shape)


def _as_they_are(p: Floats) -> Floats:
    return p


def _check(
    pairs: tuple[tuple[int, int], ...], n_systems: int, dropout: float, correction: str, alpha: float, n: int
) -> None:
    if n_systems < 2:
        raise ValueError(f"means must be of at least 2 systems, found {n_systems}")
    if not pairs or any(a == b or not (0 <= a < n_systems and 0 <= b < n_systems) for a, b in pairs):
        raise ValueError(f"contrasts must be pairs of different positions below {n_systems}, found {list(pairs)}")
    if not 0 <= dropout < 1:
        raise ValueError(f"dropout must be a chance from 0 to below 1, found {dropout!r}")
    if correction not in ("holm", "none"):
        raise ValueError(f"correction must be 'holm' or 'none', found {correction!r}")
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must be between 0 and 1, found {alpha!r}")
    if n < 1:
        raise ValueError(f"n_simulations must be at least 1, found {n}")
