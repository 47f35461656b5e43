"""Raters against their panel: the outlier rule of ITU-R BT.500, and bias and inconsistency after ITU-T P.910 and P.913.

Matrices are raters by items (R, I), NaN = missing; standard deviations are the population's (divisor n), as in sureal,
whose results these reproduce. Nothing is removed here: a plan that was frozen before the study decides what is done
with a rater who stands out.

Both compare raters with a panel of which they are part, so with fewer than about ten raters or ten items they see
little. BT.500 by design keeps raters who are consistently harsh or generous.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cmmd_bench.metrics.opinion.matrix import Matrix, rater_rows

FEWEST_RATERS = 3

OUTSIDE = 0.05
ONE_SIDED = 0.3
SLACK = 1e-9
"""Ratings on a whole-number scale meet the limits exactly, where a rounding must not decide."""
SMALLEST_SD = 0.1
"""Weights treat no rater as more exact than this; on a scale of whole points rounding alone makes a spread of 0.29. A
rater whom the estimate matched exactly would otherwise weigh infinitely and dictate it."""
TOLERANCE = 1e-8
MOST_ITERATIONS = 1000


@dataclass(frozen=True, slots=True)
class Bt500:
    """One rater by BT.500: ratings far above (P) and far below (Q) the item's mean, out of n_ratings.

    outside = (P + Q)/n; one_sided = |P - Q|/(P + Q), None without any. rejected: outside > 0.05 and one_sided < 0.3,
    that is far off often, and in both directions.
    """

    above: int
    below: int
    n_ratings: int
    outside: float
    one_sided: float | None
    rejected: bool


@dataclass(frozen=True, slots=True, eq=False)
class CorrectedOpinion:
    """Opinion of each item (I,) freed of the raters' offsets, and what each rater (R,) contributed.

    quality: corrected mean opinion; quality_se: sd of an item's bias-corrected ratings over the root of their number
    bias: a rater's mean offset from the quality, 0 on average over raters; inconsistency: sd of what then remains
    iterations: 0 where there was nothing to iterate; converged: whether the last step moved the quality by < 1e-8
    """

    quality: Matrix
    quality_se: Matrix
    bias: Matrix
    inconsistency: Matrix
    iterations: int
    converged: bool


def bt500(ratings: NDArray[Any]) -> tuple[Bt500, ...]:
    """The outlier rule of BT.500 for each rater of an (R, I) matrix, R >= 3.

    Far from an item's mean is 2 sd or more where the ratings look normal (kurtosis m4/m2² within 2..4), √20 sd
    elsewhere. Items on which all agree put nobody outside. P + Q = 0 is accepted.
    """
    x = _panel(ratings)
    rated = ~np.isnan(x)
    n = rated.sum(axis=0)
    deviation = np.where(rated, x - np.nansum(x, axis=0) / n, 0.0)
    m2, m4 = (deviation**2).sum(axis=0) / n, (deviation**4).sum(axis=0) / n
    disputed = m2 > 1e-12 * np.nanmax(np.abs(x)) ** 2
    kurtosis = m4 / np.where(disputed, m2, 1.0) ** 2
    normal = (kurtosis >= 2 - SLACK) & (kurtosis <= 4 + SLACK)
    reach = np.where(normal, 2.0, np.sqrt(20.0)) * np.sqrt(m2) * (1 - SLACK)
    above = (disputed & (deviation >= reach)).sum(axis=1)
    below = (disputed & (deviation <= -reach)).sum(axis=1)
    return tuple(map(_verdict, above.tolist(), below.tolist(), rated.sum(axis=1).tolist()))


def subtract_bias(ratings: NDArray[Any]) -> CorrectedOpinion:
    """P.913's bias subtraction: each rater's mean distance from the plain item means is taken off, R >= 3 raters.

    Inconsistencies are those of the corrected ratings. With missing cells the biases need not average 0.
    """
    x = _panel(ratings)
    bias = np.nanmean(x - np.nanmean(x, axis=0), axis=1)
    corrected = x - bias[:, None]
    quality = np.nanmean(corrected, axis=0)
    return CorrectedOpinion(
        quality=quality,
        quality_se=_standard_error(corrected, ddof=1),
        bias=bias,
        inconsistency=np.nanstd(corrected - quality, axis=1),
        iterations=0,
        converged=True,
    )


def project(ratings: NDArray[Any]) -> CorrectedOpinion:
    """P.910's alternating projection: rating = quality of the item + bias of the rater + noise of the rater's own sd.

    In turns: each rater's residual sd, the quality as the mean weighted by 1/sd², the biases, until the quality stands
    still. R >= 3 raters. Biases are centred at the end, so that the scale keeps its zero.
    """
    x = _panel(ratings)
    rated = ~np.isnan(x)
    quality = np.nanmean(x, axis=0)
    bias = np.nanmean(x - quality, axis=1)
    step, iterations = np.inf, 0
    while step >= TOLERANCE and iterations < MOST_ITERATIONS:
        sd = np.nanstd(x - quality - bias[:, None], axis=1)
        weight = rated / np.maximum(sd, SMALLEST_SD)[:, None] ** 2
        moved = np.nansum(weight * (x - bias[:, None]), axis=0) / weight.sum(axis=0)
        step = float(np.linalg.norm(moved - quality))
        quality = moved
        bias = np.nanmean(x - quality, axis=1)
        iterations += 1
    centre = bias.mean()
    return CorrectedOpinion(
        quality=quality + centre,
        quality_se=_standard_error(x - bias[:, None], ddof=0),
        bias=bias - centre,
        inconsistency=np.nanstd(x - quality - bias[:, None], axis=1),
        iterations=iterations,
        converged=step < TOLERANCE,
    )


def _panel(ratings: NDArray[Any]) -> Matrix:
    x = rater_rows(ratings, raters=FEWEST_RATERS)
    for axis, name in ((1, "rater"), (0, "item")):
        empty = np.flatnonzero(np.isnan(x).all(axis=axis))
        if len(empty):
            raise ValueError(f"every {name} must have at least one rating, found none for {name} {empty[0] + 1}")
    return x


def _standard_error(corrected: Matrix, *, ddof: int) -> Matrix:
    """(I,) standard error of each item's mean; 0 for a single rating, whose spread is unknown."""
    n = (~np.isnan(corrected)).sum(axis=0)
    squares = np.nansum((corrected - np.nanmean(corrected, axis=0)) ** 2, axis=0)
    error: Matrix = np.sqrt(squares / np.maximum(n - ddof, 1) / n)
    return error


def _verdict(above: int, below: int, n: int) -> Bt500:
    outside = (above + below) / n
    one_sided = abs(above - below) / (above + below) if above + below else None
    rejected = outside > OUTSIDE and one_sided is not None and one_sided < ONE_SIDED
    return Bt500(above, below, n, outside, one_sided, rejected)
