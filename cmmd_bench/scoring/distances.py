"""Distances between the set of generated clips and a set of real ones: Fréchet, kernel and neighbourhood."""

from collections.abc import Callable

from cmmd_bench.metrics import (
    Accumulator,
    Interval,
    accumulate,
    delete_group_jackknife,
    frechet_distance,
    frechet_interval,
    frechet_interval_of_groups,
    jackknife_groups,
    mmd_interval,
    per_clip_fad,
    polynomial_mmd,
)
from cmmd_bench.metrics.dialects import DIALECTS
from cmmd_bench.metrics.jackknife import clusters_per_group
from cmmd_bench.scoring.cells import cell, point
from cmmd_bench.scoring.features import Features
from cmmd_bench.scoring.results import PerClip, Result
from cmmd_bench.scoring.samples import RowOfTable
from cmmd_bench.scoring.sides import Sides, sides
from cmmd_bench.suites.metrics import SetMetric


def distance_cell(
    metric: SetMetric, row: RowOfTable, features: Features, reference: tuple[str, ...]
) -> tuple[Result, list[PerClip]]:
    """One cell of a set metric; ValueError when there are fewer than 2 clips on a side."""
    both = sides(metric, row.samples, features, reference)
    per_clip: list[PerClip] = []
    if metric.metric == "fad-clip":
        interval, values = _per_clip_frechet(both)
        per_clip = [PerClip(row.model, s.id, metric.label, v) for s, v in zip(both.seen, values, strict=True)]
    else:
        interval = _FAMILIES[metric.metric](metric, both)
    return cell(metric, row, interval, seen=both.seen, n_reference=len(both.real)), per_clip


def _frechet(metric: SetMetric, both: Sides) -> Interval:
    ddof = DIALECTS[metric.dialect].ddof if metric.dialect else 1
    if not both.paired:
        return _streamed_frechet(both, ddof)
    x, y = both.x(), both.y()
    interval = frechet_interval(x, both.labels(), y, reference_clusters=both.real_labels(), ddof=ddof)
    return interval or point(frechet_distance(x, y, ddof=ddof))


def _streamed_frechet(both: Sides, ddof: int) -> Interval:
    """Fréchet distance with its interval; features pass through one accumulator per jackknife group."""
    reference = both.reference(ddof)
    groups = jackknife_groups(both.clusters)
    sizes = clusters_per_group(both.clusters, groups)
    parts = [Accumulator() for _ in sizes]
    for rows, group in zip(both.clips(), groups, strict=True):
        parts[group].add(rows)
    interval = frechet_interval_of_groups([part.statistics() for part in parts], sizes, reference, ddof=ddof)
    return interval or point(frechet_distance(accumulate(both.clips()), reference, ddof=ddof))


def _kernel(metric: SetMetric, both: Sides) -> Interval:
    x, y = both.x(), both.y()
    interval = mmd_interval(x, both.labels(), y, reference_clusters=both.real_labels())
    return interval or point(polynomial_mmd(x, y))


def _per_clip_frechet(both: Sides) -> tuple[Interval, list[float]]:
    values = per_clip_fad(both.clips(), both.reference())
    mean = delete_group_jackknife(lambda kept: float(values[kept].mean()), both.clusters)
    return mean or point(float(values.mean())), [float(value) for value in values]


_FAMILIES: dict[str, Callable[[SetMetric, Sides], Interval]] = {
    "fvd": _frechet,
    "fad": _frechet,
    "kvd": _kernel,
}
