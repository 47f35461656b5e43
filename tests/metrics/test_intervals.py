import numpy as np
import pytest

from cmmd_bench.metrics import (
    Accumulator,
    Gaussian,
    GaussianStatistics,
    delete_group_jackknife,
    frechet_distance,
    frechet_interval,
    frechet_interval_of_groups,
    jackknife_groups,
    mmd_interval,
    polynomial_mmd,
)
from cmmd_bench.metrics.jackknife import clusters_per_group


def clustered(seed, n_clusters, per_cluster, d, offset=0.0, scale=1.0):
    """Rows with 0.3 of their variance shared within a cluster, and the label of each row's cluster."""
    rng = np.random.default_rng(seed)
    shared, own = rng.standard_normal((n_clusters, 1, d)), rng.standard_normal((n_clusters, per_cluster, d))
    rows = (np.sqrt(0.3) * shared + np.sqrt(0.7) * own) * scale + offset
    return rows.reshape(-1, d), [f"clip {i}" for i in range(n_clusters) for _ in range(per_cluster)]


def assert_same(interval, expected, rel=1e-9):
    for name in ("estimate", "standard_error", "low", "high"):
        assert getattr(interval, name) == pytest.approx(getattr(expected, name), rel=rel)


@pytest.mark.parametrize(("n_clusters", "per_cluster", "d"), [(33, 3, 5), (12, 2, 40), (200, 4, 3)])
def test_the_short_cuts_equal_plain_recomputation(n_clusters, per_cluster, d):
    x, clusters = clustered(1, n_clusters, per_cluster, d, offset=0.4)
    reference, _ = clustered(2, 30, 2, d)
    plain = delete_group_jackknife(lambda kept: frechet_distance(x[kept], reference), clusters)
    assert_same(frechet_interval(x, clusters, reference), plain)
    plain = delete_group_jackknife(lambda kept: polynomial_mmd(x[kept], reference), clusters)
    assert_same(mmd_interval(x, clusters, reference), plain, rel=1e-7)


def test_pairs_within_clusters_may_be_left_out():
    x, clusters = clustered(12, 20, 3, 5, offset=0.4)
    reference, reference_clusters = clustered(13, 25, 2, 5)
    plain = delete_group_jackknife(
        lambda kept: polynomial_mmd(x[kept], reference, clusters=np.array(clusters)[kept]), clusters
    )
    skipped = mmd_interval(x, clusters, reference, skip_within=True)
    assert_same(skipped, plain, rel=1e-7)
    assert skipped.about == "the value at this n, which is also the limit of many clips"
    assert mmd_interval(x, clusters, reference).about == "the value at this n"

    both = np.array(clusters + reference_clusters)

    def without(kept):
        a, b = kept[kept < 60], kept[kept >= 60]
        return polynomial_mmd(x[a], reference[b - 60], clusters=both[a], reference_clusters=both[b])

    together = mmd_interval(x, clusters, reference, reference_clusters=reference_clusters, skip_within=True)
    assert_same(together, delete_group_jackknife(without, both), rel=1e-7)


def test_both_sides_may_lose_their_clusters_together():
    x, clusters = clustered(3, 25, 4, 4, offset=0.4)
    reference, reference_clusters = clustered(4, 30, 2, 4)
    both = np.array(clusters + reference_clusters)

    def without(statistic):
        n = len(x)
        return lambda kept: statistic(x[kept[kept < n]], reference[kept[kept >= n] - n])

    plain = delete_group_jackknife(without(frechet_distance), both)
    together = frechet_interval(x, clusters, reference, reference_clusters=reference_clusters)
    assert_same(together, plain)
    assert "generated and reference clusters together (30 clusters" in together.method
    plain = delete_group_jackknife(without(polynomial_mmd), both)
    kernel_together = mmd_interval(x, clusters, reference, reference_clusters=reference_clusters)
    assert_same(kernel_together, plain, rel=1e-7)
    assert kernel_together.method == together.method
    assert mmd_interval(x, clusters, reference).method == frechet_interval(x, clusters, reference).method


