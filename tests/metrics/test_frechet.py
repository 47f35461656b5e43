import numpy as np
import pytest
from feature_sets import DATA_PAIRS, video_pair
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cmmd_bench.metrics import Gaussian, GaussianStatistics, as_gaussian, frechet_distance, polynomial_mmd

fast = settings(deadline=None, max_examples=60)

features = st.integers(1, 8).flatmap(
    lambda d: st.tuples(
        *[hnp.arrays(np.float64, st.tuples(st.integers(2, 12), st.just(d)), elements=st.floats(-1e3, 1e3))] * 2
    )
)


def by_matrix_root(x, y, ddof=1):
    """The definition, for sets with well-conditioned covariances."""
    from scipy.linalg import sqrtm

    a, b = np.cov(x, rowvar=False, ddof=ddof), np.cov(y, rowvar=False, ddof=ddof)
    gap = x.mean(axis=0) - y.mean(axis=0)
    return gap @ gap + np.trace(a) + np.trace(b) - 2 * np.trace(sqrtm(a @ b)).real


def allowance(x, y):
    """What the documentation allows rounding to do."""
    return 1e-10 * (as_gaussian(x, "x").trace + as_gaussian(y, "y").trace)


def gaussian_rows(seed, n, d, scale=1.0, offset=0.0):
    return np.random.default_rng(seed).standard_normal((n, d)) * scale + offset


@pytest.mark.parametrize(("n", "m", "d"), [(200, 150, 3), (500, 700, 20), (90, 400, 1)])
@pytest.mark.parametrize("ddof", [0, 1])
def test_equals_the_matrix_root_where_that_is_accurate(n, m, d, ddof):
    x, y = gaussian_rows(1, n, d, 1.5, 0.3), gaussian_rows(2, m, d)
    if d == 1:
        sds = [v.std(ddof=ddof) for v in (x, y)]
        expected = (x.mean() - y.mean()) ** 2 + (sds[0] - sds[1]) ** 2
    else:
        expected = by_matrix_root(x, y, ddof)
    assert frechet_distance(x, y, ddof=ddof) == pytest.approx(expected, rel=1e-9)


def test_golden_values(golden):
    x, y = golden("fvd_small.npz").values()
    results = golden("fvd_small.json")["fvd"]
    assert frechet_distance(x, y, ddof=0) == pytest.approx(results["exact_ddof0"], rel=1e-9)
    assert frechet_distance(x, y) == pytest.approx(results["exact_ddof1"], rel=1e-9)
    for dialect in ("fvd_comparison", "common_metrics_styleganv", "tf_original_tfgan", "tfgan_style_float64"):
        assert frechet_distance(x, y) == pytest.approx(results[dialect], abs=1e-3)
    # A matrix root of a singular product sits below: by 3e-4 here.
    for dialect in ("styleganv", "cdfvd"):
        assert frechet_distance(x, y, ddof=0) == pytest.approx(results[dialect], abs=1e-3)


@pytest.mark.parametrize("pair", [*DATA_PAIRS, "large"])
def test_golden_values_of_all_pairs(golden, pair):
    fake, real = video_pair(golden, pair)
    results = golden("fvd_results.json")
    expected, total = results["fvd"][pair], sum(results["fvd"][pair]["exact_ddof1_terms"][:3])
    for ddof in (0, 1):
        assert frechet_distance(fake, real, ddof=ddof) == pytest.approx(
            expected[f"exact_ddof{ddof}"], rel=1e-9, abs=1e-12 * total
        )
    value, kernels = polynomial_mmd(fake, real), results["kvd"][pair]
    assert value == pytest.approx(kernels["tats_float64"], rel=1e-9)
    in_single_precision = {"tats", "mmdiffusion", "seer_function", "tfgan_kernel_classifier_distance"} & kernels.keys()
    assert len(in_single_precision) >= 3
    for single in in_single_precision:
        assert value == pytest.approx(kernels[single], rel=0, abs=1e-4)


@given(features)
@fast
def test_never_below_zero_beyond_rounding_and_symmetric(sets):
    x, y = sets
    distance, reverse = frechet_distance(x, y), frechet_distance(y, x)
    assert distance >= -allowance(x, y)
    # Rounding of the mean term is relative to the means themselves.
    assert distance == pytest.approx(reverse, rel=1e-9, abs=allowance(x, y))


