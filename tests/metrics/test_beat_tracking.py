import pickle
from dataclasses import dataclass

import numpy as np
import pytest
from clicks import click_track

from cmmd_bench.metrics import BeatTracker, beat_hits, beat_times


def clicks_of(track, sample_rate):
    return click_track(
        track["times"],
        track["duration"],
        sample_rate,
        frequency=track["frequency"],
        amplitudes=track["amplitudes"],
    )


@pytest.mark.parametrize("name", ["steady", "eighths", "accelerating", "five_seconds", "silence"])
@pytest.mark.parametrize("sample_rate", [16000, 22050])
def test_golden_beats(golden, name, sample_rate):
    data = golden("librosa_beats.json")
    expected = data["results"][f"{name}.{sample_rate}"]
    audio = clicks_of(data["tracks"][name], sample_rate)
    assert len(audio) == expected["samples"]
    assert np.abs(audio.astype(np.float64)).sum() == pytest.approx(expected["sum_abs"], rel=1e-6)
    beats = beat_times(audio, sample_rate)
    assert beats.dtype == np.float64
    assert np.rint(beats * sample_rate / 512).astype(int).tolist() == expected["beat_frames"]
    np.testing.assert_allclose(beats, expected["beat_times"], rtol=0, atol=1e-12)


def test_a_track_hits_its_own_clicks(golden):
    track = golden("librosa_beats.json")["tracks"]["steady"]
    beats = beat_times(clicks_of(track, 22050), 22050)
    hits = beat_hits(track["times"], beats, 0.1, duration=track["duration"])
    assert hits.hit_rate > 0.9
    assert hits.corrected > 0.8


@pytest.mark.parametrize("samples", [0, 1, 100, 511, 512, 2047])
def test_audio_shorter_than_one_analysis_frame_has_no_beats(samples):
    audio = np.random.default_rng(0).uniform(-0.5, 0.5, samples).astype(np.float32)
    assert beat_times(audio, 22050).shape == (0,)


@pytest.mark.parametrize("samples", [2048, 2049, 4096, 10000])
@pytest.mark.parametrize("sample_rate", [8000, 22050, 48000])
def test_short_audio_gives_ordered_times_within_it(samples, sample_rate):
    audio = np.random.default_rng(1).uniform(-0.5, 0.5, samples).astype(np.float32)
    beats = beat_times(audio, sample_rate)
    assert np.isfinite(beats).all()
    assert (np.diff(beats) > 0).all()
    assert ((beats >= 0) & (beats <= samples / sample_rate)).all()


def test_silence_has_no_beats():
    assert beat_times(np.zeros(48000, dtype=np.float32), 16000).shape == (0,)


@pytest.mark.parametrize("hertz", [97, 440, 1000])
def test_a_steady_tone_has_no_beats(hertz):
    tone = 0.25 * np.sin(2 * np.pi * hertz * np.arange(48000) / 16000)
    assert beat_times(tone.astype(np.float32), 16000).shape == (0,)


@pytest.mark.parametrize("sample_rate", [1, 1_000, 192_000])
def test_rates_at_which_librosa_hears_no_beats(sample_rate):
    with pytest.raises(
        ValueError, match=f"sample_rate must be from 2000 to 96000 Hz to find beats, found {sample_rate}"
    ):
        beat_times(np.zeros(48000, dtype=np.float32), sample_rate)


def test_half_precision_is_the_same_audio():
    audio = np.random.default_rng(2).uniform(-0.5, 0.5, 22050).astype(np.float16)
    assert np.array_equal(beat_times(audio, 22050), beat_times(audio.astype(np.float32), 22050))


def test_any_tracker_may_take_its_place():
    def metronome(audio, sample_rate, /):
        return np.arange(0, len(audio) / sample_rate, 0.5)

    tracker: BeatTracker = metronome
    beats = tracker(np.zeros(44100, dtype=np.float32), 22050)
    assert beat_hits([0.5, 1.0, 1.7], beats, 0.1, duration=2.0).matches == 2


@dataclass(frozen=True)
class LoudestPerBar:
    """A user's tracker with a setting, as a wrapper round a network would be."""

    bar: float

    def __call__(self, audio, sample_rate, /):
        size = round(self.bar * sample_rate)
        starts = range(0, len(audio) - size + 1, size)
        return np.array([(start + np.argmax(np.abs(audio[start : start + size]))) / sample_rate for start in starts])


def test_trackers_stand_side_by_side_in_a_registry():
    trackers: dict[str, BeatTracker] = {"librosa": beat_times, "loudest": LoudestPerBar(0.5)}
    true = np.arange(0.25, 10, 0.5)
    audio = click_track(list(true), 10.0, 22050)
    for name, tracker in trackers.items():
        beats = tracker(audio, 22050)
        hits = beat_hits(true, beats, 0.1, duration=10.0)
        assert hits.hit_rate > 0.9, name
        # Worker processes are sent the tracker itself.
        assert np.array_equal(pickle.loads(pickle.dumps(tracker))(audio, 22050), beats)


def test_malformed_input_is_refused():
    audio = np.zeros(4096, dtype=np.float32)
    with pytest.raises(ValueError, match=r"audio must be mono floats of shape \(T,\), found shape \(2, 2048\)"):
        beat_times(audio.reshape(2, -1), 22050)
    with pytest.raises(ValueError, match="of int16"):
        beat_times(audio.astype(np.int16), 22050)
    with pytest.raises(ValueError, match="audio must be finite"):
        beat_times(np.where(np.arange(4096) == 7, np.nan, audio), 22050)
    with pytest.raises(ValueError, match="sample_rate must be from 2000 to 96000 Hz to find beats, found 0"):
        beat_times(audio, 0)
