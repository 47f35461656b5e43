"""The shifts of RS-MMA windows while sampling: one draw per evaluation, from a source of their own.

Shifts are shared by the whole batch. Drawn from a sample's noise they would tie clips to their batch; drawn from a seed
of their own, the k-th evaluation of every run has the same ones, whatever the batch and whatever ran before.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Literal

import torch
from torch import Tensor, nn

from cmmd_gen.mmdiff.cross_attention import CrossAttention
from cmmd_gen.mmdiff.unet import MMDiffUNet
from cmmd_gen.types import Pair

Quirks = Literal["official", "fixed"]
"""Faithful to the published code, faults included, or correct."""


def with_shifts(unet: MMDiffUNet, seed: int, *, quirks: Quirks = "fixed") -> nn.Module:
    """A `Denoiser` that draws the shifts of each call from `seed`. Make one for each run.

    With quirks="official" the backward pass has other shifts than the forward pass. The official code recomputes each
    cross attention in the backward pass, from the block's own inputs, and draws a shift again when it does: its
    gradient is that of no function. Here each windowed block is differentiated in the same way.
    """
    return _Shifted(unet, seed, quirks)


class _Shifted(nn.Module):
    def __init__(self, unet: MMDiffUNet, seed: int, quirks: Quirks) -> None:
        super().__init__()
        self.unet = unet
        self._generator = torch.Generator().manual_seed(seed)
        self._quirks = quirks

    def forward(self, video: Tensor, audio: Tensor, n: Tensor) -> Pair:
        frames = video.shape[1]
        shifts = self.unet.draw_shifts(self._generator, frames)
        if self._quirks == "fixed" or not torch.is_grad_enabled():
            return Pair(*self.unet(video, audio, n, shifts=shifts))
        with _redrawn(self.unet, self.unet.draw_shifts(self._generator, frames)):
            return Pair(*self.unet(video, audio, n, shifts=shifts))


@contextmanager
def _redrawn(unet: MMDiffUNet, shifts: Sequence[int]) -> Iterator[None]:
    """Inside, the windowed cross attentions of `unet` are differentiated with these shifts, not those they ran with."""
    blocks = (block for block in unet.modules() if isinstance(block, CrossAttention) and block.window is not None)
    with ExitStack() as hooks:
        for block, shift in zip(blocks, shifts, strict=True):
            hooks.enter_context(block.register_forward_hook(_differentiated_with(shift)))
        yield


def _differentiated_with(shift: int) -> Callable[[nn.Module, tuple[Any, ...], Pair], Pair]:
    def hook(block: nn.Module, inputs: tuple[Any, ...], output: Pair) -> Pair:
        video, audio, _ = inputs
        recomputed: Callable[..., tuple[Tensor, Tensor]] = _Recomputed.apply
        return Pair(*recomputed(block, shift, output.video.detach(), output.audio.detach(), video, audio))

    return hook


class _Recomputed(torch.autograd.Function):
    """Outputs as they are; their gradient by running the block again with another shift."""

    @staticmethod
    def forward(
        ctx: Any, block: CrossAttention, shift: int, out_video: Tensor, out_audio: Tensor, video: Tensor, audio: Tensor
    ) -> tuple[Tensor, Tensor]:
        ctx.block, ctx.shift = block, shift
        ctx.save_for_backward(video, audio)
        return out_video.clone(), out_audio.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        inputs = [tensor.detach().requires_grad_() for tensor in ctx.saved_tensors]
        with torch.enable_grad():
            # Not through __call__, which would run the hook again.
            outputs = ctx.block.forward(*inputs, ctx.shift)
        return None, None, None, None, *torch.autograd.grad(outputs, inputs, gradients)