def test_a_group_may_be_missing_on_one_side():
    x, clusters = clustered(5, 3, 10, 3)
    reference, reference_clusters = clustered(6, 12, 5, 3)
    for function in (frechet_interval, mmd_interval):
        interval = function(x, clusters, reference, reference_clusters=reference_clusters)
        assert interval.low < interval.estimate < interval.high


def test_a_stream_gives_the_same_interval_without_keeping_rows():
    x, clusters = clustered(7, 40, 3, 6, offset=0.3)
    reference, _ = clustered(8, 40, 3, 6)
    groups = jackknife_groups(clusters)
    sizes = clusters_per_group(clusters, groups)
    accumulators = [Accumulator() for _ in sizes]
    for row, group in zip(x, groups, strict=True):
        accumulators[group].add(row[np.newaxis])
    parts = [accumulator.statistics() for accumulator in accumulators]
    assert frechet_interval_of_groups(parts, sizes, reference) == frechet_interval(x, clusters, reference)


def test_the_reference_may_be_published_moments():
    x, clusters = clustered(9, 30, 2, 4)
    interval = frechet_interval(x, clusters, Gaussian.from_moments(np.zeros(4), np.eye(4)), ddof=0)
    assert interval.estimate > 0
    assert interval.method.startswith("delete-group jackknife over generated clusters, reference fixed (30 clusters")


def test_too_few_clusters_or_rows_have_no_interval():
    reference, _ = clustered(10, 20, 1, 3)
    x = reference[:6]
    for function in (frechet_interval, mmd_interval):
        assert function(x, ["a"] * 6, reference) is None
        assert function(x[:2], ["a", "b"], reference) is None
        assert function(x, list("abcdef"), reference[:2], reference_clusters=["a", "b"]) is None
        assert function(x, list("aabbcc"), reference) is not None


def test_malformed_input_is_refused():
    x, clusters = clustered(11, 10, 2, 3)
    for function in (frechet_interval, mmd_interval):
        with pytest.raises(ValueError, match="clusters must have one label per row of x, found 19 labels for 20 rows"):
            function(x, clusters[:-1], x)
        with pytest.raises(ValueError, match="reference_clusters must have one label per row of the reference"):
            function(x, clusters, x, reference_clusters=clusters[:3])
        with pytest.raises(ValueError, match="x must be finite"):
            function(x * np.nan, clusters, x)
    statistics = GaussianStatistics.from_features(x)
    with pytest.raises(ValueError, match=r"reference must be \(M, D\) rows to be resampled"):
        frechet_interval(x, clusters, statistics, reference_clusters=clusters)
    with pytest.raises(ValueError, match="parts and sizes must have one entry per group, found 1 and 2"):
        frechet_interval_of_groups([statistics], [1, 1], x)


@pytest.mark.slow
@pytest.mark.parametrize("metric", ["frechet", "mmd"])
@pytest.mark.parametrize(
    ("n_clusters", "per_cluster", "offset"), [(200, 1, 0.5), (50, 5, 0.5), (10, 5, 0.5), (200, 1, 0.0), (50, 5, 0.0)]
)
def test_intervals_cover_the_expected_value(metric, n_clusters, per_cluster, offset):
    """95 % intervals of 300 sets cover the mean value at this n. Offset 0: the reference's own distribution."""
    reference, _ = clustered(0, 500, 1, 8)
    against = GaussianStatistics.from_features(reference)
    intervals = []
    for seed in range(1, 301):
        x, clusters = clustered(seed, n_clusters, per_cluster, 8, offset=offset, scale=0.8 if offset else 1.0)
        if metric == "frechet":
            intervals.append(frechet_interval(x, clusters, against))
        else:
            intervals.append(mmd_interval(x, clusters, reference))
    expected = np.mean([interval.estimate for interval in intervals])
    coverage = np.mean([interval.low <= expected <= interval.high for interval in intervals])
    # Below: 4 standard errors of 300 trials. Above: where the truth is 0, intervals may be too wide, not too narrow.
    assert 0.95 - 0.05 <= coverage <= (0.995 if offset else 1.0)
