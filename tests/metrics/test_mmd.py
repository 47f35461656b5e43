import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cmmd_bench.metrics import polynomial_mmd
from cmmd_bench.metrics.mmd import kernel_sums

fast = settings(deadline=None, max_examples=40)


def by_plain_loops(x, y, degree=3, gamma=None, coef0=1.0):
    gamma = 1 / x.shape[1] if gamma is None else gamma

    def k(a, b):
        return (gamma * float(np.dot(a, b)) + coef0) ** degree

    m, n = len(x), len(y)
    xx = sum(k(x[i], x[j]) for i in range(m) for j in range(m) if i != j)
    yy = sum(k(y[i], y[j]) for i in range(n) for j in range(n) if i != j)
    xy = sum(k(a, b) for a in x for b in y)
    return xx / (m * (m - 1)) + yy / (n * (n - 1)) - 2 * xy / (m * n)


def rows(seed, n, d, offset=0.0):
    return np.random.default_rng(seed).standard_normal((n, d)) + offset


@given(
    seed=st.integers(0, 999),
    m=st.integers(2, 9),
    n=st.integers(2, 9),
    d=st.integers(1, 6),
    degree=st.integers(1, 4),
    gamma=st.sampled_from([None, 0.5, 2.0]),
    coef0=st.sampled_from([0.0, 1.0]),
)
@fast
def test_equals_plain_loops(seed, m, n, d, degree, gamma, coef0):
    x, y = rows(seed, m, d, 0.5), rows(seed + 1, n, d)
    value = polynomial_mmd(x, y, degree=degree, gamma=gamma, coef0=coef0)
    expected = by_plain_loops(x, y, degree, gamma, coef0)
    scale = max(by_plain_loops(np.abs(s), np.abs(s), degree, gamma, coef0) ** 0 for s in (x, y))
    largest = (max(np.abs(x).max(), np.abs(y).max()) ** 2 * d * (gamma or 1 / d) + coef0) ** degree
    assert value == pytest.approx(expected, rel=1e-9, abs=1e-13 * largest * scale)


@pytest.mark.parametrize(("m", "n"), [(513, 40), (30, 1100), (512, 512)])
def test_equals_whole_matrices_beyond_one_block(m, n):
    x, y = rows(1, m, 7, 0.4), rows(2, n, 7)

    def kernel(a, b):
        return (a @ b.T / 7 + 1) ** 3

    xx, yy = kernel(x, x), kernel(y, y)
    expected = (
        (xx.sum() - np.trace(xx)) / (m * (m - 1)) + (yy.sum() - np.trace(yy)) / (n * (n - 1)) - 2 * kernel(x, y).mean()
    )
    assert polynomial_mmd(x, y) == pytest.approx(expected, rel=1e-10)


def test_golden_values(golden):
    x, y = golden("fvd_small.npz").values()
    results = golden("fvd_small.json")["kvd"]
    value = polynomial_mmd(x, y)
    assert value == pytest.approx(results["tats_float64"], rel=1e-9)
    for dialect in ("tats", "mmdiffusion", "seer_function", "tfgan_kernel_classifier_distance"):
        assert value == pytest.approx(results[dialect], abs=1e-4)


def test_symmetric_and_independent_of_the_order_of_rows():
    x, y = rows(3, 700, 9, 0.2), rows(4, 600, 9)
    rng = np.random.default_rng(5)
    value = polynomial_mmd(x, y)
    assert polynomial_mmd(y, x) == pytest.approx(value, rel=1e-11)
    assert polynomial_mmd(x[rng.permutation(700)], y[rng.permutation(600)]) == pytest.approx(value, rel=1e-11)


def test_unbiased_where_the_distributions_agree():
    rng = np.random.default_rng(6)
    values = [polynomial_mmd(rng.standard_normal((8, 3)), rng.standard_normal((6, 3))) for _ in range(600)]
    standard_error = np.std(values) / np.sqrt(len(values))
    assert abs(np.mean(values)) < 4 * standard_error
    assert min(values) < 0


def test_a_set_against_itself_is_below_zero():
    x = rows(7, 20, 4)
    kernel = (x @ x.T / 4 + 1) ** 3
    # What the missing diagonal leaves: twice the difference between the means off and on the whole matrix.
    off = (kernel.sum() - np.trace(kernel)) / (20 * 19)
    assert polynomial_mmd(x, x) == pytest.approx(2 * (off - kernel.mean()), rel=1e-10)
    assert polynomial_mmd(x, x) < 0


def test_half_precision_gives_the_value_of_its_exact_numbers(golden):
    x, y = golden("fvd_small.npz").values()
    assert polynomial_mmd(x, y) == polynomial_mmd(x.astype(np.float64), y.astype(np.float64))


