import numpy as np
import pytest
from feature_sets import video_pair
from hypothesis import given, settings
from hypothesis import strategies as st

from cmmd_bench.metrics.kad import SCALE, distance_kernel, kernel_audio_distance, per_clip_kad
from cmmd_bench.metrics.mmd import kernel_sums
from cmmd_bench.metrics.pairwise import median_distance

SINGLE = 1e-3
DOUBLE = 1e-8


@pytest.fixture
def sets(golden):
    arrays = golden("fad_embeddings.npz")
    return arrays["clips"].reshape(-1, 512), arrays["background"], golden("fad_results.json")["kad"], arrays


def plain(x, y, sigma, shape="gaussian"):
    gamma = 1 / (2 * sigma**2 + 1e-8)

    def k(a, b):
        d2 = float(((a - b) ** 2).sum())
        return {"gaussian": np.exp(-gamma * d2), "iq": 1 / (1 + gamma * d2), "imq": (1 + gamma * d2) ** -0.5}[shape]

    m, n = len(x), len(y)
    xx = sum(k(x[i], x[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    yy = sum(k(y[i], y[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    return 100 * (xx + yy - 2 * sum(k(a, b) for a in x for b in y) / (m * n))


def test_golden_bandwidths(sets):
    frames, background, expected, _ = sets
    assert median_distance(frames) == pytest.approx(expected["sigma_eval"], rel=1e-5)
    assert median_distance(background) == pytest.approx(expected["sigma_background"], rel=1e-5)
    # NumPy's median is the mean of the two in the middle.
    assert median_distance(frames) <= expected["sigma_eval_numpy_median_float64"]
    assert median_distance(background) <= expected["sigma_background_numpy_median_float64"]


@pytest.mark.parametrize(
    ("key", "sigma", "shape"),
    [
        ("kadtk_cli_sigma_from_eval", "eval", "gaussian"),
        ("sigma_from_reference", "reference", "gaussian"),
        ("sigma_fixed_10", 10.0, "gaussian"),
        ("sigma_fixed_0_5", 0.5, "gaussian"),
        ("iq_sigma_from_eval", "eval", "iq"),
        ("imq_sigma_from_eval", "eval", "imq"),
    ],
)
def test_golden_sets(sets, key, sigma, shape):
    frames, background, expected, _ = sets
    assert kernel_audio_distance(frames, background, sigma=sigma, shape=shape) == pytest.approx(
        expected[key], rel=0, abs=SINGLE
    )
    if isinstance(sigma, str):
        # kadtk's bandwidth is a float32; the tight comparison takes that very number.
        sigma = expected["sigma_eval" if sigma == "eval" else "sigma_background"]
    exact = kernel_audio_distance(frames, background, sigma=sigma, shape=shape)
    assert exact == pytest.approx(expected["float64"][key], rel=0, abs=DOUBLE)


def test_the_set_that_the_bandwidth_comes_from_can_double_the_score(sets):
    frames, background, everything, _ = sets
    expected = everything["contracted_eval"]
    assert expected["rule"] == "0.6*clips + 0.4*background[0], float32"
    x = np.float32(0.6) * frames.astype(np.float32) + np.float32(0.4) * background[0].astype(np.float32)
    assert median_distance(x) == pytest.approx(expected["sigma_eval"], rel=1e-5)
    for sigma, number, key in (
        ("eval", expected["sigma_eval"], "cli"),
        ("reference", everything["sigma_background"], "reference"),
    ):
        assert kernel_audio_distance(x, background, sigma=sigma) == pytest.approx(expected[key], rel=0, abs=SINGLE)
        exact = kernel_audio_distance(x, background, sigma=number)
        # The contraction itself was rounded to float32 there in an order of its own.
        assert exact == pytest.approx(expected[f"{key}_float64"], rel=0, abs=2e-6)
    assert expected["cli"] > 2 * expected["reference"]


def test_golden_clips(sets):
    _, background, everything, arrays = sets
    expected = everything["per_clip_cli"]
    clips = [arrays["clips"][int(name[-2:])] if name.startswith("clip") else arrays[name] for name in expected]
    scores, sigmas = zip(*expected.values(), strict=True)
    np.testing.assert_allclose([median_distance(clip) for clip in clips], sigmas, rtol=1e-4)
    np.testing.assert_allclose(per_clip_kad(clips, background, sigma="eval"), scores, rtol=0, atol=SINGLE)
    assert everything["one_frame_clip"] == "nan"
    with pytest.raises(ValueError, match=r"clips\[1\] must hold at least 2 row\(s\), found 1"):
        per_clip_kad([clips[0], arrays["short_one"]], background)


@given(
    seed=st.integers(0, 99),
    m=st.integers(2, 7),
    n=st.integers(2, 7),
    d=st.integers(1, 4),
    shape=st.sampled_from(["gaussian", "iq", "imq"]),
)
@settings(deadline=None, max_examples=40)
def test_equals_plain_loops(seed, m, n, d, shape):
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((m, d)) + 0.5, rng.standard_normal((n, d))
    assert kernel_audio_distance(x, y, sigma=0.8, shape=shape) == pytest.approx(plain(x, y, 0.8, shape), abs=1e-9)
    for sigma, of in (("reference", y), ("eval", x)):
        expected = plain(x, y, median_distance(of), shape)
        assert kernel_audio_distance(x, y, sigma=sigma, shape=shape) == pytest.approx(expected, abs=1e-9)


def test_a_clip_scores_as_a_set_of_its_own():
    rng = np.random.default_rng(1)
    reference = rng.standard_normal((700, 5)).astype(np.float32)
    clips = [rng.standard_normal((n, 5)).astype(np.float16) + np.float16(0.5) for n in (2, 9, 30, 1100)]
    for sigma in ("reference", "eval", 1.3):
        expected = [kernel_audio_distance(clip, reference, sigma=sigma) for clip in clips]
        np.testing.assert_allclose(per_clip_kad(iter(clips), reference, sigma=sigma), expected, rtol=1e-9)
    assert per_clip_kad([], reference).shape == (0,)


def test_beyond_one_block_and_by_the_general_sums(golden):
    x, y = video_pair(golden, "large")
    sigma = median_distance(y)
    groups = np.zeros(len(x), dtype=np.intp), np.zeros(len(y), dtype=np.intp)
    sums = kernel_sums(x, y, *groups, n_groups=1, kernel=distance_kernel(sigma))
    assert kernel_audio_distance(x, y) == pytest.approx(SCALE * sums.mmd(), rel=1e-8)


def test_moving_both_sets_changes_nothing():
    rng = np.random.default_rng(2)
    x, y = rng.standard_normal((40, 6)), rng.standard_normal((50, 6)) + 0.3
    assert kernel_audio_distance(x + 1e5, y + 1e5) == pytest.approx(kernel_audio_distance(x, y), rel=1e-6)


def test_unbiased_where_the_distributions_agree():
    rng = np.random.default_rng(3)
    values = [
        kernel_audio_distance(rng.standard_normal((8, 3)), rng.standard_normal((6, 3)), sigma=1.5) for _ in range(400)
    ]
    assert abs(np.mean(values)) < 4 * np.std(values) / np.sqrt(len(values))
    assert min(values) < 0


def test_malformed_input_is_refused():
    good = np.random.default_rng(4).standard_normal((6, 3))
    with pytest.raises(ValueError, match=r"x must hold at least 2 row\(s\), found 1"):
        kernel_audio_distance(good[:1], good)
    with pytest.raises(ValueError, match="x and reference must have the same number of features, found 3 and 2"):
        kernel_audio_distance(good, good[:, :2])
    with pytest.raises(ValueError, match="reference must be finite"):
        kernel_audio_distance(good, good * np.nan)
    with pytest.raises(ValueError, match="sigma must be a number, 'reference' or 'eval', found 'median'"):
        kernel_audio_distance(good, good, sigma="median")
    for sigma in (0.0, -1.0, float("nan")):
        with pytest.raises(ValueError, match="sigma must be a finite number above 0"):
            kernel_audio_distance(good, good, sigma=sigma)
    with pytest.raises(ValueError, match="shape must be gaussian, iq or imq, found 'rbf'"):
        kernel_audio_distance(good, good, shape="rbf")
    with pytest.raises(ValueError, match=r"found a median distance of 0 \(reference\)"):
        kernel_audio_distance(good, np.ones((5, 3)))
    with pytest.raises(ValueError, match=r"clips\[0\] and reference must have the same number of features"):
        per_clip_kad([good[:, :2]], good)
