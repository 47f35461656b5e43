"""Krippendorff's alpha: agreement of any number of raters, with missing cells, on any kind of scale.

    alpha = 1 - observed disagreement / disagreement expected of the same ratings dealt at random

1 is perfect, 0 chance, below 0 systematic contradiction. Items with a single rating count for nothing. Disagreement of
two ratings is by metric (Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability"):

    nominal   1 if they differ                 interval  (c - k)²
    ordinal   (ratings from c to k, the ends counted half)²       ratio     ((c - k) / (c + k))²

The default for opinion scores is ordinal, which takes the answers' order for granted and their distances not.
"""

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from cmmd_bench.metrics.jackknife import Labels
from cmmd_bench.metrics.opinion.matrix import Matrix, rater_rows
from cmmd_bench.metrics.resampling import cluster_counts, percentile_interval

Metric = Literal["nominal", "ordinal", "interval", "ratio"]

MOST_VALUES = 256
"""Distinct ratings; beyond this the table of their coincidences is larger than any rating scale calls for."""
CELLS = 4_000_000


@dataclass(frozen=True, slots=True)
class Alpha:
    """value and the limits of its interval, None with a reason where undefined; items and ratings that took part.

    method: what was resampled for the interval.
    """

    metric: Metric
    value: float | None
    low: float | None
    high: float | None
    level: float
    n_items: int
    n_ratings: int
    method: str
    reason: str | None


def krippendorff_alpha(
    ratings: NDArray[Any],
    *,
    metric: Metric = "ordinal",
    clips: Labels | None = None,
    level: float = 0.95,
    n_resamples: int = 2000,
    seed: int = 0,
) -> Alpha:
    """Alpha of an (R, I) matrix, NaN = missing, with the interval of a bootstrap over clips.

    clips: (I,) the conditioning clip of each item, resampled with all its items together; without it each item is its
    own. The raters stay the same ones: the interval is for other clips rated by this panel.
    ValueError for other than 2 raters or more, more than 256 distinct ratings, or negative ratings on a ratio scale.
    """
    x = rater_rows(ratings, raters=2)
    if metric not in get_args(Metric):
        raise ValueError(f"metric must be one of {', '.join(get_args(Metric))}, found {metric!r}")
    if clips is not None and len(clips) != x.shape[1]:
        raise ValueError(f"clips must have one label per item, found {len(clips)} labels for {x.shape[1]} items")
    cluster = (np.arange(x.shape[1]) if clips is None else np.asarray(clips)).astype(str)
    use = (~np.isnan(x)).sum(axis=0) >= 2
    x, cluster = x[:, use], cluster[use]
    n_ratings, n_clips = int((~np.isnan(x)).sum()), len(np.unique(cluster))
    method = f"percentile bootstrap over {n_clips} clips, {n_resamples} resamples"

    def without(reason: str, value: float | None = None) -> Alpha:
        return Alpha(metric, value, None, None, level, x.shape[1], n_ratings, method, reason)

    if n_ratings == 0:
        return without("no item has two ratings")
    values, coincidences = _coincidences(x, metric)
    if len(values) == 1:
        return without("all ratings are equal")
    value = float(_alpha(coincidences.sum(axis=0)[None], values, metric)[0])
    if n_clips < 2:
        return without("one clip has no interval", value)
    replicates = np.concatenate(
        [
            _alpha(np.tensordot(part, coincidences, axes=1), values, metric)
            for counts in cluster_counts(cluster, n_resamples=n_resamples, seed=seed)
            for part in np.array_split(counts, -(-len(counts) * len(values) ** 2 // CELLS))
        ]
    )
    interval = percentile_interval(replicates, level, n_clusters=n_clips)
    if interval is None:
        return without("too many resamples hold one rating only", value)
    return Alpha(metric, value, *interval, level, x.shape[1], n_ratings, method, None)


def _coincidences(x: Matrix, metric: Metric) -> tuple[Matrix, Matrix]:
    """Distinct ratings (V,), and for each item how often each pair of them met in it (I, V, V), each rating once."""
    rated = ~np.isnan(x)
    values = np.unique(x[rated])
    if len(values) > MOST_VALUES:
        raise ValueError(f"ratings must take at most {MOST_VALUES} distinct values (round them), found {len(values)}")
    if metric == "ratio" and values[0] < 0:
        raise ValueError(f"ratings on a ratio scale must not be negative, found {values[0]:g}")
    counts = np.stack([(x == value).sum(axis=0) for value in values], axis=1).astype(np.float64)
    pairs = counts[:, :, None] * counts[:, None, :]
    diagonal = np.arange(len(values))
    pairs[:, diagonal, diagonal] -= counts
    return values, pairs / (rated.sum(axis=0) - 1)[:, None, None]


def _alpha(coincidences: Matrix, values: Matrix, metric: Metric) -> Matrix:
    """Alpha (B,) of B tables of coincidences (B, V, V); NaN where all ratings are equal."""
    totals = coincidences.sum(axis=2)
    n = totals.sum(axis=1)
    distance = _squared_distances(totals, values, metric)
    observed = (coincidences * distance).sum(axis=(1, 2))
    expected = np.einsum("bi,bij,bj->b", totals, np.broadcast_to(distance, coincidences.shape), totals) / (n - 1)
    # Weights and coincidences are not whole numbers, so that what should be 0 may be a rounding.
    defined = expected > 1e-12 * n * (distance.max(axis=(1, 2)) if metric != "ordinal" else n**2)
    alphas: Matrix = np.where(defined, 1 - observed / np.where(defined, expected, 1.0), np.nan)
    return alphas


def _squared_distances(totals: Matrix, values: Matrix, metric: Metric) -> Matrix:
    """(1 or B, V, V); only ordinal distances depend on how often each rating was given."""
    c, k = values[:, None], values[None, :]
    if metric == "nominal":
        nominal: Matrix = (c != k).astype(np.float64)[None]
        return nominal
    if metric == "interval":
        interval: Matrix = ((c - k) ** 2)[None]
        return interval
    if metric == "ratio":
        ratio: Matrix = (((c - k) / np.where(c + k > 0, c + k, 1.0)) ** 2)[None]
        return ratio
    middle = totals.cumsum(axis=1) - totals / 2
    ordinal: Matrix = (middle[:, :, None] - middle[:, None, :]) ** 2
    return ordinal