@given(seed=st.integers(0, 999), n_groups=st.integers(2, 5))
@fast
def test_sums_by_group_give_the_value_without_a_group(seed, n_groups):
    rng = np.random.default_rng(seed)
    x, y = rows(seed, 40, 3), rows(seed + 1, 30, 3, 0.3)
    groups_x, groups_y = rng.integers(0, n_groups, 40), rng.integers(0, n_groups, 30)
    sums = kernel_sums(x, y, groups_x, groups_y, n_groups=n_groups)
    assert sums.mmd() == pytest.approx(polynomial_mmd(x, y), rel=1e-9)
    for g in range(n_groups):
        kept = x[groups_x != g], y[groups_y != g]
        if min(map(len, kept)) >= 2:
            assert sums.mmd(without=g) == pytest.approx(by_plain_loops(*kept), rel=1e-8, abs=1e-10)


def test_malformed_input_is_refused():
    good = rows(8, 5, 3)
    with pytest.raises(ValueError, match=r"x must hold at least 2 row\(s\), found 1"):
        polynomial_mmd(good[:1], good)
    with pytest.raises(ValueError, match="x and y must have the same number of features, found 3 and 2"):
        polynomial_mmd(good, good[:, :2])
    with pytest.raises(ValueError, match="y must be finite"):
        polynomial_mmd(good, good * np.nan)
    with pytest.raises(ValueError, match="degree must be a whole number of at least 1, found 0"):
        polynomial_mmd(good, good, degree=0)
    with pytest.raises(ValueError, match="gamma must be finite, found nan"):
        polynomial_mmd(good, good, gamma=float("nan"))
    with pytest.raises(ValueError, match="too large for this kernel: found values up to"):
        polynomial_mmd(good * 1e90, good)
    one_group = np.zeros(5, dtype=np.intp)
    with pytest.raises(ValueError, match=r"at least 2 rows \(or clusters\) on either side, found 0, 0 and 0 pairs"):
        kernel_sums(good, good, one_group, one_group, n_groups=1).mmd(without=0)


def by_pairs_of_different_labels(x, y, labels_x, labels_y):
    def mean(a, b, labels_a, labels_b):
        pairs = [(i, j) for i in range(len(a)) for j in range(len(b)) if labels_a[i] != labels_b[j]]
        return np.mean([(a[i] @ b[j] / a.shape[1] + 1) ** 3 for i, j in pairs])

    return mean(x, x, labels_x, labels_x) + mean(y, y, labels_y, labels_y) - 2 * mean(x, y, labels_x, labels_y)


def test_pairs_within_a_cluster_can_be_skipped():
    x, y = rows(9, 12, 3, 0.4), rows(10, 9, 3)
    labels_x, labels_y = list("aaabbcddddee"), list("abbcfghii")
    own = [f"row {i}" for i in range(9)]
    skipped = polynomial_mmd(x, y, clusters=labels_x)
    assert skipped == pytest.approx(by_pairs_of_different_labels(x, y, labels_x, own), rel=1e-10)
    skipped = polynomial_mmd(x, y, clusters=labels_x, reference_clusters=labels_y)
    assert skipped == pytest.approx(by_pairs_of_different_labels(x, y, labels_x, labels_y), rel=1e-10)
    # The default, in other words: every row is a cluster of its own.
    assert polynomial_mmd(x, y, clusters=range(12)) == pytest.approx(polynomial_mmd(x, y), rel=1e-12)


def test_skipping_spans_the_blocks_of_the_kernel():
    x, y = rows(11, 700, 2, 0.2), rows(12, 600, 2)
    labels = np.random.default_rng(13).integers(0, 90, 1300)
    kernel = (x @ x.T / 2 + 1) ** 3, (y @ y.T / 2 + 1) ** 3, (x @ y.T / 2 + 1) ** 3
    sides = labels[:700], labels[700:]
    apart = [a[:, None] != b for a, b in ((sides[0], sides[0]), (sides[1], sides[1]), sides)]
    xx, yy, xy = (k[mask].mean() for k, mask in zip(kernel, apart, strict=True))
    value = polynomial_mmd(x, y, clusters=sides[0], reference_clusters=sides[1])
    assert value == pytest.approx(xx + yy - 2 * xy, rel=1e-9)


def test_several_rows_of_a_condition_pull_the_value_up_unless_their_pairs_are_skipped():
    plain, skipped = [], []
    for seed in range(300):
        rng = np.random.default_rng(seed)
        x = (rng.standard_normal((10, 1, 4)) + 0.5 * rng.standard_normal((10, 5, 4))).reshape(-1, 4) / np.sqrt(1.25)
        y, labels = rng.standard_normal((40, 4)), np.arange(50) // 5
        plain.append(polynomial_mmd(x, y))
        skipped.append(polynomial_mmd(x, y, clusters=labels))
    error = np.std(skipped) / np.sqrt(300)
    assert abs(np.mean(skipped)) < 4 * error
    assert np.mean(plain) > 10 * error


def test_labels_must_fit_their_rows():
    x = rows(14, 6, 2)
    with pytest.raises(ValueError, match="clusters must have one label per row of x, found 2 labels for 6 rows"):
        polynomial_mmd(x, x, clusters=["a", "b"])
    with pytest.raises(ValueError, match="reference_clusters must have one label per row of the reference, found 1"):
        polynomial_mmd(x, x, reference_clusters=["a"])
    with pytest.raises(ValueError, match="found 0, 30 and 36 pairs within x, within y and between them"):
        polynomial_mmd(x, x, clusters=["a"] * 6)
