"""Golden cases 1 to 4 of the statistics specification; the independent reference is enumeration of all sign flips."""

import itertools
from fractions import Fraction

import numpy as np
import pytest
from golden_pairs import DEPRESSION, FOURTEEN, PARADOX
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from cmmd_bench.metrics.opinion import exact_differences, signed_rank_test


def enumerated_p(d, *, zeros, alternative):
    d = np.array([float(value) for value in d])
    kept = d if zeros == "pratt" else d[d != 0]
    ranks = stats.rankdata(np.abs(kept))[kept != 0] if len(kept) else np.zeros(0)
    w = ranks[kept[kept != 0] > 0].sum()
    sums = np.array([np.dot(signs, ranks) for signs in itertools.product([0, 1], repeat=len(ranks))])
    middle = ranks.sum() / 2
    beyond = {
        "greater": sums >= w,
        "less": sums <= w,
        "two-sided": np.abs(sums - middle) >= abs(w - middle),
    }[alternative]
    return beyond.mean()


def test_depression_scores():
    test = signed_rank_test(DEPRESSION)
    assert (test.statistic, test.rank_total, test.p, test.method) == (40, 45, 0.0390625, "exact")
    assert signed_rank_test(DEPRESSION, alternative="greater").p == 0.01953125
    normal = signed_rank_test(DEPRESSION, method="normal")
    assert normal.p == pytest.approx(0.0381517102, abs=1e-10)
    assert normal.method.startswith("normal approximation")


def test_fourteen_raters_with_ties_and_zeros():
    pratt = signed_rank_test(FOURTEEN)
    assert (pratt.statistic, pratt.rank_total, pratt.zeros, pratt.p) == (72, 90, 5, 0.12109375)
    assert signed_rank_test(FOURTEEN, alternative="greater").p == 0.060546875
    dropped = signed_rank_test(FOURTEEN, zeros="wilcox")
    assert (dropped.statistic, dropped.rank_total, dropped.p) == (37, 45, 0.11328125)
    assert signed_rank_test(FOURTEEN, zeros="wilcox", alternative="greater").p == 0.056640625
    # More than 10 % zeros: either result carries the other.
    assert (pratt.p_other_zeros, dropped.p_other_zeros) == (dropped.p, pratt.p)
    assert signed_rank_test(FOURTEEN, method="normal").p == pytest.approx(0.0768432440, abs=1e-10)
    assert signed_rank_test(FOURTEEN, method="normal", zeros="wilcox").p == pytest.approx(0.0701822587, abs=1e-10)


def test_zeros_paradox():
    dropped = signed_rank_test(PARADOX, zeros="wilcox", alternative="greater")
    # Widely quoted as 55/4096, which counts rank sums of at most 11 below instead of 12.
    assert (dropped.statistic, dropped.p) == (66, 70 / 4096)
    pratt = signed_rank_test(PARADOX, alternative="greater")
    assert (pratt.statistic, pratt.p) == (77, 0.011962890625)
    assert pratt.p_other_zeros is None


@pytest.mark.parametrize("method", ["exact", "monte-carlo", "normal"])
@pytest.mark.parametrize("zeros", ["pratt", "wilcox"])
def test_balanced_differences_and_no_differences_have_p_1(method, zeros):
    assert signed_rank_test([1] * 15 + [0] * 40 + [-1] * 15, method=method, zeros=zeros).p == 1
    nothing = signed_rank_test([0] * 12, method=method, zeros=zeros)
    assert (nothing.p, nothing.statistic, nothing.zeros, nothing.method) == (1, 0, 12, "all differences are zero")


def test_small_p_does_not_underflow():
    assert signed_rank_test(range(1, 55)).p == 2 / 2**54
    test = signed_rank_test(range(1, 201))
    assert test.p == test.smallest_p == 2.0**-199


def test_floats_that_are_equal_differences_tie():
    a, b = [3.3, 2.2, 4.4, 1.3], [3.0, 1.9, 4.1, 1.0]
    assert len({x - y for x, y in zip(a, b, strict=True)}) > 1
    mixed = [*exact_differences(a, b), Fraction(-3, 10)]
    assert signed_rank_test(mixed).statistic == 4 * 3


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(-4, 4), min_size=1, max_size=11),
    st.sampled_from(["pratt", "wilcox"]),
    st.sampled_from(["two-sided", "greater", "less"]),
)
def test_equals_enumeration(d, zeros, alternative):
    test = signed_rank_test(d, zeros=zeros, alternative=alternative)
    assert test.p == enumerated_p(d, zeros=zeros, alternative=alternative)


@pytest.mark.parametrize("zeros", ["pratt", "wilcox"])
def test_equals_scipys_exhaustive_permutations(zeros):
    method = stats.PermutationMethod(n_resamples=np.inf)
    for d in (DEPRESSION, FOURTEEN[:9], PARADOX[4:]):
        reference = stats.wilcoxon([float(v) for v in d], zero_method=zeros, method=method)
        assert signed_rank_test(d, zeros=zeros).p == pytest.approx(reference.pvalue, rel=1e-12)


def test_equals_scipys_table_without_ties():
    d = np.random.default_rng(0).permutation(np.arange(1, 41)) * np.where(np.arange(40) % 3, 1, -1)
    assert signed_rank_test(d).p == pytest.approx(stats.wilcoxon(d, method="exact").pvalue, rel=1e-12)


def test_beyond_200_sign_flips_are_seeded_and_agree_with_the_normal():
    rng = np.random.default_rng(1)
    d = rng.integers(-3, 4, 260) + (rng.random(260) < 0.1)
    flipped = signed_rank_test(d)
    assert flipped == signed_rank_test(d)
    assert flipped.method == "monte-carlo, 99999 sign flips, seed 20251"
    normal = signed_rank_test(d, method="normal")
    error = 4 * (normal.p * (1 - normal.p) / 99_999) ** 0.5
    assert flipped.p == pytest.approx(normal.p, abs=error + 0.002)
    assert signed_rank_test([1] * 300, flips=99).p == 1 / 100


def test_sign_flips_agree_with_the_exact_count():
    for alternative in ("two-sided", "greater", "less"):
        p = signed_rank_test(FOURTEEN, alternative=alternative).p
        flipped = signed_rank_test(FOURTEEN, alternative=alternative, method="monte-carlo").p
        assert flipped == pytest.approx(p, abs=4 * (p * (1 - p) / 99_999) ** 0.5 + 1e-5)


def test_signs_swap_the_sides():
    negated = [-value for value in FOURTEEN]
    assert signed_rank_test(negated).p == signed_rank_test(FOURTEEN).p
    assert signed_rank_test(negated, alternative="less").p == signed_rank_test(FOURTEEN, alternative="greater").p


@pytest.mark.parametrize(
    ("d", "options", "message"),
    [
        ([], {}, "at least one, found none"),
        ([1, float("nan")], {}, "finite number"),
        ([1], {"zeros": "zsplit"}, "zeros must be one of pratt, wilcox"),
        ([1], {"alternative": "two_sided"}, "alternative must be one of"),
        ([1], {"method": "approx"}, "method must be one of"),
        ([1] * 201, {"method": "exact"}, "counts up to 200 differences, found 201"),
        ([1], {"flips": 0}, "flips must be at least 1"),
    ],
)
def test_refuses(d, options, message):
    with pytest.raises(ValueError, match=message):
        signed_rank_test(d, **options)


def test_differences_need_pairs():
    with pytest.raises(ValueError, match="one value per pair, found 2 and 1"):
        exact_differences([1, 2], [1])
