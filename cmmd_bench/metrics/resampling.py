"""Bootstrap over clusters: which items a resample holds, and how often, as weights.

A cluster is what was drawn independently, such as a conditioning clip with everything that was generated for it. Whole
clusters are drawn with replacement, as many as there are. Statistics take the (B, N) counts as weights, so that a
thousand resamples are one matrix product.

Not for biased statistics such as Fréchet distances, which react to duplicates: see `jackknife`.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from cmmd_bench.metrics.jackknife import Labels

Floats = NDArray[np.float64]

CELLS = 4_000_000
UNDEFINED = 0.05
"""An interval is refused when more than this share of the resamples has no value."""


def cluster_counts(
    clusters: Labels, *, strata: Labels | None = None, n_resamples: int, seed: int
) -> Iterator[NDArray[np.float64]]:
    """Counts of each item in each resample, in blocks (b, N) that make up (n_resamples, N).

    clusters: (N,) label of each item's cluster; strata: (N,) labels within which clusters are drawn separately, a
    cluster that spans several counting as one in each. The same labels get the same counts in any order of the items.
    """
    if n_resamples < 1:
        raise ValueError(f"n_resamples must be at least 1, found {n_resamples}")
    stratum = np.zeros(len(clusters), dtype=np.intp) if strata is None else _codes(strata, "strata")
    cluster = _codes(clusters, "clusters")
    if len(stratum) != len(cluster):
        raise ValueError(f"strata must have one label per item, found {len(stratum)} for {len(cluster)} items")
    _, drawn = np.unique(np.stack([stratum, cluster]), axis=1, return_inverse=True)
    drawn = drawn.reshape(-1)
    stratum_of = np.zeros(drawn.max() + 1, dtype=np.intp)
    stratum_of[drawn] = stratum
    sizes = np.bincount(stratum_of)
    rng = np.random.default_rng(seed)
    block = max(1, CELLS // len(cluster))
    for start in range(0, n_resamples, block):
        b = min(block, n_resamples - start)
        counts = np.concatenate([rng.multinomial(size, np.full(size, 1 / size), size=b) for size in sizes], axis=1)
        yield counts[:, drawn].astype(np.float64)


def percentile_interval(replicates: Floats, level: float, *, n_clusters: int) -> tuple[float, float] | None:
    """Central interval of the resamples' values, widened for n_clusters; NaN = no value; None for too few values.

    Resamples of n clusters vary less than n clusters do, by √((n - 1)/n), and a quantile takes no account of the few
    degrees of freedom. The share of resamples within the interval is therefore that of a normal distribution within
    t(n - 1)·√(n/(n - 1)) instead of 1.96 standard deviations ("expanded percentile", Hesterberg 2015). With 10 or 20
    clips, correlations were covered by 90 to 93 % of plain intervals of 95 %.
    None also for a single cluster, which always draws itself. ValueError for a level outside 0..1.
    """
    from scipy.special import ndtr, stdtrit

    if not 0 < level < 1:
        raise ValueError(f"level must be between 0 and 1, found {level!r}")
    known = replicates[~np.isnan(replicates)]
    if n_clusters < 2 or len(known) == 0 or 1 - len(known) / len(replicates) > UNDEFINED:
        return None
    tail = float(ndtr(-stdtrit(n_clusters - 1, (1 + level) / 2) * np.sqrt(n_clusters / (n_clusters - 1))))
    low, high = np.quantile(known, [tail, 1 - tail])
    return float(low), float(high)


def _codes(labels: Labels, name: str) -> NDArray[np.intp]:
    array = np.asarray(labels)
    if array.ndim != 1 or len(array) == 0:
        raise ValueError(f"{name} must be a list of one label per item, found shape {array.shape}")
    return np.unique(array.astype(str), return_inverse=True)[1].astype(np.intp)
