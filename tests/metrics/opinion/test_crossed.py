import numpy as np
import pytest
from scipy import stats

from cmmd_bench.metrics.opinion import crossed_mean, crossed_p_values, crossed_test, select, subset


def plain_crossed(table, level=0.95):
    """The formulas of the module's head, cell by cell."""
    table = np.asarray(table, dtype=float)
    n_r, n_i = table.shape
    m = table.mean()
    ms_r = n_i * sum((table[r].mean() - m) ** 2 for r in range(n_r)) / (n_r - 1)
    ms_i = n_r * sum((table[:, i].mean() - m) ** 2 for i in range(n_i)) / (n_i - 1)
    ms_e = sum(
        (table[r, i] - table[r].mean() - table[:, i].mean() + m) ** 2 for r in range(n_r) for i in range(n_i)
    ) / ((n_r - 1) * (n_i - 1))
    v = ms_r + ms_i - ms_e
    if v < min(ms_r, ms_i):
        v = max(ms_r, ms_i)
    se = (v / (n_r * n_i)) ** 0.5
    df = v**2 / (ms_r**2 / (n_r - 1) + ms_i**2 / (n_i - 1) + ms_e**2 / ((n_r - 1) * (n_i - 1)))
    df = max(df, 1)
    reach = stats.t.ppf((1 + level) / 2, df) * se
    return m, se, df, 2 * stats.t.sf(abs(m / se), df), m - reach, m + reach


def test_golden_contrasts(paperlike):
    ratings = paperlike("aist_v2a", "temporal_sync")
    test = crossed_test(ratings, "cmmd", "ncmmd")
    assert test.mean == pytest.approx(0.357143, abs=5e-7)
    assert (test.ms_raters, test.ms_clips, test.ms_residual) == pytest.approx((0.843956, 1.276786, 0.336401), abs=5e-7)
    assert test.standard_error == pytest.approx(0.159658, abs=5e-7)
    assert test.t == pytest.approx(2.236929, abs=5e-7)
    assert test.df == pytest.approx(6.854, abs=5e-4)
    assert test.p == pytest.approx(0.061148, abs=5e-7)
    assert (test.low, test.high) == pytest.approx((-0.022021, 0.736307), abs=5e-7)
    assert (test.n_raters, test.n_clips, test.conservative, test.claim) == (14, 5, False, "clips like these")
    other = crossed_test(ratings, "cmmd", "mmd")
    assert other.mean == pytest.approx(0.828571, abs=5e-7)
    assert other.standard_error == pytest.approx(0.193983, abs=5e-7)
    assert other.df == pytest.approx(2.98, abs=5e-3)
    assert other.p == pytest.approx(0.023874, abs=5e-7)


@pytest.mark.parametrize("seed", range(12))
def test_equals_the_plain_formulas(seed):
    rng = np.random.default_rng(seed)
    shape = rng.integers(2, 9, 2)
    # Without row and column effects, about half of the tables call for the conservative variance.
    table = rng.standard_normal(shape)
    if seed % 2:
        table += rng.standard_normal((shape[0], 1)) + rng.standard_normal(shape[1])
    test = crossed_mean(table, level=0.9)
    ours = test.mean, test.standard_error, test.df, test.p, test.low, test.high
    assert ours == pytest.approx(plain_crossed(table, level=0.9))
    assert crossed_p_values(table) == pytest.approx(test.p)


def test_the_conservative_variance_is_flagged():
    checkered = np.array([[1.0, -1.0, 1.2], [-1.0, 1.0, -1.1], [1.1, -0.9, 1.0]])
    assert crossed_mean(checkered).conservative
    assert not crossed_mean(np.add.outer(np.arange(4.0), np.arange(3.0))).conservative


def test_degrees_of_freedom_never_fall_below_one():
    # MSr + MSi - MSe lies just above the smaller of the first two: the formula alone gives 0.25 and ±8,500 points.
    table = np.array([[1, 1, -1], [1, 0, 2], [0, 1, 0], [0, 0, -1]], dtype=float)
    test = crossed_mean(table)
    assert not test.conservative
    assert test.df == 1
    reach = stats.t.ppf(0.975, 1) * test.standard_error
    assert (test.low, test.high) == pytest.approx((1 / 3 - reach, 1 / 3 + reach))
    assert crossed_p_values(table) == pytest.approx(test.p)


def test_many_tables_at_once_equal_each_alone():
    tables = np.random.default_rng(3).integers(-2, 3, (4, 5, 6, 7)).astype(float)
    many = crossed_p_values(tables)
    assert many.shape == (4, 5)
    assert many[2, 3] == pytest.approx(crossed_mean(tables[2, 3]).p)


