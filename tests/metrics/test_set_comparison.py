import numpy as np
import pytest

from cmmd_bench.metrics import GaussianStatistics, frechet_distance, polynomial_mmd
from cmmd_bench.metrics.comparison import compare_statistic, compare_values
from cmmd_bench.metrics.influence import frechet_influence
from cmmd_bench.metrics.leave_out import frechet_leave_out, mmd_leave_out
from cmmd_bench.metrics.mmd_variance import mmd_bootstrap_interval, mmd_exact_interval
from cmmd_bench.metrics.relative_mmd import relative_mmd_test
from cmmd_bench.metrics.set_comparison import compare_frechet, compare_mmd

D = 5


def two_models(seed, n_conditions=30, per_condition=3, worse=1.0, offset=0.3):
    """Rows of two models that share what a condition asks for; B is `worse` times as wide."""
    rng = np.random.default_rng(seed)
    asked = rng.standard_normal((n_conditions, 1, D))
    own = [rng.standard_normal((n_conditions, per_condition, D)) for _ in range(2)]
    a, b = (np.sqrt(0.5) * asked + np.sqrt(0.5) * side for side in own)
    conditions = [f"condition {i:02}" for i in range(n_conditions) for _ in range(per_condition)]
    return a.reshape(-1, D) + offset, worse * b.reshape(-1, D) + offset, conditions


def rows(seed, n):
    return np.random.default_rng(seed).standard_normal((n, D))


def assert_same_interval(difference, plain):
    for name in ("estimate", "standard_error", "low", "high", "p_value"):
        assert getattr(difference, name) == pytest.approx(getattr(plain, name), rel=1e-6)
    assert (difference.conditions, difference.left_out) == (plain.conditions, plain.left_out)


DISTANCES = [(compare_frechet, frechet_distance), (compare_mmd, polynomial_mmd)]


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize(("compare", "distance"), DISTANCES)
def test_the_interval_equals_plain_recomputation(compare, distance, paired):
    a, b, conditions = two_models(0, worse=1.2)
    reference, stacked = rows(1, 80), np.concatenate([a, b])
    order = np.random.default_rng(2).permutation(90)
    plain = compare_statistic(lambda kept: distance(stacked[kept], reference), conditions, conditions, paired=paired)
    shuffled = np.array(conditions)[order]
    assert_same_interval(compare(a, conditions, b[order], shuffled, reference, paired=paired), plain)


@pytest.mark.parametrize(("compare", "distance"), DISTANCES)
def test_the_conditions_own_ground_truths_leave_with_them(compare, distance):
    a, b, conditions = two_models(3, n_conditions=12)
    reference = rows(4, 12)
    truths = [f"condition {i:02}" for i in range(12)]
    difference = compare(a, conditions, b, conditions, reference, reference_conditions=truths)
    names = np.array(truths)
    without = []
    # Twelve conditions make twelve groups of one.
    for name in names:
        kept, left = np.array(conditions) != name, reference[names != name]
        without.append(distance(a[kept], left) - distance(b[kept], left))
    error = np.sqrt(11 / 12 * np.sum((np.array(without) - np.mean(without)) ** 2))
    assert difference.estimate == pytest.approx(distance(a, reference) - distance(b, reference), rel=1e-8)
    assert difference.standard_error == pytest.approx(error, rel=1e-6)


@pytest.mark.parametrize(("compare", "distance"), DISTANCES)
def test_conditions_missing_on_one_side_are_left_out_of_both(compare, distance):
    a, b, conditions = two_models(5)
    reference, names = rows(6, 60), np.array(conditions)
    difference = compare(a[6:], conditions[6:], b[:-9], conditions[:-9], reference)
    assert difference.left_out == 5
    assert difference.conditions == (25, 25)
    kept = np.isin(names, names[6:-9])
    expected = distance(a[kept], reference) - distance(b[kept], reference)
    assert difference.estimate == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize(("compare", "distance"), DISTANCES)
def test_the_test_decides_as_recomputed_relabelling_does(compare, distance, paired):
    for seed, worse in ((7, 1.0), (8, 1.1), (9, 1.2)):
        a, b, conditions = two_models(seed, worse=worse)
        reference, stacked = rows(10, 80), np.concatenate([a, b])
        recomputed = compare_statistic(
            lambda kept, stacked=stacked, reference=reference: distance(stacked[kept], reference),
            *(conditions, conditions),
            paired=paired,
            permutations=200,
        )
        difference = compare(a, conditions, b, conditions, reference, paired=paired)
        assert difference.swap_p_value == pytest.approx(recomputed.swap_p_value, abs=0.11)


