"""Counts of a bootstrap over clusters, and the percentile interval."""

import numpy as np
import pytest
from scipy import stats

from cmmd_bench.metrics.resampling import cluster_counts, percentile_interval

CLIPS = ["a", "a", "b", "c", "c", "c"]


def counts(clusters, **options):
    return np.concatenate(list(cluster_counts(clusters, **{"n_resamples": 400, "seed": 1, **options})))


def test_whole_clusters_are_drawn_as_many_as_there_are():
    w = counts(CLIPS)
    assert w.shape == (400, 6)
    np.testing.assert_array_equal(w[:, 0], w[:, 1])
    np.testing.assert_array_equal(w[:, 3], w[:, 5])
    np.testing.assert_array_equal(w[:, [0, 2, 3]].sum(axis=1), 3)
    np.testing.assert_allclose(w.mean(axis=0), 1, atol=0.15)


def test_strata_are_drawn_separately():
    w = counts(["a", "b", "c", "a", "b"], strata=["x", "x", "x", "y", "y"])
    np.testing.assert_array_equal(w[:, :3].sum(axis=1), 3)
    np.testing.assert_array_equal(w[:, 3:].sum(axis=1), 2)
    assert (w[:, 0] != w[:, 3]).any()


def test_the_order_of_items_and_the_size_of_blocks_do_not_matter(monkeypatch):
    w = counts(CLIPS)
    order = [3, 0, 5, 2, 1, 4]
    np.testing.assert_array_equal(counts([CLIPS[i] for i in order]), w[:, order])
    monkeypatch.setattr("cmmd_bench.metrics.resampling.CELLS", 60)
    blocks = list(cluster_counts(CLIPS, n_resamples=25, seed=1))
    assert [len(block) for block in blocks] == [10, 10, 5]
    np.testing.assert_array_equal(np.concatenate(blocks), w[:25])


def test_the_interval_leaves_out_resamples_without_a_value_unless_they_are_many():
    def interval(values, level=0.9):
        return percentile_interval(values, level, n_clusters=10**6)

    values = np.arange(101.0)
    assert interval(values) == pytest.approx((5, 95), abs=1e-3)
    assert interval(np.append(values, [np.nan] * 5)) == pytest.approx((5, 95), abs=1e-3)
    assert interval(np.append(values, [np.nan] * 6)) is None
    assert interval(np.full(3, np.nan)) is None
    with pytest.raises(ValueError, match="level must be between 0 and 1, found 95"):
        interval(values, 95)


def test_few_clusters_widen_the_interval_to_that_of_a_mean():
    # Of normal data the bootstrap distribution of the mean is normal with sd s·√((n-1)/n)/√n, whose expanded
    # percentiles are the t interval.
    for n in (6, 10, 40):
        x = stats.norm.ppf((np.arange(n) + 0.5) / n)
        s = x.std(ddof=1) / np.sqrt(n)
        replicates = x.mean() + s * np.sqrt((n - 1) / n) * stats.norm.ppf((np.arange(200_000) + 0.5) / 200_000)
        expected = stats.t.interval(0.95, n - 1, loc=x.mean(), scale=s)
        assert percentile_interval(replicates, 0.95, n_clusters=n) == pytest.approx(expected, rel=0.02)
    assert percentile_interval(np.ones(9), 0.95, n_clusters=1) is None


def test_malformed_labels_are_refused():
    with pytest.raises(ValueError, match="clusters must be a list of one label per item"):
        counts([])
    with pytest.raises(ValueError, match="strata must have one label per item, found 2 for 6 items"):
        counts(CLIPS, strata=["x", "y"])
    with pytest.raises(ValueError, match="n_resamples must be at least 1"):
        counts(CLIPS, n_resamples=0)
