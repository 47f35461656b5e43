from dataclasses import replace
from math import isfinite

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cmmd_bench.metrics.av_align import DIALECTS, FLOORS, av_align, av_align_score, summarise_av_align, video_peaks
from cmmd_bench.metrics.motion import flow_motion
from cmmd_bench.metrics.onset_detection import detect_onsets

GOLDEN = {
    "tempotokens": ("av_align_current", "current"),
    "tempotokens-v1": ("av_align_first_release_with_n_defined", "first_release"),
    "javisbench": ("av_align_javisbench", "javisbench"),
}

peaks = st.lists(st.integers(0, 60).map(lambda i: i / 20), max_size=9).map(sorted)
rates = st.sampled_from([4, 10, 24])


@pytest.mark.parametrize("name", ["aligned", "misaligned", "dense_audio"])
def test_golden_clips(golden, name):
    clip, arrays = golden("av_align.json")["clips"][name], golden("av_align.npz")
    audio = detect_onsets(arrays[f"{name}.audio_int16"] / np.float32(32768), 22050, settings="av-align")[:, 0]
    motion = flow_motion(arrays[f"{name}.frames_rgb"])
    assert video_peaks(motion, clip["fps"]).tolist() == clip["video_peaks"]
    assert video_peaks(motion, clip["fps"], floor=0.0).tolist() == clip["video_peaks_without_floor"]
    np.testing.assert_allclose(audio, clip["audio_peaks"], rtol=0, atol=1e-12)
    for dialect, (key, _) in GOLDEN.items():
        video = video_peaks(motion, clip["fps"], floor=FLOORS[dialect])
        assert av_align_score(audio, video, clip["fps"], dialect=dialect)[1] == clip[key]
    video = video_peaks(motion, clip["fps"])
    duration = clip["frames"] / clip["fps"]
    found = av_align(audio, video, clip["fps"], duration=duration, dialect="tempotokens", shifts=clip["chance_K"])
    assert found.chance == pytest.approx(clip["chance_circular"], abs=1e-12)
    assert found.corrected == pytest.approx(clip["chance_corrected"], abs=1e-12)


def test_golden_peak_lists(golden):
    lists = golden("av_align.json")["peak_lists"]
    assert len(lists) > 10
    for case in lists:
        for dialect, (_, key) in GOLDEN.items():
            _, score = av_align_score(case["audio"], case["video"], case["fps"], dialect=dialect)
            if isinstance(case[key], str):
                assert "ZeroDivisionError" in case[key]
                assert score is None
            else:
                assert score == case[key]


def by_bipartite_matching(audio, video, fps):
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import maximum_bipartite_matching

    if not audio or not video:
        return 0
    near = np.abs(np.subtract.outer(audio, video)) < 1 / fps - 1e-9
    return int((maximum_bipartite_matching(csr_matrix(near.astype(int))) >= 0).sum())


@given(peaks, peaks, rates)
@settings(deadline=None, max_examples=80)
def test_the_default_is_a_largest_matching(audio, video, fps):
    matches, score = av_align_score(audio, video, fps)
    assert matches == by_bipartite_matching(audio, video, fps)
    assert score is None or 0 <= score <= 1
    assert (score is None) == (not audio and not video)


@given(peaks, peaks, rates)
@settings(deadline=None, max_examples=60)
def test_no_greedy_order_beats_the_default(audio, video, fps):
    # Off the grid: whether exactly one frame apart is less than one frame is a coin toss in floating point.
    off = [time + 0.0137 for time in audio]
    matches, _ = av_align_score(off, video, fps)
    for order in (off, off[::-1]):
        assert av_align_score(order, video, fps, dialect="tempotokens")[0] <= matches
        assert av_align_score(order, video, fps) == av_align_score(off, video[::-1], fps)


@given(peaks, peaks, rates, st.sampled_from(DIALECTS))
@settings(deadline=None, max_examples=60)
def test_nothing_is_ever_nan(audio, video, fps, dialect):
    found = av_align(audio, video, fps, duration=3.0, dialect=dialect, shifts=5)
    for value in (found.score, found.chance, found.corrected):
        assert value is None or isfinite(value)
    assert (found.n_audio, found.n_video) == (len(audio), len(video))


def test_chance_is_the_mean_over_shifts():
    audio, video, fps, duration, shifts = [0.1, 0.9, 2.2], [0.2, 1.0, 1.4, 2.8], 10, 3.0, 6
    for dialect in DIALECTS:
        found = av_align(audio, video, fps, duration=duration, dialect=dialect, shifts=shifts)
        scores = [
            av_align_score(
                sorted((t + (k + 0.5) * duration / shifts) % duration for t in audio), video, fps, dialect=dialect
            )
            for k in range(shifts)
        ]
        assert found.chance == pytest.approx(np.mean([score for _, score in scores]))


