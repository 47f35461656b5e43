"""Two operations on rows of tokens (N, T, C), with gradients of their own.

On a CPU, torch's backward passes of group norm and of long convolutions with the channels last take 3 to 9 times as
long as these. Other devices and other precisions than float32 have torch's own convolution.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import conv2d, silu

EPSILON = 1e-5
"""What group norm adds to the variance."""
MANY = 1024
"""Tokens from which torch's group norm with the channels last takes its quick way."""


def group_norm(
    x: Tensor, weight: Tensor, bias: Tensor, scale: Tensor | None, shift: Tensor | None, *, groups: int, activate: bool
) -> Tensor:
    """Normalise x (N, T, C) float32 over T and the channels of each group, then `weight` and `bias`, both (C,).

    With scale and shift, both (N, C): the result times 1 + scale, plus shift. With activate: SiLU of that.
    """
    y: Tensor = _GroupNorm.apply(x, weight, bias, scale, shift, groups, activate)  # type: ignore[no-untyped-call]
    return y


def three_taps(x: Tensor, layer: nn.Conv1d, distance: int) -> Tensor:
    """Convolve x (N, T, I) with a kernel of 3 whose taps lie `distance` tokens apart, zeros outside -> (N, T, O).

    `layer` only holds the weight (O, I, 3) and the bias.
    """
    if x.device.type == "cpu" and x.dtype == torch.float32 and not torch.is_autocast_enabled("cpu"):
        y: Tensor = _ThreeTaps.apply(x, layer.weight, layer.bias, distance)  # type: ignore[no-untyped-call]
        return y
    return three_taps_as_image(x, layer.weight, layer.bias, distance)


