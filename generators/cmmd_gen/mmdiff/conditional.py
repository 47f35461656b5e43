"""Sound for a video, or a video for a sound, by a model of pairs that was never trained for it (Ruan et al. 2023).

c is the given side and m the one to make; z_c and z_m are drawn once. At each step, from noisy to clean,

    x_n^c = sqrt(alpha_bar_n) x0^c + sqrt(1 - alpha_bar_n) z_c        with the same z_c every time

Replacement: both sides take one step, and the given one is set again at the next. Gradient: the made side is also
pushed so that what is predicted for the given side comes to agree with it.

conditional: the official algorithm, over an ancestral chain. At every step but the last

    x_{n-1}^m -= scale sqrt(alpha_bar_n) grad_{x_n^m} loss

where loss compares the ancestral sample x_{n-1}^c, fresh noise included, with x0^c noised by z_c to level n - 1.
Where x0 is clipped to [-1, 1] nothing is pushed.

conditional_few_step: ours, DDIM or DPM-Solver++ 2M on the made side, whose predicted noise becomes

    eps^m + scale sqrt(1 - alpha_bar_n) grad_{x_n^m} ||eps^c - z_c||^2

This is the reconstruction guidance of Ho et al. 2022 (Video Diffusion Models) with w_r = 2 scale, written in the noise:
no division by alpha_bar_n. It changes the score, so that a scale means the same at any number of steps. Where the right
answer is known, for Gaussian pairs, scales of 1 to 3 come closest to it.

What quirks="official" keeps of the official code, so that published numbers can be compared:
- loss is a mean over the batch and over the elements (196,608 of a video, 25,600 of its sound): a clip is guided
  1 / batch as strongly as it would be alone. "fixed" takes each clip's sum of squares, so that its scale is the
  official one divided by batch times elements.
- With the fp16 flag the gradient is 2^20 times too large; `fp16_flag` says so. The official scale of 3 is then
  16 / batch (v2a) or 122.9 / batch (a2v) in "fixed" (`corrected_scale`).
- Windows shift again in the backward pass: `shifts.with_shifts` has the same option.
- The given side is returned as the chain left it: the model's reconstruction of it (replacement), or with noise of
  deviation 0.01 on it (gradient). "fixed" returns it as it was given.
"""

import math
from collections.abc import Callable
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cmmd_gen.diffusion.frozen import frozen
from cmmd_gen.diffusion.gaussian import Chain, ancestral_step, x0_from_eps
from cmmd_gen.diffusion.velocity import noised
from cmmd_gen.mmdiff import dpm_solver as solver
from cmmd_gen.mmdiff.sampling import Normals, Shapes, clipped, data_model, drawn, evaluated, trailing_grid
from cmmd_gen.mmdiff.shifts import Quirks
from cmmd_gen.types import Denoiser, Pair

Guidance = Literal["replacement", "gradient"]
Given = Literal["v2a", "a2v"]

PUBLISHED_SCALE = 3.0
"""Of the official scripts, for both tasks; with the fp16 flag, and batches of 2 (v2a) and 1 (a2v)."""
_LEFT_OVER = 2.0**20
"""By what the fp16 flag makes the gradient too large."""


