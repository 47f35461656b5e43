"""I3D, the inflated Inception network whose 400 Kinetics logits FVD and KVD are computed on, top to bottom.

    x                 (N, 3, T, 224, 224)      RGB in [-1, 1], T >= 9
    Conv3d_1a_7x7     (N, 64, T/2, 112, 112)
    MaxPool3d_2a_3x3  (N, 64, T/2, 56, 56)
    Conv3d_2b_1x1     (N, 64, T/2, 56, 56)
    Conv3d_2c_3x3     (N, 192, T/2, 56, 56)
    MaxPool3d_3a_3x3  (N, 192, T/2, 28, 28)
    Mixed_3b, 3c      (N, 256, 480, T/2, 28, 28)
    MaxPool3d_4a_3x3  (N, 480, T/4, 14, 14)
    Mixed_4b ... 4f   (N, 512, 512, 512, 528, 832, T/4, 14, 14)
    MaxPool3d_5a_2x2  (N, 832, T/8, 7, 7)
    Mixed_5b, 5c      (N, 832, 1024, T/8, 7, 7)
    average 2x7x7     (N, 1024, T/8 - 1)       one position for T <= 16, more from T = 17 on
    logits            (N, 400)                 mean over positions, before any softmax

T/2, T/4 and T/8 are rounded up: padding is TensorFlow's SAME, which puts the odd element at the end. Batch norm has
eps 1e-5 as in the files that FVD codes load; the 1e-3 of other ports of I3D moves logits by 0.07.

Parameters have the names of `i3d_pretrained_400.pt`. Paper: Carreira and Zisserman, "Quo Vadis, Action Recognition?",
2017; the layout of the names is that of the public PyTorch port pytorch-i3d.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool3d, pad

from cmmd_bench.errors import ENVIRONMENT, UserError
from cmmd_bench.weights import check_shapes

SIDE = 224
MIN_FRAMES = 9
CLASSES = 400
EPS = 1e-5

Triple = tuple[int, int, int]

# Channels of a mixed block: 1x1x1 | 1x1x1 -> 3x3x3 | 1x1x1 -> 3x3x3 | max pool -> 1x1x1.
MIXED = {
    "Mixed_3b": (64, 96, 128, 16, 32, 32),
    "Mixed_3c": (128, 128, 192, 32, 96, 64),
    "Mixed_4b": (192, 96, 208, 16, 48, 64),
    "Mixed_4c": (160, 112, 224, 24, 64, 64),
    "Mixed_4d": (128, 128, 256, 24, 64, 64),
    "Mixed_4e": (112, 144, 288, 32, 64, 64),
    "Mixed_4f": (256, 160, 320, 32, 128, 128),
    "Mixed_5b": (256, 160, 320, 32, 128, 128),
    "Mixed_5c": (384, 192, 384, 48, 128, 128),
}


class InceptionI3d(nn.Module):
    """I3D with 400 classes, in evaluation mode. See the module for the shape after each layer."""

    def __init__(self) -> None:
        super().__init__()
        self.logits = ConvUnit(1024, CLASSES, (1, 1, 1), norm=False)
        self.Conv3d_1a_7x7 = ConvUnit(3, 64, (7, 7, 7), stride=(2, 2, 2))
        self.MaxPool3d_2a_3x3 = SamePool((1, 3, 3), stride=(1, 2, 2))
        self.Conv3d_2b_1x1 = ConvUnit(64, 64, (1, 1, 1))
        self.Conv3d_2c_3x3 = ConvUnit(64, 192, (3, 3, 3))
        self.MaxPool3d_3a_3x3 = SamePool((1, 3, 3), stride=(1, 2, 2))
        self.Mixed_3b = Mixed(192, MIXED["Mixed_3b"])
        self.Mixed_3c = Mixed(256, MIXED["Mixed_3c"])
        self.MaxPool3d_4a_3x3 = SamePool((3, 3, 3), stride=(2, 2, 2))
        self.Mixed_4b = Mixed(480, MIXED["Mixed_4b"])
        self.Mixed_4c = Mixed(512, MIXED["Mixed_4c"])
        self.Mixed_4d = Mixed(512, MIXED["Mixed_4d"])
        self.Mixed_4e = Mixed(512, MIXED["Mixed_4e"])
        self.Mixed_4f = Mixed(528, MIXED["Mixed_4f"])
        self.MaxPool3d_5a_2x2 = SamePool((2, 2, 2), stride=(2, 2, 2))
        self.Mixed_5b = Mixed(832, MIXED["Mixed_5b"])
        self.Mixed_5c = Mixed(832, MIXED["Mixed_5c"])
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, T, 224, 224) in [-1, 1] -> (N, 400) logits. Raises ValueError for other shapes and for T < 9."""
        return self.logits_over_time(self.features(x)).mean(dim=2)

    def features(self, x: Tensor) -> Tensor:
        """(N, 3, T, 224, 224) in [-1, 1] -> (N, 1024, T/8 - 1): what the logits are linear in, over time."""
        check_input(x)
        x = self.Conv3d_1a_7x7(x)
        x = self.MaxPool3d_2a_3x3(x)
        x = self.Conv3d_2b_1x1(x)
        x = self.Conv3d_2c_3x3(x)
        x = self.MaxPool3d_3a_3x3(x)
        x = self.Mixed_3b(x)
        x = self.Mixed_3c(x)
        x = self.MaxPool3d_4a_3x3(x)
        x = self.Mixed_4b(x)
        x = self.Mixed_4c(x)
        x = self.Mixed_4d(x)
        x = self.Mixed_4e(x)
        x = self.Mixed_4f(x)
        x = self.MaxPool3d_5a_2x2(x)
        x = self.Mixed_5b(x)
        x = self.Mixed_5c(x)
        return avg_pool3d(x, kernel_size=(2, 7, 7), stride=1)[..., 0, 0]

    def logits_over_time(self, features: Tensor) -> Tensor:
        """(N, 1024, P) -> (N, 400, P), one column for each position in time."""
        logits: Tensor = self.logits(features[..., None, None])
        return logits[..., 0, 0]


