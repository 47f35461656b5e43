import numpy as np
import pytest
import torch

from cmmd_bench.datasets import open_dataset
from cmmd_bench.types import ClipSpec
from cmmd_gen.vocoder.griffin_lim import griffin_lim, mel_to_magnitude
from cmmd_gen.vocoder.mel import MEL_16K, MEL_22K, log_mel, magnitudes, mel_basis


@pytest.fixture(scope="module")
def sounds() -> torch.Tensor:
    """Real clips of a bundled data set, (8, 28800)."""
    dataset = open_dataset("beatdance", ClipSpec(1.8, 10, 64, 64, 16_000), split="val", size=8)
    return torch.stack([torch.from_numpy(dataset.load(item).audio) for item in dataset.items()])


def distance(sound: torch.Tensor, mel: torch.Tensor, settings=MEL_16K) -> float:
    return (log_mel(sound, settings) - mel).abs().mean().item()


def test_the_mel_of_the_sound_is_the_one_given(sounds):
    mel = log_mel(sounds)
    sound = griffin_lim(mel, 28_800)
    assert sound.shape == (8, 28_800)
    # The feasibility study of the tiny preset reached 0.036 in as many iterations.
    assert distance(sound, mel) < 0.036
    # The last samples are described by half a window and must not stand out.
    assert sound[:, -128:].square().mean() < 2 * sound[:, :-128].square().mean()


def test_more_iterations_come_closer(sounds):
    mel = log_mel(sounds[:2])
    far, near = (distance(griffin_lim(mel, 28_800, iterations=n), mel) for n in (2, 16))
    assert near < far


def test_other_front_ends(sounds):
    mel = log_mel(sounds[:2], MEL_22K)
    sound = griffin_lim(mel, 28_800, settings=MEL_22K)
    assert distance(sound, mel, MEL_22K) < 0.07


def test_a_sample_does_not_depend_on_its_batch_or_on_chance(sounds):
    mel = log_mel(sounds[:3, :8000])
    together = griffin_lim(mel, 8000, iterations=8)
    torch.manual_seed(5)
    alone = torch.cat([griffin_lim(one[None], 8000, iterations=8) for one in mel])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=0)


@pytest.mark.parametrize("samples", [1, 300, 2560, 2600, 2688, 2689, 5000])
def test_the_sound_is_as_long_as_asked(sounds, samples):
    mel = log_mel(sounds[:1, :2560])
    sound = griffin_lim(mel, samples, iterations=2)
    assert sound.shape == (1, samples)
    assert (sound[:, 2560 + 128 :] == 0).all()


def test_silence_stays_silent():
    assert griffin_lim(torch.full((1, 80, 20), -5.0), 5000).abs().max() < 1e-3


def test_a_mel_beyond_full_scale_makes_the_same_sound_as_loud_as_it_says(sounds):
    mel = log_mel(sounds[:1, :8000])
    loud, quiet = (griffin_lim(mel + up, 8000, iterations=8)[0] for up in (1.5, 0.0))
    assert loud.abs().max() > 2
    np.testing.assert_allclose(loud / 10**1.5, quiet, atol=0.02 * quiet.abs().max().item())


@pytest.mark.parametrize(
    ("shape", "samples", "iterations"),
    [((1, 80, 1), 100, 1), ((80, 9), 100, 1), ((1, 79, 9), 100, 1), ((1, 80, 9), 0, 1), ((1, 80, 9), 100, 0)],
)
def test_what_cannot_be_made_sound_of(shape, samples, iterations):
    with pytest.raises(ValueError, match="must be"):
        griffin_lim(torch.zeros(shape), samples, iterations=iterations)


def test_magnitudes_by_the_plain_update(sounds):
    mel = log_mel(sounds[:1, :2000])
    W, target = mel_basis(), 10 ** mel[0].double().numpy()
    S = np.maximum(np.linalg.pinv(W) @ target, 1e-12)
    for _ in range(30):
        S = S * (W.T @ target) / np.maximum(W.T @ W @ S, 1e-12)
    np.testing.assert_allclose(mel_to_magnitude(mel)[0], S, atol=1e-3 * S.max(), rtol=0)
    assert (S >= 0).all()
    np.testing.assert_allclose(W @ S, target, atol=0.02 * target.max())


def test_phases_by_the_plain_iteration():
    source = np.random.default_rng(1)
    frames, length = 7, 7 * 256
    mel = log_mel(torch.from_numpy(0.1 * source.standard_normal((1, length))).float())
    magnitude = mel_to_magnitude(mel)[0].double().numpy()
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(512) / 512)

    def analysis(x: np.ndarray) -> np.ndarray:
        x = np.concatenate([x[128:0:-1], x, x[-2:-130:-1]])
        return np.stack([np.fft.rfft(window * x[256 * j : 256 * j + 512]) for j in range(frames)], axis=1)

    def synthesis(spectrum: np.ndarray) -> np.ndarray:
        total, weight = np.zeros(256 * (frames + 1)), np.zeros(256 * (frames + 1))
        for j in range(frames):
            total[256 * j : 256 * j + 512] += window * np.fft.irfft(spectrum[:, j])
            weight[256 * j : 256 * j + 512] += window**2
        return total[128:-128] / weight[128:-128]

    turns = torch.rand(257, frames, generator=torch.Generator().manual_seed(0)).double().numpy()
    x, before = synthesis(magnitude * np.exp(2j * np.pi * turns)), 0
    for _ in range(3):
        spectrum = analysis(x)
        # Perraudin: t = c + 0.99 (c - c'), of which only the phase counts.
        ahead = spectrum + 0.99 * (spectrum - before) if np.any(before) else spectrum
        x, before = synthesis(magnitude * np.exp(1j * np.angle(ahead))), spectrum
    np.testing.assert_allclose(griffin_lim(mel, length, iterations=3)[0], x, atol=1e-3)


def test_magnitudes_of_a_sound_are_those_of_its_mel(sounds):
    # Where bands are as narrow as bins the inversion is nearly exact.
    true = magnitudes(sounds[:1])[0, :16]
    found = mel_to_magnitude(log_mel(sounds[:1]))[0, :16]
    assert (found - true).abs().mean() < 0.25 * true.mean()
