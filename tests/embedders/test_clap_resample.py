"""Resampling and the 16-bit file, against torchaudio's and libsndfile's stored results and a plain sum."""

from math import ceil, gcd

import numpy as np
import pytest
from clap_recipe import arrays, parameters
from hypothesis import given, settings
from hypothesis import strategies as st

from cmmd_bench.embedders.clap.resample import BETA, ROLLOFF, ZERO_CROSSINGS, pcm16, resample

TARGET = 48_000


def recipe_sound(case):
    n = np.arange(case["samples"])
    channels = [
        sum(a * np.sin(2 * np.pi * f * n / case["sample_rate"] + p) for a, f, p in zip(*partials, strict=True))
        for partials in zip(case["amp"], case["freq"], case["phase"], strict=True)
    ]
    noise = np.random.RandomState(case["noise_seed"]).standard_normal((case["channels"], case["samples"]))
    return (np.stack(channels) + 0.05 * noise).astype(np.float32)


@pytest.mark.parametrize("name", ["stereo44100", "mono22050", "mono16000", "mono32000"])
def test_golden(name):
    case, golden = parameters("resample_params.json")[name], arrays("resample.npz")
    channels = recipe_sound(case)
    assert np.array_equal(channels[:, :8], golden[f"{name}.in_check"])
    out = resample(channels.mean(0), case["sample_rate"], TARGET)
    assert out.dtype == np.float32
    expected = golden[f"{name}.out"]
    assert out.shape == expected.shape
    np.testing.assert_allclose(out, expected, atol=1e-5, rtol=0)
    # A sample may fall to the other side of a 16-bit step only where it lies on it.
    steps = pcm16(out)
    other = steps != golden[f"{name}.out_pcm16"]
    near = np.abs(32768.0 * expected - np.rint(32768.0 * expected)) <= 32768 * 1e-5
    assert not np.any(other & ~near)
    assert np.abs(steps.astype(int) - golden[f"{name}.out_pcm16"]).max() <= 1


def test_sixteen_bits_at_the_edges():
    golden = arrays("resample.npz")
    assert np.array_equal(pcm16(golden["edge.in"]), golden["edge.pcm16"])


def plain(audio, rate, target):
    """Each output as the sum over all inputs of a windowed sinc, in float64 but for torchaudio's rounded phase."""
    divisor = gcd(rate, target)
    old, new = rate // divisor, target // divisor
    cutoff = min(old, new) * ROLLOFF
    out = np.zeros(ceil(new * len(audio) / old))
    for n in range(len(out)):
        position = n // new + float(np.float32((n % new) / new))
        t = np.clip((np.arange(len(audio)) / old - position) * cutoff, -ZERO_CROSSINGS, ZERO_CROSSINGS)
        window = np.i0(BETA * np.sqrt(1 - (t / ZERO_CROSSINGS) ** 2)) / np.i0(BETA)
        out[n] = np.sum(audio * np.sinc(t) * window) * cutoff / old
    return out


@pytest.mark.parametrize(
    ("rate", "target"),
    [(44_100, 48_000), (48_000, 44_100), (16_000, 48_000), (192_000, 48_000), (44_101, 48_000), (11_025, 48_000)],
)
def test_against_a_plain_sum(rate, target):
    audio = np.random.default_rng(rate).uniform(-1, 1, 300).astype(np.float32)
    np.testing.assert_allclose(resample(audio, rate, target), plain(audio, rate, target), atol=1e-6)


@settings(max_examples=60, deadline=None)
@given(
    samples=st.integers(1, 700),
    rate=st.sampled_from([8000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000, 96_000]),
    target=st.sampled_from([48_000, 44_100]),
)
def test_length(samples, rate, target):
    out = resample(np.full(samples, 0.25, np.float32), rate, target)
    assert len(out) == ceil(samples * target / rate)
    assert np.isfinite(out).all()


@pytest.mark.parametrize("rate", [8000, 44_100, 96_000])
def test_a_constant_stays_itself_away_from_the_ends(rate):
    out = resample(np.full(rate // 10, 0.25, np.float32), rate, TARGET)
    np.testing.assert_allclose(out[len(out) // 3 : -len(out) // 3], 0.25, atol=1e-4)


def test_equal_rates_change_nothing():
    audio = np.random.default_rng(0).uniform(-1, 1, 100).astype(np.float32)
    assert resample(audio, 44_100, 44_100) is audio


def test_a_read_only_sound_is_left_alone():
    audio = np.linspace(-1, 1, 500, dtype=np.float32)
    audio.flags.writeable = False
    before = audio.copy()
    resample(audio, 16_000, TARGET)
    assert np.array_equal(audio, before)


@pytest.mark.parametrize(("rate", "target", "named"), [(0, 48_000, "rate"), (48_000, -1, "target")])
def test_a_rate_below_one_is_refused(rate, target, named):
    with pytest.raises(ValueError, match=f"{named} must be at least 1 Hz"):
        resample(np.zeros(10, np.float32), rate, target)
