"""Krippendorff's alpha against its author's example, a version by loops, and its bootstrap."""

from itertools import permutations

import numpy as np
import pytest

from cmmd_bench.metrics.opinion.alpha import krippendorff_alpha
from cmmd_bench.metrics.resampling import cluster_counts, percentile_interval

METRICS = ("nominal", "ordinal", "interval", "ratio")
NO = np.nan
# Krippendorff (2011): 4 observers of 12 units.
OBSERVERS = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, NO, NO, NO],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NO, 3],
        [NO, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NO],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NO],
    ]
)
PUBLISHED = {"nominal": 0.743421, "ordinal": 0.815388, "interval": 0.849107, "ratio": 0.797403}


@pytest.mark.parametrize("metric", METRICS)
def test_the_example_of_its_author(metric):
    found = krippendorff_alpha(OBSERVERS, metric=metric)
    assert found.value == pytest.approx(PUBLISHED[metric], abs=5e-7)
    # The twelfth unit has one rating and counts for nothing.
    assert (found.n_items, found.n_ratings) == (11, 40)
    assert found.low < found.value <= found.high <= 1


@pytest.mark.parametrize("metric", METRICS)
def test_pair_by_pair(metric):
    rng = np.random.default_rng(12)
    x = np.clip(np.round(rng.normal(3, 1, size=15) + rng.normal(size=(5, 15))), 0, 6)
    x[rng.random(x.shape) < 0.3] = np.nan
    assert krippendorff_alpha(x, metric=metric, n_resamples=1).value == pytest.approx(by_pairs(x, metric))


def by_pairs(x, metric):
    units = [column[~np.isnan(column)] for column in x.T]
    units = [unit for unit in units if len(unit) > 1]
    pooled = np.concatenate(units)

    def distance(c, k):
        c, k = min(c, k), max(c, k)
        if metric == "nominal":
            return float(c != k)
        if metric == "interval":
            return (c - k) ** 2
        if metric == "ratio":
            return ((c - k) / (c + k)) ** 2 if c + k else 0.0
        between = sum(c <= g <= k for g in pooled) - (np.sum(pooled == c) + np.sum(pooled == k)) / 2
        return between**2 if c != k else 0.0

    observed = sum(sum(distance(a, b) for a, b in permutations(unit, 2)) / (len(unit) - 1) for unit in units)
    expected = sum(distance(a, b) for a, b in permutations(pooled, 2)) / (len(pooled) - 1)
    return 1 - observed / expected


def test_the_bootstrap_takes_whole_clips_and_recomputes_everything():
    rng = np.random.default_rng(5)
    x = rng.integers(1, 6, size=(3, 8)).astype(float)
    clips = [f"c{i // 2}" for i in range(8)]
    found = krippendorff_alpha(x, clips=clips, n_resamples=25, seed=3)
    assert found.method == "percentile bootstrap over 4 clips, 25 resamples"
    # Plainly: lay the columns of the clips that were drawn side by side, compute alpha.
    (counts,) = cluster_counts(clips, n_resamples=25, seed=3)
    values = [by_pairs(np.repeat(x, count.astype(int), axis=1), "ordinal") for count in counts]
    assert (found.low, found.high) == pytest.approx(percentile_interval(np.array(values), 0.95, n_clusters=4))
    again = krippendorff_alpha(x[:, ::-1], clips=clips[::-1], n_resamples=25, seed=3)
    assert (again.low, again.high) == pytest.approx((found.low, found.high))


def test_perfect_agreement_chance_and_contradiction():
    perfect = krippendorff_alpha(np.tile([1, 2, 3, 4, 5], (3, 1)))
    assert (perfect.value, perfect.low, perfect.high) == pytest.approx((1, 1, 1))
    noise = krippendorff_alpha(np.random.default_rng(0).integers(1, 6, size=(6, 400)))
    assert noise.low < 0 < noise.high
    assert krippendorff_alpha(np.array([[1, 5, 1, 5], [5, 1, 5, 1]])).value < 0


def test_nothing_to_compute_is_none_with_a_reason():
    assert krippendorff_alpha(np.full((3, 4), 2.2)).reason == "all ratings are equal"
    apart = krippendorff_alpha(np.array([[1, NO], [NO, 2]]))
    assert (apart.value, apart.reason, apart.n_items) == (None, "no item has two ratings", 0)
    one = krippendorff_alpha(np.array([[1.0], [2.0]]))
    assert one.value == pytest.approx(0)
    assert (one.low, one.reason) == (None, "one clip has no interval")
    # Three clips of one rating and one that differs: too many resamples without any difference.
    rare = krippendorff_alpha(np.array([[1, 1, 1, 2], [1, 1, 1, 2]]))
    assert rare.value == 1
    assert (rare.low, rare.high, rare.reason) == (None, None, "too many resamples hold one rating only")


def test_malformed_tables_are_refused():
    for x, options, match in (
        (np.ones((1, 3)), {}, "at least 2 rater"),
        (np.full((2, 3), NO), {}, "ratings must hold at least one rating, found none"),
        (OBSERVERS, {"metric": "cosine"}, "metric must be one of nominal, ordinal, interval, ratio, found 'cosine'"),
        (OBSERVERS, {"clips": ["a", "b"]}, "clips must have one label per item, found 2 labels for 12 items"),
        (OBSERVERS - 3, {"metric": "ratio"}, "ratio scale must not be negative, found -2"),
        (np.arange(600.0).reshape(2, 300), {}, "at most 256 distinct values"),
        (OBSERVERS, {"level": 95}, "level must be between 0 and 1"),
    ):
        with pytest.raises(ValueError, match=match):
            krippendorff_alpha(x, **options)
