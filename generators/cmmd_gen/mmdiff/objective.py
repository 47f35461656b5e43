"""What MM-Diffusion is trained on: the noise in both sides at one common step (Ruan et al. 2023)."""

import torch
from torch import Tensor

from cmmd_gen.diffusion.velocity import noised
from cmmd_gen.types import Denoiser, Pair


def objective(denoiser: Denoiser, pair: Pair, n: Tensor, noise: Pair, alpha_bar: Tensor) -> Pair:
    """Mean square error of the predicted noise, one value (B,) float32 per modality and sample; the loss is their sum.

    Args:
        denoiser: predicts noise.
        pair: clean samples, in [-1, 1].
        n: steps (B,) int64, uniform in 0..N-1; both sides of a sample share one.
        noise: standard normal, in the shapes of `pair`.
        alpha_bar: the schedule, (N,) float64.
    """
    level = alpha_bar.to(n.device)[n]
    noisy = Pair(*(noised(x0, eps, level) for x0, eps in zip(pair, noise, strict=True)))
    predicted = denoiser(*noisy, n)
    return Pair(*(_mean_square(a, b) for a, b in zip(predicted, noise, strict=True)))


def _mean_square(a: Tensor, b: Tensor) -> Tensor:
    return torch.square(a.float() - b.float()).flatten(1).mean(dim=1)
