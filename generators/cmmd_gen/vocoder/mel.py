"""The mel front end: sound (B, T) in [-1, 1] -> log10 mel magnitudes (B, bands, T // hop).

As MelGAN analyses sound: Hann window of n_fft samples, reflection of (n_fft - hop) / 2 samples at both ends and no
further centring, magnitudes (not powers), Slaney's mel filters of unit area, log10 of max(mel, 1e-5), so that silence
is -5. Frame j is centred on sample (j + 1/2) hop. CMMD's setting: 16 kHz, 32 ms windows, hop 256; 28,800 samples give
112 frames.

Everything is differentiable, in float32 also under autocast, and every sample is analysed on its own.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

FLOOR = 1e-5
"""Mel magnitudes below this count as silence, so -5 is the lowest value of a log-mel."""


@dataclass(frozen=True)
class MelSettings:
    """What decides the values of a mel: Hz, samples, samples, count, Hz, Hz."""

    sample_rate: int = 16_000
    n_fft: int = 512
    hop: int = 256
    bands: int = 80
    lowest: float = 0.0
    highest: float = 8000.0

    def __post_init__(self) -> None:
        if not 0 < self.hop <= self.n_fft or (self.n_fft - self.hop) % 2:
            raise ValueError(f"hop must lie in 1..n_fft with an even n_fft - hop, found {self.hop} and {self.n_fft}")
        if not 0 <= self.lowest < self.highest <= self.sample_rate / 2:
            raise ValueError(
                f"0 <= lowest < highest <= sample_rate / 2 is needed, found {self.lowest}, {self.highest}, "
                f"{self.sample_rate}"
            )

    @property
    def margin(self) -> int:
        """Samples that are reflected at either end."""
        return (self.n_fft - self.hop) // 2

    def frames(self, samples: int) -> int:
        """Mel frames of that many samples; a rest shorter than a hop has none."""
        return samples // self.hop


MEL_16K = MelSettings()
"""CMMD's setting."""
MEL_22K = MelSettings(sample_rate=22_050, n_fft=1024, highest=11_025.0)
"""What the checkpoints that MelGAN's authors published were trained on."""


def log_mel(wav: Tensor, settings: MelSettings = MEL_16K) -> Tensor:
    """(B, T) in [-1, 1] -> (B, bands, T // hop), log10."""
    with torch.autocast(wav.device.type, enabled=False):
        return (filters(settings, wav.device) @ magnitudes(wav.float(), settings)).clamp_min(FLOOR).log10()


def magnitudes(wav: Tensor, settings: MelSettings = MEL_16K) -> Tensor:
    """(B, T) -> magnitude spectra (B, n_fft / 2 + 1, T // hop)."""
    shortest = max(settings.hop, settings.margin + 1)
    if wav.ndim != 2 or wav.shape[1] < shortest:
        raise ValueError(f"wav must be (B, T) with T >= {shortest}, found {tuple(wav.shape)}")
    # A complex abs has gradient 0 at 0, where the square root of the sum of squares has none.
    return spectra(torch.nn.functional.pad(wav, (settings.margin, settings.margin), mode="reflect"), settings).abs()


def spectra(padded: Tensor, settings: MelSettings) -> Tensor:
    """(B, T + 2 margin) -> complex (B, n_fft / 2 + 1, frames), without any padding of its own."""
    return torch.stft(
        padded,
        settings.n_fft,
        settings.hop,
        window=window(settings, padded.device),
        center=False,
        return_complex=True,
    )


@lru_cache(maxsize=16)
def window(settings: MelSettings, device: torch.device) -> Tensor:
    """Hann, (n_fft,) float32; shared by all callers: never write to it."""
    # Made inside inference_mode and kept, it could not be used in training.
    with torch.inference_mode(False):
        return torch.hann_window(settings.n_fft, device=device)


@lru_cache(maxsize=16)
def filters(settings: MelSettings, device: torch.device) -> Tensor:
    """`mel_basis` as a float32 tensor on a device; shared by all callers: never write to it."""
    with torch.inference_mode(False):
        return torch.from_numpy(mel_basis(settings).astype(np.float32)).to(device)


def mel_basis(settings: MelSettings = MEL_16K) -> NDArray[np.float64]:
    """Slaney's triangles (bands, n_fft / 2 + 1): corners evenly spaced in mel, each triangle of unit area in Hz."""
    bins = np.linspace(0, settings.sample_rate / 2, settings.n_fft // 2 + 1)
    corners = _hertz(np.linspace(_mel(settings.lowest), _mel(settings.highest), settings.bands + 2))
    left, peak, right = corners[:-2, None], corners[1:-1, None], corners[2:, None]
    triangles = np.minimum((bins - left) / (peak - left), (right - bins) / (right - peak)).clip(min=0)
    return np.asarray(triangles * 2 / (right - left), np.float64)


# Slaney's scale (Auditory Toolbox, 1998): 15 mel up to 1 kHz, linear; above, 27 mel for a factor of 6.4.
_KNEE, _KNEE_MEL, _STEP = 1000.0, 15.0, np.log(6.4) / 27


def _mel(hertz: float) -> float:
    if hertz < _KNEE:
        return hertz * _KNEE_MEL / _KNEE
    return float(_KNEE_MEL + np.log(hertz / _KNEE) / _STEP)


def _hertz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    above = _KNEE * np.exp(_STEP * (np.maximum(mel, _KNEE_MEL) - _KNEE_MEL))
    return np.where(mel < _KNEE_MEL, mel * _KNEE / _KNEE_MEL, above)
