import json
import re
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from clicks import click_track

from cmmd_bench.datasets import open_dataset
from cmmd_bench.metrics import match_events, onset_detection
from cmmd_bench.metrics.onset_detection import ONSET_SETTINGS, OnsetDetector, detect_onsets
from cmmd_bench.metrics.onsets import onset_hits
from cmmd_bench.types import ClipSpec

SPEC = ClipSpec(seconds=3.6, fps=10, height=16, width=16, sample_rate=16_000)
CONTACTS = ("collision", "cut / chop", "open / close", "kneading")
PROOF = Path(__file__).resolve().parents[1] / "data" / "proofs" / "onset_detection.json"
WINDOW = 0.05


@pytest.mark.parametrize("name", ["steady", "eighths", "accelerating", "five_seconds", "silence"])
@pytest.mark.parametrize("sample_rate", [16000, 22050])
def test_golden_onsets_of_librosa(golden, name, sample_rate):
    data = golden("librosa_beats.json")
    track = data["tracks"][name]
    audio = click_track(
        track["times"],
        track["duration"],
        sample_rate,
        frequency=track["frequency"],
        amplitudes=track["amplitudes"],
    )
    found = detect_onsets(audio, sample_rate, settings="librosa")
    expected = data["results"][f"{name}.{sample_rate}"]["onset_times"]
    np.testing.assert_allclose(found[:, 0], expected, rtol=0, atol=1e-12)


def test_golden_onsets_of_cdcd(golden):
    for pair in golden("d2m_cdcd.json")["pairs"]:
        for side in ("reference", "generated"):
            audio = click_track(pair[f"{side}_clicks"], pair[f"{side}_duration"], 22050)
            found = detect_onsets(audio, 22050, settings="cdcd")
            np.testing.assert_allclose(found[:, 0], pair[f"{side}_onsets"], rtol=0, atol=1e-12)


def test_golden_onsets_of_av_align(golden):
    arrays = golden("av_align.npz")
    for name, clip in golden("av_align.json")["clips"].items():
        audio = arrays[f"{name}.audio_int16"] / np.float32(32768)
        found = detect_onsets(audio, 22050, settings="av-align")
        np.testing.assert_allclose(found[:, 0], clip["audio_peaks"], rtol=0, atol=1e-12)
        # Strength is the golden envelope at the golden frames, scaled to 0..1.
        envelope = arrays[f"{name}.onset_strength"].astype(np.float64)
        expected = envelope[clip["audio_onset_frames"]] / envelope.max()
        np.testing.assert_allclose(found[:, 1], expected, rtol=0, atol=1e-6)


def clips_with_truth(kitchen: int, beatdance: int):
    """(audio, true times) of kitchen clips with contacts only, of the first `kitchen`, and of beatdance clips."""
    scenes = open_dataset("kitchen", SPEC, split="test")
    contacts = [
        (scenes.load(item).audio, sorted(event.start for event in item.truth.events))
        for item in scenes.items()[:kitchen]
        if item.truth.events and all(any(word in event.label for word in CONTACTS) for event in item.truth.events)
    ]
    dances = open_dataset("beatdance", SPEC, split="test")
    beats = [(dances.load(item).audio, list(item.truth.beats)) for item in dances.items()[:beatdance]]
    return contacts, beats


def figures(clips, settings):
    true = found = matches = 0
    lags = []
    for audio, times in clips:
        onsets = detect_onsets(audio, SPEC.sample_rate, settings=settings)[:, 0]
        true, found = true + len(times), found + len(onsets)
        matches += match_events(times, onsets, WINDOW)
        gaps = [min((onset - time for onset in onsets), key=abs, default=np.inf) for time in times]
        lags += [gap for gap in gaps if abs(gap) <= 2 * WINDOW]
    return {
        "precision": matches / found,
        "recall": matches / true,
        "lag_ms": 1000 * float(np.median(lags)),
        "found_per_true": found / true,
        "n_true": true,
    }


@pytest.fixture(scope="module")
def procedural():
    return clips_with_truth(kitchen=24, beatdance=8)