@given(features)
@fast
def test_a_set_is_at_distance_zero_of_itself(sets):
    x, _ = sets
    assert abs(frechet_distance(x, x)) <= allowance(x, x)
    assert abs(frechet_distance(x, x[::-1])) <= allowance(x, x) + 1e-20 * np.abs(x).max() ** 2


@pytest.mark.parametrize(("n", "d"), [(40, 8), (8, 40), (2, 30)])
def test_invariances(n, d):
    x, y = gaussian_rows(3, n, d, 2.0, 1.0), gaussian_rows(4, n + 3, d)
    rotation, _ = np.linalg.qr(gaussian_rows(5, d, d))
    expected = frechet_distance(x, y)
    assert frechet_distance(x @ rotation, y @ rotation) == pytest.approx(expected, rel=1e-10)
    assert frechet_distance(x + 100.0, y + 100.0) == pytest.approx(expected, rel=1e-9)
    assert frechet_distance(3 * x, 3 * y) == pytest.approx(9 * expected, rel=1e-10)
    order = np.random.default_rng(6).permutation(n)
    assert frechet_distance(x[order], y) == pytest.approx(expected, rel=1e-12)


def test_moving_a_set_adds_the_square_of_the_way():
    x = gaussian_rows(7, 30, 5)
    assert frechet_distance(x, x + 2.0) == pytest.approx(5 * 4.0, rel=1e-12)


def test_constant_sets_are_points():
    assert frechet_distance(np.zeros((3, 4)), np.full((5, 4), 0.5)) == 1.0
    assert frechet_distance(np.zeros((3, 4)), np.zeros((2, 4))) == 0.0


def test_more_exact_than_a_matrix_root_when_rows_are_few():
    # Rank 5 in 60 dimensions: the distance is known, because y is x moved along one axis.
    x = gaussian_rows(8, 6, 60)
    step = np.eye(60)[0]
    assert frechet_distance(x, x + step) == pytest.approx(1.0, abs=1e-12)


def test_statistics_and_gaussians_stand_for_rows():
    x, y = gaussian_rows(9, 300, 6, 1.2), gaussian_rows(10, 200, 6)
    expected = frechet_distance(x, y)
    statistics = GaussianStatistics.from_features(y)
    published = Gaussian.from_moments(y.mean(axis=0), np.cov(y, rowvar=False))
    assert frechet_distance(x, statistics) == expected
    assert frechet_distance(x, as_gaussian(y, "y")) == expected
    assert frechet_distance(x, published) == pytest.approx(expected, rel=1e-10)
    assert frechet_distance(statistics, published) == pytest.approx(0, abs=1e-12)


def test_one_row_is_a_point_with_ddof_0_and_refused_with_ddof_1(golden):
    x, y = video_pair(golden, "single")
    results = golden("fvd_results.json")
    assert frechet_distance(x, y, ddof=0) == pytest.approx(results["fvd"]["single"]["styleganv"], rel=1e-9)
    with pytest.raises(ValueError, match=r"x must hold at least 2 row\(s\), found 1"):
        frechet_distance(x, y)
    with pytest.raises(ValueError, match="y must hold at least 2 rows for a covariance with ddof=1, found 1"):
        frechet_distance(np.repeat(x, 2, axis=0), GaussianStatistics.from_features(y))


def test_half_precision_features_give_the_value_of_their_exact_numbers(golden):
    x, y = golden("fvd_small.npz").values()
    assert x.dtype == np.float16
    assert frechet_distance(x, y) == frechet_distance(x.astype(np.float64), y.astype(np.float64))


def test_malformed_input_is_refused():
    good = gaussian_rows(11, 5, 3)
    bad = good.copy()
    bad[2, 1] = np.nan
    with pytest.raises(ValueError, match="x must be finite"):
        frechet_distance(bad, good)
    with pytest.raises(ValueError, match="y must be finite"):
        frechet_distance(good, np.where(np.isnan(bad), np.inf, bad))
    with pytest.raises(ValueError, match="x and y must have the same number of features, found 3 and 2"):
        frechet_distance(good, good[:, :2])
    with pytest.raises(ValueError, match=r"y must be a real array of shape \(N, D\)"):
        frechet_distance(good, good[0])
    with pytest.raises(ValueError, match=r"x must hold at least 2 row\(s\), found 0"):
        frechet_distance(good[:0], good)
    with pytest.raises(ValueError, match="ddof must be 0 or 1, found 2"):
        frechet_distance(good, good, ddof=2)
    with pytest.raises(ValueError, match=r"within ±1e\+100"):
        frechet_distance(good * 1e150, good)
