from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from cmmd_bench.metrics.opinion import friedman_of_systems, friedman_test, select, subset, wide_table

# Golden case 8: Hollander and Wolfe, times of 22 players rounding first base in three ways.
ROUNDING_TIMES = [
    [5.40, 5.50, 5.55], [5.85, 5.70, 5.75], [5.20, 5.60, 5.50], [5.55, 5.50, 5.40], [5.90, 5.85, 5.70],
    [5.45, 5.55, 5.60], [5.40, 5.40, 5.35], [5.45, 5.50, 5.35], [5.25, 5.15, 5.00], [5.85, 5.80, 5.70],
    [5.25, 5.20, 5.10], [5.65, 5.55, 5.45], [5.60, 5.35, 5.45], [5.05, 5.00, 4.95], [5.50, 5.50, 5.40],
    [5.45, 5.55, 5.50], [5.55, 5.55, 5.35], [5.45, 5.50, 5.55], [5.50, 5.45, 5.25], [5.65, 5.60, 5.40],
    [5.70, 5.65, 5.55], [6.30, 6.30, 6.25],
]  # fmt: skip


def test_rounding_times():
    test = friedman_test(ROUNDING_TIMES)
    assert test.chi2 == pytest.approx(11.142857, abs=5e-7)
    assert test.p == pytest.approx(0.003805041, abs=5e-10)
    assert (test.df, test.n_raters, test.n_systems) == (2, 22, 3)
    assert test.kendalls_w == pytest.approx(test.chi2 / 44)


@settings(max_examples=50, deadline=None)
@given(st.integers(3, 5).flatmap(lambda k: st.lists(st.lists(st.integers(1, 5), min_size=k, max_size=k), min_size=2)))
def test_equals_scipy(table):
    ours = friedman_test(table)
    if all(len(set(row)) == 1 for row in table):
        assert (ours.chi2, ours.p, ours.kendalls_w) == (0, 1, 0)
        return
    reference = stats.friedmanchisquare(*np.array(table).T)
    assert (ours.chi2, ours.p) == pytest.approx((reference.statistic, reference.pvalue), abs=1e-12)
    assert 0 <= ours.kendalls_w <= 1 + 1e-12


def test_full_agreement_and_two_systems():
    assert friedman_test([[1, 2, 3, 4]] * 5).kendalls_w == 1
    assert friedman_test([[1, 2, 3]] * 5).mean_ranks == (1, 2, 3)
    assert friedman_test([[1, 2], [2, 1]]).p == 1


def test_fractions_tie_where_floats_do_not():
    third, same = Fraction(1, 3), Fraction(2, 6)
    assert friedman_test([[third, same, 0]] * 3).mean_ranks == (2.5, 2.5, 1)


def test_systems_of_a_study(paperlike):
    ratings = paperlike("aist_v2a", "temporal_sync")
    test = friedman_of_systems(ratings)
    names = np.unique(ratings.system)
    means = [wide_table(select(ratings, system=name), ("clip",)).values.mean(axis=1).round(9) for name in names]
    reference = stats.friedmanchisquare(*means)
    assert (test.chi2, test.p) == pytest.approx((reference.statistic, reference.pvalue))
    assert dict(zip(names, test.mean_ranks, strict=True))["gt"] == 4


def test_refusals(paperlike):
    ratings = paperlike("aist_v2a", "temporal_sync")
    hole = (ratings.rater == "r02") & (ratings.clip == "aist_v2a_c3") & (ratings.system == "mmd")
    with pytest.raises(ValueError, match="none of rater 'r02' for system 'mmd', clip 'aist_v2a_c3'"):
        friedman_of_systems(subset(ratings, ~hole))
    with pytest.raises(ValueError, match="found 1 and 4"):
        friedman_of_systems(select(ratings, rater="r01"))
    with pytest.raises(ValueError, match="found 0 and 0"):
        friedman_test([])
    with pytest.raises(ValueError, match="2 values in every row"):
        friedman_test([[1, 2], [1, 2, 3]])
    with pytest.raises(ValueError, match="finite number"):
        friedman_test([[1, 2], [1, float("nan")]])
