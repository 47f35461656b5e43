import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cmmd_bench.metrics import delete_group_jackknife, jackknife_groups
from cmmd_bench.metrics.jackknife import clusters_per_group, interval_from_groups

labels = st.lists(st.integers(0, 40).map("clip {}".format), min_size=1, max_size=120)


@given(labels, st.integers(2, 25))
@settings(deadline=None, max_examples=60)
def test_clusters_are_dealt_whole_and_evenly(clusters, n_groups):
    groups = jackknife_groups(clusters, n_groups=n_groups)
    distinct = set(clusters)
    assert len(set(zip(clusters, groups.tolist(), strict=True))) == len(distinct)
    sizes = clusters_per_group(clusters, groups)
    assert sum(sizes) == len(distinct)
    assert len(sizes) == min(n_groups, len(distinct))
    assert max(sizes) - min(sizes) <= 1


@given(labels, st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=30)
def test_dealing_ignores_the_order_and_number_of_items(clusters, random):
    group_of = dict(zip(clusters, jackknife_groups(clusters).tolist(), strict=True))
    shuffled = clusters * 2
    random.shuffle(shuffled)
    assert dict(zip(shuffled, jackknife_groups(shuffled).tolist(), strict=True)) == group_of


def test_dealing_does_not_follow_the_names():
    # In the order of names, group 0 would be clips 0, 20, 40 and so on.
    groups = jackknife_groups([f"clip_{i:03d}" for i in range(100)])
    assert not np.array_equal(groups, np.arange(100) % 20)
    assert np.array_equal(jackknife_groups(list(range(30))), jackknife_groups([str(i) for i in range(30)]))


@pytest.mark.parametrize("n", [20, 60, 200])
def test_the_mean_gets_its_textbook_standard_error(n):
    values = np.random.default_rng(n).standard_normal(n)
    interval = delete_group_jackknife(lambda kept: values[kept].mean(), np.arange(n), n_groups=n)
    assert interval.estimate == values.mean()
    assert interval.standard_error == pytest.approx(values.std(ddof=1) / np.sqrt(n), rel=1e-9)


def test_the_interval_is_students_t_on_groups():
    from scipy import stats

    values = np.random.default_rng(1).standard_normal(40)
    clusters = np.arange(40)
    interval = delete_group_jackknife(lambda kept: values[kept].mean(), clusters, n_groups=8, level=0.9)
    # Equal groups: the interval is the one-sample t interval of the group means.
    groups = jackknife_groups(clusters, n_groups=8)
    means = np.array([values[groups == g].mean() for g in range(8)])
    low, high = stats.t.interval(0.9, 7, loc=means.mean(), scale=stats.sem(means))
    assert (interval.low, interval.high) == pytest.approx((low, high), rel=1e-9)
    assert interval.level == 0.9
    assert interval.method == "delete-group jackknife over items (40 clusters in 8 groups), t(7)"


def test_correlated_items_of_a_cluster_do_not_narrow_the_interval():
    rng = np.random.default_rng(2)
    values = rng.standard_normal(100)
    once = delete_group_jackknife(lambda kept: values[kept].mean(), np.arange(100))
    repeated, clusters = np.repeat(values, 7), np.repeat(np.arange(100), 7)
    often = delete_group_jackknife(lambda kept: repeated[kept].mean(), clusters)
    assert often.standard_error == pytest.approx(once.standard_error, rel=1e-9)


def test_groups_of_unequal_size_are_weighted():
    rng = np.random.default_rng(3)
    ratios = []
    for _ in range(400):
        values = rng.standard_normal(29)
        interval = delete_group_jackknife(lambda kept, v=values: v[kept].mean(), np.arange(29), n_groups=20)
        ratios.append(interval.standard_error**2 * 29)
    # The variance of the mean of 29 draws, unbiased although nine groups hold two clusters and eleven hold one.
    assert np.mean(ratios) == pytest.approx(1.0, abs=4 * np.std(ratios) / 20)


def test_one_cluster_has_no_interval():
    assert delete_group_jackknife(lambda kept: 1.0, ["a"] * 10) is None


def test_a_constant_has_no_width():
    interval = delete_group_jackknife(lambda kept: 2.5, list("abcdef"))
    assert (interval.low, interval.estimate, interval.high, interval.standard_error) == (2.5, 2.5, 2.5, 0.0)
    assert interval.method.endswith(", no spread between clusters")


def test_a_standard_error_of_rounding_size_is_none():
    values = [0.1 + 0.2, 0.3, 0.3, 0.1 + 0.2]
    interval = delete_group_jackknife(lambda kept: np.mean([values[i] for i in kept]), list("abcd"))
    assert interval.standard_error == 0.0
    assert interval.method.endswith(", no spread between clusters")
    small = delete_group_jackknife(lambda kept: 1.0 + 1e-9 * kept.mean(), list("abcd"))
    assert small.standard_error > 0


def test_malformed_input_is_refused():
    with pytest.raises(ValueError, match=r"one label per item, found shape \(0,\)"):
        jackknife_groups([])
    with pytest.raises(ValueError, match=r"one label per item, found shape \(2, 1\)"):
        jackknife_groups(np.zeros((2, 1), dtype=int))
    with pytest.raises(ValueError, match="strings or whole numbers, found float64"):
        jackknife_groups(np.arange(3.0))
    with pytest.raises(ValueError, match="n_groups must be at least 2, found 1"):
        jackknife_groups(["a", "b"], n_groups=1)
    with pytest.raises(ValueError, match="level must be between 0 and 1, found 95"):
        delete_group_jackknife(lambda kept: 1.0, ["a", "b"], level=95)
    with pytest.raises(ValueError, match="must be finite for all items and without each group"):
        delete_group_jackknife(lambda kept: float("nan"), ["a", "b"])
    with pytest.raises(ValueError, match="must be finite"):
        interval_from_groups(1.0, [1.0, float("inf")], [1, 1], over="items")
