"""The super-resolution U-Net of MM-Diffusion: what hides in a noisy frame, seen beside its small version.

Source: the image upsampler of guided diffusion (Dhariwal and Nichol 2021), whose parameter names and shapes it keeps.
x (N, 3, H, W) noisy, small (N, 3, H / factor, W / factor) in [-1, 1], n (N,) int64 counts diffusion steps from 0.
Returns (N, 6, H, W): the prediction, and what places the variance of a step; or the prediction alone, (N, 3, H, W)
(`SuperresConfig.detail`, `superres.parametrization`).
"""

import torch
import torch.nn.functional as nnf
from torch import Tensor, nn

from cmmd_gen.diffusion.steps import step_embedding
from cmmd_gen.mmdiff.layers import blank
from cmmd_gen.superres.config import SuperresConfig


class SuperresUNet(nn.Module):
    """The network of a config. Every block going down leaves its output for one block going up."""

    def __init__(self, config: SuperresConfig) -> None:
        super().__init__()
        self.config = config
        time_width = config.time * config.width
        self.time_embed = nn.Sequential(
            nn.Linear(config.width, time_width), nn.SiLU(), nn.Linear(time_width, time_width)
        )
        self.input_blocks, skips, scale = _way_down(config)
        deepest = skips[-1]
        self.middle_block = Block(
            ResBlock(config, deepest, deepest), Attention(config, deepest), ResBlock(config, deepest, deepest)
        )
        self.output_blocks = _way_up(config, skips, scale)
        last = nn.Conv2d(config.width * config.multipliers[0], config.outputs * config.patch**2, 3, padding=1)
        blank(last)
        self.out = nn.Sequential(nn.GroupNorm(config.groups, last.in_channels), nn.SiLU(), last)

    def forward(self, x: Tensor, small: Tensor, n: Tensor) -> Tensor:
        """What x says, (N, outputs, H, W). Raises ValueError for sizes that do not fit."""
        self._check(x, small)
        # Neighbouring steps are one in bfloat16.
        with torch.autocast(n.device.type, enabled=False):
            embedding = self.time_embed(step_embedding(n, self.config.width))
        seen = torch.cat([x, enlarged(small, self.config.factor)], 1)
        h = nnf.pixel_unshuffle(seen, self.config.patch)
        skips = []
        for block in self.input_blocks:
            h = block(h, embedding)
            skips.append(h)
        h = self.middle_block(h, embedding)
        for block in self.output_blocks:
            h = block(torch.cat([h, skips.pop()], 1), embedding)
        return nnf.pixel_shuffle(self.out(h), self.config.patch)

    def _check(self, x: Tensor, small: Tensor) -> None:
        (N, C, H, W), factor = x.shape, self.config.factor
        if C != 3 or small.shape != (N, 3, H // factor, W // factor):
            raise ValueError(
                f"x must be (N, 3, H, W) and small (N, 3, H / {factor}, W / {factor}), "
                f"got {tuple(x.shape)} and {tuple(small.shape)}"
            )
        self.config.check_size(H, W)


class Block(nn.Sequential):
    """Layers one after another; those that want the embedding of the step get it."""

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:  # type: ignore[override]  # Sequential takes one
        """(N, C, H, W) through every layer."""
        for layer in self:
            x = layer(x, embedding) if isinstance(layer, ResBlock) else layer(x)
        return x


class ResBlock(nn.Module):
    """Two 3x3 convolutions with the step's scale and shift between them; resamples, if at all, before the first."""

    def __init__(self, config: SuperresConfig, inputs: int, outputs: int, resample: nn.Module | None = None) -> None:
        super().__init__()
        self.resample = resample or nn.Identity()
        self.in_layers = nn.Sequential(
            nn.GroupNorm(config.groups, inputs), nn.SiLU(), nn.Conv2d(inputs, outputs, 3, padding=1)
        )
        self.emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(config.time * config.width, 2 * outputs))
        last = nn.Conv2d(outputs, outputs, 3, padding=1)
        blank(last)
        # The identity stands where the original has a dropout of 0, for the sake of the names.
        self.out_layers = nn.Sequential(nn.GroupNorm(config.groups, outputs), nn.SiLU(), nn.Identity(), last)
        self.skip_connection = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        """(N, inputs, H, W) -> (N, outputs, H', W')."""
        norm, activation, convolution = self.in_layers
        h = convolution(self.resample(activation(norm(x))))
        scale, shift = self.emb_layers(embedding)[:, :, None, None].chunk(2, dim=1)
        norm, *rest = self.out_layers
        h = norm(h) * (1 + scale) + shift
        for layer in rest:
            h = layer(h)
        out: Tensor = self.skip_connection(self.resample(x)) + h
        return out


class Attention(nn.Module):
    """Self-attention over all positions of a frame. Channels of `qkv` are head-major: each head has its own q, k, v."""

    def __init__(self, config: SuperresConfig, channels: int) -> None:
        super().__init__()
        self.heads = config.heads
        self.norm = nn.GroupNorm(config.groups, channels)
        self.qkv = nn.Conv1d(channels, 3 * channels, 1)
        self.proj_out = nn.Conv1d(channels, channels, 1)
        blank(self.proj_out)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> the same."""
        N, C, H, W = x.shape
        qkv = self.qkv(self.norm(x.reshape(N, C, H * W)))
        q, k, v = qkv.reshape(N, self.heads, 3, C // self.heads, H * W).transpose(-1, -2).unbind(2)
        h = nnf.scaled_dot_product_attention(q, k, v).transpose(-1, -2).reshape(N, C, H * W)
        out: Tensor = x + self.proj_out(h).reshape(N, C, H, W)
        return out


def enlarged(small: Tensor, factor: int) -> Tensor:
    """Small frames (N, 3, h, w), `factor` times as large, bilinear: all that is known without the network."""
    return nnf.interpolate(small, scale_factor=float(factor), mode="bilinear", align_corners=False)


def _way_down(config: SuperresConfig) -> tuple[nn.ModuleList, list[int], int]:
    """The input blocks, the width that each leaves, and by how much the last grid is reduced."""
    blocks = [Block(nn.Conv2d(6 * config.patch**2, config.width, 3, padding=1))]
    skips, scale = [config.width], 1
    for level, multiplier in enumerate(config.multipliers):
        outputs = config.width * multiplier
        for _ in range(config.blocks):
            blocks.append(Block(*_level(config, skips[-1], outputs, scale)))
            skips.append(outputs)
        if level < len(config.multipliers) - 1:
            blocks.append(Block(ResBlock(config, outputs, outputs, nn.AvgPool2d(2))))
            skips.append(outputs)
            scale *= 2
    return nn.ModuleList(blocks), skips, scale


def _way_up(config: SuperresConfig, skips: list[int], scale: int) -> nn.ModuleList:
    left = list(skips)
    current = left[-1]
    blocks = []
    for level, multiplier in reversed(list(enumerate(config.multipliers))):
        outputs = config.width * multiplier
        for i in range(config.blocks + 1):
            layers = _level(config, current + left.pop(), outputs, scale)
            if level and i == config.blocks:
                layers.append(ResBlock(config, outputs, outputs, nn.Upsample(scale_factor=2, mode="nearest")))
                scale //= 2
            blocks.append(Block(*layers))
            current = outputs
    return nn.ModuleList(blocks)


def _level(config: SuperresConfig, inputs: int, outputs: int, scale: int) -> list[nn.Module]:
    attention = [Attention(config, outputs)] if scale in config.attention else []
    return [ResBlock(config, inputs, outputs), *attention]
