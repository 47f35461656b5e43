"""Training clips as latents and sound: encoded once by the autoencoder, read at random by every step.

Arrays of a clip: moments (n, 2C, h, w) float16, mean and log-variance of each frame's latents; audio (T,) int16. The
latents themselves are drawn anew at each step, as the autoencoder was trained to be decoded from draws.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, overload

import numpy as np
import torch
from torch import Tensor

from cmmd_bench.types import Clip
from cmmd_gen.cmmd.negatives import Source
from cmmd_gen.cmmd.scales import Scales, measured
from cmmd_gen.conditions import to_tensor
from cmmd_gen.data.cache import Arrays, Cache
from cmmd_gen.data.clips import keep, sound
from cmmd_gen.types import Pair
from cmmd_gen.vocoder.mel import log_mel

MEASURED = 256
"""Clips that the scales are measured on."""


@dataclass(frozen=True)
class Encode:
    """From a clip to its arrays. autoencoder: anything with `encode` (`cmmd_gen.autoencoder`)."""

    autoencoder: Any

    def __call__(self, clip: Clip) -> Arrays:
        """Encode all frames; a clip without picture or sound is a ValueError."""
        if clip.video is None or clip.audio is None:
            raise ValueError("has no picture" if clip.video is None else "has no sound")
        with torch.inference_mode():
            mean, log_variance = self.autoencoder.encode(to_tensor(clip.video)[None])
        moments = torch.cat([mean[0], log_variance[0]], dim=1)
        return {"moments": moments.half().cpu().numpy(), "audio": keep(clip.only_audio())["audio"]}


class Sources(Sequence[Source]):
    """The clips of a cache as what windows and negatives are cut from; read when asked for."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        # A step asks for the same few clips several times.
        self._read = lru_cache(maxsize=64)(self._load)

    def __len__(self) -> int:
        return len(self._cache)

    @overload
    def __getitem__(self, place: int) -> Source: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Source]: ...
    def __getitem__(self, place: int | slice) -> Source | Sequence[Source]:
        if isinstance(place, slice):
            return [self._read(index) for index in range(len(self))[place]]
        return self._read(range(len(self))[place])

    def _load(self, index: int) -> Source:
        arrays, item = self._cache[index], self._cache.items[index]
        moments = torch.from_numpy(arrays["moments"].astype(np.float32))
        return Source(item.id, item.group, moments, torch.from_numpy(sound(arrays["audio"])))


def latents(moments: Tensor, generator: torch.Generator) -> Tensor:
    """Draw latents (..., C, h, w) from moments (..., 2C, h, w)."""
    mean, log_variance = moments.chunk(2, dim=-3)
    return mean + (0.5 * log_variance).exp() * torch.randn(mean.shape, generator=generator)


def pairs(moments: Tensor, audio: Tensor, scales: Scales, length: int, generator: torch.Generator) -> Pair:
    """What the network sees of windows: scaled latents (B, F, C, h, w) and the first `length` frames of scaled mels."""
    return Pair(scales.latents(latents(moments, generator)), scales.mel(log_mel(audio))[..., :length])


def measure(sources: Sequence[Source], *, latent_scale: float | None, mel_spread: float, seed: int) -> Scales:
    """Scales of a training set, from `MEASURED` of its clips at random; see `Preset`."""
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.randperm(len(sources), generator=generator)[:MEASURED].tolist()

    def each() -> Iterator[Source]:
        return (sources[index] for index in chosen)

    return measured(
        (latents(source.video, generator) for source in each()),
        (log_mel(source.audio[None]) for source in each()),
        latent_scale=latent_scale,
        mel_spread=mel_spread,
    )
