import numpy as np
import pytest
from feature_sets import DATA_PAIRS, audio_reference, video_pair

from cmmd_bench.metrics import Gaussian, GaussianStatistics, frechet_distance, polynomial_mmd
from cmmd_bench.metrics.dialects import DIALECTS, dialect, frechet_distance_as, gaussian_as

PAIRS = [*DATA_PAIRS, "large"]

RENAMED = {
    "cdfvd": "cd-fvd",
    "cdfvd_utils": "cd-fvd-utils",
    "mmdiffusion": "mm-diffusion",
    "tf_original_tfgan": "tf-original",
    "mmdiffusion_without_clone": "mm-diffusion",
}
OUR_OWN = ("exact_ddof0", "exact_ddof1", "exact_ddof0_terms", "exact_ddof1_terms", "tfgan_style_float64")


def named(key):
    return RENAMED.get(key, key.replace("_", "-"))


def tolerance(name, n):
    return DIALECTS[name].tolerance if n > 400 else DIALECTS[name].tolerance_few


@pytest.mark.parametrize("pair", PAIRS)
def test_every_reference_implementation(golden, pair):
    x, y = video_pair(golden, pair)
    results = {
        named(key): value for key, value in golden("fvd_results.json")["fvd"][pair].items() if key not in OUR_OWN
    }
    assert results.keys() == DIALECTS.keys() - {"fadtk"}
    for name, value in results.items():
        assert frechet_distance_as(name, x, y) == pytest.approx(value, rel=0, abs=tolerance(name, min(len(x), len(y))))


@pytest.mark.parametrize("pair", PAIRS)
def test_the_exact_form_in_float64(golden, pair):
    x, y = video_pair(golden, pair)
    expected = golden("fvd_results.json")["fvd"][pair]
    total = sum(expected["exact_ddof1_terms"][:3])
    for ddof in (0, 1):
        value = frechet_distance(x, y, ddof=ddof)
        assert value == pytest.approx(expected[f"exact_ddof{ddof}"], rel=1e-9, abs=1e-12 * total)
    # A float64 root of the same form, by MM-Diffusion's function on doubles.
    assert frechet_distance(x, y) == pytest.approx(expected["tfgan_style_float64"], rel=1e-6, abs=1e-10 * total)


def test_a_single_row(golden):
    x, y = video_pair(golden, "single")
    for key, value in golden("fvd_results.json")["fvd"]["single"].items():
        if key in OUR_OWN:
            continue
        if isinstance(value, float):
            assert DIALECTS[named(key)].single_row != "refused"
            assert frechet_distance_as(named(key), x, y) == pytest.approx(value, rel=1e-7)
        else:
            assert DIALECTS[named(key)].single_row == "refused"
            with pytest.raises(ValueError, match="x must hold at least 2 row"):
                frechet_distance_as(named(key), x, y)


def test_a_single_generated_row_against_many(golden):
    x, y = video_pair(golden, "medium")
    gap = x[0].astype(np.float64) - y.mean(axis=0, dtype=np.float64)
    assert frechet_distance_as("common-metrics-styleganv", x[:1], y) == pytest.approx(gap @ gap, rel=1e-12)
    variance = y.var(axis=0, dtype=np.float64).sum()
    assert frechet_distance_as("styleganv", x[:1], y) == pytest.approx(gap @ gap + variance, rel=1e-12)
    with pytest.raises(ValueError, match="y must hold at least 2"):
        frechet_distance_as("common-metrics-styleganv", y, x[:1])


@pytest.mark.parametrize("pair", ["small", "medium", "null", "large"])
def test_a_root_in_float32_depends_on_the_order_of_rows_and_the_exact_value_lies_within_reach(golden, pair):
    x, y = video_pair(golden, pair)
    low, high = golden("fvd_results.json")["fp32_root_spread_under_row_permutation"][pair]
    reach = tolerance("videogpt", min(len(x), len(y)))
    value = frechet_distance_as("videogpt", x, y)
    assert high - reach <= value <= low + reach
    order = np.random.default_rng(0).permutation(len(x))
    assert frechet_distance_as("videogpt", x[order], y) == pytest.approx(value, rel=1e-11)


@pytest.mark.parametrize("pair", ["small", "medium"])
def test_the_trap_of_centring_in_place(golden, pair):
    """VideoGPT's function centres its inputs: KVD on the same arrays afterwards lacks the mean term. Ours does not."""
    for key, trap in golden("fvd_results.json")["inplace_trap"][pair].items():
        x, y = (side.copy() for side in video_pair(golden, pair))
        first = frechet_distance_as(named(key), x, y)
        assert polynomial_mmd(x, y) == pytest.approx(trap["kvd_correct"], abs=1e-4)
        assert frechet_distance_as(named(key), x, y) == first
        assert trap["mutates_inputs"] == ("in place" in DIALECTS[named(key)].note)
        if trap["mutates_inputs"]:
            centred = [side - side.mean(axis=0, dtype=np.float64) for side in (x, y)]
            assert polynomial_mmd(*centred) == pytest.approx(trap["kvd_after"], abs=1e-4)


