"""A case's network and inputs, and what is measured of it.

forward   both predictions, without gradients: a step of unguided sampling
guided    the same, and the gradient of the squared video prediction with respect to the noisy audio, through the whole
          network with frozen parameters: a step of guided video-to-audio sampling, which Table 3 of the paper is about

Inputs are standard normal, in float32 as samplers hold them. What starts at zero gets small random values instead:
zeros take as long on most processors, but not on all. MM-Diffusion's window shifts are drawn once.
"""

from collections.abc import Callable
from functools import partial
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from cmmd_gen.cmmd.config import PRESETS as CMMD
from cmmd_gen.cmmd.unet import CMMDUNet
from cmmd_gen.mmdiff.config import PRESETS as MMDIFF
from cmmd_gen.mmdiff.unet import MMDiffUNet
from cmmd_gen.speed.cases import Network
from cmmd_gen.types import Denoiser, Pair

Kind = Literal["forward", "guided"]

SMALL = 0.02
"""Standard deviation of the weights that take the place of zeros."""


class Inputs(NamedTuple):
    """Arguments of a network: video (B, F, C, H, W), audio (B, C, T), n (B,) int64."""

    video: Tensor
    audio: Tensor
    n: Tensor


def build(network: Network) -> CMMDUNet | MMDiffUNet:
    """The network as it is made: frozen, on the CPU."""
    unet = CMMDUNet(CMMD[network.preset]) if network.model == "cmmd" else MMDiffUNet(MMDIFF[network.preset])
    return unet.eval().requires_grad_(False)


def fill(unet: nn.Module) -> None:
    """Put small random values where there are only zeros."""
    for parameter in unet.parameters():
        if not parameter.any():
            parameter.normal_(std=SMALL)


def inputs(network: Network, *, batch: int, device: str) -> Inputs:
    """Noise of the network's shapes, in the middle of the diffusion."""
    if network.model == "cmmd":
        config = CMMD[network.preset]
        channels, audio = config.latent_channels, (config.mel_bands, network.length)
    else:
        channels, audio = 3, (1, network.length)
    return Inputs(
        torch.randn(batch, network.frames, channels, network.size, network.size, device=device),
        torch.randn(batch, *audio, device=device),
        torch.full((batch,), 500, device=device),
    )


def denoiser(unet: CMMDUNet | MMDiffUNet, network: Network, *, compiled: bool = False) -> Denoiser:
    """The public forward of `unet`, through torch.compile if asked for."""
    runs: Callable[..., Pair] = torch.compile(unet) if compiled else unet
    if isinstance(unet, MMDiffUNet):
        return partial(runs, shifts=unet.draw_shifts(torch.Generator().manual_seed(0), network.frames))
    return runs


def evaluate(kind: Kind, runs: Denoiser, given: Inputs) -> tuple[Pair, Tensor | None]:
    """Predictions, and the gradient if guided."""
    if kind == "forward":
        with torch.no_grad():
            return runs(*given), None
    noisy = given.audio.detach().requires_grad_()
    # A view of its own: torch's counter of operations cannot look at a leaf that a module is called with.
    out = runs(given.video, noisy.view_as(noisy), given.n)
    (gradient,) = torch.autograd.grad(out.video.float().square().sum(), noisy)
    return out, gradient
