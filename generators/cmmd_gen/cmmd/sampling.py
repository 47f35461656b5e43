"""Sampling of velocity-predicting models on pairs: sound for video, video for sound, or both from nothing.

DDIM with eta 0 over trailing steps (999, 994, ..., 4 for 200 of 1000; past the last one alpha_bar is 1), or
DPM-Solver++ 2M, which is DDIM plus one term (`fast_sampling`). One step from level n to the next for video to audio
(Eq. 3 and 5):

    v_n    = sqrt(alpha_bar_n) v_0 + sqrt(1 - alpha_bar_n) eps_v         the condition, always with the same eps_v
    a^_0   = a_0 - lambda sqrt(alpha_bar_n) grad_{a_n} ||v_0 - v^_0||^2  a_0 and v^_0 from one evaluation
    a_next = sqrt(alpha_bar_next) a^_0 + sqrt(1 - alpha_bar_next) eps_a

lambda = 0 is the replacement method: nothing is differentiated. The norm sums over one sample, so a clip's guidance
does not depend on the clips beside it. A lambda belongs to the scale of its data and to its `eps_mode`:

predicted   eps_a is what the network predicts: each step moves a_next by the full sqrt(alpha_bar_next) of its push, so
            that what counts is lambda times the number of steps (twice the steps, half the lambda)
rederived   eps_a follows from a_n and a^_0: pushes of neighbouring steps nearly cancel, what is left does not depend
            on the number of steps, and lambda must be far larger

Generated audio may be held to a range, after guidance. Latents of video have no natural range and are never held.
States keep the dtype of the noise; a network that answers in bfloat16 is brought back to it.
"""

from collections.abc import Callable
from typing import Literal, get_args

import torch
from torch import Tensor

from cmmd_bench.contract import GENERATED
from cmmd_bench.types import Modality, Task
from cmmd_gen.cmmd.fast_sampling import history_weights
from cmmd_gen.diffusion.frozen import frozen
from cmmd_gen.diffusion.spacing import trailing
from cmmd_gen.diffusion.velocity import eps_from_velocity, noised, x0_from_velocity
from cmmd_gen.noise import Noise
from cmmd_gen.types import Denoiser, Pair

EpsMode = Literal["predicted", "rederived"]
Solver = Literal["ddim", "dpm++2m"]


def sample(
    denoiser: Denoiser,
    task: Task,
    *,
    alpha_bar: Tensor,
    noise: Noise,
    shapes: tuple[tuple[int, ...], tuple[int, ...]],
    condition: Tensor | None = None,
    steps: int = 200,
    solver: Solver = "ddim",
    guidance: float = 0.0,
    eps_mode: EpsMode = "predicted",
    audio_range: tuple[float, float] | None = None,
    advance: Callable[[], None] = lambda: None,
) -> Pair:
    """A batch of clean pairs, one for each source of `noise`; the given side is `condition` itself.

    Args:
        denoiser: predicts the velocities of both sides. The parameters of an `nn.Module` are frozen meanwhile.
        task: what is given and what is generated.
        alpha_bar: the schedule the network was trained with, (N,) float64.
        noise: where the samples start; every task draws a video and then an audio.
        shapes: of one video (F, C, H, W) and of one audio (C, T).
        condition: the clean given side (B, ...) on the device of the noise; None for "joint".
        steps: evaluations of the network, 1..N.
        solver: "ddim" as in the paper, or "dpm++2m" for few steps.
        guidance: lambda; above 0 each step also runs the network backwards.
        eps_mode: where eps comes from once guidance or a range has changed x0.
        audio_range: lowest and highest x0 of generated audio.
        advance: called after each step.

    Raises:
        ValueError: a condition that is missing, not asked for or of another shape; a lambda below 0, or above 0 for
            "joint"; an unknown solver or eps_mode.
    """
    start: dict[Modality, Tensor] = {"video": noise.normal(*shapes[0]), "audio": noise.normal(*shapes[1])}
    known = _known(task, condition, start)
    for name, value, kinds in (("solver", solver, get_args(Solver)), ("eps_mode", eps_mode, get_args(EpsMode))):
        if value not in kinds:
            raise ValueError(f"{name} must be one of {', '.join(kinds)}, got {value!r}")
    if not guidance >= 0 or (guidance > 0 and not known):
        raise ValueError(f'guidance must be at least 0, and 0 for the task "joint", got {guidance} for "{task}"')
    visited = trailing(len(alpha_bar), steps)
    levels = torch.cat([alpha_bar.double().cpu()[torch.from_numpy(visited)], torch.ones(1, dtype=torch.float64)])
    weights = history_weights(levels).tolist() if solver == "dpm++2m" else [0.0] * steps
    levels = levels.to(start["video"].device)

    state, before = dict(start), dict(start)
    with torch.no_grad(), frozen(denoiser):
        for step, level, below, weight in zip(visited.tolist(), levels[:-1], levels[1:], weights, strict=True):
            for side, clean in known.items():
                state[side] = noised(clean, start[side], level)
            pair = Pair(state["video"], state["audio"])
            n = torch.full((len(pair.video),), step, device=pair.video.device)
            push: Tensor | None = None
            if guidance > 0:
                ((side, clean),) = known.items()
                v, gradient = reconstruction_gradient(denoiser, pair, n, level, given=side, clean=clean)
                push = guidance * level.sqrt().to(gradient) * gradient
            else:
                v = denoiser(*pair, n)
            for side in GENERATED[task]:
                held = audio_range if side == "audio" else None
                x0, eps = _estimate(state[side], _side(v, side), level, push, held, eps_mode)
                state[side] = noised(x0, eps, below)
                if weight != 0:
                    state[side] += weight * (x0 - before[side])
                before[side] = x0
            advance()
    return Pair(**{**state, **known})


