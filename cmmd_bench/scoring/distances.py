"""Set metrics of a row of the table: Fréchet, kernel and neighbourhood, each with the interval that fits it."""

from collections.abc import Callable
from dataclasses import replace
from functools import reduce
from math import sqrt

from cmmd_bench.metrics import (
    Accumulator,
    Interval,
    delete_group_jackknife,
    frechet_distance,
    frechet_interval,
    frechet_interval_of_groups,
    jackknife_groups,
    merge,
    mmd_interval,
    per_clip_fad,
    polynomial_mmd,
)
from cmmd_bench.metrics.dialects import dialect, frechet_distance_as
from cmmd_bench.metrics.influence import frechet_influence_of_clips, influence_interval
from cmmd_bench.metrics.jackknife import clusters_per_group
from cmmd_bench.metrics.jedi import jedi_distance
from cmmd_bench.metrics.kad import SCALE, kernel_audio_distance
from cmmd_bench.metrics.kernel_subsets import SUBSET_DIALECTS, subset_mmd
from cmmd_bench.metrics.neighbours import neighbour_scores
from cmmd_bench.scoring.cells import cell, point
from cmmd_bench.scoring.features import Features
from cmmd_bench.scoring.limits import FEWEST_FOR_LIMIT_INTERVAL, LIMIT_GROUPS, SMALLEST_SHARE, at_infinity
from cmmd_bench.scoring.results import PerClip, Result
from cmmd_bench.scoring.samples import RowOfTable
from cmmd_bench.scoring.sides import Reference, Sides, sides
from cmmd_bench.suites.metrics import SetMetric

FEWEST_FOR_DENSITY_INTERVAL = 12
"""Conditions; leaving out a group of fewer would leave too few neighbours."""


def distance_cell(
    metric: SetMetric, row: RowOfTable, features: Features, reference: Reference
) -> tuple[Result, list[PerClip]]:
    """One cell of a set metric; ValueError when there are fewer than 2 clips on a side."""
    both = sides(metric, row.samples, features, reference)
    per_clip: list[PerClip] = []
    if metric.metric == "fad-clip":
        interval, values = _per_clip_frechet(both)
        per_clip = [PerClip(row.model, s.id, metric.label, v) for s, v in zip(both.seen, values, strict=True)]
    else:
        interval = _FAMILIES[metric.metric](metric, both)
    caution = _too_few_rows(metric, both) if metric.metric in ("fvd", "fad", "fvd-inf", "fad-inf") else None
    return cell(metric, row, interval, seen=both.seen, n_reference=both.n_reference, caution=caution), per_clip


def _frechet(metric: SetMetric, both: Sides) -> Interval:
    ddof = dialect(metric.dialect).ddof if metric.dialect else 1
    if both.paired:
        x, y = both.x(), both.y()
        interval = frechet_interval(x, both.labels(), y, reference_clusters=both.real_labels(), ddof=ddof)
        interval = interval or point(frechet_distance(x, y, ddof=ddof))
    else:
        interval = _streamed_frechet(both, ddof)
    if metric.dialect is None:
        return interval
    # A dialect's other habits (a ridge, rounded means) move the value, and its interval with it.
    real = both.real_clips() if both.published is None else both.reference(ddof)
    return moved(interval, frechet_distance_as(metric.dialect, both.clips(), real))


def _streamed_frechet(both: Sides, ddof: int) -> Interval:
    """Fréchet distance with the interval that covers best, for features that are never all in memory.

    The influence function where rows span the features, by a second pass over the clips; else the jackknife, for which
    features pass through one accumulator per group.
    """
    reference = both.reference(ddof)
    groups = jackknife_groups(both.clusters)
    sizes = clusters_per_group(both.clusters, groups)
    parts = [Accumulator() for _ in sizes]
    for rows, group in zip(both.clips(), groups, strict=True):
        parts[group].add(rows)
    groups_of_rows = [part.statistics() for part in parts]
    pooled = reduce(merge, groups_of_rows)
    if len(sizes) > 1:
        influence = frechet_influence_of_clips(pooled, both.clips(), both.clusters, reference, ddof=ddof)
        if influence.full_rank:
            return influence_interval(influence)
    interval = frechet_interval_of_groups(groups_of_rows, sizes, reference, ddof=ddof)
    return interval or point(frechet_distance(pooled, reference, ddof=ddof))


