import tracemalloc

import numpy as np
import pytest
from feature_sets import audio_reference

from cmmd_bench.metrics import Gaussian, GaussianStatistics, frechet_audio_distance, frechet_distance, per_clip_fad


@pytest.fixture
def lowdim(golden):
    arrays = golden("fad_lowdim.npz")
    return arrays, Gaussian.from_moments(arrays["ref_mu"], arrays["ref_cov"]), golden("fad_lowdim.json")


def frames(seed, n, d=12):
    return np.random.default_rng(seed).standard_normal((n, d)) * 0.4 + 0.1


def test_golden_sets(lowdim):
    arrays, reference, expected = lowdim
    for name in ("same", "different"):
        assert frechet_audio_distance(arrays[name], reference) == pytest.approx(expected[name]["plain"], rel=1e-9)
    same = expected["same"]
    order = np.random.RandomState(same["seed"]).permutation(expected["clips"])
    for size, value in zip(same["sizes"], same["table"][0], strict=True):
        assert frechet_audio_distance(arrays["same"][order[:size]], reference) == pytest.approx(value, abs=1e-8)


def test_golden_clap_sets_and_clips(golden):
    expected, arrays = golden("fad_results.json"), golden("fad_embeddings.npz")
    clips, background = arrays["clips"], arrays["background"]
    short = {name: arrays[name] for name in ("short_one", "short_two", "short_five")}
    reference = Gaussian.from_moments(*audio_reference(golden))
    exact = expected["exact"]
    assert frechet_audio_distance(clips, reference) == pytest.approx(exact["set_fad"], abs=1e-9)
    assert frechet_audio_distance(clips, background) == pytest.approx(expected["background_set"]["exact"], abs=1e-9)
    every = {f"clip_{i:02d}": clip for i, clip in enumerate(clips)} | short
    assert every.keys() == exact["per_clip"].keys()
    values = per_clip_fad(every.values(), reference)
    np.testing.assert_allclose(values, list(exact["per_clip"].values()), atol=1e-9)
    # fadtk itself: its means are taken in the cache's precision, and it drops the clip of one frame.
    fadtk = {name.removesuffix(".wav"): score for name, score in expected["float32_cache"]["individual_csv_rows"]}
    ours = dict(zip(every, values, strict=True))
    assert set(ours) - set(fadtk) == {"short_one"}
    for name, score in fadtk.items():
        assert ours[name] == pytest.approx(score, abs=1e-6)


@pytest.mark.parametrize("ddof", [0, 1])
def test_a_clip_scores_as_its_frames_alone(ddof):
    reference = frames(0, 60)
    clips = [frames(seed, n) for seed, n in enumerate([2, 3, 10, 10, 40, 2000, 700, 5], start=1)]
    expected = [frechet_distance(clip, reference, ddof=ddof) for clip in clips]
    np.testing.assert_allclose(per_clip_fad(clips, reference, ddof=ddof), expected, rtol=1e-11)


def test_a_clip_of_one_frame_is_a_point():
    reference = GaussianStatistics.from_features(frames(0, 60))
    clip = frames(1, 1)
    gap = clip[0] - reference.mean
    assert per_clip_fad([clip], reference)[0] == pytest.approx(gap @ gap + np.trace(reference.covariance()), rel=1e-12)


def test_a_clip_scores_the_same_to_the_last_bit_in_any_company(golden):
    rng = np.random.default_rng(3)
    reference = rng.standard_normal((200, 100))
    clips = [rng.standard_normal((n, 100)) for n in rng.integers(1, 40, 150)]
    clips.append(rng.standard_normal((1300, 100)))
    together = per_clip_fad(clips, reference)
    assert np.array_equal(together, np.concatenate([per_clip_fad([clip], reference) for clip in clips]))
    order = rng.permutation(len(clips))
    assert np.array_equal(together[order], per_clip_fad([clips[i] for i in order], reference))
    assert np.array_equal(together, per_clip_fad([np.asfortranarray(clip) for clip in clips], reference))


def test_a_reference_may_be_rows_clips_or_statistics():
    clips = [frames(seed, 10) for seed in range(5)]
    reference = [frames(seed, 10) for seed in range(5, 12)]
    rows = np.concatenate(reference)
    for same in (rows, iter(reference), np.stack(reference), GaussianStatistics.from_features(rows)):
        assert frechet_audio_distance(iter(clips), same) == frechet_distance(np.concatenate(clips), rows)
    assert np.array_equal(per_clip_fad(clips, iter(reference)), per_clip_fad(clips, rows))


def test_no_clips_give_no_values():
    assert per_clip_fad([], frames(0, 60)).shape == (0,)


def test_memory_does_not_grow_with_the_number_of_clips():
    reference = frames(0, 200, 32)

    def peak(clips):
        rng = np.random.default_rng(0)
        tracemalloc.start()
        per_clip_fad((rng.standard_normal((100, 32)) for _ in range(clips)), reference)
        _, highest = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return highest

    # Kept, the frames of the long stream would be 20 MB.
    assert peak(800) - peak(50) < 500_000


def test_malformed_input_is_refused():
    reference = frames(0, 60)
    with pytest.raises(ValueError, match=r"clips\[1\] and reference must have the same number of features, found 5"):
        per_clip_fad([frames(1, 3), frames(1, 3, 5)], reference)
    with pytest.raises(ValueError, match=r"clips\[0\] must hold at least 1 row"):
        per_clip_fad([frames(1, 0)], reference)
    with pytest.raises(ValueError, match=r"clips\[0\] must be a real array of shape \(N, D\)"):
        per_clip_fad(reference, reference)
    with pytest.raises(ValueError, match=r"clips\[0\] must be finite"):
        per_clip_fad([np.full((2, 12), np.nan)], reference)
    with pytest.raises(ValueError, match="ddof must be 0 or 1"):
        per_clip_fad([frames(1, 3)], reference, ddof=2)
    with pytest.raises(ValueError, match="reference must hold at least 2"):
        frechet_audio_distance(reference, reference[:1])
    with pytest.raises(ValueError, match="frames and reference must have the same number of features"):
        frechet_audio_distance(reference[:, :3], reference)
    with pytest.raises(ValueError, match="at least one row, found none"):
        frechet_audio_distance([], reference)
