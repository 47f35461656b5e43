"""A Gaussian chain, step by step: its tables in float64, ancestral (DDPM) and deterministic (DDIM) steps.

Ho et al. 2020 (Eq. 6, 7, 11), Song et al. 2021 (Eq. 12 with eta 0), Nichol and Dhariwal 2021 (chains of fewer steps).
A chain's steps are counted i = 0..K-1 from almost clean; `Chain.steps[i]` is the number n that the network knows.
The variance of an ancestral step is "fixed large": beta_i, as MM-Diffusion samples.

The step functions take tensors of any shape that share one i, and keep their dtype.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cmmd_gen.diffusion.spacing import respaced


@dataclass(frozen=True, slots=True)
class Chain:
    """Tables of K steps, each (K,) float64 but `steps`.

    steps: what the network calls each step, int64, ascending
    alpha_bar, alpha_bar_before: signal variance at the step and at the next cleaner one, 1 before the first
    beta: 1 - alpha_bar / alpha_bar_before
    posterior_x0, posterior_xn: q(x_{i-1} | x_i, x0) has the mean posterior_x0 x0 + posterior_xn x_i ...
    posterior_variance: ... and this variance, 0 at i = 0
    posterior_log_variance: its logarithm; at i = 0, where it has none, that of i = 1
    """

    steps: NDArray[np.int64]
    alpha_bar: NDArray[np.float64]
    alpha_bar_before: NDArray[np.float64]
    beta: NDArray[np.float64]
    posterior_x0: NDArray[np.float64]
    posterior_xn: NDArray[np.float64]
    posterior_variance: NDArray[np.float64]
    posterior_log_variance: NDArray[np.float64]


def chain(alpha_bar: NDArray[np.float64], spec: str | None = None) -> Chain:
    """The chain of a schedule, or of the steps that `spec` keeps of it ("ddim25", "250"; see `spacing.respaced`).

    Betas follow from the kept alpha_bar, so that x_i at a kept step has the distribution it had in the full chain.

    Raises:
        ValueError: fewer than two steps, or a spec that `respaced` refuses.
    """
    steps = np.arange(len(alpha_bar)) if spec is None else respaced(len(alpha_bar), spec)
    if len(steps) < 2:
        raise ValueError(f"a chain must have at least 2 steps, got {len(steps)}")
    kept = alpha_bar[steps]
    before = np.concatenate([[1.0], kept[:-1]])
    beta = 1 - kept / before
    variance = beta * (1 - before) / (1 - kept)
    return Chain(
        steps=steps,
        alpha_bar=kept,
        alpha_bar_before=before,
        beta=beta,
        posterior_x0=beta * np.sqrt(before) / (1 - kept),
        posterior_xn=(1 - before) * np.sqrt(1 - beta) / (1 - kept),
        posterior_variance=variance,
        posterior_log_variance=np.log(np.concatenate([variance[1:2], variance[1:]])),
    )


def x0_from_eps(chain: Chain, i: int, x: Tensor, eps: Tensor) -> Tensor:
    """x0 that x at step i and the noise eps in it tell of: (x - sqrt(1 - alpha_bar) eps) / sqrt(alpha_bar)."""
    return math.sqrt(1 / chain.alpha_bar[i]) * x - math.sqrt(1 / chain.alpha_bar[i] - 1) * eps


def posterior_mean(chain: Chain, i: int, x: Tensor, x0: Tensor) -> Tensor:
    """Mean of x_{i-1}, given x at step i and x0."""
    return float(chain.posterior_x0[i]) * x0 + float(chain.posterior_xn[i]) * x


def ancestral_step(chain: Chain, i: int, x: Tensor, x0: Tensor, noise: Tensor | None) -> Tensor:
    """x_{i-1} from x at step i, an estimate x0 and fresh noise. Step 0 ends at the mean, as None does anywhere."""
    mean = posterior_mean(chain, i, x, x0)
    return mean if noise is None or i == 0 else mean + math.sqrt(chain.beta[i]) * noise


def ddim_step(chain: Chain, i: int, x: Tensor, x0: Tensor) -> Tensor:
    """x_{i-1} from x at step i and an estimate x0, without noise (eta 0); eps is what x0 leaves of x."""
    eps = (x - math.sqrt(chain.alpha_bar[i]) * x0) / math.sqrt(1 - chain.alpha_bar[i])
    return math.sqrt(chain.alpha_bar_before[i]) * x0 + math.sqrt(1 - chain.alpha_bar_before[i]) * eps


def thresholded(x0: Tensor, quantile: float = 0.995) -> Tensor:
    """Dynamic thresholding (Saharia et al. 2022): clipped to the quantile of |x0| of each sample, and divided by it.

    A sample whose quantile is below 1 is clipped to [-1, 1].
    """
    limit = torch.quantile(x0.abs().flatten(1), quantile, dim=1).clamp(min=1)
    limit = limit.reshape(-1, *[1] * (x0.ndim - 1))
    return x0.clamp(-limit, limit) / limit
