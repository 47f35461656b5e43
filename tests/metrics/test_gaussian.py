import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cmmd_bench.metrics import Accumulator, Gaussian, GaussianStatistics, accumulate, merge

fast = settings(deadline=None, max_examples=40)


def rows(seed, n, d, offset=0.0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, d)) @ rng.standard_normal((d, d)) + offset


def assert_same_statistics(a, b, rel=1e-11):
    assert a.n == b.n
    np.testing.assert_allclose(a.mean, b.mean, rtol=rel, atol=rel * np.abs(b.mean).max())
    scatter = b.factor.T @ b.factor
    np.testing.assert_allclose(a.factor.T @ a.factor, scatter, rtol=rel, atol=rel * np.abs(scatter).max())


@given(seed=st.integers(0, 999), n=st.integers(2, 700), d=st.integers(1, 12), ddof=st.sampled_from([0, 1]))
@fast
def test_mean_and_covariance_are_those_of_numpy(seed, n, d, ddof):
    x = rows(seed, n, d)
    s = GaussianStatistics.from_features(x)
    assert s.n == n
    np.testing.assert_allclose(s.mean, x.mean(axis=0), rtol=1e-12, atol=1e-12)
    expected = np.cov(x, rowvar=False, ddof=ddof).reshape(d, d)
    np.testing.assert_allclose(s.covariance(ddof), expected, rtol=1e-10, atol=1e-10)
    assert s.factor.shape[1] == d
    assert len(s.factor) <= d


def test_a_mean_that_dwarfs_the_spread_does_not_cancel():
    # E[xx'] - mean mean' would keep about three digits here.
    x = rows(1, 500, 5)
    shifted = GaussianStatistics.from_features(x + 1e6)
    np.testing.assert_allclose(shifted.covariance(), np.cov(x, rowvar=False), rtol=1e-8)


@given(seed=st.integers(0, 999), d=st.integers(1, 6), cuts=st.lists(st.integers(1, 9499), max_size=12))
@fast
def test_cutting_the_rows_into_blocks_changes_no_bit(seed, d, cuts):
    x = rows(seed, 9500, d).astype(np.float32)
    whole = accumulate([x])
    blocks = [block for block in np.split(x, sorted(cuts)) if len(block)]
    cut = accumulate(iter(blocks))
    assert cut.n == whole.n
    assert np.array_equal(cut.mean, whole.mean)
    assert np.array_equal(cut.factor, whole.factor)


def test_looking_at_the_statistics_on_the_way_changes_no_bit():
    x = rows(3, 10000, 4)
    accumulator = Accumulator()
    for block in np.split(x, 10):
        accumulator.add(block)
        accumulator.statistics()
    assert np.array_equal(accumulator.statistics().factor, accumulate([x]).factor)


@given(seed=st.integers(0, 999), sizes=st.tuples(*[st.integers(1, 60)] * 3), d=st.integers(1, 20))
@fast
def test_merging_is_associative_and_commutative_and_equals_the_union(seed, sizes, d):
    x = rows(seed, sum(sizes), d, offset=3.0)
    a, b, c = (GaussianStatistics.from_features(part) for part in np.split(x, np.cumsum(sizes)[:2]))
    union = GaussianStatistics.from_features(x)
    for merged in (merge(merge(a, b), c), merge(a, merge(b, c)), merge(c, merge(b, a))):
        assert_same_statistics(merged, union)
        assert len(merged.factor) <= d


def test_a_single_row_has_a_mean_and_no_spread():
    s = GaussianStatistics.from_features(np.array([[1.0, 2.0]]))
    assert s.n == 1
    np.testing.assert_array_equal(s.covariance(ddof=0), np.zeros((2, 2)))
    with pytest.raises(ValueError, match="at least 2 rows, found 1"):
        s.covariance()


def test_float16_is_promoted_before_any_arithmetic():
    x = rows(4, 300, 8).astype(np.float16)
    promoted = GaussianStatistics.from_features(x.astype(np.float64))
    s = GaussianStatistics.from_features(x)
    assert np.array_equal(s.mean, promoted.mean)
    assert np.array_equal(s.factor, promoted.factor)


def test_memory_does_not_grow_with_the_stream():
    def peak(clips):
        rng = np.random.default_rng(0)
        tracemalloc.start()
        accumulate(rng.standard_normal((10, 128), dtype=np.float32) for _ in range(clips))
        _, highest = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return highest

    # Kept, the further features of the long stream would be 17 MB.
    assert peak(4000) - peak(600) < 500_000