@pytest.mark.parametrize("name", DIALECTS)
def test_no_dialect_modifies_its_inputs(golden, name):
    x, y = video_pair(golden, "small")
    x.flags.writeable = y.flags.writeable = True
    before = x.copy(), y.copy()
    frechet_distance_as(name, x, y)
    polynomial_mmd(x, y)
    assert np.array_equal(x, before[0])
    assert np.array_equal(y, before[1])


def test_a_ridge_is_added_to_both_covariances():
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((9, 4)), rng.standard_normal((30, 4))
    sides = [Gaussian.from_moments(s.mean(0), np.cov(s, rowvar=False) + 1e-6 * np.eye(4)) for s in (x, y)]
    expected = frechet_distance(*sides)
    assert frechet_distance_as("fastvideo", x, y) == pytest.approx(expected, rel=1e-9)
    assert frechet_distance(gaussian_as("fastvideo", x), gaussian_as("fastvideo", y)) == pytest.approx(
        expected, rel=1e-9
    )


@pytest.mark.parametrize("cache", ["float16", "float32"])
def test_fadtk_with_its_means_in_the_precision_of_the_cache(golden, cache):
    arrays, expected = golden("fad_embeddings.npz"), golden("fad_results.json")[f"{cache}_cache"]
    reference = Gaussian.from_moments(*audio_reference(golden))
    clips = arrays["clips"].astype(cache)
    streamed = frechet_distance_as("fadtk", iter(clips), reference)
    assert streamed == pytest.approx(expected["set_fad_online_statistics"], abs=1e-6)
    pooled = frechet_distance_as("fadtk", clips.reshape(-1, 512), reference)
    assert pooled == pytest.approx(expected["set_fad_concatenated"], abs=1e-6)
    statistics = gaussian_as("fadtk", iter(clips))
    assert statistics.mean.sum() == pytest.approx(expected["stats_mu_sum"], abs=1e-9)
    assert statistics.trace == pytest.approx(expected["stats_cov_trace"], abs=1e-9)
    by_name = {f"clip_{i:02d}.wav": clip for i, clip in enumerate(clips)}
    by_name |= {f"{name}.wav": arrays[name].astype(cache) for name in ("short_two", "short_five")}
    assert len(expected["individual_csv_rows"]) == len(by_name)
    for name, score in expected["individual_csv_rows"]:
        assert frechet_distance_as("fadtk", by_name[name], reference) == pytest.approx(score, abs=1e-6)


def test_half_precision_means_move_fadtk_s_clips(golden):
    clips, reference = golden("fad_embeddings.npz")["clips"], Gaussian.from_moments(*audio_reference(golden))
    moved = [frechet_distance_as("fadtk", c, reference) - frechet_distance(c, reference) for c in clips]
    assert 1e-5 < np.abs(moved).max() < 1e-4


def test_a_clip_of_one_frame_is_refused_where_fadtk_makes_its_set_nan(golden):
    arrays, trap = golden("fad_embeddings.npz"), golden("fad_results.json")["float16_cache"]["with_one_frame_clip"]
    assert trap["set_covariance_is_nan"]
    assert not trap["present"]
    clips, reference = [*arrays["clips"][:2], arrays["short_one"]], arrays["background"]
    with pytest.raises(ValueError, match=r"x must hold at least 2 row\(s\), found 1"):
        frechet_distance_as("fadtk", clips, reference)
    # Counted as any other frame everywhere else.
    pooled = np.concatenate(clips)
    assert frechet_distance_as("fvd-comparison", clips, reference) == pytest.approx(frechet_distance(pooled, reference))


def test_statistics_and_gaussians_stand_for_rows():
    rng = np.random.default_rng(2)
    x, y = rng.standard_normal((20, 5)), rng.standard_normal((30, 5))
    expected = frechet_distance(x, y, ddof=0)
    statistics = GaussianStatistics.from_features(y)
    assert frechet_distance_as("styleganv", x, statistics) == pytest.approx(expected, rel=1e-12)
    assert frechet_distance_as("styleganv", x, statistics.gaussian(0)) == pytest.approx(expected, rel=1e-12)
    assert frechet_distance_as("styleganv", np.split(x, 4), statistics) == pytest.approx(expected, rel=1e-12)


def test_malformed_input_is_refused():
    good = np.random.default_rng(3).standard_normal((5, 3))
    with pytest.raises(ValueError, match="dialect must be one of cd-fvd, .*, found 'stylegan'"):
        frechet_distance_as("stylegan", good, good)
    with pytest.raises(ValueError, match="found ''"):
        dialect("")
    with pytest.raises(ValueError, match="y must have the same number of features|x and y must have"):
        frechet_distance_as("styleganv", good, good[:, :2])
    with pytest.raises(ValueError, match="x and y must have the same number of features, found 3 and 2"):
        frechet_distance_as("common-metrics-styleganv", good[:1], good[:, :2])
    with pytest.raises(ValueError, match="must be finite"):
        frechet_distance_as("fadtk", good * np.nan, good)
    with pytest.raises(ValueError, match="x must hold at least 1 clip, found none"):
        frechet_distance_as("fadtk", [], good)
    with pytest.raises(ValueError, match="at least one row, found none"):
        frechet_distance_as("styleganv", [], good)
