"""Windows and log-mel spectrograms, against stored filters, plain loops and transformers' own extractor."""

import numpy as np
import pytest
import torch
from clap_recipe import arrays, constant
from transformers import ClapFeatureExtractor

from cmmd_bench.embedders.clap.frontend import (
    FrontEnd,
    hann,
    log_mel,
    mel_filters,
    power_spectrogram,
    published_front_end,
)
from cmmd_bench.embedders.clap.windows import laion_scale, unit_scale, windows
from cmmd_bench.errors import UserError

RATE = 48_000


def noise(samples, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, samples).astype(np.float32)


@pytest.mark.parametrize(("samples", "expected"), [(1, 1), (48_000, 1), (48_001, 2), (480_000, 10), (595_200, 13)])
def test_a_window_starts_at_every_second(samples, expected):
    signal = noise(samples)
    cut = list(windows(signal, length=10 * RATE, step=RATE))
    assert len(cut) == expected == -(-samples // RATE)
    for second, window in enumerate(cut):
        rest = signal[second * RATE :][: 10 * RATE]
        assert window.shape == (10 * RATE,)
        assert np.array_equal(window[: len(rest)], rest)
        assert not window[len(rest) :].any()


@pytest.mark.parametrize("bad", [np.zeros(0, np.float32), np.zeros((2, 5), np.float32)])
def test_no_samples_or_two_channels_are_refused(bad):
    with pytest.raises(ValueError, match=r"samples must have shape \(T,\)"):
        list(windows(bad, length=10, step=5))


def test_scales_at_every_sixteen_bit_value():
    pcm = np.arange(-32768, 32768).astype(np.int16)
    assert np.array_equal(unit_scale(pcm), np.array([int(p) / 32768 for p in pcm], np.float32))
    expected = [int(max(-1.0, min(1.0, int(p) / 32768.0)) * 32767.0) for p in pcm]
    assert np.array_equal(laion_scale(pcm), (np.array(expected) / 32767.0).astype(np.float32))


def test_filters_and_window_are_the_published_ones():
    golden = arrays("tiny_outputs.npz")
    np.testing.assert_allclose(
        mel_filters(RATE, lowest=50, highest=14_000), golden["mel_filterbank"], atol=4e-9, rtol=1e-5
    )
    np.testing.assert_allclose(hann(), golden["stft_window_check"], atol=1e-7)
    microsoft = arrays("clap_2023_outputs.npz")["mel_filterbank"]
    np.testing.assert_allclose(mel_filters(32_000, lowest=50, highest=14_000), microsoft, atol=4e-9, rtol=1e-5)


def test_power_spectrogram_against_a_plain_transform():
    window = noise(5000)
    found = power_spectrogram(window, hop=480)
    assert found.shape == (1 + 5000 // 480, 513)
    for frame in (0, 1, 5, 10):
        samples = []
        for k in range(1024):
            index = frame * 480 + k - 512
            # Mirrored at both ends, the end itself once.
            index = -index if index < 0 else 2 * (len(window) - 1) - index if index >= len(window) else index
            samples.append(float(window[index]) * (0.5 - 0.5 * np.cos(2 * np.pi * k / 1024)))
        for frequency in (0, 1, 100, 512):
            turn = np.exp(-2j * np.pi * frequency * np.arange(1024) / 1024)
            assert found[frame, frequency] == pytest.approx(abs(np.dot(samples, turn)) ** 2, rel=1e-9, abs=1e-18)


@pytest.mark.parametrize(("truncation", "scale"), [("rand_trunc", "slaney"), ("fusion", "htk")])
def test_against_transformers_extractor(truncation, scale):
    window = noise(10 * RATE, 3)
    extractor = ClapFeatureExtractor(frequency_min=50, truncation=truncation)
    expected = extractor(window, sampling_rate=RATE, return_tensors="np")["input_features"][0][0]
    found = log_mel(window, FrontEnd(480, mel_filters(RATE, lowest=50, highest=14_000, scale=scale)))
    assert found.dtype == np.float32
    assert found.shape == expected.shape == (1001, 64)
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_silence_is_the_floor():
    front_end = FrontEnd(480, mel_filters(RATE, lowest=50, highest=14_000))
    assert (log_mel(np.zeros(10 * RATE, np.float32), front_end) == -100.0).all()


STFT = "p.spectrogram_extractor.stft.conv_{}.weight"
FILTERS = mel_filters(RATE, lowest=50, highest=14_000)


def carried(**changes):
    mel = FILTERS.astype(np.float32)
    names = [STFT.format("real"), STFT.format("imag"), "p.logmel_extractor.melW"]
    return {name: constant(name, (), mel) for name in names} | changes


def open_front_end(tensors):
    return published_front_end(tensors, prefix="p.", hop=480, filters=FILTERS, what="toy")


def test_the_checkpoint_has_the_last_word_on_filters():
    assert np.array_equal(open_front_end({}).filters, FILTERS)
    assert np.array_equal(open_front_end(carried()).filters, FILTERS)
    own = carried(**{"p.logmel_extractor.melW": torch.full((513, 64), 0.5)})
    assert (open_front_end(own).filters == 0.5).all()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("p.logmel_extractor.melW", torch.zeros(513, 128)),
        (STFT.format("real"), torch.zeros(1025, 1, 2048)),
        (STFT.format("imag"), torch.zeros(513, 1, 1024)),
    ],
)
def test_another_front_end_is_refused(name, value):
    with pytest.raises(UserError, match="not the weights of toy: the checkpoint's front end has"):
        open_front_end(carried(**{name: value}))
