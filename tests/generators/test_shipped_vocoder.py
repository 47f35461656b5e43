"""The MelGAN that comes along makes sound of the mel of clips it never saw, in time with them."""

from fractions import Fraction

import numpy as np
import torch

from cmmd_bench.datasets import open_dataset
from cmmd_bench.metrics.onset_detection import detect_onsets
from cmmd_bench.metrics.onsets import onset_hits, summarise_onsets
from cmmd_bench.types import Audio, ClipSpec
from cmmd_gen.vocoder.mel import MEL_16K, log_mel
from cmmd_gen.vocoder.opening import MelGAN, open_vocoder

RATE, SECONDS = MEL_16K.sample_rate, 1.8


def distance(one: Audio, two: Audio) -> float:
    """Mean absolute difference of log10 mels."""
    mels = log_mel(torch.from_numpy(np.stack([one, two])))
    return float((mels[0] - mels[1]).abs().mean())


def test_sounds_of_held_out_clips_keep_their_mel_and_their_onsets() -> None:
    vocoder = open_vocoder("melgan-tiny", torch.device("cpu"))
    assert isinstance(vocoder, MelGAN)
    data = open_dataset("beatdance", ClipSpec(SECONDS, Fraction(10), 16, 16, RATE), split="test", size=8)
    real = [data.load(item).audio for item in data.items()]
    made = [vocoder(log_mel(torch.from_numpy(wav)[None]), len(wav))[0].numpy() for wav in real]
    near = [distance(*pair) for pair in zip(real, made, strict=True)]
    others = [distance(one, two) for one, two in zip(real, made[1:] + made[:1], strict=True)]
    assert max(near) < 0.4
    assert max(near) < min(others)
    hits = [
        onset_hits(detect_onsets(one, RATE)[:, 0], detect_onsets(two, RATE), 0.05, duration=SECONDS)
        for one, two in zip(real, made, strict=True)
    ]
    found = summarise_onsets(hits).macro
    assert found.f1 is not None
    assert found.f1_chance is not None
    assert found.f1 > 0.85 > 3 * found.f1_chance
