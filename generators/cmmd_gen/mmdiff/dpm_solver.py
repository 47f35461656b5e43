"""DPM-Solver and DPM-Solver++ (Lu et al. 2022a, 2022b): the sampling ODE in few evaluations.

Time is lambda = log(alpha / sigma), half the log signal-to-noise ratio, which grows from noise to clean sample;
alpha^2 is alpha_bar and sigma^2 = 1 - alpha_bar. Between the steps of the schedule log alpha is linear, and the network
is given the step just below: trunc(t N) - 1 at the time t in (0, 1] of N steps, as in the official code.

A state is a tuple of tensors (B, ...) that move together (video and sound, or one alone). A model is a function
(state, lambda) -> tuple: of noise in `singlestep` (DPM-Solver), of clean samples in `adaptive` and `multistep`
(DPM-Solver++). The formulas of the two differ only in which of alpha and sigma does what (`_stride`).

Sources: 2022a with its appendix, 2022b Algorithm 2. The official MM-Diffusion code multiplies the sound by
sigma_t / sigma_s in first-order noise steps, where the video rightly has alpha_t / alpha_s. Its default of 20
evaluations has no such step; here both sides are right. Its "taylor" variant, broken at order 3, is left out.
"""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

State = tuple[Tensor, ...]
Model = Callable[[State, float], State]


def lambda_of(alpha_bar: NDArray[np.float64], t: float) -> float:
    """Lambda at the time t in [1 / N, 1] of a schedule (N,)."""
    count = len(alpha_bar)
    log_alpha = np.interp(t * count, np.arange(1, count + 1), np.log(alpha_bar) / 2)
    return float(log_alpha - np.log(-np.expm1(2 * log_alpha)) / 2)


def step_of(alpha_bar: NDArray[np.float64], lam: float) -> int:
    """The step n of the schedule (N,) that the network is given at lambda."""
    log_alpha = -np.logaddexp(0, -2 * lam) / 2
    count = len(alpha_bar)
    t_count = np.interp(log_alpha, np.log(alpha_bar[::-1]) / 2, np.arange(count, 0, -1))
    # A lambda made from a whole step comes back a little below it; without the margin it would fall to the step before.
    return int(t_count - 1 + 1e-6)


def singlestep(model: Model, x: State, start: float, end: float, *, evaluations: int = 20) -> State:
    """From lambda `start` to `end` by `evaluations` of a noise model, at even distances.

    Steps are of order 3, and take three evaluations; at the end one of order 2 or 1, or both, makes up the number.

    Raises:
        ValueError: no evaluation at all.
    """
    if evaluations < 1:
        raise ValueError(f"evaluations must be at least 1, got {evaluations}")
    orders = _orders(evaluations)
    grid = np.linspace(start, end, evaluations + 1)[np.cumsum([0, *orders])].tolist()
    for (s, t), order in zip(pairwise(grid), orders, strict=True):
        m = model(x, s)
        if order == 1:
            x = _first(x, m, s, t, data=False)
        elif order == 2:
            x = _second(model, x, m, s, t, data=False)
        else:
            x = _third(model, x, m, s, t)
    return x


def adaptive(
    model: Model,
    x: State,
    start: float,
    end: float,
    *,
    absolute: float = 0.0078,
    relative: float = 0.05,
    safety: float = 0.9,
    first: float = 0.05,
) -> State:
    """Second-order steps of a data model, whose lengths follow from their distance to first-order ones.

    The error of a step is the root mean square, over a sample's values, of that distance in units of
    max(absolute, relative * size of x). A step whose largest error over the batch and over the tensors of the state is
    above 1 is tried again, shorter: the number of evaluations is not fixed, and a clip depends on its batch.
    After a refusal the model is evaluated again where it already was, as in the official code.

    Args:
        model: predicts clean samples.
        x: the state at lambda `start`.
        start: where to begin.
        end: where to stop.
        absolute: tolerance where x is small.
        relative: tolerance where it is not.
        safety: taken off each new length.
        first: the first length.

    Raises:
        ValueError: the model's answers are not finite.
    """
    s, length, before = start, min(first, end - start), x
    while end - s > 1e-9:
        t = s + length
        m = model(x, s)
        lower = _first(x, m, s, t, data=True)
        higher = _second(model, x, m, s, t, data=True)
        error = max(_distance(*tensors, absolute, relative) for tensors in zip(lower, higher, before, strict=True))
        if not math.isfinite(error):
            raise ValueError("model must return finite values, got NaN or infinity")
        if error <= 1:
            x, s, before = higher, t, lower
        length = min(safety * length * max(error, 1e-9) ** -0.5, end - s)
    return x