def test_perfect_and_empty():
    beat = [0.5, 1.0, 1.5]
    perfect = av_align(beat, beat, 10, duration=3.0)
    assert (perfect.matches, perfect.score, perfect.corrected) == (3, 1.0, 1.0)
    assert perfect.chance < 0.5
    for audio, video in ((beat, []), ([], beat)):
        one_sided = av_align(audio, video, 10, duration=3.0)
        assert (one_sided.score, one_sided.chance, one_sided.corrected) == (0.0, 0.0, 0.0)
    nothing = av_align([], [], 10, duration=3.0)
    assert (nothing.score, nothing.chance, nothing.corrected) == (None, None, None)
    assert av_align([], [], 10, duration=3.0, dialect="javisbench").score == 0.0


def test_one_video_peak_serves_once():
    assert av_align_score([0.45, 0.5, 0.55], [0.5], 10) == (1, 1 / 3)
    assert av_align_score([0.45, 0.5, 0.55], [0.5], 10, dialect="tempotokens-v1") == (3, 3.0)


def test_the_window_is_one_frame():
    for fps, expected in ((10, 1.0), (24, 0.0)):
        assert av_align_score([0.55], [0.5], fps)[1] == expected
    for dialect in DIALECTS:
        assert av_align_score([0.6], [0.5], 10, dialect=dialect)[1] == 0.0


def test_peaks_are_strict_maxima_above_the_floor():
    motion = np.array([9.0, 0.0, 0.05, 0.0, 0.5, 0.5, 0.0, 0.1, 0.0, 0.3, 0.2, 9.0])
    assert video_peaks(motion, 10).tolist() == [0.7, 0.9]
    assert video_peaks(motion, 10, floor=0.0).tolist() == [0.2, 0.7, 0.9]
    for frames in range(3):
        assert video_peaks(np.ones(frames), 10).shape == (0,)


def test_summary_is_the_mean_over_clips():
    clips = [
        av_align([0.5, 1.0], [0.5, 1.0], 10, duration=3.0),
        av_align([], [], 10, duration=3.0),
        av_align([0.5, 1.0], [1.0, 2.0, 2.5], 10, duration=3.0),
    ]
    summary = summarise_av_align(clips)
    assert (summary.dialect, summary.fps, summary.n_clips, summary.undefined) == ("one-to-one", 10.0, 3, (1,))
    chance = (clips[0].chance + clips[2].chance) / 2
    assert (summary.score, summary.chance) == (pytest.approx((1 + 0.25) / 2), pytest.approx(chance))
    assert summary.corrected == pytest.approx((0.625 - chance) / (1 - chance))
    nothing = summarise_av_align(clips[1:2])
    assert (nothing.score, nothing.chance, nothing.corrected) == (None, None, None)
    for mixed in ([], [clips[0], replace(clips[0], fps=24.0)], [clips[0], replace(clips[0], dialect="javisbench")]):
        with pytest.raises(ValueError, match="at least one, of one dialect and one fps, found"):
            summarise_av_align(mixed)


def test_malformed_input_is_refused():
    with pytest.raises(ValueError, match="dialect must be one of one-to-one, tempotokens, .*, found 'x'"):
        av_align([], [], 10, duration=3.0, dialect="x")
    with pytest.raises(ValueError, match="fps must be a finite number above 0, found 0"):
        av_align([1.0], [1.0], 0, duration=3.0)
    with pytest.raises(ValueError, match="audio_peaks must not decrease"):
        av_align([1.0, 0.5], [1.0], 10, duration=3.0)
    with pytest.raises(ValueError, match=r"video_peaks must lie within 0\.\.3 s"):
        av_align([1.0], [4.0], 10, duration=3.0)
    with pytest.raises(ValueError, match="audio_peaks must be a list of finite times"):
        av_align_score([np.nan], [1.0], 10)
    with pytest.raises(ValueError, match=r"motion must be a real array of shape \(F,\), found shape \(2, 3\)"):
        video_peaks(np.ones((2, 3)), 10)
    with pytest.raises(ValueError, match="motion must be finite"):
        video_peaks(np.array([0.0, np.nan, 0.0]), 10)
    with pytest.raises(ValueError, match="fps must be a finite number above 0"):
        video_peaks(np.ones(3), float("nan"))
