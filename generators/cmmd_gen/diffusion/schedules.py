"""Noise schedules: alpha_bar_n = prod_{i <= n} (1 - beta_i), float64, (N,), decreasing, inside (0, 1).

x_n = sqrt(alpha_bar_n) x0 + sqrt(1 - alpha_bar_n) eps, n = 0..N-1. Kept in float64 because posteriors and log SNRs
are made of differences of neighbours, and the last entries are tiny (2.4e-9 for `cosine`).

linear   Ho et al. 2020, as MM-Diffusion uses it: betas from 1e-4 to 0.02 at 1000 steps
cosine   Nichol and Dhariwal 2021, Eq. 17, as CMMD uses it: betas capped at 0.999 (`squaredcos_cap_v2` in diffusers)
"""

import numpy as np
from numpy.typing import NDArray


def linear(steps: int = 1000) -> NDArray[np.float64]:
    """alpha_bar (steps,) of betas evenly spaced from 0.1 / steps to 20 / steps: 1e-4 and 0.02 at 1000 steps.

    Fewer steps take proportionally larger betas, so that the chain ends about as noisy.

    Raises:
        ValueError: fewer than 21 steps, whose last beta would reach 1.
    """
    if steps < 21:
        raise ValueError(f"steps must be at least 21, as the last beta is 20 / steps, got {steps}")
    return np.cumprod(1 - np.linspace(0.1 / steps, 20 / steps, steps), dtype=np.float64)


def cosine(steps: int = 1000) -> NDArray[np.float64]:
    """alpha_bar (steps,) that follows cos^2 of (n / steps + 0.008) / 1.008 * pi / 2, each beta at most 0.999.

    Raises:
        ValueError: no step at all.
    """
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")
    curve = np.cos((np.arange(steps + 1) / steps + 0.008) / 1.008 * np.pi / 2) ** 2
    return np.cumprod(1 - np.minimum(1 - curve[1:] / curve[:-1], 0.999), dtype=np.float64)