@pytest.mark.parametrize("ddof", [0, 1])
def test_moments_give_back_the_same_statistics(ddof):
    s = GaussianStatistics.from_features(rows(5, 50, 6))
    again = GaussianStatistics.from_moments(s.mean, s.covariance(ddof), s.n, ddof=ddof)
    assert_same_statistics(again, s, rel=1e-10)


def test_moments_of_a_rank_deficient_set_are_accepted():
    x = rows(6, 5, 40)
    g = Gaussian.from_moments(x.mean(axis=0), np.cov(x, rowvar=False))
    np.testing.assert_allclose(g.factor.T @ g.factor, np.cov(x, rowvar=False), atol=1e-9)


def test_moments_stored_in_single_precision_are_accepted():
    x = rows(7, 300, 32)
    g = Gaussian.from_moments(x.mean(axis=0).astype(np.float32), np.cov(x, rowvar=False).astype(np.float32))
    assert g.trace == pytest.approx(np.trace(np.cov(x, rowvar=False)), rel=1e-6)


SQUARE = np.eye(3)


@pytest.mark.parametrize(
    ("mean", "covariance", "message"),
    [
        (np.zeros(2), SQUARE, r"mean must have shape \(D,\) and covariance \(D, D\), found mean of shape \(2,\)"),
        (np.zeros((1, 3)), SQUARE, r"found mean of shape \(1, 3\)"),
        (np.zeros(3), SQUARE[:2], r"covariance of shape \(2, 3\)"),
        (np.zeros(3), SQUARE + np.triu(np.full((3, 3), 0.1), 1), "symmetric, found entries that differ .* by 0.1"),
        (np.zeros(3), np.diag([1.0, 1.0, -0.5]), "no eigenvalue below 0, found -0.5"),
        (np.zeros(3), -SQUARE, "no eigenvalue below 0, found -1"),
        (np.zeros(3), SQUARE * np.nan, "covariance must be finite"),
        (np.full(3, np.inf), SQUARE, "mean must be finite"),
    ],
)
def test_damaged_moments_are_refused(mean, covariance, message):
    with pytest.raises(ValueError, match=message):
        Gaussian.from_moments(mean, covariance)


def test_malformed_statistics_are_refused():
    good = GaussianStatistics.from_features(rows(8, 5, 3))
    with pytest.raises(ValueError, match="n must be a whole number of rows, at least 1, found 0"):
        GaussianStatistics(0, good.mean, good.factor)
    with pytest.raises(ValueError, match="mean and factor must have the same number of features, found 2 and 3"):
        GaussianStatistics(5, good.mean[:2], good.factor)
    with pytest.raises(ValueError, match="factor must be a float64 array"):
        GaussianStatistics(5, good.mean, good.factor.astype(np.float32))
    with pytest.raises(ValueError, match="a and b must have the same number of features, found 3 and 2"):
        merge(good, GaussianStatistics.from_features(rows(9, 5, 2)))


@pytest.mark.parametrize(
    ("block", "message"),
    [
        (np.zeros(3), r"rows must be a real array of shape \(N, D\), found shape \(3,\)"),
        (np.zeros((0, 3)), r"at least 1 row\(s\), found 0"),
        (np.zeros((3, 0)), "at least one feature per row"),
        (np.zeros((2, 3), dtype=complex), "real array"),
        (np.array([[1.0, np.nan]]), "finite and within ±1e[+]100, found 1 of 2 entries NaN or infinite"),
        (np.array([[1.0, 1e200]]), "found values from 1 to 1e[+]200"),
    ],
)
def test_malformed_rows_are_refused(block, message):
    with pytest.raises(ValueError, match=message):
        accumulate([block])


def test_a_stream_must_hold_rows_of_one_width():
    with pytest.raises(ValueError, match="at least one row, found none"):
        accumulate([])
    with pytest.raises(ValueError, match="same number of features, found 4 and 3"):
        accumulate([np.zeros((2, 3)), np.zeros((2, 4))])


def test_a_few_rows_of_many_dimensions_take_a_few_rows_of_memory():
    rows = np.random.default_rng(0).standard_normal((3, 200_000)).astype(np.float32)
    statistics = accumulate([rows[:1], rows[1:]])
    assert statistics.n == 3
    np.testing.assert_allclose(statistics.mean, rows.mean(0, dtype=np.float64), atol=1e-12)
