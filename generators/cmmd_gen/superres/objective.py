"""The objectives: a mean square error, and for a network that learns variances the hybrid of Nichol and Dhariwal 2021.

    loss = simple + vlb      simple: mean square error of the prediction
                             vlb: the term L_n of the variational bound, bits per dimension (their section 3.1)

In the paper's notation L_simple + 0.001 L_vlb of a chain of 1000 steps, as the bound is the sum of 1000 such terms.
L_n is the KL divergence of the network's step from the posterior; L_0 the negative log-likelihood of 8-bit pixels. The
mean of the network's step is held fixed in it, so that only the variance learns from the bound.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cmmd_gen.diffusion.gaussian import Chain
from cmmd_gen.superres.config import SuperresConfig
from cmmd_gen.superres.parametrization import estimated, log_variance, target

BIN = 1 / 255
"""Half the distance of two grey levels."""


@dataclass(frozen=True, slots=True)
class Tables:
    """A chain as float64 tensors (K,) on one device."""

    alpha_bar: Tensor
    posterior_x0: Tensor
    posterior_xn: Tensor
    posterior_log_variance: Tensor
    log_beta: Tensor


def tables(chain: Chain, device: torch.device | str = "cpu") -> Tables:
    """What the objective reads of a chain."""

    def put(values: NDArray[np.float64]) -> Tensor:
        return torch.from_numpy(values).to(device)

    return Tables(
        alpha_bar=put(chain.alpha_bar),
        posterior_x0=put(chain.posterior_x0),
        posterior_xn=put(chain.posterior_xn),
        posterior_log_variance=put(chain.posterior_log_variance),
        log_beta=put(chain.beta).log(),
    )


def objective(
    said: Tensor, x: Tensor, x0: Tensor, noise: Tensor, n: Tensor, tables: Tables, config: SuperresConfig
) -> tuple[Tensor, Tensor | None]:
    """Both terms, averaged over the batch; no bound for a network that learns no variance.

    Args:
        said: the network's channels, (N, outputs, H, W).
        x: what it saw, x_n.
        x0: the truth behind it (`superres.parametrization.hidden`), in float32.
        noise: what was added to it.
        n: steps (N,) of the chain in `tables`.
    """
    said = said.float()
    simple = (said[:, :3] - target(x0, noise, config)).square().mean()
    return simple, bound(said, x, x0, n, tables, config).mean() if config.detail is None else None


def bound(said: Tensor, x: Tensor, x0: Tensor, n: Tensor, tables: Tables, config: SuperresConfig) -> Tensor:
    """L_n of frames in bits per dimension, (N,) float32; arguments as of `objective`."""
    prediction, placed = said.detach()[:, :3], said[:, 3:]
    guessed = estimated(x, prediction, tables.alpha_bar[n], config)
    lowest, highest = tables.posterior_log_variance[n], tables.log_beta[n]
    log_var = log_variance(placed, lowest, highest)
    mean = _posterior_mean(guessed, x, n, tables)
    divergence = kl_divergence(_posterior_mean(x0, x, n, tables), _like(lowest, x), mean, log_var)
    first = (n == 0)[:, None, None, None]
    return torch.where(first, -pixel_log_likelihood(x0, mean, log_var), divergence).flatten(1).mean(1) / math.log(2)


def kl_divergence(mean: Tensor, log_var: Tensor, other_mean: Tensor, other_log_var: Tensor) -> Tensor:
    """KL(N(mean, exp log_var) || N(other_mean, exp other_log_var)) in nats, element by element."""
    distance = (mean - other_mean).square() * torch.exp(-other_log_var)
    return 0.5 * (other_log_var - log_var + torch.exp(log_var - other_log_var) - 1 + distance)


def pixel_log_likelihood(frames: Tensor, mean: Tensor, log_var: Tensor) -> Tensor:
    """Logarithm of the mass of N(mean, exp log_var) on the grey level of each pixel, nats (Ho et al. 2020, Eq. 13).

    frames: in [-1, 1], on the 256 grey levels. Black has all mass below it, white all above. At least ln 1e-12.
    """
    inverse = torch.exp(-0.5 * log_var)
    above = torch.special.ndtr((frames - mean + BIN) * inverse)
    below = torch.special.ndtr((frames - mean - BIN) * inverse)
    above = torch.where(frames > 1 - BIN, 1.0, above)
    below = torch.where(frames < -1 + BIN, 0.0, below)
    return (above - below).clamp(min=1e-12).log()


def _posterior_mean(x0: Tensor, x: Tensor, n: Tensor, tables: Tables) -> Tensor:
    return _like(tables.posterior_x0[n], x) * x0 + _like(tables.posterior_xn[n], x) * x


def _like(values: Tensor, x: Tensor) -> Tensor:
    return values.to(x)[:, None, None, None]
