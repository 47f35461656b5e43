import numpy as np
import pytest
from feature_sets import DATA_PAIRS, video_pair
from hypothesis import given, settings
from hypothesis import strategies as st

from cmmd_bench.metrics import polynomial_mmd
from cmmd_bench.metrics.jedi import jedi_distance
from cmmd_bench.metrics.kernel_subsets import SUBSET_DIALECTS, subset_mmd

PAIRS = [*DATA_PAIRS, "large"]
KEYS = {"data-juicer": "datajuicer", "stylegan": "stylegan_kid_x1000"}


def plain(x, y, seed, n_subsets, size):
    """The mean and spread by drawing every subset and computing its MMD² by itself."""
    rng = np.random.RandomState(seed)
    values = []
    for _ in range(n_subsets):
        i = rng.choice(len(x), size, replace=False)
        j = rng.choice(len(y), size, replace=False)
        values.append(polynomial_mmd(x[i], y[j]))
    return np.mean(values), np.std(values)


@pytest.mark.parametrize("name", KEYS)
@pytest.mark.parametrize("pair", ["small", "medium", "null", "large"])
@pytest.mark.parametrize(("n_subsets", "size"), [(100, 1000), (20, 32)])
def test_golden_values_of_unseeded_references(golden, name, pair, n_subsets, size):
    x, y = video_pair(golden, pair)
    expected = golden("fvd_results.json")["kvd"][pair]
    convention = SUBSET_DIALECTS[name]
    assert (convention.n_subsets, convention.subset_size) == (100, 1000)
    found = subset_mmd(name, x, y, n_subsets=n_subsets, subset_size=size, seed=expected["subset_numpy_seed"])
    value = expected[f"{KEYS[name]}_{n_subsets}x{size}"]
    assert found.mean == pytest.approx(value, rel=0, abs=convention.tolerance * convention.scale)
    assert (found.n_subsets, found.subset_size) == (n_subsets, min(size, len(x), len(y)))


@pytest.mark.parametrize("pair", PAIRS)
def test_golden_values_of_torch_fidelity(golden, pair):
    x, y = video_pair(golden, pair)
    expected = golden("fvd_results.json")["kvd"][pair]
    settings_and_results = [({}, expected["torch_fidelity_default"])]
    settings_and_results += [({"n_subsets": 50, "subset_size": 48}, expected["torch_fidelity_subsets50_size48"])]
    for options, result in settings_and_results:
        if isinstance(result, str):
            assert result.startswith("raises ValueError: KID subset size 1000 cannot be smaller")
            with pytest.raises(
                ValueError, match="subset_size must be at most the .* rows of the smaller set, found 1000"
            ):
                subset_mmd("torch-fidelity", x, y, **options)
            continue
        found = subset_mmd("torch-fidelity", x, y, **options)
        tolerance = SUBSET_DIALECTS["torch-fidelity"].tolerance
        assert found.mean == pytest.approx(result["kernel_inception_distance_mean"], rel=0, abs=tolerance)
        assert found.deviation == pytest.approx(result["kernel_inception_distance_std"], rel=0, abs=tolerance)


def test_the_first_subset_is_the_reference_s(golden):
    expected = golden("fvd_results.json")["kvd"]["small"]
    x, y = video_pair(golden, "small")
    rng = np.random.RandomState(expected["subset_numpy_seed"])
    assert rng.choice(len(x), 32, replace=False)[:8].tolist() == expected["first_draw_fake_20x32"]
    assert rng.choice(len(y), 32, replace=False)[:8].tolist() == expected["first_draw_real_20x32"]


@given(
    seed=st.integers(0, 99),
    m=st.integers(4, 900),
    n=st.integers(4, 40),
    n_subsets=st.integers(1, 6),
    size=st.integers(2, 50),
)
@settings(deadline=None, max_examples=30)
def test_equals_subsets_taken_one_by_one(seed, m, n, n_subsets, size):
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((m, 5)).astype(np.float32), rng.standard_normal((n, 5)).astype(np.float32) + 0.4
    found = subset_mmd("data-juicer", x, y, n_subsets=n_subsets, subset_size=size, seed=seed)
    mean, deviation = plain(x, y, seed, n_subsets, min(size, m, n))
    assert found.mean == pytest.approx(mean, rel=1e-8, abs=1e-10)
    assert found.deviation == pytest.approx(deviation, rel=1e-6, abs=1e-8)
    again = subset_mmd("data-juicer", x, y, n_subsets=n_subsets, subset_size=size, seed=seed)
    assert found == again


