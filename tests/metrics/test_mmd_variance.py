import numpy as np
import pytest

from cmmd_bench.metrics import polynomial_mmd
from cmmd_bench.metrics.mmd import polynomial_kernel
from cmmd_bench.metrics.mmd_variance import mmd_bootstrap_interval, mmd_exact_interval


def rows(seed, n, d, offset=0.0):
    return np.random.default_rng(seed).standard_normal((n, d)) + offset


def clustered(seed, n_clusters, per_cluster, d, offset=0.0):
    rng = np.random.default_rng(seed)
    shared, own = rng.standard_normal((n_clusters, 1, d)), rng.standard_normal((n_clusters, per_cluster, d))
    x = (np.sqrt(0.4) * shared + np.sqrt(0.6) * own).reshape(-1, d) + offset
    return x, [f"condition {i}" for i in range(n_clusters) for _ in range(per_cluster)]


@pytest.mark.parametrize("reference_is", ["fixed", "sample"])
def test_the_estimate_is_the_unbiased_mmd(reference_is):
    x, y = rows(0, 40, 5, 0.3), rows(1, 700, 5)
    interval = mmd_exact_interval(x, y, reference_is=reference_is)
    assert interval.estimate == pytest.approx(polynomial_mmd(x, y), rel=1e-9)
    assert interval.low < interval.estimate < interval.high
    assert interval.about == "the value at this n, which is also the limit of many clips"


@pytest.mark.parametrize("reference_is", ["fixed", "sample"])
def test_the_estimate_skips_pairs_within_clusters(reference_is):
    x, clusters = clustered(2, 12, 3, 4, 0.3)
    y, others = clustered(3, 15, 2, 4)
    others = [f"reference {label}" for label in others]
    interval = mmd_exact_interval(x, y, clusters=clusters, reference_clusters=others, reference_is=reference_is)
    assert interval.estimate == pytest.approx(
        polynomial_mmd(x, y, clusters=clusters, reference_clusters=others), rel=1e-9
    )


def test_paired_references_skip_pairs_across_too():
    x, clusters = clustered(4, 12, 3, 4, 0.3)
    y, others = clustered(5, 12, 2, 4)
    shuffled = np.random.default_rng(6).permutation(24)
    interval = mmd_exact_interval(
        x, y[shuffled], clusters=clusters, reference_clusters=np.array(others)[shuffled], reference_is="paired"
    )
    value = polynomial_mmd(x, y, clusters=clusters, reference_clusters=others)
    assert interval.estimate == pytest.approx(value, rel=1e-9)
    assert interval.method == "exact variance of a U-statistic over 12 units, reference paired with them, t(11)"


def test_clusters_of_unequal_size_count_once_each():
    x, clusters = clustered(7, 10, 4, 3, 0.5)
    y = rows(8, 20, 3)
    kept = np.r_[0:40][np.r_[0:1, 4:40]]
    interval = mmd_exact_interval(x[kept], y, clusters=np.array(clusters)[kept])

    def k(a, b):
        return np.mean((a @ b.T / 3 + 1) ** 3)

    groups = [x[:1]] + [x[i : i + 4] for i in range(4, 40, 4)]
    among = np.mean([k(a, b) for a in groups for b in groups if a is not b])
    gram = (y @ y.T / 3 + 1) ** 3
    value = among + (gram.sum() - np.trace(gram)) / 380 - 2 * np.mean([k(a, y) for a in groups])
    assert interval.estimate == pytest.approx(value, rel=1e-9)


@pytest.mark.parametrize("reference_is", ["fixed", "sample", "paired"])
@pytest.mark.parametrize("offset", [0.0, 0.5])
def test_the_variance_is_that_of_repeated_draws(reference_is, offset):
    fixed, labels = clustered(9, 20, 2, 3)
    values, variances = [], []
    for seed in range(300):
        x, clusters = clustered([10, seed], 20, 2, 3, offset)
        if reference_is == "fixed":
            y = fixed
        else:
            y, _ = clustered([11, seed], 20, 2, 3)
            if reference_is == "paired":
                y = 0.7 * x - 0.7 * offset + np.sqrt(0.51) * y
        interval = mmd_exact_interval(x, y, clusters=clusters, reference_clusters=labels, reference_is=reference_is)
        values.append(interval.estimate)
        variances.append(interval.standard_error**2)
    ratio = np.mean(variances) / np.var(values)
    # Unbiased but for the lower bound, which matters where the true distance is 0.
    assert 0.7 < ratio < (1.4 if offset else 1.7)
    if reference_is != "fixed" and offset == 0:
        assert abs(np.mean(values)) < 4 * np.std(values) / np.sqrt(300)


