"""How far a metric could agree with opinion scores at most, and how far raters agree with each other.

A mean opinion of R raters is partly noise. If ρ is its reliability, the share of its variance between items that other
raters would find again, then a metric that knew the true opinion exactly would correlate with it at √ρ only. It is
measured in two ways:

    split half: the panel is split at random many times, the means of the halves are correlated (mean r over splits),
    and r is stepped up to the whole panel by Spearman and Brown, ρ = 2r/(1 + r). Missing cells are allowed.
    ICC(C,k): from the analysis of variance, with an F interval; needs every rater's rating of every item.

For comparison, `rater_vs_others` is the mean correlation of one rater with the mean of the others: a metric above it
predicts the opinion of others better than a person does. Range -1..1, higher is better; for Pearson correlations.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cmmd_bench.metrics.opinion.matrix import Matrix, rater_rows
from cmmd_bench.metrics.opinion.reliability import Intraclass, intraclass_correlations, leave_one_out

FEWEST_ITEMS = 3
CELLS = 2_000_000


@dataclass(frozen=True, slots=True)
class NoiseCeiling:
    """split_half: mean correlation between halves; reliability and ceiling = √reliability follow from it. intraclass:
    ICC(C,k), with its own intraclass_ceiling and limits; None with missing cells. What is None has a reason.
    """

    split_half: float | None
    reliability: float | None
    ceiling: float | None
    intraclass: Intraclass | None
    intraclass_ceiling: float | None
    intraclass_ceiling_low: float | None
    intraclass_ceiling_high: float | None
    rater_vs_others: float | None
    n_raters: int
    n_items: int
    n_splits: int
    reason: str | None


def noise_ceiling(
    ratings: NDArray[Any],
    *,
    systems: NDArray[Any] | None = None,
    level: float = 0.95,
    n_splits: int = 1000,
    seed: int = 0,
) -> NoiseCeiling:
    """Ceiling for the mean opinion of an (R, I) matrix, at least 2 raters and 3 items, NaN = missing.

    systems: (I,) label of each item, to give the ceiling for means by system (at least 3): each rater's ratings are
    averaged by system first. Noise of which clips were chosen is not in it: raters share the clips.
    """
    x = rater_rows(ratings, raters=2)
    if systems is not None:
        x = _by_system(x, np.asarray(systems))
    if x.shape[1] < FEWEST_ITEMS:
        what = "items" if systems is None else "systems"
        raise ValueError(f"ratings must be of at least {FEWEST_ITEMS} {what}, found {x.shape[1]}")
    if n_splits < 1:
        raise ValueError(f"n_splits must be at least 1, found {n_splits}")
    halves = _split_half(x, n_splits, seed)
    reliability = reason = None
    if halves is None:
        reason = "half the panel does not tell the items apart, or shares fewer than 3 items with the other half"
    elif halves <= 0:
        reason = "the halves of the panel do not agree: there is no common opinion to predict"
    else:
        reliability = 2 * halves / (1 + halves)
    icc = None if np.isnan(x).any() else intraclass_correlations(x, level=level)["C,k"]
    others = [found.value for found in leave_one_out(x) if found.value is not None]
    return NoiseCeiling(
        split_half=halves,
        reliability=reliability,
        ceiling=_root(reliability),
        intraclass=icc,
        intraclass_ceiling=_root(icc.value) if icc else None,
        intraclass_ceiling_low=_root(icc.low) if icc else None,
        intraclass_ceiling_high=_root(icc.high) if icc else None,
        rater_vs_others=float(np.mean(others)) if others else None,
        n_raters=x.shape[0],
        n_items=x.shape[1],
        n_splits=n_splits,
        reason=reason,
    )


def share_of_ceiling(correlation: float, ceiling: float) -> float:
    """The correlation that the true opinion would have had: observed over ceiling, above 1 by chance only."""
    if not 0 < ceiling <= 1:
        raise ValueError(f"ceiling must be above 0 and at most 1, found {ceiling!r}")
    return correlation / ceiling


def _split_half(x: Matrix, n_splits: int, seed: int) -> float | None:
    """Mean correlation over the splits that have one."""
    rng = np.random.default_rng(seed)
    half = np.arange(len(x)) < len(x) // 2
    rated = (~np.isnan(x)).astype(np.float64)
    filled = np.where(rated > 0, x, 0.0) - np.nanmean(x) * rated
    found = []
    block = max(1, CELLS // x.shape[1])
    for start in range(0, n_splits, block):
        first = rng.permuted(np.tile(half, (min(block, n_splits - start), 1)), axis=1).astype(np.float64)
        counts = [mask @ rated for mask in (first, 1 - first)]
        both = ((counts[0] > 0) & (counts[1] > 0)).astype(np.float64)
        a, b = (mask @ filled / np.maximum(n, 1) for mask, n in zip((first, 1 - first), counts, strict=True))
        found.append(_rows(a, b, both))
    values = np.concatenate(found)
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else None


def _rows(a: Matrix, b: Matrix, both: Matrix) -> Matrix:
    """Pearson correlation of each pair of rows over the items of the mask; NaN below 3 items or without variation."""
    n = np.maximum(both.sum(axis=1, keepdims=True), 1)
    a, b = ((values - (values * both).sum(axis=1, keepdims=True) / n) * both for values in (a, b))
    aa, bb, ab = (a * a).sum(axis=1), (b * b).sum(axis=1), (a * b).sum(axis=1)
    # Means of equal ratings differ by roundings; one point of difference among them is far above this.
    defined = (n[:, 0] >= FEWEST_ITEMS) & (np.minimum(aa, bb) > 1e-20 * n[:, 0])
    return np.where(defined, np.clip(ab / np.sqrt(np.where(defined, aa * bb, 1.0)), -1, 1), np.nan)


def _by_system(x: Matrix, systems: NDArray[Any]) -> Matrix:
    if systems.shape != (x.shape[1],):
        raise ValueError(f"systems must have one label per item, found shape {systems.shape} for {x.shape[1]} items")
    labels = systems.astype(str)
    rated = ~np.isnan(x)
    member = (labels[:, None] == np.unique(labels)).astype(np.float64)
    counts = rated.astype(np.float64) @ member
    means: Matrix = np.where(counts > 0, np.where(rated, x, 0.0) @ member / np.maximum(counts, 1), np.nan)
    return means


def _root(reliability: float | None) -> float | None:
    return float(np.sqrt(reliability)) if reliability is not None and reliability > 0 else None
