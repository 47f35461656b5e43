import numpy as np
import pytest
import torch

from cmmd_gen.vocoder.augmentation import KINDS, equalise, example, random_sections, section

RATE = 16_000


def analogue(kind: str, s: np.ndarray, q: float, decibels: float) -> np.ndarray:
    """The filter that the digital one is made of, with its frequency at |s| = 1."""
    A = 10 ** (decibels / 40)
    root = np.sqrt(A) / q
    return {
        "peak": lambda: (s**2 + s * A / q + 1) / (s**2 + s / (A * q) + 1),
        "low shelf": lambda: A * (s**2 + root * s + A) / (A * s**2 + root * s + 1),
        "high shelf": lambda: A * (A * s**2 + root * s + 1) / (s**2 + root * s + A),
        "low-pass": lambda: 1 / (s**2 + s / q + 1),
        "high-pass": lambda: s**2 / (s**2 + s / q + 1),
    }[kind]()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("frequency", "q", "decibels"), [(60, 2.0, 12), (440, 0.5, -12), (3000, 0.7, 5), (7000, 1, -3)]
)
def test_the_response_is_the_analogue_one_bent_to_the_sample_rate(kind, frequency, q, decibels):
    from scipy.signal import sosfreqz

    w, response = sosfreqz(section(kind, frequency, q, decibels, RATE)[None], worN=np.linspace(1e-3, 3.14, 400))
    s = 1j * np.tan(w / 2) / np.tan(np.pi * frequency / RATE)
    np.testing.assert_allclose(response, analogue(kind, s, q, decibels), rtol=1e-6, atol=1e-9)


def test_what_a_filter_does_by_hand():
    b0, b1, b2, a0, a1, a2 = section("peak", 500, 1.0, 6.0, RATE)
    assert a0 == 1
    x = np.random.default_rng(0).standard_normal(50)
    y = np.zeros(52)
    padded = np.concatenate([[0, 0], x])
    for n in range(2, 52):
        y[n] = b0 * padded[n] + b1 * padded[n - 1] + b2 * padded[n - 2] - a1 * y[n - 1] - a2 * y[n - 2]
    np.testing.assert_allclose(equalise(x, [np.array([b0, b1, b2, a0, a1, a2])]), y[2:], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS[:3])
def test_no_gain_is_no_filter(kind):
    x = np.random.default_rng(0).standard_normal(100)
    np.testing.assert_allclose(equalise(x, [section(kind, 900, 1.3, 0.0, RATE)]), x, atol=1e-10)


def test_all_drawn_sections_are_stable_and_short():
    from scipy.signal import sosfilt

    source = torch.Generator().manual_seed(0)
    draws = [random_sections(source, RATE) for _ in range(300)]
    assert {len(sections) for sections in draws} == {1, 2}
    impulse = np.zeros(8192)
    impulse[0] = 1
    for sections in draws:
        ringing = sosfilt(np.stack(sections), impulse)
        # What the run-up leaves out is below 16-bit resolution.
        assert np.abs(ringing[4096:]).max() < 2**-16


def test_a_section_that_cannot_be():
    for wrong in [("notch", 100, 1.0), ("peak", 0, 1.0), ("peak", 8000, 1.0), ("peak", 100, 0.0)]:
        with pytest.raises(ValueError, match="kind must be one of"):
            section(wrong[0], wrong[1], wrong[2], 0.0, RATE)


@pytest.fixture
def sound() -> np.ndarray:
    return (0.2 * np.random.default_rng(3).standard_normal(20_000)).clip(-0.6, 0.6).astype(np.float32)


def test_an_example_without_filters_is_a_stretch_at_another_loudness(sound):
    source = torch.Generator().manual_seed(1)
    peaks = []
    for _ in range(50):
        cut = example(sound, 1024, source, sample_rate=RATE, filtered=0.0)
        matches = np.correlate(sound / np.linalg.norm(sound), cut)
        first = int(matches.argmax())
        gain = cut[0] / sound[first]
        np.testing.assert_allclose(cut, gain * sound[first : first + 1024], rtol=1e-4, atol=1e-6)
        peaks.append(gain * np.abs(sound).max())
    assert 0.95 * 0.3 <= min(peaks) < 0.4
    assert 0.85 < max(peaks) <= 0.95 + 1e-6


def test_filters_had_time_to_settle(sound):
    cut = example(sound, 512, torch.Generator().manual_seed(4), sample_rate=RATE, filtered=1.0)
    source = torch.Generator().manual_seed(4)
    loudness, start, _ = torch.rand(3, generator=source, dtype=torch.float64).tolist()
    whole = equalise(sound * 0.95 * (0.3 + 0.7 * loudness) / np.abs(sound).max(), random_sections(source, RATE))
    first = int(start * (20_000 - 512 + 1))
    expected = whole[first : first + 512]
    np.testing.assert_allclose(cut, expected / max(1, np.abs(expected).max()), atol=1e-5)


def test_examples_are_sound_and_the_same_for_the_same_draws(sound):
    for seed in range(40):
        first, again = (
            example(sound, 4096, torch.Generator().manual_seed(seed), sample_rate=RATE, filtered=1.0) for _ in range(2)
        )
        assert first.dtype == np.float32
        assert first.shape == (4096,)
        assert np.abs(first).max() <= 1
        np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize("filtered", [0.0, 1.0])
@pytest.mark.parametrize("length", [1, 300, 1024])
def test_a_short_or_silent_sound(length, filtered):
    source = torch.Generator().manual_seed(0)
    silent = example(np.zeros(length, np.float32), 1024, source, sample_rate=RATE, filtered=filtered)
    assert silent.shape == (1024,)
    assert (silent == 0).all()
    short = example(np.full(length, 0.5, np.float32), 1024, source, sample_rate=RATE, filtered=filtered)
    assert short.shape == (1024,)
    assert (short[length:] == 0).all()
    assert short.any()
