"""Layers that work on channels in the last place: video (B, F, H, W, C), audio (B, T, C).

That layout makes every 1x1 convolution a matrix product, and a convolution over frames or over pixels a view away from
the two-dimensional ones that processors are best at; three-dimensional kernels with a side of 1 run at a fraction of
their speed. Weights have the shapes of `nn.Conv3d` and `nn.Conv1d`.
"""

from typing import TypeVar

from torch import Tensor, nn
from torch.nn.functional import conv2d, linear, pad

Layer = TypeVar("Layer", bound=nn.Linear | nn.Conv1d | nn.Conv3d)


def zeroed(layer: Layer) -> Layer:
    """The same layer with weights and bias at zero."""
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


class GroupNorm(nn.GroupNorm):
    """Over all positions of a sample, in the precision of its weights."""

    def forward(self, x: Tensor) -> Tensor:
        """(B, ..., C) -> the same shape."""
        images = x.flatten(1, -2).transpose(1, 2).unsqueeze(2).to(self.weight.dtype)
        return super().forward(images).squeeze(2).transpose(1, 2).reshape(x.shape)


class SpatialConv(nn.Conv3d):
    """3x3 over each frame."""

    def __init__(self, inputs: int, outputs: int, *, stride: int = 1) -> None:
        super().__init__(inputs, outputs, (1, 3, 3), stride=(1, stride, stride), padding=(0, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """(B, F, H, W, inputs) -> (B, F, H / stride, W / stride, outputs)."""
        B, F, H, W, inputs = x.shape
        images, positions = x.flatten(0, 1), B * F * H * W
        if x.is_cpu and 4 * positions < inputs:
            y = self._product(images)
        else:
            y = conv2d(images.movedim(-1, 1), self.weight.squeeze(2), self.bias, stride=self.stride[1:], padding=1)
            y = y.movedim(1, -1)
        return y.reshape(B, F, *y.shape[1:])

    def _product(self, images: Tensor) -> Tensor:
        # With far more weights than positions, rearranging them for a convolution takes most of its time.
        windows = pad(images, (0, 0, 1, 1, 1, 1)).unfold(1, 3, self.stride[1]).unfold(2, 3, self.stride[2])
        return linear(windows.flatten(3), self.weight.flatten(1), self.bias)


class TemporalConv(nn.Conv3d):
    """3 over the frames of each pixel."""

    def __init__(self, width: int) -> None:
        super().__init__(width, width, (3, 1, 1), padding=(1, 0, 0))

    def forward(self, x: Tensor) -> Tensor:
        """(B, F, H, W, C) -> the same shape."""
        y = conv2d(x.flatten(2, 3).movedim(-1, 1), self.weight.squeeze(4), self.bias, padding=(1, 0))
        return y.movedim(1, -1).reshape(x.shape)


class AudioConv(nn.Conv1d):
    """3 over the steps."""

    def __init__(self, inputs: int, outputs: int, *, stride: int = 1) -> None:
        super().__init__(inputs, outputs, 3, stride=stride, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, inputs) -> (B, T / stride, outputs)."""
        row = x.transpose(1, 2).unsqueeze(2)
        y = conv2d(row, self.weight.unsqueeze(2), self.bias, stride=(1, *self.stride), padding=(0, 1))
        return y.squeeze(2).transpose(1, 2)


class VideoPointwise(nn.Conv3d):
    """A linear layer at each position."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, F, H, W, inputs) -> (B, F, H, W, outputs)."""
        return linear(x, self.weight.flatten(1), self.bias)


class AudioPointwise(nn.Conv1d):
    """A linear layer at each step."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, inputs) -> (B, T, outputs)."""
        return linear(x, self.weight.flatten(1), self.bias)