def multistep(model: Model, x: State, grid: Sequence[float], *, order: Literal[1, 2] = 2) -> State:
    """One evaluation of a data model at each lambda of `grid` but the last, where the state ends (2022b, Algorithm 2).

    Order 1 is DDIM. Order 2 looks back one step, so that its first step, and a last one to lambda = infinity (the clean
    sample), are of order 1.

    Raises:
        ValueError: a grid of fewer than two values, or one that does not increase.
    """
    if len(grid) < 2 or any(s >= t for s, t in pairwise(grid)):
        raise ValueError(f"grid must increase and have at least 2 values, got {list(grid)}")
    before: tuple[State, float] | None = None
    for s, t in pairwise(grid):
        m = model(x, s)
        ahead = _first(x, m, s, t, data=True)
        if order == 2 and before is not None and not math.isinf(t):
            m_before, s_before = before
            reach = (t - s) / (s - s_before)
            ahead = _corrected(ahead, alpha(t) * math.expm1(s - t) * reach / 2, m, m_before)
        x, before = ahead, (m, s)
    return x


def alpha(lam: float) -> float:
    """Scale of the signal at lambda: sqrt(alpha_bar)."""
    return 1 / math.sqrt(1 + math.exp(-2 * lam))


def sigma(lam: float) -> float:
    """Scale of the noise at lambda: sqrt(1 - alpha_bar)."""
    return alpha(-lam)


def _orders(evaluations: int) -> list[int]:
    threes, rest = divmod(evaluations, 3)
    if rest:
        return [3] * threes + [rest]
    return [3] * (threes - 1) + [2, 1]


def _stride(s: float, t: float, data: bool) -> tuple[float, float, float]:
    """What a step from s to t multiplies x by, what it takes the model's answer by, and its signed length."""
    if data:
        return sigma(t) / sigma(s), alpha(t), s - t
    return alpha(t) / alpha(s), sigma(t), t - s


def _first(x: State, m: State, s: float, t: float, *, data: bool) -> State:
    """From s to t with the model's answer m at s all the way."""
    keep, take, h = _stride(s, t, data)
    return tuple(keep * a - take * math.expm1(h) * b for a, b in zip(x, m, strict=True))


def _second(model: Model, x: State, m: State, s: float, t: float, *, data: bool) -> State:
    """From s to t with one more evaluation half way."""
    half = (s + t) / 2
    m_half = model(_first(x, m, s, half, data=data), half)
    _, take, h = _stride(s, t, data)
    return _corrected(_first(x, m, s, t, data=data), -take * math.expm1(h), m, m_half)


def _third(model: Model, x: State, m: State, s: float, t: float) -> State:
    """From s to t with two more evaluations at one and two thirds, a noise model."""
    one, two = s + (t - s) / 3, s + 2 * (t - s) / 3
    m1 = model(_first(x, m, s, one, data=False), one)
    h = two - s
    m2 = model(_corrected(_first(x, m, s, two, data=False), -2 * sigma(two) * (math.expm1(h) / h - 1), m, m1), two)
    h = t - s
    return _corrected(_first(x, m, s, t, data=False), -1.5 * sigma(t) * (math.expm1(h) / h - 1), m, m2)


def _corrected(ahead: State, factor: float, m: State, m_other: State) -> State:
    """A first-order step, and what the change of the model's answer from m to m_other adds to it."""
    return tuple(x + factor * (b - a) for x, a, b in zip(ahead, m, m_other, strict=True))


def _distance(lower: Tensor, higher: Tensor, before: Tensor, absolute: float, relative: float) -> float:
    unit = (relative * torch.maximum(lower.abs(), before.abs())).clamp(min=absolute)
    return ((higher - lower) / unit).flatten(1).square().mean(dim=1).sqrt().max().item()