def test_sides_and_order(paperlike):
    ratings = paperlike("aist_a2v", "video_quality")
    test, swapped = crossed_test(ratings, "ncmmd", "cmmd"), crossed_test(ratings, "cmmd", "ncmmd")
    assert (test.mean, test.low) == pytest.approx((-swapped.mean, -swapped.high))
    assert test.p == pytest.approx(swapped.p)
    shuffled = subset(ratings, np.random.default_rng(0).permutation(len(ratings)))
    assert crossed_test(shuffled, "ncmmd", "cmmd") == test


def test_all_ties(full_study):
    five = np.full((3, 4, 1), 5)
    test = crossed_test(full_study(a=five, b=five), "a", "b")
    assert (test.mean, test.p, test.t, test.df, test.low) == (0, 1, None, None, None)
    assert "same value" in test.note
    constant = crossed_test(full_study(a=five, b=five - 1), "a", "b")
    assert (constant.mean, constant.p, constant.low) == (1, None, None)
    assert crossed_p_values(np.zeros((2, 3, 3))).tolist() == [1, 1]


def test_rounding_is_not_variation():
    thirds = np.full((5, 7), 1 / 3)
    assert crossed_mean(thirds).t is None
    # Rater effects alone: column means and residual are rounding, and the test is a t test of the raters.
    effects = np.repeat([[0.1], [0.7], [0.4], [0.3]], 5, axis=1)
    test = crossed_mean(effects)
    assert test.df == pytest.approx(3)
    assert test.p == pytest.approx(stats.ttest_1samp(effects[:, 0], 0).pvalue)


def test_effects_that_cancel_leave_the_residual():
    test = crossed_mean(np.array([[2.0, 0.0], [0.0, 2.0]]))
    assert (test.ms_raters, test.ms_clips, test.ms_residual) == (0, 0, 4)
    assert test.conservative
    assert test.p == pytest.approx(2 * stats.t.sf(1, 1))


def test_incomplete_and_unbalanced_studies_are_sent_to_the_mixed_model(paperlike):
    ratings = paperlike("aist_v2a", "temporal_sync")
    cell = (ratings.rater == "r03") & (ratings.clip == "aist_v2a_c2") & (ratings.system == "cmmd")
    with pytest.raises(ValueError, match=r"'r03' for clip 'aist_v2a_c2' \(1 cells missing\); use mixed_model_test"):
        crossed_test(subset(ratings, ~cell), "cmmd", "ncmmd")
    one_sample = cell & (ratings.sample == "2")
    with pytest.raises(ValueError, match="as many samples .* use mixed_model_test"):
        crossed_test(subset(ratings, ~one_sample), "cmmd", "ncmmd")


def test_refusals(paperlike, full_study):
    ratings = paperlike("aist_v2a", "temporal_sync")
    with pytest.raises(ValueError, match=r"at least 2 raters and 2 clips, found shape \(1, 5\)"):
        crossed_test(select(ratings, rater="r01"), "cmmd", "gt")
    with pytest.raises(ValueError, match=r"at least 2 raters and 2 clips, found shape \(14, 1\)"):
        crossed_test(select(ratings, clip="aist_v2a_c1"), "cmmd", "gt")
    with pytest.raises(ValueError, match="one question"):
        crossed_test(paperlike("aist_v2a"), "cmmd", "gt")
    with pytest.raises(ValueError, match="system must be one that was rated"):
        crossed_test(ratings, "cmmd", "foley")
    with pytest.raises(ValueError, match="two systems"):
        crossed_test(ratings, "cmmd", "cmmd")
    with pytest.raises(ValueError, match="level must be"):
        crossed_test(ratings, "cmmd", "gt", level=1)
    with pytest.raises(ValueError, match="finite value in every cell, found 1 without"):
        crossed_mean(np.array([[1, np.nan], [0, 1]]))
    with pytest.raises(ValueError, match=r"shape \(raters, clips\)"):
        crossed_mean(np.zeros((2, 2, 2)))


def test_two_clips_are_too_few():
    rng = np.random.default_rng(0)
    rates = {}
    for clips in (2, 5):
        effects = 0.5 * rng.standard_normal((6000, 40, 1)) + 0.5 * rng.standard_normal((6000, 1, clips))
        tables = effects + rng.standard_normal((6000, 40, clips))
        rates[clips] = np.mean(crossed_p_values(tables) <= 0.05)
    assert 0.07 < rates[2] < 0.11
    assert rates[5] < 0.065
