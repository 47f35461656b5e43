"""Layers that both modalities are made of. Parameters have the names and shapes of the official checkpoints.

Video is (B, C, F, H, W) and audio (B, C, L), both with the channels last in memory: a frame, a pixel over time and a
row of tokens are then views, and neither convolutions nor attention copy to change between them.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, conv2d, group_norm, interpolate, linear

from cmmd_gen.mmdiff.config import GROUPS


class Norm(nn.Module):
    """Group norm in float32, whatever the precision of its input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.GroupNorm = nn.GroupNorm(GROUPS, channels)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, ...) -> the same, in the precision of `x`."""
        norm = self.GroupNorm
        return group_norm(x.float(), GROUPS, norm.weight, norm.bias, norm.eps).to(x.dtype)


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
    """`Pointwise` for video, (B, C, F, H, W)."""

    def __init__(self, inputs: int, outputs: int, *, zero: bool = False) -> None:
        super().__init__()
        self.video_conv = Pointwise(inputs, outputs, 3, zero=zero)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, F, H, W) -> (B, outputs, F, H, W)."""
        return channels_first(self.video_conv(channels_last(x)))


class AudioPointwise(nn.Module):
    """`Pointwise` for audio, (B, C, L)."""

    def __init__(self, inputs: int, outputs: int, *, zero: bool = False) -> None:
        super().__init__()
        self.audio_conv = Pointwise(inputs, outputs, 1, zero=zero)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, L) -> (B, outputs, L)."""
        return channels_first(self.audio_conv(channels_last(x)))


class VideoConv(nn.Module):
    """3x3 within each frame, then 3 over the frames at each pixel; nothing between."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.video_conv_spatial = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.video_conv_temporal = nn.Conv1d(outputs, outputs, 3, padding=1)

    def forward(self, x: Tensor, *, halve: bool = False) -> Tensor:
        """(B, inputs, F, H, W) -> (B, outputs, F, H, W), or with half the height and width after average pooling."""
        x = over_frames(self.video_conv_spatial, x)
        if halve:
            # Pooling within a frame and mixing frames are linear in different axes: this order is the cheaper.
            x = pool_video(x)
        height, width = x.shape[3:]
        temporal = self.video_conv_temporal
        x = conv2d(x.flatten(3), temporal.weight.unsqueeze(3), temporal.bias, padding=(1, 0))
        return x.view(*x.shape[:3], height, width)


class VolumeConv(nn.Module):
    """3x3x3 over frames, height and width at once."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.video_conv = nn.Conv3d(inputs, outputs, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, F, H, W) -> (B, outputs, F, H, W)."""
        y: Tensor = self.video_conv(x)
        return y


class AudioConv(nn.Module):
    """Kernel 3 with a dilation."""

    def __init__(self, inputs: int, outputs: int, dilation: int = 1) -> None:
        super().__init__()
        self.audio_conv = nn.Conv1d(inputs, outputs, 3, dilation=dilation, padding=dilation)

    def forward(self, x: Tensor, *, quarter: bool = False) -> Tensor:
        """(B, inputs, L) -> (B, outputs, L), or of a quarter of the length after average pooling."""
        (dilation,) = self.audio_conv.dilation
        if not quarter:
            return self._convolve(x, dilation)
        if dilation % 4:
            return pool_audio(self._convolve(x, dilation))
        # Taps whole pools apart see whole pools: pooling first gives the same for a quarter of the work.
        return self._convolve(pool_audio(x), dilation // 4)

    def _convolve(self, x: Tensor, dilation: int) -> Tensor:
        weight = self.audio_conv.weight.unsqueeze(2)
        # As an image of one row, because convolutions of one axis know no channels-last.
        x = conv2d(x.unsqueeze(2), weight, self.audio_conv.bias, padding=(0, dilation), dilation=(1, dilation))
        return x.squeeze(2)


def over_frames(layer: nn.Module, x: Tensor) -> Tensor:
    """`layer` of each frame as an image: (B, C, F, H, W) through (B F, C, H, W)."""
    y: Tensor = layer(x.transpose(1, 2).flatten(0, 1))
    return y.view(x.shape[0], x.shape[2], *y.shape[1:]).transpose(1, 2)


def pool_video(x: Tensor) -> Tensor:
    """Means of 2x2 pixels: (B, C, F, H, W) -> (B, C, F, H/2, W/2)."""
    return over_frames(nn.AvgPool2d(2), x)


def pool_audio(x: Tensor) -> Tensor:
    """Means of 4 steps: (B, C, L) -> (B, C, L/4)."""
    return avg_pool2d(x.unsqueeze(2), (1, 4)).squeeze(2)


def repeat_video(x: Tensor) -> Tensor:
    """Every pixel as 2x2: (B, C, F, H, W) -> (B, C, F, 2 H, 2 W)."""
    return over_frames(nn.UpsamplingNearest2d(scale_factor=2), x)


def repeat_audio(x: Tensor) -> Tensor:
    """Every step 4 times: (B, C, L) -> (B, C, 4 L)."""
    return interpolate(x.unsqueeze(2), scale_factor=(1.0, 4.0)).squeeze(2)


def channels_last(x: Tensor) -> Tensor:
    """(B, C, ...) -> (B, ..., C), a view."""
    return x.movedim(1, -1)


def channels_first(x: Tensor) -> Tensor:
    """(B, ..., C) -> (B, C, ...), a view."""
    return x.movedim(-1, 1)


def laid_out(x: Tensor) -> Tensor:
    """The same numbers with the channels last in memory: (B, C, ...)."""
    return channels_first(channels_last(x).contiguous())


def blank(layer: nn.Module) -> None:
    """Zero the parameters: a residual branch that starts as nothing."""
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.zero_()
