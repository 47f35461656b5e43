"""Two operations on rows of tokens (N, T, C), with gradients of their own.

On a CPU, torch's backward passes of group norm and of dilated convolutions with the channels last take 5 to 20 times as
long as the arithmetic needs; these do not.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import conv2d


def group_norm(
    x: Tensor, weight: Tensor, bias: Tensor, scale: Tensor | None, shift: Tensor | None, *, groups: int, eps: float
) -> Tensor:
    """Normalise x (N, T, C) float32 over T and the channels of each group, then `weight` and `bias`, both (C,).

    With scale and shift, both (N, C): the result times 1 + scale, plus shift.
    """
    y: Tensor = _GroupNorm.apply(x, weight, bias, scale, shift, groups, eps)  # type: ignore[no-untyped-call]
    return y


def three_taps(x: Tensor, layer: nn.Conv1d, distance: int) -> Tensor:
    """Convolve x (N, T, I) with a kernel of 3 whose taps lie `distance` tokens apart, zeros outside -> (N, T, O).

    `layer` only holds the weight (O, I, 3) and the bias.
    """
    if x.device.type == "cpu" and not torch.is_autocast_enabled("cpu"):
        y: Tensor = _ThreeTaps.apply(x, layer.weight, layer.bias, distance)  # type: ignore[no-untyped-call]
        return y
    # As an image of one row, because convolutions of one axis know no channels-last.
    image = x.transpose(1, 2).unsqueeze(2)
    y = conv2d(image, layer.weight.unsqueeze(2), layer.bias, padding=(0, distance), dilation=(1, distance))
    return y.squeeze(2).transpose(1, 2)


class _GroupNorm(torch.autograd.Function):
    """See `group_norm`; x_hat = (x - mean) rstd, y = a x_hat + b with a = weight (1 + scale), per item and channel."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor,
        scale: Tensor | None,
        shift: Tensor | None,
        groups: int,
        eps: float,
    ) -> Tensor:
        y, mean, rstd = _normalised(x, weight, bias, groups, eps)
        if scale is not None and shift is not None:
            y = torch.addcmul(shift[:, None], y, 1 + scale[:, None], out=y)
        ctx.save_for_backward(x, weight, bias, scale, mean, rstd)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, bias, scale, mean, rstd = ctx.saved_tensors
        count, tokens, channels = x.shape
        groups = mean.shape[1]
        mean, rstd = mean.unsqueeze(2), rstd.unsqueeze(2)
        # What reaches b and a, (N, groups, channels of a group).
        to_b = g.sum(1).view(count, groups, -1)
        to_a = ((g * x).sum(1).view(to_b.shape) - mean * to_b) * rstd
        a = (weight.expand(count, channels) if scale is None else weight * (1 + scale)).view(to_b.shape)
        # dx = rstd (a g - <a g> - x_hat <a g x_hat>), <> the mean over a group, gathered as p g + q x + r.
        size = tokens * channels // groups
        q = (a * to_a).sum(2, keepdim=True) * rstd.square() / -size
        r = (a * to_b).sum(2, keepdim=True) * rstd / -size - q * mean
        p, q, r = (each.expand(to_b.shape).reshape(count, 1, channels) for each in (a * rstd, q, r))
        dx = torch.addcmul(r, x, q).addcmul_(g, p)
        to_a, to_b = to_a.view(count, channels), to_b.view(count, channels)
        if scale is None:
            return dx, to_a.sum(0), to_b.sum(0), None, None, None, None
        once = 1 + scale
        return dx, (to_a * once).sum(0), (to_b * once).sum(0), to_a * weight + to_b * bias, to_b, None, None


def _normalised(x: Tensor, weight: Tensor, bias: Tensor, groups: int, eps: float) -> tuple[Tensor, Tensor, Tensor]:
    """`weight` x_hat + `bias`, and mean and 1 / standard deviation (N, groups)."""
    count, tokens, channels = x.shape
    if x.device.type == "cpu":
        image = x.contiguous().transpose(1, 2).unsqueeze(2)
        y, mean, rstd = torch.native_group_norm(image, weight, bias, count, channels, tokens, groups, eps)
        return y.squeeze(2).transpose(1, 2), mean, rstd
    # Elsewhere the one call would move the channels to the front.
    grouped = x.view(count, tokens, groups, -1)
    variance, mean = torch.var_mean(grouped, dim=(1, 3), correction=0)
    rstd = (variance + eps).rsqrt()
    x_hat = (grouped - mean[:, None, :, None]) * rstd[:, None, :, None]
    return torch.addcmul(bias, x_hat.view(x.shape), weight), mean, rstd


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
        dx = dweight = None
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
        return dx, dweight, g.sum((0, 1)), None