def _frechet_limit(_: SetMetric, both: Sides) -> Interval:
    """The interval is of the intercept over draws of clips; with few clips the line has none to spare for it."""
    clips, reference = list(both.clips()), both.reference()
    found = at_infinity(clips, reference)
    if len(set(both.clusters)) < FEWEST_FOR_LIMIT_INTERVAL:
        return point(found.intercept)
    interval = delete_group_jackknife(
        lambda kept: at_infinity(clips, reference, kept).intercept, both.clusters, n_groups=LIMIT_GROUPS
    )
    if interval is None:
        return point(found.intercept)
    fit = f"line through {found.sizes[0]} to {found.sizes[-1]} clips, R² {found.r_squared:.3f}"
    return replace(interval, method=f"{fit}; {interval.method}", about="the limit of many clips")


def _polynomial(metric: SetMetric, both: Sides) -> Interval:
    x, y = both.x(), both.y()
    if metric.dialect == "jedi":
        return point(jedi_distance(x, y))
    if metric.dialect in SUBSET_DIALECTS:
        # The scatter over subsets of one set, which these publish, is no interval: subsets share their clips.
        return point(subset_mmd(metric.dialect, x, y).mean)
    by_condition = metric.dialect == "by-condition"
    labels, real_labels = both.labels(), both.real_labels()
    interval = mmd_interval(x, labels, y, reference_clusters=real_labels, skip_within=by_condition)
    if interval is None and by_condition:
        return point(polynomial_mmd(x, y, clusters=labels, reference_clusters=real_labels))
    return interval or point(polynomial_mmd(x, y))


def _gaussian_kernel(_: SetMetric, both: Sides) -> Interval:
    x, y, kernel = both.for_kad()
    interval = mmd_interval(x, both.labels(), y, reference_clusters=both.real_labels(), kernel=kernel)
    return point(kernel_audio_distance(x, y)) if interval is None else scaled(interval, SCALE)


def _neighbours(metric: SetMetric, both: Sides) -> Interval:
    x, y = both.means()
    value = float(getattr(neighbour_scores(x, y), metric.metric))
    conditions = len(set(both.clusters))
    if metric.metric == "precision":
        return _wilson(value, conditions)
    # Recall and coverage jump with every clip that is left out: no smooth statistic, no jackknife.
    if metric.metric != "density" or conditions < FEWEST_FOR_DENSITY_INTERVAL:
        return point(value)
    interval = delete_group_jackknife(lambda kept: neighbour_scores(x[kept], y).density, both.clusters)
    return interval or point(value)


def _wilson(share: float, n: int) -> Interval:
    """A share of n draws; unlike value ± t·SE it does not shrink to a point at 0 and 1, where good models lie."""
    z = 1.959964
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    reach = z / (1 + z**2 / n) * sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    method = f"Wilson's, over {n} conditions, reference fixed"
    return Interval(share, centre - reach, centre + reach, reach / z, 0.95, method)


def _per_clip_frechet(both: Sides) -> tuple[Interval, list[float]]:
    values = per_clip_fad(both.clips(), both.reference())
    mean = delete_group_jackknife(lambda kept: float(values[kept].mean()), both.clusters)
    return mean or point(float(values.mean())), [float(value) for value in values]


def _too_few_rows(metric: SetMetric, both: Sides) -> str | None:
    """What a Fréchet distance costs where a covariance has fewer rows than dimensions."""
    shapes = [rows.shape for rows in both.clips()]
    rows, width = sum(n for n, _ in shapes), shapes[0][1]
    if metric.metric.endswith("-inf"):
        smallest = rows // SMALLEST_SHARE
        if smallest > width:
            return None
        return (
            f"the smallest sets of the line have about {smallest} rows in {width} dimensions: it is no straight line "
            "there, and the limit may come out far too low or too high. Give more clips, or read kvd or kad"
        )
    if rows > width:
        return None
    return (
        f"{rows} rows in {width} dimensions: the covariance is singular, and the value lies above its limit of many "
        "clips, the more the fewer there are. Compare it at equal numbers only, and read kvd or kad beside it"
    )


def moved(interval: Interval, estimate: float) -> Interval:
    """The same interval about another estimate."""
    by = estimate - interval.estimate
    return replace(interval, estimate=estimate, low=interval.low + by, high=interval.high + by)


def scaled(interval: Interval, factor: float) -> Interval:
    """The interval in units 1/factor as large."""
    return replace(
        interval,
        estimate=interval.estimate * factor,
        low=interval.low * factor,
        high=interval.high * factor,
        standard_error=interval.standard_error * factor,
    )


_FAMILIES: dict[str, Callable[[SetMetric, Sides], Interval]] = {
    "fvd": _frechet,
    "fad": _frechet,
    "fvd-inf": _frechet_limit,
    "fad-inf": _frechet_limit,
    "kvd": _polynomial,
    "kad": _gaussian_kernel,
    "precision": _neighbours,
    "recall": _neighbours,
    "density": _neighbours,
    "coverage": _neighbours,
}
