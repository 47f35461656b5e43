from itertools import product

import numpy as np
import pytest

from cmmd_bench.metrics.differences import (
    difference_from,
    least_p_value,
    relabelling_test,
    sign_flip_test,
    t_p_value,
)
from cmmd_bench.metrics.jackknife import t_interval


def test_few_conditions_are_flipped_in_every_way():
    scores = np.array([0.3, -0.1, 0.7, 0.4, 0.2])
    sums = [abs(np.dot(signs, scores)) for signs in product((1, -1), repeat=5)]
    p_value, words = sign_flip_test(scores, 0 * scores)
    assert p_value == pytest.approx(np.mean(np.array(sums) >= abs(scores.sum()) - 1e-12))
    assert words == "all 32 sign flips"


def test_many_conditions_are_flipped_at_random_and_repeatably():
    scores = np.random.default_rng(0).standard_normal(40) + 0.3
    p_value, words = sign_flip_test(scores, 0 * scores, seed=4)
    assert sign_flip_test(scores, 0 * scores, seed=4) == (p_value, words)
    assert words == "9999 sign flips (seed 4)"
    # Against the normal limit of the sum of the flipped scores.
    from scipy.stats import norm

    assert p_value == pytest.approx(2 * norm.sf(abs(scores.sum()) / np.sqrt(np.sum(scores**2))), abs=0.02)


def test_random_flips_agree_with_all_of_them():
    scores = np.random.default_rng(1).standard_normal(13) + 0.4
    every, words = sign_flip_test(scores, 0 * scores)
    assert words == "all 8192 sign flips"
    assert sign_flip_test(scores, 0 * scores, permutations=4000)[0] == pytest.approx(
        every, abs=4 * np.sqrt(every / 4000) + 1e-3
    )


def test_the_smallest_p_value_is_that_of_the_observed_labels_alone():
    assert sign_flip_test(np.ones(100), 0 * np.ones(100), permutations=999)[0] == 1 / 1000
    assert sign_flip_test(np.ones(6), 0 * np.ones(6))[0] == 2 / 64
    assert relabelling_test(np.ones(50) + 5, np.zeros(50), permutations=999)[0] == 1 / 1000


def test_no_difference_at_all_has_p_1():
    assert sign_flip_test(np.zeros(5), 0 * np.zeros(5))[0] == 1
    assert sign_flip_test(np.zeros(50), 0 * np.zeros(50))[0] == 1
    assert relabelling_test(np.ones(5), np.ones(7))[0] == 1


def test_relabelling_agrees_with_scipy():
    from scipy.stats import permutation_test

    rng = np.random.default_rng(2)
    a, b = rng.standard_normal(12) + 0.6, rng.standard_normal(17)
    expected = permutation_test((a, b), lambda x, y: x.mean() - y.mean(), n_resamples=9999, rng=rng).pvalue
    assert relabelling_test(a, b)[0] == pytest.approx(expected, abs=0.02)


def test_p_of_the_interval():
    from scipy.stats import t

    assert t_p_value(2.0, 1.0, 7) == pytest.approx(2 * t.sf(2, 7), rel=1e-12)
    interval = t_interval(t.ppf(0.975, 9), 1.0, 9, level=0.95, method="test")
    at_the_edge = difference_from(interval, 9, conditions=(10, 10))
    assert at_the_edge.low == pytest.approx(0.0, abs=1e-12)
    assert at_the_edge.p_value == pytest.approx(0.05, rel=1e-9)
    assert at_the_edge.swap_p_value is None


def test_without_spread_p_is_that_of_the_swap_test_or_the_smallest_it_could_be():
    constant = t_interval(0.1, 1e-17, 3, level=0.95, method="test")
    assert difference_from(constant, 3, conditions=(4, 6)).p_value == 2 / 2**4
    assert difference_from(constant, 3, conditions=(4, 4), swap=(0.25, "all")).p_value == 0.25
    nothing = t_interval(1e-17, 1e-18, 3, level=0.95, method="test", scale=0.4)
    assert difference_from(nothing, 3, conditions=(4, 4), scale=0.4).p_value == 1
    assert least_p_value(5) == sign_flip_test(np.ones(5), np.zeros(5))[0]
    assert least_p_value(5000) == sign_flip_test(np.ones(5000), np.zeros(5000))[0]


def test_too_few_permutations_are_refused():
    with pytest.raises(ValueError, match="permutations must be at least 99 to reach p = 0.01, found 20"):
        sign_flip_test(np.ones(4), 0 * np.ones(4), permutations=20)
    with pytest.raises(ValueError, match="permutations must be at least 99"):
        relabelling_test(np.ones(4), np.ones(4), permutations=20)
