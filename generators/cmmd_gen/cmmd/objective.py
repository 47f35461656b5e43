"""The training objectives: joint diffusion (Eq. 2) and its contrastive form (Eq. 6, Algorithm 1).

    L(v_0, a_0) = mean |v_v - v^_v|^2 + mean |v_a - v^_a|^2           per sample; means over the elements of a side
    L_cont      = L(v_0, a_0) - eta [L(v_0^-, a_0) + L(v_0, a_0^-)]   averaged over the batch

Every term is measured against the velocities of the very inputs it was given: a negative side has its own x0 and its
own noise, the side left as it was keeps the positive's noise, and one n serves the three terms of a sample. The
network sees one batch of 3 B, in the order positives, negative videos, negative audios.

The negative terms have no lower bound: a network that detects a negative pair may lose without end. So each sample's
L^- can be cut at `hinge` times its own L, past which it has no gradient: from eta = 1e-3 on by itself, below only on
request. The paper's 5e-5 needs no hinge; Table 4's "eta 5" is a lost exponent, with it the objective would maximise
the error of denoising.

Inputs and noise are float32, and so are errors and means, whatever the network answers in.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.utils import get_total_norm

from cmmd_gen.diffusion.velocity import noised, velocity
from cmmd_gen.types import Denoiser, Pair

LARGEST_ETA = 0.5
"""Not reached: the weight left to ordinary denoising is 1 - 2 eta."""
HINGED_FROM = 1e-3
"""The eta from which negatives are cut when no hinge is given."""
HINGE = 4.0
"""How many times its own L a negative may cost before it is cut, when no hinge is given."""


@dataclass(frozen=True, slots=True, eq=False)
class Contrastive:
    """What one evaluation of the contrastive objective says.

    loss: L_cont, to be minimised, a scalar
    positive, negative_video, negative_audio: mean squared errors of the velocities before any cut, (B,) for either side
    hinged: share of the 2 B negative terms that were cut
    weighted_negatives: eta [L^-(video) + L^-(audio)] after the cut, averaged over the batch, a scalar
    """

    loss: Tensor
    positive: Pair
    negative_video: Pair
    negative_audio: Pair
    hinged: Tensor
    weighted_negatives: Tensor


def joint_loss(denoiser: Denoiser, pair: Pair, n: Tensor, eps: Pair, alpha_bar: Tensor) -> Pair:
    """Mean squared errors of both velocities (Eq. 2), (B,) for either side; the objective is the mean of their sum.

    Args:
        denoiser: predicts the velocities of both sides.
        pair: clean video (B, F, C, H, W) and audio (B, C, T).
        n: the step of each sample, (B,) int64.
        eps: noise of the shapes of `pair`.
        alpha_bar: the schedule (N,), float64, on the device of n.
    """
    level = alpha_bar[n]
    v = denoiser(noised(pair.video, eps.video, level), noised(pair.audio, eps.audio, level), n)
    return Pair(
        _mean_squares(v.video, velocity(pair.video, eps.video, level)),
        _mean_squares(v.audio, velocity(pair.audio, eps.audio, level)),
    )


def contrastive_loss(
    denoiser: Denoiser,
    positive: Pair,
    negative: Pair,
    n: Tensor,
    eps: Pair,
    negative_eps: Pair,
    alpha_bar: Tensor,
    *,
    eta: float,
    hinge: float | None = None,
) -> Contrastive:
    """L_cont of a batch (Eq. 6), by one evaluation of the network on 3 B samples.

    Args:
        denoiser: predicts the velocities of both sides.
        positive: clean pairs that belong together, video (B, F, C, H, W) and audio (B, C, T).
        negative: a video that does not go with the positive's audio, and an audio that does not go with its video.
        n: the step of each sample, (B,) int64, the same in its three terms.
        eps: noise of the positives; the side that a negative pair keeps keeps its noise too.
        negative_eps: noise of the negative sides.
        alpha_bar: the schedule (N,), float64, on the device of n.
        eta: weight of the negatives, at least 0. At 0 the gradient is that of the joint objective.
        hinge: negatives are cut at this many times their own positive's loss; `math.inf` for no cut. None: `HINGE` if
            eta is at least `HINGED_FROM`, no cut below.

    Raises:
        ValueError: an eta below 0 or not below 0.5, where denoising itself is no longer rewarded; a hinge not above 0.
    """
    if not 0 <= eta < LARGEST_ETA:
        raise ValueError(f"eta must be in [0, 0.5): the weight left to ordinary denoising is 1 - 2 eta, got {eta}")
    if hinge is not None and not hinge > 0:
        raise ValueError(f"hinge must be above 0, got {hinge}")
    if hinge is None:
        hinge = HINGE if eta >= HINGED_FROM else math.inf
    pairs = Pair(
        torch.cat([positive.video, negative.video, positive.video]),
        torch.cat([positive.audio, positive.audio, negative.audio]),
    )
    noises = Pair(
        torch.cat([eps.video, negative_eps.video, eps.video]),
        torch.cat([eps.audio, eps.audio, negative_eps.audio]),
    )
    losses = joint_loss(denoiser, pairs, n.repeat(3), noises, alpha_bar)
    parts = [Pair(video, audio) for video, audio in zip(losses.video.chunk(3), losses.audio.chunk(3), strict=True)]
    total = (losses.video + losses.audio).reshape(3, -1)
    negatives = total[1:]
    if hinge < math.inf:
        negatives = torch.minimum(negatives, hinge * total[0].detach())
    weighted = eta * negatives.sum(0).mean()
    return Contrastive(
        loss=total[0].mean() - weighted,
        positive=parts[0],
        negative_video=parts[1],
        negative_audio=parts[2],
        hinged=(negatives < total[1:]).float().mean(),
        weighted_negatives=weighted,
    )


def gradient_ratio(terms: Contrastive, parameters: Sequence[Tensor]) -> float:
    """How hard the negatives pull beside the positives: ||grad eta L^-|| / ||grad L|| over all `parameters`.

    Costs two backward passes, so ask for it now and then; call it before the backward pass of `terms.loss`, whose
    graph it keeps. NaN when the positives have no gradient.
    """
    positives = (terms.positive.video + terms.positive.audio).mean()
    against, towards = _norm(terms.weighted_negatives, parameters), _norm(positives, parameters)
    return against / towards if towards > 0 else math.nan


def _mean_squares(v: Tensor, target: Tensor) -> Tensor:
    return (v.to(target) - target).square().flatten(1).mean(1)


def _norm(loss: Tensor, parameters: Sequence[Tensor]) -> float:
    return float(get_total_norm(torch.autograd.grad(loss, parameters, retain_graph=True, materialize_grads=True)))
