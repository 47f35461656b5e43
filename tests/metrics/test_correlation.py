"""Correlations of resamples against SciPy's on the items written out."""

import numpy as np
import pytest
from scipy import stats

from cmmd_bench.metrics.correlation import correlations, row_correlations

SCIPY = {"pearson": stats.pearsonr, "spearman": stats.spearmanr, "kendall": stats.kendalltau}


@pytest.mark.parametrize("kind", SCIPY)
@pytest.mark.parametrize("ties", [True, False])
def test_weights_are_repeats(kind, ties):
    rng = np.random.default_rng(3)
    for n in (5, 60, 700):
        x = rng.integers(0, 6, n).astype(float) if ties else rng.normal(size=n) * 1e-3 + 1e4
        y = (x - x.mean()) + rng.integers(0, 4, n) * (1 if ties else 1e-3)
        weights = rng.multinomial(n, np.full(n, 1 / n), size=4).astype(float)
        weights[0] = 1
        for value, w in zip(correlations(kind, x, y, weights), weights.astype(int), strict=True):
            assert value == pytest.approx(SCIPY[kind](np.repeat(x, w), np.repeat(y, w))[0], abs=1e-9)


@pytest.mark.parametrize("kind", SCIPY)
def test_rows(kind):
    rng = np.random.default_rng(4)
    x, y = rng.integers(0, 5, size=(2, 30, 6)) / 3
    for a, b, value in zip(x, y, row_correlations(kind, x, y), strict=True):
        assert value == pytest.approx(SCIPY[kind](a, b)[0], abs=1e-12)


@pytest.mark.parametrize("kind", SCIPY)
def test_a_side_that_does_not_vary_has_no_value(kind):
    x, y = np.full(7, 0.1 + 0.2), np.arange(7.0)
    for a, b in ((x, y), (y, x), (x, x)):
        assert np.isnan(correlations(kind, a, b, np.ones((1, 7)))).all()
        assert np.isnan(row_correlations(kind, a[None], b[None])).all()
    # A resample of copies of one item.
    weights = np.array([[0, 0, 7.0, 0, 0, 0, 0], [1] * 7])
    assert np.isnan(correlations(kind, y, y**2, weights)).tolist() == [True, False]


@pytest.mark.parametrize("kind", SCIPY)
def test_perfect_agreement_is_one_and_its_opposite_minus_one(kind):
    y = np.array([0.0, 1, 2, 2, 5])
    once = np.ones((1, 5))
    assert correlations(kind, y, 3 * y + 1, once)[0] == pytest.approx(1)
    assert correlations(kind, y, -y, once)[0] == pytest.approx(-1)