def reconstruction_gradient(
    denoiser: Denoiser, state: Pair, n: Tensor, alpha_bar_n: Tensor, *, given: Modality, clean: Tensor
) -> tuple[Pair, Tensor]:
    """The velocities at `state`, and grad ||clean - x0^||^2 with respect to the noisy side that is not given.

    Args:
        denoiser: predicts the velocities of both sides.
        state: both sides at level n; the given one is `clean` with noise.
        n: (B,) int64.
        alpha_bar_n: the level of n, without a dimension or (B,), float64.
        given: the side whose reconstruction is judged.
        clean: that side without noise (B, ...).
    """
    free = _side(state, "audio" if given == "video" else "video").detach().requires_grad_()
    with torch.enable_grad():
        v = denoiser(state.video, free, n) if given == "video" else denoiser(free, state.audio, n)
        noisy = _side(state, given)
        error = clean - x0_from_velocity(noisy, _side(v, given).to(noisy), alpha_bar_n)
        (gradient,) = torch.autograd.grad(error.square().sum(), free)
    return Pair(v.video.detach(), v.audio.detach()), gradient


def _estimate(
    x_n: Tensor,
    v: Tensor,
    alpha_bar_n: Tensor,
    push: Tensor | None,
    held: tuple[float, float] | None,
    eps_mode: EpsMode,
) -> tuple[Tensor, Tensor]:
    """x0, pushed and held to a range, and the eps that goes with it."""
    v = v.to(x_n)
    plain, eps = x0_from_velocity(x_n, v, alpha_bar_n), eps_from_velocity(x_n, v, alpha_bar_n)
    x0 = plain if push is None else plain - push
    if held is not None:
        x0 = x0.clamp(*held)
    if eps_mode == "rederived" and x0 is not plain:
        eps = (x_n - alpha_bar_n.sqrt().to(x_n) * x0) / (1 - alpha_bar_n).sqrt().to(x_n)
    return x0, eps


def _known(task: Task, condition: Tensor | None, start: dict[Modality, Tensor]) -> dict[Modality, Tensor]:
    """The given side, if any, by its name."""
    given: Modality | None = next((side for side in start if side not in GENERATED[task]), None)
    if given is None and condition is None:
        return {}
    if given is None or condition is None:
        raise ValueError(f'condition must be {"None" if given is None else f"the clean {given}"} for the task "{task}"')
    if condition.shape != start[given].shape:
        raise ValueError(f"condition must have the shape {tuple(start[given].shape)}, got {tuple(condition.shape)}")
    return {given: condition.to(start[given])}


def _side(pair: Pair, side: Modality) -> Tensor:
    return pair.video if side == "video" else pair.audio
