"""The I3D path from a clip to its logits against the network alone, and against the network as others run it.

OMP_NUM_THREADS=1 pytest tests/benchmarks/test_i3d.py --benchmark-only --benchmark-group-by=group

On a busy machine add --benchmark-timer=time.process_time, which counts the time on the processor alone.
"""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import conv3d, max_pool3d, pad

from cmmd_bench.embedders.i3d import I3d
from cmmd_bench.embedders.i3d.network import ConvUnit, InceptionI3d, SamePool, same_padding
from cmmd_bench.embedders.i3d.preprocess import DIALECTS, prepare
from cmmd_bench.types import Clip

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "embedders"))

from i3d_recipe import network, weights

SIZES = [(16, 64, 64), (18, 128, 128), (32, 64, 64), (16, 240, 320)]
OWN = [name for name in DIALECTS if name not in ("styleganv", "fvd-comparison")]


def video(frames, height, width):
    return np.random.default_rng(0).integers(0, 256, (frames, height, width, 3), dtype=np.uint8)


def around(x, layer):
    sizes = zip(x.shape[2:], layer.kernel, layer.stride, strict=True)
    return pad(x, [side for pair in reversed([same_padding(*size) for size in sizes]) for side in pair])


class PlainUnit(ConvUnit):
    """As in the public ports: a padded copy, convolution, batch norm, ReLU."""

    def forward(self, x):
        x = self.bn(conv3d(around(x, self), self.conv3d.weight, self.conv3d.bias, self.stride))
        return torch.relu(x) if self.relu else x


class PlainPool(SamePool):
    """As in the public ports: a padded copy and PyTorch's pooling."""

    def forward(self, x):
        return max_pool3d(around(x, self), self.kernel, self.stride)


def as_public_ports():
    plain = InceptionI3d()
    plain.load_state_dict(weights())
    for layer in plain.modules():
        if isinstance(layer, ConvUnit | SamePool):
            layer.__class__ = PlainUnit if isinstance(layer, ConvUnit) else PlainPool
    return plain.requires_grad_(False)


def embedder(dialect="videogpt"):
    return I3d("i3d", "", dialect, "cpu", network())


@pytest.mark.parametrize("size", SIZES, ids=lambda size: "x".join(map(str, size)))
@pytest.mark.parametrize("route", ["path", "network", "public port"])
def test_a_clip(benchmark, route, size):
    benchmark.group = f"one clip of {size[0]} frames, {size[2]}x{size[1]}"
    clip = Clip(video=video(*size), fps=10)
    x = prepare(clip.video, "videogpt")
    if route == "path":
        row = benchmark.pedantic(embedder().embed, (clip,), rounds=7, warmup_rounds=1)
    else:
        run = network() if route == "network" else as_public_ports()
        with torch.inference_mode():
            row = benchmark.pedantic(run, (x if route == "network" else x.contiguous(),), rounds=7, warmup_rounds=1)
    np.testing.assert_allclose(row, embedder().embed(clip), atol=1e-4)


@pytest.mark.benchmark(group="frames prepared, 16 of 320x240")
@pytest.mark.parametrize("dialect", OWN)
def test_preparation(benchmark, dialect):
    benchmark.pedantic(prepare, (video(16, 240, 320), dialect), rounds=7, warmup_rounds=1)