def test_replicates_have_the_spread_of_the_exact_variance_and_no_bias():
    x, y = rows(12, 200, 5, 0.3), rows(13, 300, 5)
    exact, copied = mmd_exact_interval(x, y), mmd_bootstrap_interval(x, y, replicates=4000)
    assert copied.estimate == pytest.approx(exact.estimate, rel=1e-9)
    assert copied.standard_error == pytest.approx(exact.standard_error, rel=0.05)
    assert (copied.low + copied.high) / 2 == pytest.approx(exact.estimate, abs=0.3 * exact.standard_error)
    assert copied.method == "4000 bootstrap replicates (seed 0) over 200 units, reference fixed"


def test_replicates_equal_a_plain_loop_over_drawn_units():
    x, clusters = clustered(14, 6, 2, 3, 0.4)
    y, _ = clustered(15, 6, 2, 3)
    arguments = {"clusters": clusters, "reference_clusters": clusters, "reference_is": "paired"}
    interval = mmd_bootstrap_interval(x, y, replicates=150, seed=3, level=0.8, **arguments)
    units = [(x[2 * i : 2 * i + 2], y[2 * i : 2 * i + 2]) for i in range(6)]

    def h(one, other):
        (a, b), (c, d) = one, other
        return sum(
            sign * np.mean((p @ q.T / 3 + 1) ** 3) for sign, p, q in ((1, a, c), (1, b, d), (-1, a, d), (-1, b, c))
        )

    draws = np.random.default_rng(3).multinomial(6, np.full(6, 1 / 6), size=150)
    values = [
        sum(w[i] * w[j] * h(units[i], units[j]) for i in range(6) for j in range(6) if i != j) / 30 for w in draws
    ]
    lowest, highest = np.quantile(values, [0.1, 0.9])
    value = mmd_exact_interval(x, y, **arguments).estimate
    assert (interval.low, interval.high) == pytest.approx((2 * value - highest, 2 * value - lowest), rel=1e-9)


def test_the_same_seed_gives_the_same_interval():
    x, y = rows(16, 30, 3, 0.3), rows(17, 40, 3)
    assert mmd_bootstrap_interval(x, y, seed=1) == mmd_bootstrap_interval(x, y, seed=1)
    assert mmd_bootstrap_interval(x, y, seed=1) != mmd_bootstrap_interval(x, y, seed=2)


def test_another_kernel():
    x, y = rows(18, 20, 3, 0.3), rows(19, 30, 3)
    interval = mmd_exact_interval(x, y, kernel=polynomial_kernel(2, 1.0, 0.0))
    assert interval.estimate == pytest.approx(polynomial_mmd(x, y, degree=2, gamma=1.0, coef0=0.0), rel=1e-9)


def test_features_far_from_the_origin_keep_their_digits():
    x, y = rows(20, 50, 4, 0.2), rows(21, 60, 4)
    near = mmd_exact_interval(x, y, kernel=_distance_kernel)
    far = mmd_exact_interval(x + 1000, y + 1000, kernel=_distance_kernel)
    assert far.standard_error == pytest.approx(near.standard_error, rel=1e-6)


def _distance_kernel(a, b):
    return -np.square(a[:, None] - b).sum(axis=-1) + 1e6


def test_too_few_units_have_no_interval():
    x, y = rows(22, 12, 3), rows(23, 12, 3)
    for function in (mmd_exact_interval, mmd_bootstrap_interval):
        assert function(x[:3], y) is None
        assert function(x, y, clusters=list("aaaabbbbcccc")) is None
    assert mmd_exact_interval(x, y[:3], reference_is="sample") is None
    assert mmd_exact_interval(x, y[:3]) is not None


def test_malformed_input_is_refused():
    x = rows(24, 10, 3)
    with pytest.raises(ValueError, match="reference must hold at least 2 rows or clusters, found 1"):
        mmd_exact_interval(x, x[:1])
    with pytest.raises(ValueError, match="x and reference must have the same units to be paired, found 1 on one side"):
        mmd_exact_interval(x, x[:9], reference_is="paired")
    with pytest.raises(ValueError, match="'fixed', 'sample' or 'paired', found 'both'"):
        mmd_exact_interval(x, x, reference_is="both")
    with pytest.raises(ValueError, match="same number of features, found 3 and 2"):
        mmd_exact_interval(x, x[:, :2])
    with pytest.raises(ValueError, match="too large for this kernel"):
        mmd_exact_interval(x * 1e90, x)
    with pytest.raises(ValueError, match="replicates must be at least 100"):
        mmd_bootstrap_interval(x, x, replicates=10)
    with pytest.raises(ValueError, match="level must be between 0 and 1, found 95"):
        mmd_bootstrap_interval(x, x, level=95)