def conditional(
    denoiser: Denoiser,
    task: Given,
    condition: Tensor,
    *,
    chain: Chain,
    noise: Normals,
    shapes: Shapes,
    guidance: Guidance = "replacement",
    scale: float = 0.0,
    quirks: Quirks = "fixed",
    fp16_flag: bool = False,
    advance: Callable[[], None] = lambda: None,
) -> Pair:
    """A batch of pairs for the given sides, by the whole chain.

    Args:
        denoiser: predicts noise. The parameters of an `nn.Module` are frozen meanwhile.
        task: what is given and what is made.
        condition: the clean given side (B, ...) in [-1, 1], on the device of the noise.
        chain: the steps; the official scripts take all 1000.
        noise: draws of both sides, at first and for each step.
        shapes: of one video and of its audio.
        guidance: "replacement", or "gradient", which also runs the network backwards.
        scale: of the gradient; 0 for replacement. The official scripts take 3, with the fp16 flag.
        quirks: "fixed" guides each clip by its own error; "official" as described above.
        fp16_flag: only "official": whether the gradient is left multiplied by 2^20.
        advance: called after each step.

    Raises:
        ValueError: a scale that does not fit the guidance, the fp16 flag without official quirks, a condition of
            another shape than its noise.
    """
    _check(guidance, scale)
    if fp16_flag and quirks == "fixed":
        raise ValueError('fp16_flag needs quirks="official": a correct gradient has no left-over factor')
    start = drawn(noise, shapes)
    c, m = _sides(task, condition, start)
    gain = scale * _LEFT_OVER if fp16_flag else scale
    level, below = torch.from_numpy(chain.alpha_bar), torch.from_numpy(chain.alpha_bar_before)
    x, given = start[m], condition
    with torch.no_grad(), frozen(denoiser):
        for i in reversed(range(len(chain.steps))):
            guided = guidance == "gradient" and i > 0
            fresh = drawn(noise, shapes) if i else (None, None)
            x = x.requires_grad_(guided)
            with torch.set_grad_enabled(guided):
                now = _pair(task, noised(condition, start[c], level[i]), x)
                eps = evaluated(denoiser, *now, int(chain.steps[i]))
                x0 = [clipped(x0_from_eps(chain, i, *tensors)) for tensors in zip(now, eps, strict=True)]
                after = [ancestral_step(chain, i, *tensors) for tensors in zip(now, x0, fresh, strict=True)]
                given, made = after[c].detach(), after[m].detach()
                if guided:
                    error = (after[c] - noised(condition, start[c], below[i])).square()
                    loss = error.mean() if quirks == "official" else error.sum()
                    (gradient,) = torch.autograd.grad(loss, x)
                    made = made - gain * math.sqrt(chain.alpha_bar[i]) * gradient
            x = made
            advance()
    if quirks == "fixed":
        given = condition
    elif guidance == "gradient":
        given = noised(condition, start[c], level[0])
    return _pair(task, given, x)


def corrected_scale(official: float, *, batch: int, elements: int) -> float:
    """The scale of "fixed" that guides as strongly as the `official` one with its quirks and the fp16 flag.

    batch: clips that were sampled together; elements: of one given side.
    """
    return official * _LEFT_OVER / (batch * elements)


def conditional_few_step(
    denoiser: Denoiser,
    task: Given,
    condition: Tensor,
    *,
    alpha_bar: NDArray[np.float64],
    noise: Normals,
    shapes: Shapes,
    steps: int = 20,
    order: Literal[1, 2] = 2,
    guidance: Guidance = "replacement",
    scale: float = 0.0,
    advance: Callable[[], None] = lambda: None,
) -> Pair:
    """A batch of pairs for the given sides, by `steps` evaluations at the trailing steps of the schedule.

    The arguments are those of `conditional` and of `sampling.few_step`. x0 of the made side is clipped to [-1, 1] after
    guidance; the given side is returned as it was given.

    Raises:
        ValueError: a scale that does not fit the guidance, a condition of another shape than its noise, a number of
            steps outside 1..N.
    """
    _check(guidance, scale)
    start = drawn(noise, shapes)
    c, m = _sides(task, condition, start)
    level = torch.from_numpy(alpha_bar)
    guided = guidance == "gradient"

    def noise_model(state: solver.State, lam: float) -> solver.State:
        n = solver.step_of(alpha_bar, lam)
        x = state[0].detach().requires_grad_(guided)
        with torch.set_grad_enabled(guided):
            eps = evaluated(denoiser, *_pair(task, noised(condition, start[c], level[n]), x), n)
            made = eps[m].detach()
            if guided:
                (gradient,) = torch.autograd.grad((eps[c] - start[c]).square().sum(), x)
                made = made + scale * solver.sigma(lam) * gradient
        advance()
        return (made,)

    with torch.no_grad(), frozen(denoiser):
        model, grid = data_model(noise_model, clipped), trailing_grid(alpha_bar, steps)
        (x,) = solver.multistep(model, (start[m],), grid, order=order)
    return _pair(task, condition, x)


def _check(guidance: Guidance, scale: float) -> None:
    if not (scale > 0 if guidance == "gradient" else scale == 0):
        raise ValueError(f'scale must be 0 for "replacement" and above 0 for "gradient", got {scale} for "{guidance}"')


def _sides(task: Given, condition: Tensor, start: Pair) -> tuple[int, int]:
    """Where in a pair the given and the made side are."""
    c, m = (0, 1) if task == "v2a" else (1, 0)
    if condition.shape != start[c].shape:
        shape = tuple(start[c].shape)
        raise ValueError(f"condition must have the shape of its noise, {shape}, got {tuple(condition.shape)}")
    return c, m


def _pair(task: Given, given: Tensor, made: Tensor) -> Pair:
    return Pair(given, made) if task == "v2a" else Pair(made, given)
