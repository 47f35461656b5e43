import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cmmd_bench.metrics import pairwise
from cmmd_bench.metrics.pairwise import median_distance, squared_distances

fast = settings(deadline=None, max_examples=50)


def plain_distances(x):
    return [float(np.linalg.norm(x[i] - x[j])) for i in range(len(x)) for j in range(i)]


def lower_median(values):
    return sorted(values)[(len(values) - 1) // 2]


@given(seed=st.integers(0, 999), n=st.integers(2, 14), d=st.integers(1, 5), offset=st.sampled_from([0.0, 1e4]))
@fast
def test_the_median_of_all_pairs(seed, n, d, offset):
    x = np.random.default_rng(seed).standard_normal((n, d)) + offset
    assert median_distance(x) == pytest.approx(lower_median(plain_distances(x)), rel=1e-7)


@given(seed=st.integers(0, 999), n=st.integers(3, 60), copies=st.booleans())
@fast
def test_counting_first_finds_the_same(seed, n, copies):
    x = np.random.default_rng(seed).standard_normal((n, 3))
    if copies:
        x[n // 3 :] = x[0]
    whole, before = median_distance(x), pairwise.PAIRS_AT_ONCE
    pairwise.PAIRS_AT_ONCE = 64
    try:
        assert median_distance(x) == pytest.approx(whole, rel=1e-12, abs=1e-12)
    finally:
        pairwise.PAIRS_AT_ONCE = before


def test_the_lower_of_two_in_the_middle():
    # Distances 1, 2, 3, 4, 6, 7: not 3.5.
    assert median_distance(np.array([[0.0], [1.0], [4.0], [-3.0]]) * [1.0]) == 3.0
    assert median_distance(np.array([[0.0], [5.0]])) == 5.0


def test_equal_rows_are_at_distance_0():
    assert median_distance(np.full((9, 2), 0.1, dtype=np.float32)) == 0.0
    assert median_distance(np.full((4000, 2), 3.0)) == 0.0


def test_memory_is_that_of_a_block():
    x = np.random.default_rng(1).standard_normal((5000, 2))
    tracemalloc.start()
    median_distance(x)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # All 12 million pairs, or the half of the square matrix, would be 100 MB, and the matrix 200 MB.
    assert peak < 160e6


def test_squared_distances_are_never_below_0():
    x = np.random.default_rng(2).standard_normal((50, 7)) + 1e6
    distances = squared_distances(x, x)
    assert distances.min() >= 0
    np.testing.assert_allclose(squared_distances(x[:3], x[3:5]), ((x[:3, None] - x[3:5]) ** 2).sum(-1), atol=0.1)


def test_malformed_rows_are_refused():
    with pytest.raises(ValueError, match=r"rows must hold at least 2 row\(s\), found 1"):
        median_distance(np.zeros((1, 2)))
    with pytest.raises(ValueError, match="rows must be finite"):
        median_distance(np.full((3, 2), np.nan))
