"""A joint model in closed form, and noise that was recorded: what the sampler traces were made with."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from cmmd_gen.types import Pair

DATA = Path(__file__).parents[1] / "data" / "generators"
SHAPES = (2, 3, 4, 4), (1, 32)


def toy(video: Tensor, audio: Tensor, n: Tensor) -> Pair:
    """eps of either side, coupled by the means of a sample."""
    n = n.to(video)
    v = 0.8 * video + (0.1 * audio.mean((1, 2)) + 0.05 * torch.sin(0.01 * n))[:, None, None, None, None]
    a = 0.7 * audio + (-0.2 * video.mean((1, 2, 3, 4)) + 0.05 * torch.cos(0.01 * n))[:, None, None]
    return Pair(v, a)


class Recorded:
    """Draws of a video and of an audio (draws, B, ...), handed out in their order."""

    def __init__(self, video: np.ndarray, audio: np.ndarray) -> None:
        self.left: dict[tuple[int, ...], Iterator[np.ndarray]] = {
            video.shape[2:]: iter(video),
            audio.shape[2:]: iter(audio),
        }

    def normal(self, *shape: int) -> Tensor:
        return torch.from_numpy(next(self.left[shape]))


class Asked:
    """A denoiser, and the inputs it was called with."""

    def __init__(self, denoiser=toy) -> None:
        self.denoiser, self.inputs = denoiser, []

    def __call__(self, video: Tensor, audio: Tensor, n: Tensor) -> Pair:
        self.inputs.append((video.detach().clone(), audio.detach().clone(), n))
        return self.denoiser(video, audio, n)

    @property
    def steps(self) -> list[int]:
        assert all((n == n[0]).all() for _, _, n in self.inputs)
        return [int(n[0]) for _, _, n in self.inputs]


def distance(pair: Pair, video: np.ndarray, audio: np.ndarray) -> float:
    """Largest difference on either side."""
    return max(np.abs(a.numpy() - b).max() for a, b in zip(pair, (video, audio), strict=True))
