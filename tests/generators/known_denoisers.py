"""Denoisers that are known on paper, and what watches a sampler, for the tests of CMMD's sampling."""

import torch
from torch import Tensor

from cmmd_gen.diffusion.schedules import cosine
from cmmd_gen.types import Denoiser, Pair

ALPHA_BAR = torch.from_numpy(cosine(1000))


class Start:
    """Noise that starts where the published traces start."""

    def __init__(self, x: Tensor) -> None:
        self.x = x

    def normal(self, *shape: int) -> Tensor:
        return self.x.reshape(1, *shape)


class Recorded:
    """A denoiser, and the states it was asked about."""

    def __init__(self, denoiser: Denoiser) -> None:
        self.denoiser = denoiser
        self.states: list[Pair] = []
        self.steps: list[int] = []
        self.graphs: list[bool] = []

    def __call__(self, video: Tensor, audio: Tensor, n: Tensor) -> Pair:
        self.states.append(Pair(video.detach().clone(), audio.detach().clone()))
        self.steps.append(int(n[0]))
        self.graphs.append(torch.is_grad_enabled())
        return self.denoiser(video, audio, n)


def published_toy(video: Tensor, audio: Tensor, n: Tensor) -> Pair:
    drift = 0.1 * torch.sin(0.01 * n.float())
    return Pair(0.3 * video + drift[:, None, None, None, None], 0.3 * audio + drift[:, None, None])


def gaussian_pair(rho: float) -> Denoiser:
    """The exact denoiser of values whose two sides are normal with correlation `rho`."""
    covariance = torch.tensor([[1, rho], [rho, 1]], dtype=torch.float64)

    def denoiser(video: Tensor, audio: Tensor, n: Tensor) -> Pair:
        level = ALPHA_BAR[n[0]]
        x = torch.stack([video.flatten(1), audio.flatten(1)], -1).double()
        x0 = level.sqrt() * x @ torch.linalg.solve(level * covariance + (1 - level) * torch.eye(2), covariance)
        v = (level.sqrt() * x - x0) / (1 - level).sqrt()
        return Pair(v[..., 0].reshape(video.shape), v[..., 1].reshape(audio.shape))

    return denoiser
