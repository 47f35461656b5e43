"""Does an objective metric say what raters say? Correlation of a metric with opinion scores, by clip and by system.

Coefficients lie within -1..1; 1 is full agreement. Every metric is turned so that more is better before it is compared
(`higher_is_better` has to be said), so that a negative coefficient always means that the metric misleads. Pearson asks
for a straight line, Spearman and Kendall (tau-b, ties corrected) for the same order.

The two levels answer different questions. By clip: does the metric know which clip is the better one? By system: does
it rank models as listeners do? A metric can be right about systems and blind to clips. With few systems the second is
a handful of points, and its interval says how little they show.

Intervals resample conditioning clips, each with everything that was generated for it and with all its opinions, and are
expanded percentiles (`resampling`). They are for other clips, rated by this panel, of these systems. A noisy opinion
keeps even a perfect metric below 1: see `noise_ceiling`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cmmd_bench.metrics.checks import check_finite
from cmmd_bench.metrics.correlation import Floats, Kind, correlations, row_correlations
from cmmd_bench.metrics.jackknife import Labels
from cmmd_bench.metrics.resampling import cluster_counts, percentile_interval

Values = Sequence[float | None] | Sequence[float] | NDArray[Any]

FEWEST = 3
RESAMPLES = 2000
KINDS: tuple[Kind, ...] = ("pearson", "spearman", "kendall")


@dataclass(frozen=True, slots=True)
class Correlation:
    """A coefficient with its interval. What is None has its reason: a side that does not vary has no value, one clip
    or too many constant resamples have no interval."""

    value: float | None
    low: float | None
    high: float | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Agreement:
    """Coefficients over n points (items or systems) of n_clips clips; n_left_out items had no value on one side, or
    were alone in their group. method: what was resampled."""

    pearson: Correlation
    spearman: Correlation
    kendall: Correlation
    n: int
    n_clips: int
    n_left_out: int
    level: float
    method: str


def clip_agreement(
    metric: Values,
    opinion: Values,
    *,
    higher_is_better: bool,
    clips: Labels | None = None,
    groups: Labels | None = None,
    level: float = 0.95,
    n_resamples: int = RESAMPLES,
    seed: int = 0,
) -> Agreement:
    """Agreement over items: the metric (N,) and the mean opinion (N,) of each clip of each system, None = no value.

    clips: (N,) conditioning clip of each item, resampled together; default: every item is its own. groups: (N,) labels,
    such as the data set or the system, whose own means are taken off both sides first, so that only differences within
    a group count; these means are taken once, and kept in the resamples.
    ValueError for fewer than 3 items with both values, NaN, or labels that are not one per item.
    """
    x, y, keep = _paired(metric, opinion, higher_is_better)
    cluster = _labels(np.arange(len(keep)) if clips is None else clips, "clips", keep)
    if groups is not None:
        group = np.unique(_labels(groups, "groups", keep), return_inverse=True)[1]
        more = np.bincount(group)[group] > 1
        x, y, cluster, group = x[more], y[more], cluster[more], group[more]
        _check_enough(len(x), "items that share a group with others")
        x, y = _centred(x, group), _centred(y, group)
    n_clips = len(np.unique(cluster))
    once = np.ones((1, len(x)))
    blocks = list(cluster_counts(cluster, n_resamples=n_resamples, seed=seed)) if n_clips > 1 else []
    found = {}
    for kind in KINDS:
        value = correlations(kind, x, y, once)
        replicates = [correlations(kind, x, y, weights) for weights in blocks]
        found[kind] = _correlation(value, replicates, x, "item", n_clips, level)
    method = f"clips resampled, {n_resamples} times" + (", within groups" if groups is not None else "")
    return Agreement(**found, n=len(x), n_clips=n_clips, n_left_out=len(keep) - len(x), level=level, method=method)


def system_agreement(
    metric: Values | Mapping[str, float],
    opinion: Values,
    systems: Labels,
    *,
    higher_is_better: bool,
    clips: Labels | None = None,
    groups: Labels | None = None,
    level: float = 0.95,
    n_resamples: int = RESAMPLES,
    seed: int = 0,
) -> Agreement:
    """Agreement over systems: means of the items' metric (N,) and opinion (N,) by system, labels systems (N,).

    metric: or one number for each system, for metrics of whole sets such as a Fréchet distance, which is then not
    resampled. clips: (N,) conditioning clips; where every system has every clip they are drawn for all systems
    together, elsewhere, and without `clips`, within each system. groups: (N,) such as the data set: a system counts
    once in each, and the group's mean over systems is taken off.
    ValueError for fewer than 3 systems, a system without a number, and as in `clip_agreement`.
    """
    items = _spread(metric, systems) if isinstance(metric, Mapping) else metric
    x, y, keep = _paired(items, opinion, higher_is_better)
    system = _labels(systems, "systems", keep)
    _check_enough(len(np.unique(system)), "systems with both values")
    cluster = _labels(np.arange(len(keep)) if clips is None else clips, "clips", keep)
    group = _labels(np.zeros(len(keep), dtype=int) if groups is None else groups, "groups", keep)
    points, point = np.unique(np.stack([group, system]), axis=1, return_inverse=True)
    point = point.reshape(-1)
    names, home, sizes = np.unique(points[0], return_inverse=True, return_counts=True)
    if sizes.min() < 2:
        raise ValueError(f"every group must have at least 2 systems, found 1 in {str(names[np.argmin(sizes)])!r}")

    def means(weights: Floats) -> tuple[Floats, Floats]:
        return _centred(_means_by(x, point, weights), home), _centred(_means_by(y, point, weights), home)

    together = _is_crossed(point, cluster, group)
    strata = group if together else point
    n_clips = min(len(np.unique(cluster[point == code])) for code in range(points.shape[1]))
    resamples = cluster_counts(cluster, strata=strata, n_resamples=n_resamples, seed=seed) if n_clips > 1 else ()
    blocks = [means(weights) for weights in resamples]
    a, b = means(np.ones((1, len(x))))
    found = {}
    for kind in KINDS:
        replicates = [row_correlations(kind, *block) for block in blocks]
        found[kind] = _correlation(row_correlations(kind, a, b), replicates, a[0], "system", n_clips, level)
    how = "for all systems together" if together else "within each system"
    return Agreement(
        **found,
        n=points.shape[1],
        n_clips=n_clips,
        n_left_out=len(keep) - len(x),
        level=level,
        method=f"clips resampled {how}, {n_resamples} times",
    )


def _paired(metric: Values, opinion: Values, higher_is_better: bool) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Metric, turned so that more is better, and opinion where both are there, and the mask (N,) of these items."""
    x, y = _numbers(metric, "metric"), _numbers(opinion, "opinion")
    if len(x) != len(y):
        raise ValueError(f"metric and opinion must have one value per item, found {len(x)} and {len(y)}")
    keep = ~(np.isnan(x) | np.isnan(y))
    _check_enough(int(keep.sum()), "items with both values")
    return (x if higher_is_better else -x)[keep], y[keep], keep


