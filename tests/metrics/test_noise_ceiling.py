"""The noise ceiling of opinion scores: splits by loops, and panels whose ceiling is known."""

from itertools import combinations

import numpy as np
import pytest

from cmmd_bench.metrics.noise_ceiling import noise_ceiling, share_of_ceiling
from cmmd_bench.metrics.opinion.reliability import intraclass_correlations, leave_one_out


def panel(seed, n_raters=12, n_items=200, noise=1.0):
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=n_items)
    return truth, truth + rng.normal(size=(n_raters, 1)) + noise * rng.normal(size=(n_raters, n_items))


def test_the_ceiling_is_what_the_truth_reaches():
    truth, x = panel(1, noise=2.0)
    found = noise_ceiling(x)
    known = np.sqrt(1 / (1 + 4 / 12))
    assert found.ceiling == pytest.approx(known, abs=0.03)
    assert found.intraclass_ceiling == pytest.approx(found.ceiling, abs=0.005)
    assert found.intraclass_ceiling_low < known < found.intraclass_ceiling_high
    reached = np.corrcoef(truth, x.mean(axis=0))[0, 1]
    assert reached == pytest.approx(found.ceiling, abs=0.04)
    assert share_of_ceiling(reached, found.ceiling) == pytest.approx(1, abs=0.05)
    assert found.rater_vs_others < found.ceiling
    assert found.rater_vs_others == pytest.approx(np.mean([one.value for one in leave_one_out(x)]))
    assert found.intraclass == intraclass_correlations(x)["C,k"]


def test_split_halves_by_loops():
    rng = np.random.default_rng(2)
    x = rng.normal(size=20) + rng.normal(size=(4, 20))
    x[rng.random(x.shape) < 0.1] = np.nan
    values = []
    for half in combinations(range(4), 2):
        rest = [r for r in range(4) if r not in half]
        both = ~(np.isnan(x[list(half)]).all(axis=0) | np.isnan(x[rest]).all(axis=0))
        halves = [np.nanmean(x[rows][:, both], axis=0) for rows in (list(half), rest)]
        values.append(np.corrcoef(*halves)[0, 1])
    found = noise_ceiling(x, n_splits=20_000)
    assert found.split_half == pytest.approx(np.mean(values), abs=0.005)
    assert found.reliability == pytest.approx(2 * found.split_half / (1 + found.split_half))
    assert found.ceiling == pytest.approx(np.sqrt(found.reliability))
    assert found.intraclass is None


def test_by_system_the_means_of_each_rater_count():
    _, x = panel(3, n_items=40, noise=3.0)
    systems = np.repeat(["a", "b", "c", "d"], 10)
    x = x + np.repeat([0.0, 1, 2, 3], 10)
    x[2, 5] = np.nan
    means = np.stack([np.nanmean(x[:, systems == s], axis=1) for s in "abcd"], axis=1)
    found, expected = noise_ceiling(x, systems=systems), noise_ceiling(means)
    assert found.n_items == 4
    assert found.ceiling == pytest.approx(expected.ceiling)
    assert found.intraclass_ceiling == pytest.approx(expected.intraclass_ceiling)
    assert found.ceiling > noise_ceiling(x).ceiling


def test_raters_who_agree_have_no_ceiling_below_one():
    found = noise_ceiling(np.tile([1.0, 2, 5, 3], (3, 1)))
    assert (found.split_half, found.ceiling, found.intraclass_ceiling, found.rater_vs_others) == pytest.approx((1,) * 4)


def test_no_common_opinion_has_no_ceiling_and_a_reason():
    contrary = noise_ceiling(np.array([[1.0, 2, 3, 4], [4, 3, 2, 1]]))
    assert contrary.split_half == pytest.approx(-1)
    assert (contrary.reliability, contrary.ceiling, contrary.intraclass_ceiling) == (None, None, None)
    assert contrary.reason.startswith("the halves of the panel do not agree")
    flat = noise_ceiling(np.full((4, 5), 3.3))
    assert (flat.split_half, flat.ceiling, flat.rater_vs_others) == (None, None, None)
    assert flat.reason.startswith("half the panel does not tell the items apart")
    apart = np.full((2, 6), np.nan)
    apart[0, :3], apart[1, 3:] = [1, 2, 3], [1, 2, 3]
    assert noise_ceiling(apart).split_half is None


def test_the_seed_decides():
    _, x = panel(5, n_items=30)
    assert noise_ceiling(x, n_splits=10, seed=1) == noise_ceiling(x, n_splits=10, seed=1)
    assert noise_ceiling(x, n_splits=10, seed=1).split_half != noise_ceiling(x, n_splits=10, seed=2).split_half


def test_malformed_input_is_refused():
    _, x = panel(6, n_items=5)
    for ratings, options, match in (
        (x[:1], {}, "at least 2 rater"),
        (x[:, :2], {}, "at least 3 items, found 2"),
        (x, {"systems": np.array(list("aabbb"))}, "at least 3 systems, found 2"),
        (x, {"systems": np.array(["a"])}, "systems must have one label per item"),
        (x, {"n_splits": 0}, "n_splits must be at least 1"),
    ):
        with pytest.raises(ValueError, match=match):
            noise_ceiling(ratings, **options)
    with pytest.raises(ValueError, match="ceiling must be above 0"):
        share_of_ceiling(0.5, 0.0)
