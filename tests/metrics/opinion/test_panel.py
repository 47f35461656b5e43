"""BT.500, bias subtraction and alternating projection, against sureal and against plain versions."""

import json
from pathlib import Path

import numpy as np
import pytest

from cmmd_bench.metrics.opinion.panel import bt500, project, subtract_bias

DATA = Path(__file__).resolve().parents[2] / "data" / "studies"


@pytest.fixture(scope="module")
def ratings():
    return np.genfromtxt(DATA / "screening_matrix.csv", delimiter=",").T


@pytest.fixture(scope="module")
def sureal():
    return json.loads((DATA / "screening_expected_sureal.json").read_text())


def test_bt500_rejects_whom_sureal_rejects(ratings, sureal):
    expected = sureal["BT500"]
    found = bt500(ratings)
    assert [one.rejected for one in found] == expected["observer_rejected"]
    assert [i for i, one in enumerate(found) if one.rejected] == [22, 23]
    assert [one.outside for one in found] == pytest.approx(expected["observer_rejected_1st_stats"])
    second = [np.nan if one.one_sided is None else one.one_sided for one in found]
    assert second == pytest.approx(expected["observer_rejected_2nd_stats"], nan_ok=True)


@pytest.mark.parametrize(("function", "name"), [(project, "P910"), (subtract_bias, "P913")])
def test_corrected_opinion_is_that_of_sureal(ratings, sureal, function, name):
    found, expected = function(ratings), sureal[name]
    np.testing.assert_allclose(found.quality, expected["quality_scores"], atol=1e-4)
    np.testing.assert_allclose(found.quality_se, expected["quality_scores_std"], atol=1e-4)
    np.testing.assert_allclose(found.bias, expected["observer_bias"], atol=1e-4)
    assert found.converged
    if name == "P910":
        np.testing.assert_allclose(found.inconsistency, expected["observer_inconsistency"], atol=1e-4)
        assert found.iterations <= 20


def test_projection_finds_what_was_put_in():
    rng = np.random.default_rng(4)
    quality = rng.uniform(1, 5, 400)
    bias = np.array([-0.6, -0.2, 0.1, 0.3, 0.4])
    sd = np.array([0.3, 0.4, 0.5, 0.8, 1.6])
    x = quality + bias[:, None] + sd[:, None] * rng.normal(size=(5, 400))
    found = project(x)
    np.testing.assert_allclose(found.bias, bias - bias.mean(), atol=0.25)
    assert list(np.argsort(found.inconsistency)) == [0, 1, 2, 3, 4]
    error = [np.sqrt(np.mean((estimate - quality) ** 2)) for estimate in (found.quality, x.mean(axis=0))]
    assert error[0] < 0.75 * error[1]


def test_projection_survives_a_rater_who_is_the_mean():
    x = np.array([[1.0, 2, 3, 4], [2, 1, 4, 3], [1.5, 1.5, 3.5, 3.5]])
    found = project(x)
    assert found.converged
    assert np.isfinite(found.quality).all()
    exact = project(np.tile([1.0, 2, 3], (4, 1)))
    np.testing.assert_allclose(exact.quality, [1, 2, 3])
    np.testing.assert_allclose(exact.inconsistency, 0, atol=1e-12)


def test_bt500_by_loops():
    rng = np.random.default_rng(7)
    x = np.clip(np.round(rng.normal(3, 1.5, size=20) + rng.normal(size=(12, 20))), 1, 5)
    x[rng.random(x.shape) < 0.1] = np.nan
    x[0, :6] = np.where(x[0, :6] > 3, 1, 5)
    x[:, 19] = 4
    above, below = np.zeros(12, int), np.zeros(12, int)
    for column in x.T:
        known = column[~np.isnan(column)]
        mean, sd = known.mean(), known.std()
        if sd == 0:
            continue
        kurtosis = np.mean((known - mean) ** 4) / sd**4
        # Inclusive limits, which whole-number ratings meet exactly but for a rounding.
        reach = (2 * sd if 2 - 1e-9 <= kurtosis <= 4 + 1e-9 else np.sqrt(20) * sd) - 1e-9
        for rater, value in enumerate(column):
            above[rater] += value >= mean + reach
            below[rater] += value <= mean - reach
    found = bt500(x)
    assert [one.above for one in found] == above.tolist()
    assert [one.below for one in found] == below.tolist()
    assert (above + below).sum() > 0
    for one, n in zip(found, (~np.isnan(x)).sum(axis=1), strict=True):
        outside = one.above + one.below
        assert one.n_ratings == n
        assert one.rejected == (outside / n > 0.05 and outside > 0 and abs(one.above - one.below) / outside < 0.3)


def test_a_panel_that_agrees_has_nobody_outside():
    for one in bt500(np.full((5, 6), 2.2)):
        assert (one.above, one.below, one.one_sided, one.rejected) == (0, 0, None, False)


@pytest.mark.parametrize("function", [bt500, project, subtract_bias])
def test_malformed_tables_are_refused(function):
    with pytest.raises(ValueError, match=r"at least 3 rater\(s\)"):
        function(np.ones((2, 5)))
    x = np.ones((3, 4))
    x[1] = np.nan
    with pytest.raises(ValueError, match="every rater must have at least one rating, found none for rater 2"):
        function(x)
    with pytest.raises(ValueError, match="every item must have at least one rating, found none for item 4"):
        function(np.array([[1, 2, 3, np.nan]] * 3))
