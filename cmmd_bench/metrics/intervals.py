"""Jackknife intervals for Fréchet and kernel distances at the price of a few distances, not of G passes over the data.

By default the generated set alone is resampled, and the reference stays as it is: the interval says how far the value
would move had other conditions been drawn, or other generations, and scored against *this* reference. That is the
uncertainty that matters between models that share a reference. The reference's own sampling noise is not in it: it is
common to all models and mostly cancels in their differences. With `reference_clusters` both sides lose a group's
clusters together: for a reference made of the ground truths of the same conditions, where drawing conditions draws both
sides, and for statements about the population behind the reference. There, with 100 conditions, 95 % intervals covered
95 to 99 % with both sides resampled and 89 to 97 % with the reference fixed. `Interval.method` names which it is.

Both are intervals for the value at this n (see `jackknife`): a Fréchet distance keeps its upward bias.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from cmmd_bench.metrics.checks import Rows, feature_rows
from cmmd_bench.metrics.frechet import Distribution, as_gaussian, frechet_distance
from cmmd_bench.metrics.gaussian import Gaussian, GaussianStatistics, merge
from cmmd_bench.metrics.jackknife import (
    AT_THIS_N,
    GROUPS,
    OF_MANY_CLIPS,
    Interval,
    Labels,
    clusters_per_group,
    interval_from_groups,
    jackknife_groups,
)
from cmmd_bench.metrics.mmd import Kernel, kernel_sums, numbered_sides

Indices = NDArray[np.intp]

FIXED = "generated clusters, reference fixed"
TOGETHER = "generated and reference clusters together"


def frechet_interval(
    x: Rows,
    clusters: Labels,
    reference: Distribution,
    *,
    reference_clusters: Labels | None = None,
    ddof: int = 1,
    n_groups: int = GROUPS,
    level: float = 0.95,
) -> Interval | None:
    """Interval for `frechet_distance(x, reference)`, the rows of x (N, D) belonging to `clusters` (N,).

    reference_clusters: labels of the reference's rows, for resampling both sides together; the reference is then (M, D)
    rows. Returns None when there are fewer than 2 clusters or too few rows without one group.
    """
    x = feature_rows(x, "x", at_least=ddof + 1)
    groups, reference_groups, sizes = _groups(len(x), clusters, reference, reference_clusters, n_groups)
    parts = statistics_by_group(x, groups, len(sizes))
    if reference_groups is None:
        return frechet_interval_of_groups(parts, sizes, reference, ddof=ddof, level=level)
    reference_parts = statistics_by_group(np.asarray(reference), reference_groups, len(sizes))
    if min(fewest_without(parts), fewest_without(reference_parts)) <= ddof:
        return None
    pairs = zip(without_each(parts), without_each(reference_parts), strict=True)
    without = [frechet_distance(a, b, ddof=ddof) for a, b in pairs]
    value = frechet_distance(x, np.asarray(reference), ddof=ddof)
    return interval_from_groups(value, without, sizes, level=level, over=TOGETHER)


def frechet_interval_of_groups(
    parts: Sequence[GaussianStatistics | None],
    sizes: Sequence[int],
    reference: Distribution,
    *,
    ddof: int = 1,
    level: float = 0.95,
) -> Interval | None:
    """`frechet_interval` of a set that was never in memory: statistics and number of clusters of each jackknife group.

    Send every item to the `Accumulator` of its group (`jackknife_groups`). A group without rows is None.
    Each leave-out is a merge of what comes before the group and what comes after: 3 G merges, G + 1 distances.
    """
    against = as_gaussian(reference, "reference", ddof=ddof)
    if len(parts) != len(sizes):
        raise ValueError(f"parts and sizes must have one entry per group, found {len(parts)} and {len(sizes)}")
    if len(parts) < 2 or fewest_without(parts) <= ddof:
        return None
    without = [frechet_distance(part, against, ddof=ddof) for part in without_each(parts)]
    value = frechet_distance(merged(parts), against, ddof=ddof)
    return interval_from_groups(value, without, sizes, level=level, over=FIXED)


def mmd_interval(
    x: Rows,
    clusters: Labels,
    reference: Rows,
    *,
    reference_clusters: Labels | None = None,
    kernel: Kernel | None = None,
    skip_within: bool = False,
    n_groups: int = GROUPS,
    level: float = 0.95,
) -> Interval | None:
    """Interval for the unbiased MMD² of x and the reference; the kernel is computed once and summed by groups.

    kernel: None is KVD's, so that the estimate is `polynomial_mmd(x, reference)`.
    skip_within: leave out pairs of rows of one cluster, as `polynomial_mmd` does when it is given the clusters.
    Other arguments and None as in `frechet_interval`.
    """
    x, y = feature_rows(x, "x", at_least=2), feature_rows(reference, "reference", at_least=2)
    groups, reference_groups, sizes = _groups(len(x), clusters, reference, reference_clusters, n_groups)
    clusters_x, clusters_y = None, None
    if skip_within:
        clusters_x, clusters_y = numbered_sides(len(x), clusters, len(y), reference_clusters)
    if reference_groups is None:
        # A group of its own, which is never left out.
        reference_groups = np.full(len(y), len(sizes))
    counts = [np.bincount(numbers, minlength=len(sizes) + 1) for numbers in (groups, reference_groups)]
    if len(sizes) < 2 or min((n.sum() - n[:-1]).min() for n in counts) < 2:
        return None
    sums = kernel_sums(
        *(x, y, groups, reference_groups),
        n_groups=len(sizes) + 1,
        kernel=kernel,
        clusters_x=clusters_x,
        clusters_y=clusters_y,
    )
    without = [sums.mmd(without=g) for g in range(len(sizes))]
    over = FIXED if reference_clusters is None else TOGETHER
    about = OF_MANY_CLIPS if skip_within else AT_THIS_N
    return interval_from_groups(sums.mmd(), without, sizes, level=level, over=over, about=about)


def statistics_by_group(rows: Rows, groups: Indices, n_groups: int) -> list[GaussianStatistics | None]:
    """Statistics of the rows (N, D) of each group; None for a group without rows."""
    members = (rows[groups == g] for g in range(n_groups))
    return [GaussianStatistics.from_features(part) if len(part) else None for part in members]


def fewest_without(parts: Sequence[GaussianStatistics | None]) -> int:
    """Rows that remain when the largest group is left out."""
    counts = [0 if part is None else part.n for part in parts]
    return sum(counts) - max(counts)


def without_each(parts: Sequence[GaussianStatistics | None]) -> Iterator[GaussianStatistics]:
    """Statistics of all groups but one, for each in turn; every such union must have rows."""
    after: list[GaussianStatistics | None] = [None] * len(parts)
    for g in range(len(parts) - 1, 0, -1):
        after[g - 1] = _union(after[g], parts[g])
    before: GaussianStatistics | None = None
    for g, part in enumerate(parts):
        yield _present(_union(before, after[g]))
        after[g] = None
        before = _union(before, part)


def merged(parts: Sequence[GaussianStatistics | None]) -> GaussianStatistics:
    """Statistics of all groups together."""
    total: GaussianStatistics | None = None
    for part in parts:
        total = _union(total, part)
    return _present(total)


def _groups(
    n: int, clusters: Labels, reference: Distribution, reference_clusters: Labels | None, n_groups: int
) -> tuple[Indices, Indices | None, list[int]]:
    """Groups of the n rows of x and of the reference's rows (None when it stays fixed), and clusters in each group."""
    if len(clusters) != n:
        raise ValueError(f"clusters must have one label per row of x, found {len(clusters)} labels for {n} rows")
    if reference_clusters is None:
        groups = jackknife_groups(clusters, n_groups=n_groups)
        return groups, None, clusters_per_group(clusters, groups)
    if isinstance(reference, GaussianStatistics | Gaussian):
        raise ValueError("reference must be (M, D) rows to be resampled with reference_clusters, found statistics")
    m = len(np.asarray(reference))
    if len(reference_clusters) != m:
        found = f"{len(reference_clusters)} labels for {m} rows"
        raise ValueError(f"reference_clusters must have one label per row of the reference, found {found}")
    labels = [str(label) for label in (*clusters, *reference_clusters)]
    groups = jackknife_groups(labels, n_groups=n_groups)
    return groups[:n], groups[n:], clusters_per_group(labels, groups)


def _union(a: GaussianStatistics | None, b: GaussianStatistics | None) -> GaussianStatistics | None:
    if a is None or b is None:
        return b if a is None else a
    return merge(a, b)


def _present(statistics: GaussianStatistics | None) -> GaussianStatistics:
    if statistics is None:
        raise ValueError("a set without rows has no statistics")
    return statistics