def _numbers(values: Values, name: str) -> Floats:
    """float64 with NaN for None; a NaN that was given as such is a failure elsewhere, and refused."""
    array = np.asarray(values, dtype=object)
    if array.ndim != 1:
        raise ValueError(f"{name} must be a list of one value per item, found shape {array.shape}")
    missing = np.array([value is None for value in array], dtype=bool)
    numbers = np.full(len(array), np.nan)
    numbers[~missing] = array[~missing].astype(np.float64)
    check_finite(numbers[~missing], name)
    return numbers


def _spread(metric: Mapping[str, float], systems: Labels) -> list[float]:
    labels = [str(label) for label in systems]
    without = sorted(set(labels) - set(metric))
    if without:
        raise ValueError(f"metric must have a number for every system, found none for {', '.join(map(repr, without))}")
    return [metric[label] for label in labels]


def _labels(labels: Labels, name: str, keep: NDArray[np.bool_]) -> NDArray[np.str_]:
    array = np.asarray(labels).astype(str)
    if array.shape != keep.shape:
        raise ValueError(f"{name} must have one label per item, found shape {array.shape} for {len(keep)} items")
    return array[keep]


def _check_enough(n: int, of: str) -> None:
    if n < FEWEST:
        raise ValueError(f"agreement needs at least {FEWEST} {of}, found {n}")


def _centred(values: Floats, group: NDArray[np.intp]) -> Floats:
    """(..., N) minus the mean of each group along the last axis."""
    member = np.eye(group.max() + 1)[group]
    centred: Floats = values - values @ (member / member.sum(axis=0)) @ member.T
    # Groups of equal values are 0 only up to a rounding, and what is equal across groups is so only up to one.
    rounding = 1e-12 * np.abs(values).max()
    centred[np.abs(centred) <= rounding] = 0.0
    return _collapsed(centred, rounding)


def _collapsed(values: Floats, rounding: float) -> Floats:
    """(..., N) with the values that are no more than a rounding from the next smaller one made equal to it."""
    order = np.argsort(values, axis=-1)
    upwards = np.take_along_axis(values, order, axis=-1)
    apart = np.diff(upwards, axis=-1, prepend=-np.inf) > rounding
    first = np.maximum.accumulate(np.where(apart, np.arange(values.shape[-1]), 0), axis=-1)
    collapsed = np.empty_like(values)
    np.put_along_axis(collapsed, order, np.take_along_axis(upwards, first, axis=-1), axis=-1)
    return collapsed


def _means_by(values: Floats, point: NDArray[np.intp], weights: Floats) -> Floats:
    """(B, P) weighted mean of the items of each point."""
    member = np.eye(point.max() + 1)[point]
    means: Floats = (weights * values) @ member / (weights @ member)
    return means


def _is_crossed(point: NDArray[np.intp], cluster: NDArray[np.str_], group: NDArray[np.str_]) -> bool:
    """Whether in each group every system has every clip."""
    for name in np.unique(group):
        here = group == name
        clips_of = [set(cluster[here & (point == code)].tolist()) for code in np.unique(point[here])]
        if any(clips != clips_of[0] for clips in clips_of):
            return False
    return True


def _correlation(
    value: Floats, replicates: list[Floats], metric: Floats, of: str, n_clips: int, level: float
) -> Correlation:
    if np.isnan(value[0]):
        side = "metric" if np.ptp(metric) == 0 else "opinion"
        return Correlation(None, None, None, f"the {side} is the same for every {of}")
    if not replicates:
        return Correlation(float(value[0]), None, None, "one clip has no interval")
    interval = percentile_interval(np.concatenate(replicates), level, n_clusters=n_clips)
    if interval is None:
        return Correlation(float(value[0]), None, None, "too many resamples have no variation")
    return Correlation(float(value[0]), *interval, None)