def test_swapping_a_condition_changes_the_sign_of_one_score():
    # The identity behind the permutation test of kernel distances, by brute force.
    a, b, _ = two_models(11, n_conditions=6, per_condition=1)
    reference, conditions = rows(12, 20), np.arange(6)
    sums = []
    for swapped in range(64):
        mask = ((swapped >> np.arange(6)) & 1).astype(bool)[:, None]
        sums.append(polynomial_mmd(np.where(mask, b, a), reference) - polynomial_mmd(np.where(mask, a, b), reference))
    p_value = np.mean(np.abs(sums) >= abs(sums[0]) * (1 - 1e-9))
    difference = compare_mmd(a, conditions, b, conditions, reference)
    assert difference.swap_test == "all 64 sign flips"
    assert difference.swap_p_value == p_value
    single = [(sums[0] - sums[1 << c]) / 2 for c in range(6)]
    for swapped in range(64):
        signs = 1 - 2 * ((swapped >> np.arange(6)) & 1)
        assert sums[swapped] == pytest.approx(signs @ single, abs=1e-9)


@pytest.mark.parametrize(("compare", "distance"), DISTANCES)
def test_sides_change_places(compare, distance):
    a, b, conditions = two_models(13, worse=1.3)
    reference = rows(14, 60)
    one, other = compare(a, conditions, b, conditions, reference), compare(b, conditions, a, conditions, reference)
    assert one.estimate == -other.estimate
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low), rel=1e-9)
    assert one.swap_p_value == other.swap_p_value


@pytest.mark.parametrize(("compare", "distance"), DISTANCES)
def test_the_same_rows_do_not_differ(compare, distance):
    a, _, conditions = two_models(15)
    difference = compare(a, conditions, a, conditions, rows(16, 60))
    assert (difference.estimate, difference.standard_error, difference.swap_p_value) == (0.0, 0.0, 1.0)
    assert difference.p_value == 1.0


def test_conditions_without_spread_leave_the_verdict_to_the_swap_test():
    # Every condition holds the same rows, so that none of them moves a distance with divisor n.
    a, b = (np.tile(rows(seed, 15), (4, 1)) for seed in (15, 17))
    conditions = np.repeat(list("abcd"), 15)
    difference = compare_frechet(a, conditions, b, conditions, rows(16, 60), ddof=0)
    assert abs(difference.estimate) > 0.01
    assert (difference.standard_error, difference.p_value) == (0.0, difference.swap_p_value)
    assert difference.p_value == 2 / 2**4


def test_the_reference_may_be_statistics():
    a, b, conditions = two_models(17)
    reference = rows(18, 60)
    statistics = GaussianStatistics.from_features(reference)
    difference = compare_frechet(a, conditions, b, conditions, statistics)
    assert difference == compare_frechet(a, conditions, b, conditions, reference)
    with pytest.raises(ValueError, match=r"reference must be \(R, D\) rows to be resampled"):
        compare_frechet(a, conditions, b, conditions, statistics, reference_conditions=range(60))


@pytest.mark.parametrize(("compare", "distance"), DISTANCES)
def test_too_little_to_compare(compare, distance):
    a, b, _ = two_models(19, n_conditions=4, per_condition=1)
    assert compare(a, list("abcd"), b, list("efgd"), rows(20, 9)) is None
    assert compare(a[:2], list("ab"), b[:2], list("ab"), rows(20, 9)) is None


@pytest.mark.parametrize(("compare", "distance"), DISTANCES)
def test_malformed_input_is_refused(compare, distance):
    a, b, conditions = two_models(21)
    with pytest.raises(ValueError, match="conditions_b must have one label per row of b, found 3 labels for 90 rows"):
        compare(a, conditions, b, conditions[:3], a)
    with pytest.raises(ValueError, match="a and b must have the same number of features, found 5 and 4"):
        compare(a, conditions, b[:, :4], conditions, a)
    with pytest.raises(ValueError, match="number of features"):
        compare(a, conditions, b, conditions, a[:, :3])
    with pytest.raises(ValueError, match="a must be finite"):
        compare(a * np.nan, conditions, b, conditions, a)
    with pytest.raises(ValueError, match="reference_conditions must have one label per row"):
        compare(a, conditions, b, conditions, a, reference_conditions=["x"])
    with pytest.raises(ValueError, match="reference_conditions pair the reference with both models"):
        compare(a, conditions, b, conditions, a, reference_conditions=conditions, paired=False)


MODES = [(True, "fixed"), (True, "sample"), (True, "paired"), (False, "fixed"), (False, "sample")]


