"""Clips validate themselves; each refusal names the argument, the rule and what was found."""

from fractions import Fraction

import numpy as np
import pytest

from cmmd_bench import Clip, ClipSpec
from cmmd_bench.types import exact_rate

VIDEO = np.zeros((3, 4, 5, 3), np.uint8)
AUDIO = np.zeros(7, np.float32)


def test_lengths_and_sides():
    clip = Clip(VIDEO, 10, AUDIO, 16_000)
    assert clip.fps == Fraction(10)
    assert clip.video_seconds == pytest.approx(0.3)
    assert clip.audio_seconds == pytest.approx(7 / 16_000)
    assert clip.seconds == clip.video_seconds
    assert clip.only_video().audio is None
    assert clip.only_video().sample_rate == 0
    assert clip.only_audio().video is None
    assert clip.only_audio().fps == 0


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({}, "needs video, audio or both"),
        ({"video": VIDEO}, "fps must be above 0"),
        ({"video": VIDEO, "fps": -1}, "fps must be above 0"),
        ({"video": VIDEO, "fps": "ten"}, "fps must be a number"),
        ({"video": VIDEO, "fps": float("nan")}, "fps must be a number"),
        ({"video": VIDEO[0], "fps": 10}, r"shape \(F, H, W, 3\), found shape \(4, 5, 3\)"),
        ({"video": VIDEO[..., :1], "fps": 10}, r"found shape \(3, 4, 5, 1\)"),
        ({"video": VIDEO.astype(np.float32), "fps": 10}, "uint8 RGB in 0..255, found .* float32"),
        ({"video": VIDEO[:0], "fps": 10}, "at least one frame"),
        ({"video": VIDEO.tolist(), "fps": 10}, "found list"),
        ({"audio": AUDIO}, "sample_rate must be a whole number"),
        ({"audio": AUDIO, "sample_rate": 16_000.5}, "sample_rate must be a whole number"),
        ({"audio": AUDIO[None], "sample_rate": 16_000}, r"mono array of shape \(T,\), found shape \(1, 7\)"),
        ({"audio": AUDIO.astype(np.float64), "sample_rate": 16_000}, "float32 in .* found .* float64"),
        ({"audio": AUDIO[:0], "sample_rate": 16_000}, "at least one sample"),
        ({"audio": AUDIO + np.float32(1.5), "sample_rate": 16_000}, "found a peak of 1.5"),
        ({"audio": np.array([0, np.nan, np.inf], np.float32), "sample_rate": 16_000}, "2 samples that are NaN"),
    ],
)
def test_refusals(arguments, complaint):
    with pytest.raises(ValueError, match=complaint):
        Clip(**arguments)


@pytest.mark.parametrize(
    ("given", "exact"),
    [
        (10, Fraction(10)),
        (29.97, Fraction(2997, 100)),
        ("30000/1001", Fraction(30000, 1001)),
        (Fraction(25, 2), Fraction(25, 2)),
        (12.5, Fraction(25, 2)),
    ],
)
def test_rates_are_exact(given, exact):
    assert exact_rate(given) == exact


def test_spec_counts_frames_and_samples():
    spec = ClipSpec(1.8, Fraction(10), 64, 64, 16_000)
    assert (spec.frames, spec.samples) == (18, 28_800)
    with pytest.raises(ValueError, match="less than one frame"):
        ClipSpec(0.01, Fraction(10), 64, 64, 16_000)
    with pytest.raises(ValueError, match="height must be above 0, found 0"):
        ClipSpec(1.0, Fraction(10), 0, 64, 16_000)
