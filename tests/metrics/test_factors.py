import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cmmd_bench.metrics import GaussianStatistics, frechet_distance, merge
from cmmd_bench.metrics.factors import LARGEST_CONDITION, joined_factors, scatter_factor

fast = settings(deadline=None, max_examples=60)


def centred(seed, n, d):
    x = np.random.default_rng(seed).standard_normal((n, d))
    return x - x.mean(axis=0)


def conditioned(seed, n, d, decades):
    """Rows whose directions, turned against the axes, differ in spread by a factor of 10 to the `decades`."""
    turn, _ = np.linalg.qr(np.random.default_rng(seed + 1).standard_normal((d, d)))
    return centred(seed, n, d) * np.logspace(0, -decades, d) @ turn


def assert_factor_of(factor, rows):
    scatter = rows.T @ rows
    assert factor.shape[1] == rows.shape[1]
    assert len(factor) <= rows.shape[1]
    np.testing.assert_allclose(factor.T @ factor, scatter, rtol=0, atol=1e-13 * np.trace(scatter) + 1e-300)


def by_qr_alone(x, y):
    """The distance with every factor by Householder QR, which no condition number harms."""
    factors = [np.linalg.qr(s - s.mean(axis=0), mode="r") / np.sqrt(len(s) - 1) for s in (x, y)]
    gap = x.mean(axis=0) - y.mean(axis=0)
    overlap = np.linalg.svd(factors[0] @ factors[1].T, compute_uv=False).sum()
    return gap @ gap + sum(np.vdot(f, f) for f in factors) - 2 * overlap


@given(seed=st.integers(0, 999), n=st.integers(1, 90), d=st.integers(1, 30), decades=st.floats(0, 14))
@fast
def test_the_factor_has_the_scatter_of_the_rows(seed, n, d, decades):
    rows = conditioned(seed, n, d, decades)
    factor = scatter_factor(rows, np.zeros(d))
    assert_factor_of(factor, rows)
    if n > d:
        assert np.array_equal(factor, np.triu(factor))


@pytest.mark.parametrize(
    "rows",
    [
        np.zeros((9, 4)),
        centred(0, 9, 4) * [1.0, 0.0, 1.0, 1.0],
        np.repeat(centred(1, 9, 2), 2, axis=1),
        centred(2, 9, 4) * 1e-160,
        centred(3, 9, 4) * [1e90, 1.0, 1e-90, 1e-160],
        centred(4, 9, 4) * 1e99,
    ],
    ids=["nothing", "a constant", "twins", "tiny", "all sizes", "huge"],
)
def test_degenerate_rows(rows):
    assert_factor_of(scatter_factor(rows, np.zeros(4)), rows)


@pytest.mark.parametrize("decades", range(15))
@pytest.mark.parametrize("other", ["alike", "round"])
def test_the_short_way_costs_a_distance_nothing(decades, other):
    # A round set against a flat one weighs the flat one's smallest directions, where the short way errs, the most.
    x, y = conditioned(5, 300, 40, decades), 1.3 * conditioned(6, 260, 40, decades if other == "alike" else 0)
    traces = sum(np.trace(np.cov(s, rowvar=False)) for s in (x, y))
    assert frechet_distance(x, y) == pytest.approx(by_qr_alone(x, y), rel=0, abs=1e-13 * traces)


def test_ill_conditioned_rows_take_the_long_way():
    rows = conditioned(7, 300, 40, 7.7)
    scatter_alone = np.linalg.cholesky(rows.T @ rows, upper=True)
    assert np.linalg.cond(rows) > LARGEST_CONDITION
    smallest = np.linalg.svd(rows, compute_uv=False)[-1]
    assert np.linalg.svd(scatter_factor(rows, np.zeros(40)), compute_uv=False)[-1] == pytest.approx(smallest, rel=1e-6)
    # The reason: the short way has lost digits of that direction, by 1 % and more as the processor sums.
    assert np.linalg.svd(scatter_alone, compute_uv=False)[-1] != pytest.approx(smallest, rel=1e-3)


def test_columns_of_unlike_size_do_not_count_as_ill_conditioned():
    rows = centred(8, 300, 40) * np.logspace(0, 12, 40)
    np.testing.assert_array_equal(scatter_factor(rows, np.zeros(40)), np.linalg.cholesky(rows.T @ rows, upper=True))


@given(seed=st.integers(0, 999), heights=st.tuples(st.integers(1, 25), st.integers(1, 25)), d=st.integers(1, 12))
@fast
def test_joined_factors_have_the_scatter_of_all(seed, heights, d):
    a, b = (scatter_factor(centred(seed + i, n, d), np.zeros(d)) for i, n in enumerate(heights))
    row = np.random.default_rng(seed).standard_normal(d)
    for joined in (joined_factors(a, b, row), joined_factors(b, a, row)):
        assert_factor_of(joined, np.concatenate([a, b, row[np.newaxis]]))


def test_joining_changes_none_of_the_parts():
    a, b = (scatter_factor(centred(seed, 30, 6), np.zeros(6)) for seed in (9, 10))
    row, before = np.ones(6), (a.copy(), b.copy())
    joined_factors(a, b, row)
    assert np.array_equal(a, before[0])
    assert np.array_equal(b, before[1])


def test_a_long_stream_of_merges_loses_no_digit():
    x = conditioned(11, 20000, 8, 3)
    parts = [GaussianStatistics.from_features(block) for block in np.split(x, 400)]
    total = parts[0]
    for part in parts[1:]:
        total = merge(total, part)
    whole = np.linalg.svd(x - x.mean(axis=0), compute_uv=False)
    np.testing.assert_allclose(np.linalg.svd(total.factor, compute_uv=False), whole, rtol=1e-10)
