"""Single pictures of stored clips, and how close others come to them."""

import numpy as np
import torch
from torch import Tensor

from cmmd_gen.conditions import to_tensor
from cmmd_gen.data.cache import Cache


def draw_pictures(cache: Cache, batch: int, generator: torch.Generator) -> Tensor:
    """Pictures (batch, 3, H, W) in [-1, 1], each of a random clip; only these clips are read."""
    clips = torch.randint(len(cache), (batch,), generator=generator).tolist()
    places = torch.rand(batch, generator=generator).tolist()
    frames = [_frame(cache[index]["frames"], place) for index, place in zip(clips, places, strict=True)]
    return to_tensor(np.stack(frames)).contiguous(memory_format=torch.channels_last)


def psnr(made: Tensor, pictures: Tensor) -> Tensor:
    """Peak signal-to-noise ratio of each picture (N, 3, H, W), (N,) in dB; the peak is the whole range, 2."""
    mse = (made.clamp(-1, 1) - pictures).square().mean(dim=(1, 2, 3))
    return 10 * torch.log10(4 / mse)


def _frame(frames: np.ndarray, place: float) -> np.ndarray:
    chosen: np.ndarray = frames[int(place * len(frames))]
    return chosen
