"""How latents and mels are scaled for diffusion, so that noise of unit variance means the same to both.

latents   (z - mean_c) / std_c, per channel; mean_c = 0 and 1 / std_c = 0.18215 with Stable Diffusion's autoencoder
mel       (m - mean) / std * spread; a spread below 1 makes onsets, which span all bands, no easier to see in noise
          than the movement that goes with them
"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from cmmd_gen.vocoder.mel import FLOOR


@dataclass(frozen=True)
class Scales:
    """Statistics of a training set, as plain numbers that a card can hold.

    highest: the loudest mel value seen; together with silence it bounds what a generated mel can be
    """

    latent_mean: tuple[float, ...]
    latent_std: tuple[float, ...]
    mel_mean: float
    mel_std: float
    mel_highest: float
    mel_spread: float

    def __post_init__(self) -> None:
        for name in ("latent_mean", "latent_std"):
            object.__setattr__(self, name, tuple(getattr(self, name)))

    def latents(self, z: Tensor) -> Tensor:
        """(..., C, h, w) raw -> scaled."""
        return (z - self._channels(self.latent_mean, z)) / self._channels(self.latent_std, z)

    def raw_latents(self, x: Tensor) -> Tensor:
        """The inverse of `latents`."""
        return x * self._channels(self.latent_std, x) + self._channels(self.latent_mean, x)

    def mel(self, m: Tensor) -> Tensor:
        """log10 mel -> scaled."""
        return (m - self.mel_mean) / self.mel_std * self.mel_spread

    def raw_mel(self, x: Tensor) -> Tensor:
        """The inverse of `mel`."""
        return x / self.mel_spread * self.mel_std + self.mel_mean

    @property
    def mel_range(self) -> tuple[float, float]:
        """Lowest and highest scaled mel of the training set; silence is the lowest."""
        silence = float(torch.tensor(FLOOR).log10())
        return tuple((m - self.mel_mean) / self.mel_std * self.mel_spread for m in (silence, self.mel_highest))  # type: ignore[return-value]

    @staticmethod
    def _channels(values: tuple[float, ...], like: Tensor) -> Tensor:
        return torch.tensor(values, dtype=like.dtype, device=like.device)[:, None, None]


def measured(
    latents: Iterable[Tensor], mels: Iterable[Tensor], *, latent_scale: float | None = None, mel_spread: float
) -> Scales:
    """Scales of a training set from some of its latents (n, C, h, w) and log10 mels (bands, T).

    latent_scale: what latents are multiplied by, whatever they are; None: each channel to mean 0 and variance 1
    """
    z = torch.cat(list(latents)).double()
    mean, std = z.mean(dim=(0, 2, 3)), z.std(dim=(0, 2, 3))
    if latent_scale is not None:
        mean, std = torch.zeros_like(mean), torch.full_like(std, 1 / latent_scale)
    m = torch.cat([mel.flatten() for mel in mels]).double()
    return Scales(
        latent_mean=tuple(round(v, 6) for v in mean.tolist()),
        latent_std=tuple(round(v, 6) for v in std.tolist()),
        mel_mean=round(float(m.mean()), 6),
        mel_std=round(float(m.std()), 6),
        mel_highest=round(float(m.max()), 6),
        mel_spread=mel_spread,
    )