class ConvUnit(nn.Module):
    """Convolution with SAME padding, batch norm, ReLU; the last layer of the network has neither norm nor ReLU."""

    def __init__(
        self, inputs: int, outputs: int, kernel: Triple, *, stride: Triple = (1, 1, 1), norm: bool = True
    ) -> None:
        super().__init__()
        self.kernel, self.stride, self.relu = kernel, stride, norm
        # An odd kernel at stride 1 is padded evenly, so the convolution can do it without a copy of its input.
        self.pads_itself = stride == (1, 1, 1)
        inner = (kernel[0] // 2, kernel[1] // 2, kernel[2] // 2) if self.pads_itself else 0
        self.conv3d = nn.Conv3d(inputs, outputs, kernel, stride, padding=inner, bias=not norm)
        self.bn: nn.Module = nn.BatchNorm3d(outputs, eps=EPS) if norm else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, T, H, W) -> (N, outputs, T/stride, H/stride, W/stride), rounded up."""
        if not self.pads_itself:
            sizes = zip(x.shape[2:], self.kernel, self.stride, strict=True)
            around = [same_padding(size, kernel, stride) for size, kernel, stride in sizes]
            x = pad(x, [side for before_after in reversed(around) for side in before_after])
        x = self.bn(self.conv3d(x))
        return x.relu_() if self.relu else x


class SamePool(nn.Module):
    """Max pool with SAME padding."""

    def __init__(self, kernel: Triple, *, stride: Triple) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, T, H, W) not below 0 -> (N, C, T/stride, H/stride, W/stride), rounded up."""
        # A box's maximum is that of its axes one after the other, in a third of the time of PyTorch's own pooling.
        for axis in (4, 3, 2):
            x = _max_along(x, axis, self.kernel[axis - 2], self.stride[axis - 2])
        return x


