"""What a chain of super-resolution runs over, and what the network's channels say about it.

The hidden x0 is the frame itself, or the detail that enlarging leaves out (`SuperresConfig.detail`). Channels 0..2
predict the noise of x_n where it is the frame, x0 where it is detail. Channels 3..5, which only the former has, place
the logarithm of the variance of a step between those of the posterior, at -1, and of beta, at 1: the "learned range" of
Nichol and Dhariwal 2021, Eq. 15.
"""

import torch
from torch import Tensor

from cmmd_gen.superres.config import SuperresConfig
from cmmd_gen.superres.unet import enlarged


def hidden(frames: Tensor, small: Tensor, config: SuperresConfig) -> Tensor:
    """x0 of large frames (N, 3, H, W) beside their small ones."""
    if config.detail is None:
        return frames
    return (frames - enlarged(small, config.factor)) / config.detail


def shown(x0: Tensor, small: Tensor, config: SuperresConfig) -> Tensor:
    """Frames of x0, the inverse of `hidden`."""
    return x0 if config.detail is None else enlarged(small, config.factor) + config.detail * x0


def limited(x0: Tensor, small: Tensor, config: SuperresConfig) -> Tensor:
    """x0 whose frames lie within [-1, 1]."""
    return hidden(shown(x0, small, config).clamp(-1, 1), small, config)


def target(x0: Tensor, noise: Tensor, config: SuperresConfig) -> Tensor:
    """What channels 0..2 are to say of x0 under `noise`."""
    return noise if config.detail is None else x0


def estimated(x: Tensor, said: Tensor, level: Tensor, config: SuperresConfig) -> Tensor:
    """x0 that x (N, 3, H, W) and channels 0..2 tell of, at alpha_bar `level` (N,) float64."""
    if config.detail is not None:
        return said
    level = level[:, None, None, None]
    return (1 / level).sqrt().to(x) * x - (1 / level - 1).sqrt().to(x) * said


def log_variance(placed: Tensor, lowest: Tensor, highest: Tensor) -> Tensor:
    """Logarithm of the variance of a step from channels 3..5 and its bounds (N,) float64."""
    share = (placed + 1) / 2
    low, high = (bound.to(placed)[:, None, None, None] for bound in (lowest, highest))
    return torch.lerp(low, high, share)
