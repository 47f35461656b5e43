"""Sound from a log-mel without any training: magnitudes by non-negative inversion, phases by fast Griffin-Lim.

log-mel (B, bands, frames) of the front end in `mel` -> sound (B, samples), which a mel of loud sound takes beyond
[-1, 1]: `conditions.to_audio` turns it down around its peaks, where cutting them would be heard.

The same mel gives the same sound, whatever else is in the batch: the first phases are drawn from a fixed seed, the same
for every sample. Griffin and Lim, 1984; the momentum is that of Perraudin, Balazs and Søndergaard, 2013.
"""

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from cmmd_gen.vocoder.mel import MEL_16K, MelSettings, filters, mel_basis, spectra, window

MOMENTUM = 0.99
"""Perraudin et al. found the best results just below 1."""

_MEL_ITERATIONS = 30
_TINY = 1e-12


@torch.no_grad()
def griffin_lim(mel: Tensor, samples: int, *, iterations: int = 32, settings: MelSettings = MEL_16K) -> Tensor:
    """(B, bands, frames) log10 mel -> (B, samples), as loud as the mel says.

    A mel of `frames` frames describes frames * hop samples and the half window that follows, in which the sound fades;
    `samples` beyond that are silent, and of more sound than `samples` the start is kept. More iterations bring the
    sound's own mel closer to the one given. Raises ValueError for a mel of another shape and for counts below 1.
    """
    if mel.ndim != 3 or mel.shape[1] != settings.bands or mel.shape[2] < 2:
        raise ValueError(f"mel must be (B, {settings.bands}, frames) with frames >= 2, found {tuple(mel.shape)}")
    if samples < 1 or iterations < 1:
        raise ValueError(f"samples and iterations must be 1 or more, found {samples} and {iterations}")
    described = mel.shape[2] * settings.hop
    length = min(max(samples, described), described + min(settings.margin, settings.hop - 1))
    magnitude = mel_to_magnitude(mel, settings)
    wav = _phases(magnitude, length, iterations, settings)
    return functional.pad(wav, (0, samples - length))


@torch.no_grad()
def mel_to_magnitude(mel: Tensor, settings: MelSettings = MEL_16K) -> Tensor:
    """The magnitude spectra (B, n_fft / 2 + 1, frames), none negative, whose log10 mel is close to the one given.

    From the pseudo-inverse by multiplicative updates (Lee and Seung, 2001), which keep every value above 0.
    """
    basis = filters(settings, mel.device)
    target = 10.0 ** mel.float()
    wanted, gram = basis.T @ target, basis.T @ basis
    magnitude = (_pseudo_inverse(settings, mel.device) @ target).clamp_min(_TINY)
    for _ in range(_MEL_ITERATIONS):
        magnitude *= wanted / (gram @ magnitude).clamp_min(_TINY)
    return magnitude


def _phases(magnitude: Tensor, length: int, iterations: int, settings: MelSettings) -> Tensor:
    """The sound (B, length) whose spectra have about these magnitudes."""
    shape = magnitude.shape[1:]
    turns = torch.rand(shape, generator=torch.Generator().manual_seed(0)).to(magnitude.device)
    phase = torch.polar(torch.ones_like(turns), 2 * torch.pi * turns)
    previous = torch.zeros_like(magnitude, dtype=phase.dtype)
    wav = _synthesis(magnitude * phase, length, settings)
    for _ in range(iterations):
        padded = functional.pad(wav, (settings.margin, settings.margin), mode="reflect")
        rebuilt = spectra(padded, settings)
        ahead = rebuilt - MOMENTUM / (1 + MOMENTUM) * previous
        wav = _synthesis(magnitude * ahead / ahead.abs().clamp_min(_TINY), length, settings)
        previous = rebuilt
    return wav


def _synthesis(spectrum: Tensor, length: int, settings: MelSettings) -> Tensor:
    """The sound (B, length) closest to these spectra: windowed frames, added up where they overlap."""
    frames = torch.fft.irfft(spectrum, n=settings.n_fft, dim=1) * window(settings, spectrum.device)[:, None]
    total = _overlap_add(frames, settings)
    weight = _weight(spectrum.shape[2], settings, spectrum.device)
    return (total / weight)[:, settings.margin : settings.margin + length]


@lru_cache(maxsize=16)
def _weight(frames: int, settings: MelSettings, device: torch.device) -> Tensor:
    """How much window lies on each sample; never less than on the first one that counts, so that the end fades."""
    with torch.inference_mode(False):
        squares = (window(settings, device) ** 2)[None, :, None].expand(1, -1, frames)
        weight = _overlap_add(squares, settings)[0]
        return weight.clamp_min(weight[settings.margin].item())


def _overlap_add(frames: Tensor, settings: MelSettings) -> Tensor:
    """(B, n_fft, frames) -> (B, n_fft + hop (frames - 1))."""
    length = settings.n_fft + settings.hop * (frames.shape[2] - 1)
    return functional.fold(frames, (1, length), (1, settings.n_fft), stride=(1, settings.hop))[:, 0, 0]


@lru_cache(maxsize=16)
def _pseudo_inverse(settings: MelSettings, device: torch.device) -> Tensor:
    with torch.inference_mode(False):
        return torch.from_numpy(np.linalg.pinv(mel_basis(settings)).astype(np.float32)).to(device)