def test_fine_finds_what_happens_once_and_on_time(procedural):
    contacts, beats = procedural
    found = figures(contacts, "fine")
    assert found["precision"] > 0.95
    assert found["recall"] > 0.98
    assert abs(found["lag_ms"]) < 5
    found = figures(beats, "fine")
    assert found["recall"] > 0.98
    assert abs(found["lag_ms"]) < 10


def test_librosas_defaults_at_16_khz_find_most_onsets_twice_and_late(procedural):
    contacts, _ = procedural
    found = figures(contacts, "librosa")
    assert found["precision"] < 0.65
    assert found["lag_ms"] > 20


@pytest.mark.slow
def test_figures_of_all_settings():
    contacts, beats = clips_with_truth(kitchen=80, beatdance=40)
    measured = {name: {"contacts": figures(contacts, name), "beats": figures(beats, name)} for name in ONSET_SETTINGS}
    about = {"date": date.today().isoformat(), "clips": [len(contacts), len(beats)], "window_s": WINDOW}
    PROOF.write_text(json.dumps({**about, "settings": measured}, indent=1) + "\n")


def test_the_documented_figures_are_those_measured():
    proof = json.loads(PROOF.read_text())
    table = re.findall(
        r"^ {4}([\w-]+) +([\d.]+) +([\d.]+) +(\d+) ms +([\d.]+) +(\d+) ms +([\d.]+)$", onset_detection.__doc__, re.M
    )
    assert [row[0] for row in table] == list(proof["settings"]) == list(ONSET_SETTINGS)
    for name, *printed in table:
        contacts, beats = proof["settings"][name]["contacts"], proof["settings"][name]["beats"]
        measured = [
            f"{contacts['precision']:.2f}",
            f"{contacts['recall']:.2f}",
            f"{contacts['lag_ms']:.0f}",
            f"{beats['recall']:.2f}",
            f"{beats['lag_ms']:.0f}",
            f"{beats['found_per_true']:.1f}",
        ]
        assert printed == measured, name
    for side in ("contacts", "beats"):
        assert f"{proof['settings']['fine'][side]['n_true']} {side}" in onset_detection.__doc__


@pytest.mark.parametrize("settings", ONSET_SETTINGS)
def test_strengths_follow_the_clicks(settings):
    amplitudes = [0.9, 0.5, 0.7, 0.6]
    onsets = detect_onsets(
        click_track([0.5, 1.1, 1.7, 2.3], 3.0, 22050, amplitudes=amplitudes), 22050, settings=settings
    )
    assert onsets.shape == (4, 2)
    assert onsets.dtype == np.float64
    assert ((onsets[:, 1] >= 0) & (onsets[:, 1] <= 1)).all()
    if settings == "condfoley":
        np.testing.assert_allclose(onsets[:, 1], np.array(amplitudes) / 0.9, atol=0.02)


def test_condfoley_strength_is_the_peak_of_the_waveform_around_the_onset():
    audio = np.random.default_rng(3).uniform(-0.02, 0.02, 3 * 22050).astype(np.float32)
    audio += click_track([0.02, 0.5, 1.1, 2.98], 3.0, 22050, amplitudes=[0.5, 0.9, 0.3, 0.7])
    loud = np.abs(audio)
    onsets = detect_onsets(audio, 22050, settings="condfoley")
    assert len(onsets) >= 3
    for time, strength in onsets:
        place = round(time * 22050)
        around = loud[max(place - 1102, 0) : place + 1102].max()
        assert strength == pytest.approx((around - loud.min()) / (loud.max() - loud.min()), abs=1e-6)


@pytest.mark.parametrize("settings", ONSET_SETTINGS)
def test_loudness_does_not_matter(settings, procedural):
    audio = procedural[0][0][0]
    loud, soft = (detect_onsets(gain * audio, SPEC.sample_rate, settings=settings) for gain in (1.0, 0.1))
    np.testing.assert_allclose(loud[:, 0], soft[:, 0], rtol=0, atol=1e-12)
    np.testing.assert_allclose(loud[:, 1], soft[:, 1], rtol=0, atol=0.01)


