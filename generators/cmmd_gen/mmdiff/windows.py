"""What the network sees of stored clips: small frames (B, F, 3, s, s) and low-rate sound (B, 1, L), in [-1, 1].

Sound may be compressed by mu-law, sign(x) log(1 + mu |x|) / log(1 + mu): as loud as the noise of diffusion, and what
noise is left after sampling is quiet in the quiet.
"""

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from cmmd_bench.types import Audio, Clip
from cmmd_gen.conditions import pictures, resampled, sound, to_tensor
from cmmd_gen.data.cache import Cache
from cmmd_gen.data.clips import sound as stored_sound
from cmmd_gen.mmdiff.presets import SOURCE_RATE, Preset
from cmmd_gen.types import Pair


def draw_windows(cache: Cache, preset: Preset, batch: int, generator: torch.Generator) -> Pair:
    """`batch` windows from any clips, at any frame, with equal chances."""
    config = preset.network
    samples_per_frame = int(SOURCE_RATE / config.fps)
    videos, sounds = [], []
    for _ in range(batch):
        arrays = cache[int(torch.randint(len(cache), (), generator=generator))]
        frames, audio = arrays["frames"], stored_sound(arrays["audio"])
        start = int(torch.randint(len(frames) - config.frames + 1, (), generator=generator))
        videos.append(shrunk(to_tensor(frames[start : start + config.frames]), config.size))
        heard = audio[start * samples_per_frame : (start + config.frames) * samples_per_frame]
        sounds.append(compressed(_fitted(heard, config.sample_rate, config.samples), preset.mu))
    return Pair(torch.stack(videos), torch.stack(sounds)[:, None])


def given_video(clip: Clip, preset: Preset, frames: int) -> Tensor:
    """A condition's picture (F, 3, s, s) as training shows it."""
    config = preset.network
    seen = pictures(clip, fps=preset.source.fps, frames=frames, size=preset.frame_size)
    return shrunk(seen, config.size)


def given_sound(clip: Clip, preset: Preset, samples: int) -> Tensor:
    """A condition's sound (1, L) as training plays it; silence after its end."""
    return compressed(sound(clip, sample_rate=preset.network.sample_rate, samples=samples), preset.mu)[None]


def shrunk(frames: Tensor, size: int) -> Tensor:
    """(F, 3, H, W) -> (F, 3, size, size): the mean of each square of pixels."""
    factor = frames.shape[-1] // size
    return frames if factor == 1 else avg_pool2d(frames, factor)


def compressed(audio: Tensor, mu: float) -> Tensor:
    """Mu-law of samples in [-1, 1]; mu 0 is none."""
    return audio.sign() * (mu * audio.abs()).log1p() / math.log1p(mu) if mu else audio


def expanded(audio: Tensor, mu: float) -> Tensor:
    """`compressed` undone; what lies beyond full scale, which mu-law has nothing for, is full scale."""
    return audio.sign() * (audio.abs().clamp(max=1) * math.log1p(mu)).expm1() / mu if mu else audio


def held(audio: Audio, rate: int) -> Audio:
    """Samples at `rate` brought to `SOURCE_RATE`, each held until the next one where the network's rate is lower.

    A clean filter would leave the upper octaves empty, which no recording does. The images of what is below, that
    holding leaves there, come much nearer: real music so treated from 3,840 Hz is 2.2 from real music by
    `fad[logmel-stats]`, filtered 24.6, unchanged music 0.6.
    """
    length = round(len(audio) * SOURCE_RATE / rate)
    return audio[np.arange(length) * rate // SOURCE_RATE]


def _fitted(audio: np.ndarray, rate: int, samples: int) -> Tensor:
    moved = resampled(audio, SOURCE_RATE, rate)[:samples]
    return torch.from_numpy(np.pad(moved, (0, samples - len(moved))))