def labels_for(conditions, paired, reference_is, n_reference):
    truths = sorted(set(conditions)) if reference_is == "paired" else [f"real {i}" for i in range(n_reference)]
    return {
        "clusters_a": conditions,
        "clusters_b": conditions if paired else [f"other {label}" for label in conditions],
        "reference_clusters": truths,
        "paired": paired,
        "reference_is": reference_is,
    }


@pytest.mark.parametrize(("paired", "reference_is"), MODES)
def test_the_relative_test_compares_two_unbiased_distances(paired, reference_is):
    a, b, conditions = two_models(22, n_conditions=15, worse=1.2)
    reference = rows(23, 15)
    labels = labels_for(conditions, paired, reference_is, 15)
    difference = relative_mmd_test(a, b, reference, **labels)
    expected = [
        polynomial_mmd(side, reference, clusters=names, reference_clusters=labels["reference_clusters"])
        for side, names in ((a, labels["clusters_a"]), (b, labels["clusters_b"]))
    ]
    assert difference.estimate == pytest.approx(expected[0] - expected[1], rel=1e-8)
    assert difference.low < difference.estimate < difference.high
    assert difference.swap_p_value is None


@pytest.mark.parametrize(("paired", "reference_is"), MODES)
def test_the_relative_tests_variance_is_that_of_repeated_draws(paired, reference_is):
    estimates, variances = [], []
    for seed in range(200):
        a, b, conditions = two_models([24, seed], n_conditions=20, per_condition=2, worse=1.2)
        if not paired:
            _, b, _ = two_models([25, seed], n_conditions=20, per_condition=2, worse=1.2)
        reference = rows(26 if reference_is == "fixed" else [26, seed], 20)
        if reference_is == "paired":
            reference = 0.6 * (a[::2] - 0.3) + 0.8 * reference
        difference = relative_mmd_test(a, b, reference, **labels_for(conditions, paired, reference_is, 20))
        estimates.append(difference.estimate)
        variances.append(difference.standard_error**2)
    assert 0.6 < np.mean(variances) / np.var(estimates) < 1.5


def test_without_labels_rows_are_units():
    a, b, _ = two_models(27, n_conditions=20, per_condition=1)
    reference = rows(28, 30)
    numbers = [f"{i:02}" for i in range(20)]
    labelled = relative_mmd_test(a, b, reference, clusters_a=numbers, clusters_b=numbers)
    assert relative_mmd_test(a, b, reference).estimate == pytest.approx(labelled.estimate, rel=1e-12)
    assert relative_mmd_test(a, b, reference).standard_error == pytest.approx(labelled.standard_error, rel=1e-9)


def test_the_relative_test_refuses_what_does_not_fit():
    a, b, conditions = two_models(29)
    with pytest.raises(ValueError, match="a and b must have the same units to be paired, found 1 on one side alone"):
        relative_mmd_test(a, b[3:], a, clusters_a=conditions, clusters_b=conditions[3:])
    with pytest.raises(ValueError, match="reference_is 'paired' needs a and b paired"):
        relative_mmd_test(a, b, a, paired=False, reference_is="paired")
    with pytest.raises(ValueError, match="found 'both'"):
        relative_mmd_test(a, b, a, reference_is="both")
    with pytest.raises(ValueError, match="at least 4 independent rows or clusters a side, found 3"):
        relative_mmd_test(a[:3], b[:3], a)
    with pytest.raises(ValueError, match="too large for this kernel"):
        relative_mmd_test(a * 1e90, b, a)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_inputs_are_never_modified(dtype):
    a, b, _ = (array.astype(dtype) if array.dtype.kind == "f" else array for array in map(np.asarray, two_models(30)))
    reference, labels = rows(31, 40).astype(dtype), np.arange(90) // 3
    inputs = [a, b, reference, labels]
    before = [array.copy() for array in inputs]
    for array in inputs:
        array.flags.writeable = False
    compare_frechet(a, labels, b, labels, reference)
    compare_mmd(a, labels, b, labels, reference)
    relative_mmd_test(a, b, reference, clusters_a=labels, clusters_b=labels)
    compare_values(a[:, 0].astype(float), labels, b[:, 0].astype(float), labels)
    frechet_influence(a, labels, reference)
    frechet_leave_out(a, labels, reference)
    mmd_leave_out(a, labels, reference)
    mmd_bootstrap_interval(a, reference, clusters=labels, replicates=100)
    for reference_is in ("fixed", "sample"):
        mmd_exact_interval(a, reference, clusters=labels, reference_is=reference_is)
    for array, copy in zip(inputs, before, strict=True):
        assert np.array_equal(array, copy)