def test_whole_sets_give_the_distance_of_all_rows():
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((30, 4)), rng.standard_normal((30, 4)) + 0.3
    found = subset_mmd("stylegan", x, y)
    assert found.mean == pytest.approx(1000 * polynomial_mmd(x, y), rel=1e-10)
    assert found.deviation == pytest.approx(0, abs=1e-9)
    assert found.subset_size == 30


def test_malformed_subsets_are_refused():
    good = np.random.default_rng(2).standard_normal((6, 3))
    with pytest.raises(ValueError, match="name must be one of data-juicer, stylegan, torch-fidelity, found 'kid'"):
        subset_mmd("kid", good, good)
    with pytest.raises(ValueError, match="n_subsets must be at least 1 and subset_size at least 2, found 0 and 1000"):
        subset_mmd("stylegan", good, good, n_subsets=0)
    with pytest.raises(ValueError, match="subset_size at least 2, found 100 and 1"):
        subset_mmd("stylegan", good, good, subset_size=1)
    with pytest.raises(ValueError, match=r"x must hold at least 2 row\(s\), found 1"):
        subset_mmd("stylegan", good[:1], good)
    with pytest.raises(ValueError, match="x and y must have the same number of features"):
        subset_mmd("stylegan", good, good[:, :2])
    with pytest.raises(ValueError, match="y must be finite"):
        subset_mmd("stylegan", good, good * np.inf)
    with pytest.raises(ValueError, match="too large"):
        subset_mmd("stylegan", good * 1e90, good)


@pytest.mark.parametrize("pair", [*PAIRS, "single"])
def test_golden_values_of_jedi(golden, pair):
    x, y = video_pair(golden, pair)
    expected = golden("fvd_results.json")["kvd"][pair]
    assert jedi_distance(x, y) == pytest.approx(expected["jedi_degree2_x100_float64"], rel=1e-9, abs=1e-12)
    assert jedi_distance(x, y) == pytest.approx(expected["jedi_degree2_x100"], rel=1e-6, abs=5e-4)


@given(seed=st.integers(0, 99), m=st.integers(1, 12), n=st.integers(1, 12), d=st.integers(1, 20))
@settings(deadline=None, max_examples=30)
def test_jedi_equals_the_means_of_the_kernel(seed, m, n, d):
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((m, d)) + 0.5, rng.standard_normal((n, d))

    def mean(a, b):
        return np.mean([[(np.dot(u, v) / d) ** 2 for v in b] for u in a])

    value = 100 * (mean(x, x) + mean(y, y) - 2 * mean(x, y))
    assert jedi_distance(x, y) == pytest.approx(value, rel=1e-9, abs=1e-10)
    assert jedi_distance(x, x) == 0.0


def test_jedi_beyond_one_block_of_rows():
    x = np.random.default_rng(3).standard_normal((5000, 6))
    gap = x.T @ x / 5000 - np.eye(6)
    y = np.sqrt(6) * np.eye(6)
    assert jedi_distance(x, y) == pytest.approx(100 * np.sum(gap**2) / 36, rel=1e-10)


def test_malformed_input_of_jedi_is_refused():
    good = np.random.default_rng(4).standard_normal((6, 3))
    with pytest.raises(ValueError, match="x must be finite"):
        jedi_distance(good * np.nan, good)
    with pytest.raises(ValueError, match="x and y must have the same number of features, found 3 and 2"):
        jedi_distance(good, good[:, :2])
    with pytest.raises(ValueError, match="too large for a kernel of degree 2: found values up to"):
        jedi_distance(good * 1e90, good)
    with pytest.raises(ValueError, match="x must hold at least 1"):
        jedi_distance(good[:0], good)
