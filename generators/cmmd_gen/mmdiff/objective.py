"""What MM-Diffusion is trained on: the noise in both sides at one common step (Ruan et al. 2023), or their velocities.

The paper's network predicts noise. Where nearly all is noise, that is to copy the input to three digits, and the clean
sample is what is left over: a small network has the colours of its pictures wrong. The velocity is near -x0 there. The
samplers want noise; `as_noise` turns one into the other, to rounding.
"""

from typing import Literal

import torch
from torch import Tensor, nn

from cmmd_gen.diffusion.velocity import eps_from_velocity, noised, velocity
from cmmd_gen.types import Denoiser, Pair

Prediction = Literal["noise", "velocity"]


def objective(
    denoiser: Denoiser, pair: Pair, n: Tensor, noise: Pair, alpha_bar: Tensor, prediction: Prediction = "noise"
) -> Pair:
    """Mean square error of the prediction, one value (B,) float32 per modality and sample; the loss is their sum.

    Args:
        denoiser: predicts noise, or velocities.
        pair: clean samples, in [-1, 1].
        n: steps (B,) int64, uniform in 0..N-1; both sides of a sample share one.
        noise: standard normal, in the shapes of `pair`.
        alpha_bar: the schedule, (N,) float64.
        prediction: which of the two.
    """
    level = alpha_bar.to(n.device)[n]
    noisy = Pair(*(noised(x0, eps, level) for x0, eps in zip(pair, noise, strict=True)))
    predicted = denoiser(*noisy, n)
    wanted = noise if prediction == "noise" else [velocity(*sides, level) for sides in zip(pair, noise, strict=True)]
    return Pair(*(_mean_square(a, b) for a, b in zip(predicted, wanted, strict=True)))


def as_noise(denoiser: nn.Module, alpha_bar: Tensor) -> nn.Module:
    """A denoiser of velocities as one of noise. alpha_bar: the schedule it was trained with, (N,) float64."""
    return _AsNoise(denoiser, alpha_bar)


class _AsNoise(nn.Module):
    def __init__(self, denoiser: nn.Module, alpha_bar: Tensor) -> None:
        super().__init__()
        self.denoiser, self._alpha_bar = denoiser, alpha_bar

    def forward(self, video: Tensor, audio: Tensor, n: Tensor) -> Pair:
        level = self._alpha_bar.to(n.device)[n]
        v = self.denoiser(video, audio, n)
        return Pair(eps_from_velocity(video, v.video, level), eps_from_velocity(audio, v.audio, level))


def _mean_square(a: Tensor, b: Tensor) -> Tensor:
    return torch.square(a.float() - b.float()).flatten(1).mean(dim=1)
