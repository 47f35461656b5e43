"""Layers that both modalities are made of. Parameters have the names and shapes of the official checkpoints.

Here the channels are the last axis: video is (B, F, H, W, C) and audio (B, L, C). A frame, a pixel over time and a row
of tokens are then views, and neither convolutions nor attention copy to change between them.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv3d, linear, pad

from cmmd_gen.mmdiff.kernels import group_norm, three_taps


class Norm(nn.Module):
    """Group norm of each item over all its tokens, in float32 whatever its precision; then SiLU if `activate`."""

    def __init__(self, channels: int, groups: int, *, activate: bool = False) -> None:
        super().__init__()
        self.GroupNorm = nn.GroupNorm(groups, channels)
        self.activate = activate

    def forward(self, x: Tensor, scale: Tensor | None = None, shift: Tensor | None = None) -> Tensor:
        """(N, ..., C) -> the same in its precision; the norm times 1 + scale, plus shift, both (N, C), if given."""
        norm = self.GroupNorm
        modulation = (None, None) if scale is None or shift is None else (scale.float(), shift.float())
        tokens = x.flatten(1, -2).float()
        y = group_norm(tokens, norm.weight, norm.bias, *modulation, groups=norm.num_groups, activate=self.activate)
        return y.view(x.shape).to(x.dtype)


class Pointwise(nn.Module):
    """A linear map of the channels, stored as a convolution of kernel 1 over `axes` axes."""

    def __init__(self, inputs: int, outputs: int, axes: int, *, zero: bool = False) -> None:
        super().__init__()
        made = (nn.Conv1d if axes == 1 else nn.Conv3d)(inputs, outputs, 1)
        self.weight, self.bias = made.weight, made.bias
        if zero:
            blank(self)

    def forward(self, x: Tensor) -> Tensor:
        """(..., inputs) -> (..., outputs)."""
        return linear(x, self.weight.flatten(1), self.bias)


class VideoPointwise(nn.Module):
    """`Pointwise` for video."""

    def __init__(self, inputs: int, outputs: int, *, zero: bool = False) -> None:
        super().__init__()
        self.video_conv = Pointwise(inputs, outputs, 3, zero=zero)

    def forward(self, x: Tensor) -> Tensor:
        """(B, F, H, W, inputs) -> (B, F, H, W, outputs)."""
        y: Tensor = self.video_conv(x)
        return y


class AudioPointwise(nn.Module):
    """`Pointwise` for audio."""

    def __init__(self, inputs: int, outputs: int, *, zero: bool = False) -> None:
        super().__init__()
        self.audio_conv = Pointwise(inputs, outputs, 1, zero=zero)

    def forward(self, x: Tensor) -> Tensor:
        """(B, L, inputs) -> (B, L, outputs)."""
        y: Tensor = self.audio_conv(x)
        return y


class VideoConv(nn.Module):
    """3x3 within each frame, then 3 over the frames at each pixel; nothing between."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.video_conv_spatial = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.video_conv_temporal = nn.Conv1d(outputs, outputs, 3, padding=1)

    def forward(self, x: Tensor, *, halve: bool = False) -> Tensor:
        """(B, F, H, W, inputs) -> (B, F, H, W, outputs), or with half the height and width after average pooling."""
        spatial, temporal = self.video_conv_spatial, self.video_conv_temporal
        frames = x.flatten(0, 1).permute(0, 3, 1, 2)
        if halve:
            # All is linear. The mean of four neighbouring 3x3 windows is one of 4x4, and frames may be mixed after it.
            moved = [pad(spatial.weight, (j, 1 - j, i, 1 - i)) for i in (0, 1) for j in (0, 1)]
            weight = torch.stack(moved).mean(0)
            y = conv2d(frames, weight, spatial.bias, stride=2, padding=1)
        else:
            y = conv2d(frames, spatial.weight, spatial.bias, padding=1)
        y = y.permute(0, 2, 3, 1)
        y = y.reshape(*x.shape[:2], *y.shape[1:])
        # One frame is height x width tokens away from the next.
        return three_taps(y.flatten(1, 3), temporal, y.shape[2] * y.shape[3]).view(y.shape)


class VolumeConv(nn.Module):
    """3x3x3 over frames, height and width at once."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.video_conv = nn.Conv3d(inputs, outputs, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, F, H, W, inputs) -> (B, F, H, W, outputs)."""
        conv = self.video_conv
        return conv3d(x.movedim(-1, 1), conv.weight, conv.bias, padding=1).movedim(1, -1)


class AudioConv(nn.Module):
    """Kernel 3 with a dilation."""

    def __init__(self, inputs: int, outputs: int, dilation: int = 1) -> None:
        super().__init__()
        self.audio_conv = nn.Conv1d(inputs, outputs, 3, dilation=dilation, padding=dilation)
        self.dilation = dilation

    def forward(self, x: Tensor, *, quarter: bool = False) -> Tensor:
        """(B, L, inputs) -> (B, L, outputs), or of a quarter of the length after average pooling."""
        conv, dilation = self.audio_conv, self.dilation
        if quarter and dilation % 4 == 0:
            # Taps whole pools apart see whole pools: pooling first gives the same for a quarter of the work.
            return three_taps(pool_audio(x), conv, dilation // 4)
        y = three_taps(x, conv, dilation)
        return pool_audio(y) if quarter else y


def pool_video(x: Tensor) -> Tensor:
    """Means of 2x2 pixels: (B, F, H, W, C) -> (B, F, H/2, W/2, C)."""
    batch, frames, height, width, channels = x.shape
    return x.view(batch, frames, height // 2, 2, width // 2, 2, channels).mean((3, 5))


def pool_audio(x: Tensor) -> Tensor:
    """Means of 4 steps: (B, L, C) -> (B, L/4, C)."""
    return x.view(x.shape[0], -1, 4, x.shape[2]).mean(2)


def repeat_video(x: Tensor) -> Tensor:
    """Every pixel as 2x2: (B, F, H, W, C) -> (B, F, 2 H, 2 W, C)."""
    batch, frames, height, width, channels = x.shape
    copies = x[:, :, :, None, :, None].expand(batch, frames, height, 2, width, 2, channels)
    return copies.reshape(batch, frames, 2 * height, 2 * width, channels)


def repeat_audio(x: Tensor) -> Tensor:
    """Every step 4 times: (B, L, C) -> (B, 4 L, C)."""
    batch, length, channels = x.shape
    return x[:, :, None].expand(batch, length, 4, channels).reshape(batch, 4 * length, channels)


def blank(layer: nn.Module) -> None:
    """Zero the parameters: a residual branch that starts as nothing."""
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.zero_()
