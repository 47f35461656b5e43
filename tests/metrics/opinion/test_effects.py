import itertools
from fractions import Fraction

import numpy as np
import pytest
from golden_pairs import DEPRESSION, FOURTEEN
from hypothesis import given, settings
from hypothesis import strategies as st

from cmmd_bench.metrics.opinion import exact_differences, hodges_lehmann, rank_biserial, shares


def test_golden_estimates_and_intervals():
    depression = hodges_lehmann(DEPRESSION)
    assert (depression.estimate, depression.low, depression.high) == (0.46, 0.010, 0.786)
    fourteen = hodges_lehmann(FOURTEEN)
    assert (fourteen.estimate, fourteen.low, fourteen.high) == (0.5, 0.0, 1.0)
    assert fourteen.coverage >= fourteen.level == 0.95


def plain_interval(d, level):
    """Shift the differences until the tie-free signed-rank distribution would reject: enumeration, no formula."""
    n = len(d)
    walsh = sorted((a + b) / 2 for a, b in itertools.combinations_with_replacement(d, 2))
    sums = np.array(list(itertools.product([0, 1], repeat=n))) @ np.arange(1, n + 1)
    k = max((k for k in range(len(walsh)) if 2 * (sums < k).mean() <= 1 - level), default=0)
    return np.median(walsh), *((walsh[k - 1], walsh[-k]) if k else (None, None))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(-8, 8), min_size=1, max_size=10), st.sampled_from([0.8, 0.9, 0.95, 0.99]))
def test_equals_enumeration(d, level):
    ours = hodges_lehmann(d, level=level)
    assert (ours.estimate, ours.low, ours.high) == plain_interval(d, level)


def test_five_differences_have_no_95_percent_interval():
    five = hodges_lehmann([1, 2, 3, 4, 5])
    assert (five.estimate, five.low, five.high, five.coverage) == (3, None, None, None)
    assert hodges_lehmann([1, 2, 3, 4, 5], level=0.9).coverage == 0.9375
    assert hodges_lehmann([1, 2, 3, 4, 5, 6]).low == 1


def test_many_differences_use_the_normal_quantile():
    d = np.random.default_rng(2).permutation(np.arange(-150, 160))
    many = hodges_lehmann(d)
    assert many.low < many.estimate == np.median(d) < many.high
    assert many.coverage == pytest.approx(0.95, abs=1e-3)
    # The exact quantile at 200 and the normal one just above it belong to intervals of one width.
    widths = [hodges_lehmann(list(range(n))).high - hodges_lehmann(list(range(n))).low for n in (200, 201)]
    assert widths[1] - widths[0] == pytest.approx(0, abs=0.6)


def test_fractions_too_fine_for_64_bits():
    fine = [Fraction(1, 3**30), Fraction(1, 5**20), Fraction(2, 7**18)]
    walsh = sorted((a + b) / 2 for a, b in itertools.combinations_with_replacement(fine, 2))
    assert hodges_lehmann(fine).estimate == float((walsh[2] + walsh[3]) / 2)


def test_rank_biserial_in_three_conventions():
    assert rank_biserial(DEPRESSION) == pytest.approx(0.7778, abs=5e-5)
    assert rank_biserial(FOURTEEN, convention="dropped") == pytest.approx(29 / 45)
    assert rank_biserial(FOURTEEN) == rank_biserial(FOURTEEN, convention="pratt") == pytest.approx(54 / 90)
    assert rank_biserial(FOURTEEN, convention="all") == pytest.approx(54 / 105)


@pytest.mark.parametrize("convention", ["pratt", "dropped", "all"])
def test_rank_biserial_at_its_ends(convention):
    assert rank_biserial([1, 2, 2], convention=convention) == 1
    assert rank_biserial([-1, -2, -2], convention=convention) == -1
    assert rank_biserial([0, 0], convention=convention) == 0


def test_shares_add_up():
    assert (shares(FOURTEEN).better, shares(FOURTEEN).tie, shares(FOURTEEN).worse) == (7 / 14, 5 / 14, 2 / 14)
    third = shares(exact_differences([3.3, 2.0, 1.0], [3.0, 2.0, 2.0]))
    assert third.better == third.tie == third.worse == 1 / 3


@pytest.mark.parametrize("function", [hodges_lehmann, rank_biserial, shares])
def test_refuse_nothing_and_nan(function):
    with pytest.raises(ValueError, match="at least one, found none"):
        function([])
    with pytest.raises(ValueError, match="finite number"):
        function([1, float("nan")])


def test_refuse_unknown_options():
    with pytest.raises(ValueError, match="convention must be one of pratt, dropped, all"):
        rank_biserial([1], convention="zsplit")
    with pytest.raises(ValueError, match="level must be between 0 and 1"):
        hodges_lehmann([1], level=95)
