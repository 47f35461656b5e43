"""DPM-Solver++ 2M (Lu et al. 2022, algorithm 2) for velocity-predicting models, written as DDIM plus one term.

With lambda_n = log(sqrt(alpha_bar_n) / sqrt(1 - alpha_bar_n)) and h = lambda_next - lambda_n, the multistep update is

    x_next = DDIM(x_n) + w (x0_n - x0_before),   w = sqrt(alpha_bar_next) (1 - exp(-h)) h / (2 h_before)

where x0_n is this step's estimate of the clean sample and x0_before the last step's. The first step has no history,
and the last one lands on alpha_bar = 1, where h is infinite: both are plain DDIM (as diffusers does with a final
sigma of zero).

What the term extrapolates is x0 along the trajectory. That is second order where the trajectory is one of an ordinary
differential equation: joint sampling and pure replacement, whose condition is a smooth function of the level because
its noise is fixed. It is approximate under guidance: lambda pushes once per step, whatever the step's length, so that
the estimates of two steps differ by their pushes too, and under an `audio_range`, which bends the trajectory. Few
steps also see the re-imposed condition at few levels. Compare scores at 20, 25 and 50 steps with DDIM at 200 before
reporting any of them.
"""

import torch
from torch import Tensor


def history_weights(levels: Tensor) -> Tensor:
    """w of each step (S,) for the alpha_bar visited, (S + 1,) float64 increasing and ending at 1."""
    log_snr = (levels[:-1] / (1 - levels[:-1])).log() / 2
    h = log_snr.diff()
    weights = torch.zeros_like(log_snr)
    weights[1:-1] = levels[2:-1].sqrt() * -torch.expm1(-h[1:]) * h[1:] / (2 * h[:-1])
    return weights
