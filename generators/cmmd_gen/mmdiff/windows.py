"""What the network sees of stored clips: small frames (B, F, 3, s, s) and low-rate sound (B, 1, L), in [-1, 1]."""

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from cmmd_bench.types import Clip
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
        sounds.append(_fitted(heard, config.sample_rate, config.samples))
    return Pair(torch.stack(videos), torch.stack(sounds)[:, None])


def given_video(clip: Clip, preset: Preset, frames: int) -> Tensor:
    """A condition's picture (F, 3, s, s) as training shows it."""
    config = preset.network
    seen = pictures(clip, fps=preset.source.fps, frames=frames, size=preset.frame_size)
    return shrunk(seen, config.size)


def given_sound(clip: Clip, preset: Preset, samples: int) -> Tensor:
    """A condition's sound (1, L) as training plays it; silence after its end."""
    return sound(clip, sample_rate=preset.network.sample_rate, samples=samples)[None]


def shrunk(frames: Tensor, size: int) -> Tensor:
    """(F, 3, H, W) -> (F, 3, size, size): the mean of each square of pixels."""
    factor = frames.shape[-1] // size
    return frames if factor == 1 else avg_pool2d(frames, factor)


def _fitted(audio: np.ndarray, rate: int, samples: int) -> Tensor:
    moved = resampled(audio, SOURCE_RATE, rate)[:samples]
    return torch.from_numpy(np.pad(moved, (0, samples - len(moved))))