def test_one_rate_for_all_but_the_clips_own():
    times = [0.4, 1.0, 1.9, 2.6]
    for settings in ("fine", "av-align", "cdcd", "condfoley"):
        for rate in (16000, 22050, 44100, 48000):
            found = detect_onsets(click_track(times, 3.2, rate), rate, settings=settings)[:, 0]
            assert match_events(times, found, WINDOW) == len(times), (settings, rate)
            grid = ONSET_SETTINGS[settings]
            frames = found * grid.sample_rate / grid.hop
            np.testing.assert_allclose(frames, np.rint(frames), atol=1e-9)


@pytest.mark.parametrize("settings", ONSET_SETTINGS)
def test_silence_and_very_short_audio_have_no_onsets(settings):
    assert detect_onsets(np.zeros(48000, dtype=np.float32), 16000, settings=settings).shape == (0, 2)
    for samples in (0, 1, 100, 340):
        noise = np.random.default_rng(0).uniform(-0.5, 0.5, samples).astype(np.float32)
        assert detect_onsets(noise, 16000, settings=settings).shape == (0, 2)


@pytest.mark.parametrize("settings", ONSET_SETTINGS)
@pytest.mark.parametrize("samples", [512, 2047, 2048, 2500, 10000])
def test_short_audio_gives_ordered_onsets_within_it(settings, samples):
    noise = np.random.default_rng(1).uniform(-0.5, 0.5, samples).astype(np.float32)
    onsets = detect_onsets(noise, 16000, settings=settings)
    assert np.isfinite(onsets).all()
    assert (np.diff(onsets[:, 0]) > 0).all()
    assert ((onsets[:, 0] >= 0) & (onsets[:, 0] <= samples / 16000)).all()


def test_no_onset_lies_beyond_the_end_where_resampling_rounds_up():
    # A length whose ceiling at 22,050 Hz is a whole number of hops: the last frame is then past the end.
    samples = next(n for n in range(20_000, 40_000) if n * 441 % 320 and -(-n * 441 // 320) % 512 == 0)
    audio = np.zeros(samples, dtype=np.float32)
    audio[-12:] = 0.9
    for settings in ("av-align", "cdcd", "condfoley"):
        onsets = detect_onsets(audio, 16_000, settings=settings)
        assert (onsets[:, 0] <= samples / 16_000).all()


def test_a_steady_noise_has_a_few_onsets_a_second():
    noise = np.random.default_rng(0).normal(0, 0.1, 20 * 16000).clip(-1, 1).astype(np.float32)
    parts = noise.reshape(5, -1)
    rates = {s: np.mean([len(detect_onsets(part, 16000, settings=s)) for part in parts]) / 4 for s in ONSET_SETTINGS}
    assert 2 < rates["fine"] < 5
    assert 1 < rates["librosa"] < 4


def test_half_precision_is_the_same_audio():
    audio = np.random.default_rng(2).uniform(-0.5, 0.5, 22050).astype(np.float16)
    for settings in ONSET_SETTINGS:
        half, full = (detect_onsets(a, 16000, settings=settings) for a in (audio, audio.astype(np.float32)))
        assert np.array_equal(half, full)


def test_any_detector_may_take_its_place():
    def loudest(audio, sample_rate, /):
        return np.array([[np.argmax(np.abs(audio)) / sample_rate, 1.0]])

    detector: OnsetDetector = loudest
    onsets = detector(click_track([1.0], 2.0, 22050), 22050)
    assert onset_hits([1.0], onsets, duration=2.0).f1 == 1.0


def test_malformed_input_is_refused():
    audio = np.zeros(4096, dtype=np.float32)
    with pytest.raises(ValueError, match=r"audio must be mono floats of shape \(T,\), found shape \(2, 2048\)"):
        detect_onsets(audio.reshape(2, -1), 22050)
    with pytest.raises(ValueError, match="of int16"):
        detect_onsets(audio.astype(np.int16), 22050)
    with pytest.raises(ValueError, match="audio must be finite"):
        detect_onsets(np.where(np.arange(4096) == 7, np.nan, audio), 22050)
    with pytest.raises(ValueError, match="sample_rate must be from 2000 to 96000 Hz to find onsets, found 0"):
        detect_onsets(audio, 0)
    with pytest.raises(ValueError, match="settings must be one of fine, librosa, av-align, cdcd, condfoley, found 'x'"):
        detect_onsets(audio, 22050, settings="x")
