"""One evaluation of the CMMD network: forward, guided and in training, against plain three-dimensional kernels.

OMP_NUM_THREADS=1 pytest tests/benchmarks/test_cmmd_unet.py --benchmark-only --benchmark-group-by=group

On a busy machine add --benchmark-timer=time.process_time, which counts the time on the processor alone.
"""

import pytest
import torch
from torch.nn.functional import conv1d, conv3d

from cmmd_gen.cmmd.config import PRESETS
from cmmd_gen.cmmd.layers import AudioConv, AudioPointwise, SpatialConv, TemporalConv, VideoPointwise
from cmmd_gen.cmmd.unet import CMMDUNet

CONVS = (SpatialConv, TemporalConv, VideoPointwise, AudioConv, AudioPointwise)
SIZES = [("tiny", 16, 8), ("paper", 1, 16), ("paper", 1, 64)]


def as_written(self, x):
    """What `nn.Conv1d` and `nn.Conv3d` do with the same weights, channels second."""
    conv = conv1d if x.ndim == 3 else conv3d
    y = conv(x.movedim(-1, 1).contiguous(), self.weight, self.bias, self.stride, self.padding)
    return y.movedim(1, -1).contiguous()


def built(preset, kind="shipped"):
    torch.manual_seed(0)
    network = CMMDUNet(PRESETS[preset])
    for parameter in network.parameters():
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=parameter[0].numel() ** -0.5)
    if kind == "plain":
        for module in network.modules():
            if isinstance(module, CONVS):
                module.forward = as_written.__get__(module)
    return network.to_half(torch.bfloat16) if kind == "bfloat16" else network


def inputs(preset, batch, size):
    config = PRESETS[preset]
    video = torch.randn(batch, config.frames, config.latent_channels, size, size)
    return video, torch.randn(batch, *config.audio_shape), torch.full((batch,), 500)


@pytest.mark.parametrize(("preset", "batch", "size"), SIZES)
@pytest.mark.parametrize("kind", ["shipped", "plain", "bfloat16"])
def test_forward(benchmark, preset, batch, size, kind):
    benchmark.group = f"{preset}, {batch} samples, latents {size}x{size}"
    network = built(preset, kind).requires_grad_(False)
    benchmark.pedantic(network, inputs(preset, batch, size), rounds=5, warmup_rounds=1)


@pytest.mark.parametrize(("preset", "batch", "size"), SIZES)
@pytest.mark.parametrize("kind", ["shipped", "plain", "bfloat16"])
def test_guided(benchmark, preset, batch, size, kind):
    """Forward, and the gradient of the video's error with respect to the sound: at most twice the forward's time."""
    benchmark.group = f"{preset}, {batch} samples, latents {size}x{size}"
    network = built(preset, kind).requires_grad_(False)
    video, audio, n = inputs(preset, batch, size)
    audio.requires_grad_()

    def guided():
        return torch.autograd.grad(network(video, audio, n).video.square().sum(), audio)

    benchmark.pedantic(guided, rounds=5, warmup_rounds=1)


@pytest.mark.benchmark(group="tiny, a training step of 8 samples")
@pytest.mark.parametrize("kind", ["shipped", "plain"])
def test_training(benchmark, kind):
    network = built("tiny", kind)
    batch = inputs("tiny", 8, 8)

    def step():
        network.zero_grad()
        out = network(*batch)
        (out.video.square().mean() + out.audio.square().mean()).backward()

    benchmark.pedantic(step, rounds=7, warmup_rounds=1)
