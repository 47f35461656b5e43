"""Small frames for training, made from large ones and spoiled, so that the faults of generated frames are forgiven.

Frames are (N, 3, H, W) float32 in [-1, 1]. As published: reduced with four cubic taps and no wider filter, then with
probability 1/2 noise of up to 20 grey levels, then with probability 1/2 one round of JPEG. (The original hands its RGB
to an encoder that takes it for BGR; here colours are what they are.)
"""

import io
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as nnf
from PIL import Image
from torch import Tensor

from cmmd_gen.conditions import to_tensor, to_video

Shrink = Literal["bicubic", "area"]
GREY = 2 / 255
"""One grey level of 8 bits."""


@dataclass(frozen=True)
class Spoiling:
    """How small frames are made of large ones.

    shrink: "bicubic", which aliases, or "area", the mean of each square of pixels
    noise, noise_to: probability of Gaussian noise; its deviation is drawn evenly from 0 to `noise_to` grey levels
    jpeg, quality: probability of JPEG; its quality is drawn evenly from a range of whole numbers, the end left out
    """

    shrink: Shrink = "bicubic"
    noise: float = 0.5
    noise_to: float = 20.0
    jpeg: float = 0.5
    quality: tuple[int, int] = (20, 80)

    def __post_init__(self) -> None:
        for name in ("noise", "jpeg"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be a probability, got {getattr(self, name)}")
        low, high = self.quality
        if not 1 <= low < high <= 101:
            raise ValueError(f"quality must be a range within 1..101, got {self.quality}")


def spoiled(frames: Tensor, factor: int, spoiling: Spoiling, generator: torch.Generator) -> Tensor:
    """Small frames (N, 3, H / factor, W / factor), each with its own luck; noise may leave [-1, 1]."""
    small = shrunk(frames, factor, spoiling.shrink)
    # All luck first, so that what befalls one frame does not shift the draws of the next.
    noisy, deviation, packed, place = torch.rand(4, len(frames), generator=generator)
    sigma = torch.where(noisy < spoiling.noise, deviation * spoiling.noise_to * GREY, 0.0)
    small = small + sigma[:, None, None, None] * torch.randn(small.shape, generator=generator)
    low, high = spoiling.quality
    for i in torch.nonzero(packed < spoiling.jpeg).flatten().tolist():
        small[i] = through_jpeg(small[i], low + int(place[i] * (high - low)))
    return small


def shrunk(frames: Tensor, factor: int, how: Shrink) -> Tensor:
    """Small frames (N, 3, H / factor, W / factor), not spoiled."""
    if how == "area":
        return nnf.avg_pool2d(frames, factor)
    size = frames.shape[-2] // factor, frames.shape[-1] // factor
    # Four taps of negative lobes overshoot.
    return nnf.interpolate(frames, size, mode="bicubic", align_corners=False).clamp(-1, 1)


def through_jpeg(frame: Tensor, quality: int) -> Tensor:
    """A frame (3, h, w) as JPEG keeps it; values beyond [-1, 1] are cut."""
    stream = io.BytesIO()
    Image.fromarray(to_video(frame[None])[0]).save(stream, "jpeg", quality=quality)
    return to_tensor(np.array(Image.open(stream))[None])[0]
