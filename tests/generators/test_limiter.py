"""Sound that a model made beyond full scale: within it, unchanged but near its peaks, and free of new edges."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cmmd_gen.conditions import CEILING, LIMITER_SECONDS, to_audio

RATE = 16_000
REACH = round(LIMITER_SECONDS * RATE)


def limited(wav: np.ndarray) -> np.ndarray:
    return to_audio(torch.from_numpy(wav.astype(np.float32)), RATE)


def test_sound_within_full_scale_is_left_as_it_is():
    wav = CEILING * np.sin(np.arange(1000) / 10).astype(np.float32)
    assert np.array_equal(limited(wav), wav)
    assert limited(np.zeros(0, np.float32)).shape == (0,)


@settings(max_examples=50, deadline=None)
@given(
    length=st.integers(1, 2000),
    peaks=st.lists(st.tuples(st.floats(0, 1), st.floats(1, 50)), max_size=8),
    seed=st.integers(0, 99),
)
def test_no_peak_is_left_and_only_its_surroundings_are_turned_down(length, peaks, seed):
    wav = np.random.default_rng(seed).uniform(-CEILING, CEILING, length).astype(np.float32)
    for place, height in peaks:
        wav[int(place * (length - 1))] = height
    made = limited(wav)
    assert made.dtype == np.float32
    assert np.abs(made).max() <= CEILING + 1e-6
    assert (np.abs(made) <= np.abs(wav)).all()
    over = np.flatnonzero(np.abs(wav) > CEILING)
    far = np.ones(length, bool) if not len(over) else np.abs(np.arange(length)[:, None] - over).min(1) > 2 * REACH
    np.testing.assert_allclose(made[far], wav[far], rtol=1e-6)


def test_a_peak_is_turned_down_to_full_scale_and_no_further():
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)
    tone[7000:9000] *= 4
    made = limited(tone)
    assert np.abs(made[7000:9000]).max() == pytest.approx(CEILING, abs=0.01)
    np.testing.assert_allclose(np.abs(made[:6000]).max(), 0.5, atol=1e-3)


def test_the_gain_has_no_edges_where_cut_peaks_have():
    """Overtones of a tone three times too loud: a cut one has a third as much again as its third harmonic."""
    tone = 3 * np.sin(2 * np.pi * 500 * np.arange(RATE) / RATE)

    def overtones(wav: np.ndarray) -> float:
        power = np.abs(np.fft.rfft(wav)) ** 2
        return power[1400:].sum() / power.sum()

    assert overtones(np.clip(tone, -1, 1)) > 0.02
    assert overtones(limited(tone)) < 1e-4
