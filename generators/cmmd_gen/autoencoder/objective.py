"""The autoencoder's loss: L1 + 4 MSE of the pictures + a small Kullback-Leibler divergence of the latents.

L1 keeps edges, the squared error keeps large errors rare; the divergence does no more than hold the latents near unit
scale and make the decoder bear a little noise in them. Pictures in [-1, 1].
"""

from typing import NamedTuple

from torch import Tensor

SQUARED = 4.0
DIVERGENCE = 3e-4


class Terms(NamedTuple):
    """Scalars: means over all pictures and positions; `loss` is what is descended."""

    loss: Tensor
    l1: Tensor
    mse: Tensor
    kl: Tensor


def autoencoder_loss(made: Tensor, pictures: Tensor, mean: Tensor, log_variance: Tensor) -> Terms:
    """Of reconstructions and originals (N, 3, H, W), mean and log-variance (N, 4, h, w)."""
    difference = made - pictures
    l1, mse = difference.abs().mean(), difference.square().mean()
    kl = kl_divergence(mean, log_variance).mean()
    return Terms(l1 + SQUARED * mse + DIVERGENCE * kl, l1, mse, kl)


def kl_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, exp(log_variance)) || N(0, 1)) of each number, in nats."""
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance)
