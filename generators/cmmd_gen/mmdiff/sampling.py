"""Videos with their sound from nothing: the samplers of MM-Diffusion (Ruan et al. 2023), whose models predict noise.

    ancestral            DDPM, "fixed large" variance, x0 clipped to [-1, 1]
    ddim                 eta 0, x0 clipped
    dpm_solver           the official default: DPM-Solver, single steps of order 3, 20 evaluations
    dpm_solver_adaptive  the official "dpm_solver++": steps of order 2 of free length, dynamic thresholding
    few_step             ours: DDIM or DPM-Solver++ 2M over trailing steps, x0 clipped; 10 to 20 evaluations

Video and audio are drawn in this order, first the initial noise and then that of each step. The official scripts set
no seed; here all that is random comes from `noise`, and a clip depends on its own seed alone (but in
`dpm_solver_adaptive`).
States have the dtype and device of the noise. A denoiser with random shifts is made by `shifts.with_shifts`.
"""

from collections.abc import Callable
from typing import Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cmmd_gen.diffusion.gaussian import Chain, ancestral_step, ddim_step, thresholded, x0_from_eps
from cmmd_gen.diffusion.spacing import trailing
from cmmd_gen.mmdiff import dpm_solver as solver
from cmmd_gen.types import Denoiser, Pair

Shapes = tuple[tuple[int, ...], tuple[int, ...]]
"""Of one video (F, 3, H, W) and of its audio (1, L)."""


class Normals(Protocol):
    """Where noise comes from; `cmmd_gen.noise.Noise` is one."""

    def normal(self, *shape: int) -> Tensor:
        """One standard normal draw of `shape` for each sample, (B, *shape)."""


def ancestral(
    denoiser: Denoiser, *, chain: Chain, noise: Normals, shapes: Shapes, advance: Callable[[], None] = lambda: None
) -> Pair:
    """A batch by the whole chain, a draw per step. `advance` is called after each evaluation, here and below."""
    return _by_chain(denoiser, chain, noise, shapes, advance, random=True)


def ddim(
    denoiser: Denoiser, *, chain: Chain, noise: Normals, shapes: Shapes, advance: Callable[[], None] = lambda: None
) -> Pair:
    """A batch by the whole chain, without noise after the first; commonly a chain of the steps "ddim25"."""
    return _by_chain(denoiser, chain, noise, shapes, advance, random=False)


def dpm_solver(
    denoiser: Denoiser,
    *,
    alpha_bar: NDArray[np.float64],
    noise: Normals,
    shapes: Shapes,
    evaluations: int = 20,
    advance: Callable[[], None] = lambda: None,
) -> Pair:
    """A batch by `dpm_solver.singlestep`, from t = 1 to 1 / N. As in the official code nothing is clipped."""
    model = _noise_model(denoiser, alpha_bar, advance)
    return Pair(*solver.singlestep(model, drawn(noise, shapes), *_ends(alpha_bar), evaluations=evaluations))


def dpm_solver_adaptive(
    denoiser: Denoiser,
    *,
    alpha_bar: NDArray[np.float64],
    noise: Normals,
    shapes: Shapes,
    advance: Callable[[], None] = lambda: None,
) -> Pair:
    """A batch by `dpm_solver.adaptive`, from t = 1 to 1 / N, with its official tolerances and dynamic thresholding.

    The number of evaluations is not known beforehand, and the worst clip of a batch decides on the steps of all:
    make clips one by one where they must not depend on each other.
    """
    model = data_model(_noise_model(denoiser, alpha_bar, advance), thresholded)
    return Pair(*solver.adaptive(model, drawn(noise, shapes), *_ends(alpha_bar)))


def few_step(
    denoiser: Denoiser,
    *,
    alpha_bar: NDArray[np.float64],
    noise: Normals,
    shapes: Shapes,
    steps: int = 20,
    order: Literal[1, 2] = 2,
    advance: Callable[[], None] = lambda: None,
) -> Pair:
    """A batch by `steps` evaluations at the trailing steps of the schedule, down to the clean sample.

    Not in the official code. Order 1 is DDIM, order 2 DPM-Solver++ 2M. x0 is clipped to [-1, 1] at each step.
    """
    model = data_model(_noise_model(denoiser, alpha_bar, advance), clipped)
    return Pair(*solver.multistep(model, drawn(noise, shapes), trailing_grid(alpha_bar, steps), order=order))


def drawn(noise: Normals, shapes: Shapes) -> Pair:
    """Initial noise, or that of a step: video first."""
    return Pair(noise.normal(*shapes[0]), noise.normal(*shapes[1]))


def clipped(x0: Tensor) -> Tensor:
    """Held to [-1, 1], the range of frames and sound."""
    return x0.clamp(-1, 1)


def evaluated(denoiser: Denoiser, video: Tensor, audio: Tensor, n: int) -> Pair:
    """The denoiser at one step n for the whole batch."""
    return denoiser(video, audio, torch.full((len(video),), n, dtype=torch.int64, device=video.device))


def data_model(noise_model: solver.Model, limit: Callable[[Tensor], Tensor]) -> solver.Model:
    """A model of clean samples out of one of noise; `limit` holds each x0 to its range."""

    def model(x: solver.State, lam: float) -> solver.State:
        alpha, sigma = solver.alpha(lam), solver.sigma(lam)
        return tuple(limit((a - sigma * eps) / alpha) for a, eps in zip(x, noise_model(x, lam), strict=True))

    return model


def trailing_grid(alpha_bar: NDArray[np.float64], steps: int) -> list[float]:
    """Lambda of the trailing steps, and infinity, that of the clean sample."""
    kept = alpha_bar[trailing(len(alpha_bar), steps)]
    return [*(np.log(kept / (1 - kept)) / 2).tolist(), np.inf]


def _by_chain(
    denoiser: Denoiser, chain: Chain, noise: Normals, shapes: Shapes, advance: Callable[[], None], *, random: bool
) -> Pair:
    x = drawn(noise, shapes)
    with torch.no_grad():
        for i in reversed(range(len(chain.steps))):
            eps = evaluated(denoiser, *x, int(chain.steps[i]))
            x0 = [clipped(x0_from_eps(chain, i, *tensors)) for tensors in zip(x, eps, strict=True)]
            if random:
                fresh = drawn(noise, shapes) if i else (None, None)
                x = Pair(*(ancestral_step(chain, i, *tensors) for tensors in zip(x, x0, fresh, strict=True)))
            else:
                x = Pair(*(ddim_step(chain, i, *tensors) for tensors in zip(x, x0, strict=True)))
            advance()
    return x


def _noise_model(denoiser: Denoiser, alpha_bar: NDArray[np.float64], advance: Callable[[], None]) -> solver.Model:
    def model(x: solver.State, lam: float) -> solver.State:
        with torch.no_grad():
            eps = evaluated(denoiser, x[0], x[1], solver.step_of(alpha_bar, lam))
        advance()
        return eps

    return model


def _ends(alpha_bar: NDArray[np.float64]) -> tuple[float, float]:
    """Lambda at t = 1 and at t = 1 / N."""
    return solver.lambda_of(alpha_bar, 1.0), solver.lambda_of(alpha_bar, 1 / len(alpha_bar))