class Mixed(nn.Module):
    """An Inception block: four branches side by side, joined along channels."""

    def __init__(self, inputs: int, channels: tuple[int, int, int, int, int, int]) -> None:
        super().__init__()
        b0, b1a, b1b, b2a, b2b, b3b = channels
        self.b0 = ConvUnit(inputs, b0, (1, 1, 1))
        self.b1a = ConvUnit(inputs, b1a, (1, 1, 1))
        self.b1b = ConvUnit(b1a, b1b, (3, 3, 3))
        self.b2a = ConvUnit(inputs, b2a, (1, 1, 1))
        self.b2b = ConvUnit(b2a, b2b, (3, 3, 3))
        self.b3a = SamePool((3, 3, 3), stride=(1, 1, 1))
        self.b3b = ConvUnit(inputs, b3b, (1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, T, H, W) -> (N, b0 + b1b + b2b + b3b, T, H, W)."""
        return torch.cat([self.b0(x), self.b1b(self.b1a(x)), self.b2b(self.b2a(x)), self.b3b(self.b3a(x))], dim=1)


def load_i3d(tensors: Mapping[str, Tensor], *, what: str = "I3D", dtype: torch.dtype = torch.float32) -> InceptionI3d:
    """The network with these weights, ready to be run: strict names and shapes, batch norms folded into convolutions.

    `num_batches_tracked`, which evaluation does not use, may be absent. `what` names the weights in messages. Raises
    UserError (environment) for the weights of anything else and for weights that are not finite.
    """
    network = InceptionI3d().to(dtype)
    given = {name: tensor for name, tensor in tensors.items() if not name.endswith(".num_batches_tracked")}
    own = {name: t for name, t in network.state_dict().items() if not name.endswith(".num_batches_tracked")}
    check_shapes(given, {name: tuple(tensor.shape) for name, tensor in own.items()}, what=what)
    _check_values(given, what)
    with torch.no_grad():
        for name, tensor in own.items():
            tensor.copy_(given[name])
    # Channels innermost is the layout in which convolutions and maxima are fastest on a CPU.
    fold_batch_norms(network).to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    return network


@torch.no_grad()
def fold_batch_norms(network: InceptionI3d) -> InceptionI3d:
    """The same function with a bias in each convolution instead of a batch norm behind it; changes `network`.

    In evaluation a batch norm is a fixed scale and shift for each channel. Folding is done in float64 and moves logits
    by rounding alone (below 1e-5); it saves a pass over every activation.
    """
    for unit in network.modules():
        if isinstance(unit, ConvUnit) and isinstance(unit.bn, nn.BatchNorm3d):
            norm, conv = unit.bn, unit.conv3d
            mean, variance = _double(norm.running_mean), _double(norm.running_var)
            scale = _double(norm.weight) / torch.sqrt(variance + norm.eps)
            dtype = conv.weight.dtype
            conv.bias = nn.Parameter((_double(norm.bias) - mean * scale).to(dtype))
            conv.weight.copy_((_double(conv.weight) * scale[:, None, None, None, None]).to(dtype))
            unit.bn = nn.Identity()
    return network.requires_grad_(False)


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """Elements before and after, TensorFlow's SAME: the output has ceil(size / stride) elements, the odd one last."""
    total = max(kernel - (size % stride or stride), 0)
    return total // 2, total - total // 2


def check_input(x: Tensor) -> None:
    """Raise ValueError unless `x` is (N, 3, T >= 9, 224, 224)."""
    if x.ndim != 5 or x.shape[1] != 3 or tuple(x.shape[3:]) != (SIDE, SIDE):
        raise ValueError(f"I3D takes input of shape (N, 3, T, {SIDE}, {SIDE}), found {tuple(x.shape)}")
    if x.shape[2] < MIN_FRAMES:
        raise ValueError(f"I3D needs at least {MIN_FRAMES} frames, found {x.shape[2]}")


def _check_values(tensors: Mapping[str, Tensor], what: str) -> None:
    bad = [
        name
        for name, tensor in tensors.items()
        if not torch.isfinite(tensor).all() or (name.endswith(".running_var") and (tensor < 0).any())
    ]
    if bad:
        raise UserError(
            f"the weights of {what} are damaged: {len(bad)} tensors hold values that are not finite or variances below "
            f"0, the first is {bad[0]}. Get the file again.",
            exit_code=ENVIRONMENT,
        )


def _max_along(x: Tensor, axis: int, kernel: int, stride: int) -> Tensor:
    if kernel == 1:
        return x
    before, after = same_padding(x.shape[axis], kernel, stride)
    # Zeros are what TensorFlow pads with; nothing is below them here, since every input comes out of a ReLU.
    padded = pad(x, [0, 0] * (4 - axis) + [before, after])
    windows = padded.unfold(axis, kernel, stride).unbind(-1)
    highest = torch.maximum(windows[0], windows[1])
    for window in windows[2:]:
        torch.maximum(highest, window, out=highest)
    return highest


def _double(tensor: Tensor | None) -> Tensor:
    if tensor is None:
        raise ValueError("I3D's batch norms have running statistics and affine parameters, found none")
    return tensor.double()