def three_taps_as_image(x: Tensor, weight: Tensor, bias: Tensor | None, distance: int) -> Tensor:
    """`three_taps` by a convolution of two axes, as those of one know no channels-last."""
    count, tokens, _ = x.shape
    if tokens % distance:
        image = x.transpose(1, 2).unsqueeze(3)
        y = conv2d(image, weight.unsqueeze(3), bias, padding=(distance, 0), dilation=(distance, 1))
    else:
        # Rows of `distance` tokens: the taps are neighbours, and nothing is dilated.
        image = x.reshape(count, tokens // distance, distance, -1).permute(0, 3, 1, 2)
        y = conv2d(image, weight.unsqueeze(3), bias, padding=(1, 0))
    return y.permute(0, 2, 3, 1).reshape(count, tokens, -1)


class _GroupNorm(torch.autograd.Function):
    """See `group_norm`; y = a x_hat + b with x_hat = (x - mean) rstd and a, b of each item and channel."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor,
        scale: Tensor | None,
        shift: Tensor | None,
        groups: int,
        activate: bool,
    ) -> Tensor:
        count, tokens, channels = x.shape
        # Torch's own norm with the channels last exists on a CPU only, and is quick for many tokens only.
        if x.device.type == "cpu" and tokens >= MANY:
            image = x.contiguous().transpose(1, 2).unsqueeze(2)
            y, mean, rstd = torch.native_group_norm(image, weight, bias, count, channels, tokens, groups, EPSILON)
            y = y.squeeze(2).transpose(1, 2)
            if scale is not None and shift is not None:
                y = torch.addcmul(shift[:, None], y, 1 + scale[:, None], out=y)
        else:
            mean, rstd = moments(x, groups)
            a, b = _affine(weight, bias, scale, shift, mean)
            y = _line(x, a * rstd.unsqueeze(2), b - a * (rstd * mean).unsqueeze(2))
        ctx.save_for_backward(x, weight, bias, scale, shift, mean, rstd)
        ctx.activate = activate
        return silu(y, inplace=True) if activate else y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, bias, scale, shift, mean, rstd = ctx.saved_tensors
        count, tokens, channels = x.shape
        a, b = _affine(weight, bias, scale, shift, mean)
        mean, rstd = mean.unsqueeze(2), rstd.unsqueeze(2)
        if ctx.activate:
            # Made again rather than kept since the forward pass: memory costs more than arithmetic.
            g = torch.ops.aten.silu_backward(g, _line(x, a * rstd, b - a * rstd * mean))
        # What reaches b and a.
        to_b = g.sum(1).view(a.shape)
        to_a = ((g * x).sum(1).view(a.shape) - mean * to_b) * rstd
        # dx = rstd (a g - <a g> - x_hat <a g x_hat>), <> the mean over a group.
        size = tokens * a.shape[2]
        q = (a * to_a).sum(2, keepdim=True) * rstd.square() / -size
        r = (a * to_b).sum(2, keepdim=True) * rstd / -size - q * mean
        dx = _line(x, q.expand(a.shape), r.expand(a.shape)).addcmul_(g, (a * rstd).view(count, 1, channels))
        to_a, to_b = to_a.view(count, channels), to_b.view(count, channels)
        if scale is None:
            return dx, to_a.sum(0), to_b.sum(0), None, None, None, None
        once = 1 + scale
        return dx, (to_a * once).sum(0), (to_b * once).sum(0), to_a * weight + to_b * bias, to_b, None, None


def moments(x: Tensor, groups: int) -> tuple[Tensor, Tensor]:
    """Mean, and one by the standard deviation, over tokens and channels of each group: x (N, T, C) -> (N, groups)."""
    count, tokens, channels = x.shape
    size = tokens * channels // groups
    mean = x.sum(1).view(count, groups, -1).sum(2) / size
    square = x.square().sum(1).view(count, groups, -1).sum(2) / size
    return mean, ((square - mean.square()).clamp(min=0) + EPSILON).rsqrt()


def _affine(
    weight: Tensor, bias: Tensor, scale: Tensor | None, shift: Tensor | None, mean: Tensor
) -> tuple[Tensor, Tensor]:
    """What multiplies x_hat and what is added, (N, groups, channels of a group); `mean` gives N and groups."""
    if scale is None or shift is None:
        a, b = (each.expand(mean.shape[0], -1) for each in (weight, bias))
    else:
        a, b = weight * (1 + scale), bias * (1 + scale) + shift
    return a.reshape(*mean.shape, -1), b.reshape(*mean.shape, -1)


def _line(x: Tensor, slope: Tensor, height: Tensor) -> Tensor:
    """x times slope plus height, both (N, groups, channels of a group)."""
    return torch.addcmul(height.flatten(1)[:, None], x, slope.flatten(1)[:, None])


class _ThreeTaps(torch.autograd.Function):
    """See `three_taps`: one matrix product per tap and item, each added in place."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, distance: int) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.distance = distance
        count, tokens, _ = x.shape
        before, here, after = weight.permute(2, 1, 0).contiguous()
        y = torch.addmm(bias, x.flatten(0, 1), here).view(count, tokens, -1)
        for into, item in zip(y, x, strict=True) if distance < tokens else ():
            into[distance:].addmm_(item[:-distance], before)
            into[:-distance].addmm_(item[distance:], after)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        (x, weight), distance = ctx.saved_tensors, ctx.distance
        g = g.contiguous()
        tokens = g.shape[1]
        near = distance < tokens
        dx = dweight = dbias = None
        if ctx.needs_input_grad[0]:
            before, here, after = weight.permute(2, 0, 1).contiguous()
            dx = torch.mm(g.flatten(0, 1), here).view(x.shape)
            for into, item in zip(dx, g, strict=True) if near else ():
                into[:-distance].addmm_(item[distance:], before)
                into[distance:].addmm_(item[:-distance], after)
        if ctx.needs_input_grad[1]:
            taps = weight.new_zeros(3, *weight.shape[:2])
            torch.mm(g.flatten(0, 1).t(), x.flatten(0, 1), out=taps[1])
            for item_g, item in zip(g, x, strict=True) if near else ():
                taps[0].addmm_(item_g[distance:].t(), item[:-distance])
                taps[2].addmm_(item_g[:-distance].t(), item[distance:])
            dweight = taps.permute(1, 2, 0)
        if ctx.needs_input_grad[2]:
            dbias = g.sum((0, 1))
        return dx, dweight, dbias, None
