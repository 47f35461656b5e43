import numpy as np
import pytest
from scipy import stats

from cmmd_bench.metrics import frechet_distance
from cmmd_bench.metrics.comparison import compare_statistic, compare_values


def values(seed, n, offset=0.0):
    return np.random.default_rng(seed).standard_normal(n) + offset


CLIPS = [f"clip {i}" for i in range(30)]


def test_paired_values_are_the_t_test_of_their_differences():
    a, b = values(0, 30, 0.3), values(1, 30)
    order = np.random.default_rng(2).permutation(30)
    difference = compare_values(a, CLIPS, b[order], np.array(CLIPS)[order])
    expected = stats.ttest_rel(a, b)
    assert difference.estimate == pytest.approx(np.mean(a - b), rel=1e-12)
    assert difference.p_value == pytest.approx(expected.pvalue, rel=1e-9)
    assert (difference.low, difference.high) == pytest.approx(expected.confidence_interval(), rel=1e-9)
    assert difference.swap_p_value == pytest.approx(expected.pvalue, abs=0.03)
    assert difference.conditions == (30, 30)
    assert difference.left_out == 0
    assert difference.method == "mean difference over the same conditions, t(29)"
    assert difference.swap_test == "9999 sign flips (seed 0)"


def test_different_conditions_are_welchs_test():
    a, b = values(3, 12, 0.5), values(4, 25) * 3
    difference = compare_values(a, CLIPS[:12], b, CLIPS[5:], paired=False)
    expected = stats.ttest_ind(a, b, equal_var=False)
    assert difference.p_value == pytest.approx(expected.pvalue, rel=1e-9)
    assert (difference.low, difference.high) == pytest.approx(expected.confidence_interval(), rel=1e-9)
    assert difference.conditions == (12, 25)


def test_generations_of_a_condition_count_as_one():
    a, b = values(5, 60, 0.2), values(6, 30)
    twice = [clip for clip in CLIPS for _ in range(2)]
    together = compare_values(a, twice, b, CLIPS)
    assert together == compare_values(a.reshape(30, 2).mean(axis=1), CLIPS, b, CLIPS)
    often = compare_values(np.repeat(a, 5), np.repeat(twice, 5), b, CLIPS)
    assert often.standard_error == pytest.approx(together.standard_error, rel=1e-9)


def test_conditions_without_a_value_on_one_side_are_left_out_of_both():
    a, b = [*values(7, 30)], [*values(8, 30)]
    expected = compare_values(a[5:28], CLIPS[5:28], b[5:28], CLIPS[5:28])
    a[0], a[1], b[1] = None, None, None
    difference = compare_values(a[:28], CLIPS[:28], b[:1] + b[1:2] + b[5:], CLIPS[:2] + CLIPS[5:])
    assert difference.left_out == 7
    assert difference.estimate == expected.estimate
    assert difference.conditions == (23, 23)


def test_the_same_values_do_not_differ():
    a = values(9, 30)
    difference = compare_values(a, CLIPS, a, CLIPS)
    assert (difference.estimate, difference.standard_error, difference.swap_p_value) == (0.0, 0.0, 1.0)
    assert difference.p_value == 1.0


@pytest.mark.parametrize("paired", [True, False])
def test_two_conditions_that_agree_are_not_certainty(paired):
    difference = compare_values([1.0, 1.0], ["a", "b"], [2 / 3, 2 / 3], ["a", "b"], paired=paired)
    assert difference.p_value == difference.swap_p_value > 0.3
    assert (difference.low, difference.high) == (difference.estimate, difference.estimate)
    assert difference.method.endswith("conditions, no spread between clusters")


def test_spread_of_rounding_size_is_no_spread():
    clips = ["a", "b", "c"]
    difference = compare_values([0.4, 0.7, 0.9], clips, [0.3, 0.6, 0.8], clips)
    assert difference.p_value == difference.swap_p_value == 0.25
    equal = compare_values([0.1 + 0.2, 0.3, 0.6], clips, [0.3, 0.1 + 0.2, 0.6], clips)
    assert equal.p_value == 1
    fewest = compare_statistic(lambda kept: float(kept.min() > 2), clips, clips)
    assert (fewest.estimate, fewest.p_value) == (-1.0, 2 / 2**3)


def test_too_little_to_compare():
    assert compare_values([1.0, 2.0], ["a", "b"], [1.0, 2.0], ["b", "c"]) is None
    assert compare_values([None, None], ["a", "b"], [1.0, 2.0], ["a", "b"]) is None
    assert compare_statistic(lambda kept: 1.0, ["a", "a"], ["a", "b"]) is None


def test_malformed_values_are_refused():
    with pytest.raises(ValueError, match="conditions_a must have one label per value of a, found 1 for 2"):
        compare_values([1.0, 2.0], ["a"], [1.0], ["a"])
    with pytest.raises(ValueError, match="b must hold finite numbers, or None"):
        compare_values([1.0, 2.0], ["a", "b"], [float("nan"), 1.0], ["a", "b"])
    with pytest.raises(ValueError, match="level must be between 0 and 1"):
        compare_values([1.0, 2.0], ["a", "b"], [1.0, 2.0], ["a", "b"], level=95)


def test_a_statistic_that_is_a_mean_gives_the_t_test():
    a, b = values(10, 30, 0.3), values(11, 30)
    stacked = np.concatenate([a, b])
    by_groups = compare_statistic(lambda kept: stacked[kept].mean(), CLIPS, CLIPS)
    as_values = compare_values(a, CLIPS, b, CLIPS)
    assert by_groups.estimate == pytest.approx(as_values.estimate, rel=1e-12)
    assert by_groups.standard_error == pytest.approx(as_values.standard_error, rel=0.4)
    assert by_groups.swap_p_value is None
    alone = compare_statistic(lambda kept: stacked[kept].mean(), CLIPS, CLIPS, n_groups=30)
    assert alone.standard_error == pytest.approx(as_values.standard_error, rel=1e-9)


@pytest.mark.parametrize("paired", [True, False])
def test_recomputed_relabellings_agree_with_sums_of_scores(paired):
    a, b = values(12, 30, 0.4), values(13, 30)
    stacked = np.concatenate([a, b])
    recomputed = compare_statistic(lambda kept: stacked[kept].mean(), CLIPS, CLIPS, paired=paired, permutations=1500)
    scores = compare_values(a, CLIPS, b, CLIPS, paired=paired)
    assert recomputed.swap_p_value == pytest.approx(scores.swap_p_value, abs=0.035)
    assert recomputed.swap_test == "1500 relabellings (seed 0)"


def test_a_set_statistic_of_many_rows_a_condition():
    rng = np.random.default_rng(14)
    rows, reference = rng.standard_normal((240, 4)), rng.standard_normal((100, 4))
    rows[120:] *= 1.6
    clips = np.repeat(CLIPS, 4)
    difference = compare_statistic(lambda kept: frechet_distance(rows[kept], reference), clips, clips, permutations=99)
    value = frechet_distance(rows[:120], reference) - frechet_distance(rows[120:], reference)
    assert difference.estimate == pytest.approx(value, rel=1e-9)
    assert difference.high < 0
    assert difference.swap_p_value == 0.01
    assert difference.about == "the value at this n"
