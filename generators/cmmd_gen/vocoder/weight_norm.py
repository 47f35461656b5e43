"""Convolutions whose weight is a direction times a gain: w = g v / |v| (Salimans and Kingma, 2016).

The parameters are named `weight_g`, `weight_v` and `bias`, as in the published checkpoints of MelGAN. There is one gain
for each entry of the weight's first axis: an output channel of a convolution, an input channel of a transposed one.
Initial values are torch's. (MelGAN's code draws its weights from N(0, 0.02), but g and v replace them unseen.)
For inference `folded` makes plain convolutions of them.
"""

from copy import deepcopy
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional

Network = TypeVar("Network", bound=nn.Module)


class NormedConv1d(nn.Conv1d):
    """`nn.Conv1d`, weight-normalised."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _split(self)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T) -> (B, C', T')."""
        return functional.conv1d(
            x, normed_weight(self), self.bias, self.stride, self.padding, self.dilation, self.groups
        )


class NormedConvTranspose1d(nn.ConvTranspose1d):
    """`nn.ConvTranspose1d` without output padding, groups and dilation, weight-normalised."""

    def __init__(self, inputs: int, outputs: int, kernel_size: int, *, stride: int, padding: int) -> None:
        super().__init__(inputs, outputs, kernel_size, stride=stride, padding=padding)
        self._padding = padding
        _split(self)

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]  # without output_size
        """(B, C, T) -> (B, C', T')."""
        return functional.conv_transpose1d(x, normed_weight(self), self.bias, self.stride, self._padding)


def normed_weight(convolution: nn.Module) -> Tensor:
    """The weight that a normalised convolution is done with."""
    gain, direction = convolution.get_parameter("weight_g"), convolution.get_parameter("weight_v")
    return direction * (gain / _norm(direction))


def folded(network: Network) -> Network:
    """A copy in which plain convolutions stand for the normalised ones: the same function, faster, not for training."""
    copy = deepcopy(network)
    for parent in list(copy.modules()):
        for name, child in parent.named_children():
            if isinstance(child, NormedConv1d | NormedConvTranspose1d):
                setattr(parent, name, _plain(child))
    return copy


def _split(convolution: nn.Conv1d | nn.ConvTranspose1d) -> None:
    weight = convolution.weight.detach()
    del convolution.weight
    convolution.weight_g = nn.Parameter(_norm(weight))
    convolution.weight_v = nn.Parameter(weight.clone())


def _norm(weight: Tensor) -> Tensor:
    norm: Tensor = torch.linalg.vector_norm(weight, dim=(1, 2), keepdim=True)
    return norm


@torch.no_grad()
def _plain(normed: nn.Conv1d | nn.ConvTranspose1d) -> nn.Conv1d | nn.ConvTranspose1d:
    kind = nn.Conv1d if isinstance(normed, nn.Conv1d) else nn.ConvTranspose1d
    plain = kind(
        normed.in_channels,
        normed.out_channels,
        normed.kernel_size,  # type: ignore[arg-type]  # one number, kept as a tuple
        stride=normed.stride,  # type: ignore[arg-type]
        padding=normed.padding,  # type: ignore[arg-type]
        dilation=normed.dilation,  # type: ignore[arg-type]
        groups=normed.groups,
    )
    plain.load_state_dict({"weight": normed_weight(normed), "bias": normed.get_parameter("bias")})
    return plain.to(normed.get_parameter("bias").device)
