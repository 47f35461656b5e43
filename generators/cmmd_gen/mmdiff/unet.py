"""MM-Diffusion's coupled U-Net: the noise in a video and in its sound, each seen beside the other (paper section 3.2).

A training may ask for the velocities instead (`objective`); the network is the same.

video (B, F, 3, H, W) and audio (B, 1, L) in, both about [-1, 1] plus noise; n (B,) int64 counts diffusion steps from 0.
Inside, channels are the last axis. The state dict has the official keys and shapes.
"""

from collections.abc import Iterator, Sequence
from typing import Self

import torch
from torch import Tensor, nn

from cmmd_gen.diffusion.steps import step_embedding
from cmmd_gen.mmdiff.blocks import Head, Resample, ResBlock, Stem
from cmmd_gen.mmdiff.config import MMDiffConfig
from cmmd_gen.mmdiff.cross_attention import CrossAttention
from cmmd_gen.mmdiff.layers import AudioConv, Pointwise, VolumeConv
from cmmd_gen.types import Pair


class Stage(nn.ModuleList):
    """Blocks after which the way down leaves, or the way up takes, one skip connection."""

    def forward(self, video: Tensor, audio: Tensor, embedding: Tensor, shifts: Iterator[int]) -> Pair:
        """Takes a shift from `shifts` for each of its cross attentions that has a window."""
        for block in self:
            if isinstance(block, CrossAttention):
                video, audio = block(video, audio, 0 if block.window is None else next(shifts))
            elif isinstance(block, ResBlock):
                video, audio = block(video, audio, embedding)
            else:
                video, audio = block(video, audio)
        return Pair(video, audio)


class MMDiffUNet(nn.Module):
    """The network of a config. Clips of other sizes than the config's may be given to it."""

    def __init__(self, config: MMDiffConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.time_embed = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
        self.input_blocks, skips, counter = _way_down(config)
        deepest = skips[-1]
        self.middle_blocks = Stage(
            [
                _residual(config, deepest, deepest, counter, attention=True, audio_attention=True),
                CrossAttention(deepest, config.head_width, None, config.groups),
                _residual(config, deepest, deepest, counter, attention=True, audio_attention=True),
            ]
        )
        self.output_blocks = _way_up(config, skips, counter)
        self.audio_out = Head(AudioConv(width, 1), width, config.groups)
        self.video_out = Head(VolumeConv(width, 3), width, config.groups)

    def forward(
        self,
        video: Tensor,
        audio: Tensor,
        n: Tensor,
        *,
        shifts: Sequence[int] | None = None,
        generator: torch.Generator | None = None,
    ) -> Pair:
        """The prediction, in the shapes and precision of the inputs.

        shifts: of the windows, as `draw_shifts` gives them; drawn anew from `generator` if None
        """
        frames = video.shape[1]
        self._check(video, audio, n)
        if shifts is None:
            shifts = self.draw_shifts(generator, frames)
        self._check_shifts(shifts, frames)
        with torch.autocast(n.device.type, enabled=False):
            embedding = self.time_embed(step_embedding(n, self.config.width))
        v, a = video.movedim(2, -1), audio.transpose(1, 2)
        left = iter(shifts)
        skips = []
        for stage in self.input_blocks:
            v, a = stage(v, a, embedding, left)
            skips.append((v, a))
        v, a = self.middle_blocks(v, a, embedding, left)
        for stage in self.output_blocks:
            skip_v, skip_a = skips.pop()
            v, a = stage(torch.cat([v, skip_v], -1), torch.cat([a, skip_a], -1), embedding, left)
        v, a = self.video_out(v), self.audio_out(a)
        return Pair(v.movedim(-1, 2).to(video.dtype), a.transpose(1, 2).to(audio.dtype))

    def draw_shifts(self, generator: torch.Generator | None, frames: int) -> list[int]:
        """Shifts for one evaluation, in the order they are used: uniform for each windowed attention, in 0 to F - W or
        to the config's `max_shift`.
        """
        most = frames if self.config.max_shift is None else self.config.max_shift
        largest = [min(most, frames - window) for window in self._windows()]
        return [int(torch.randint(shift + 1, (), generator=generator)) for shift in largest]

    def to_half(self, dtype: torch.dtype) -> Self:
        """Convolutions and attention in `dtype`, once and for all; norms and all of the embedding stay in float32."""
        for module in self.modules():
            if isinstance(module, Pointwise | nn.Conv1d | nn.Conv2d | nn.Conv3d):
                module.to(dtype)
        return self

    def _windows(self) -> list[int]:
        """Of the cross attentions that have one, in the order of execution."""
        blocks = [block for stage in (*self.input_blocks, *self.output_blocks) for block in stage]
        return [block.window for block in blocks if isinstance(block, CrossAttention) and block.window is not None]

    def _check(self, video: Tensor, audio: Tensor, n: Tensor) -> None:
        batch = video.shape[0]
        if video.ndim != 5 or video.shape[2] != 3:
            raise ValueError(f"video must be (B, F, 3, H, W), got {tuple(video.shape)}")
        if audio.ndim != 3 or audio.shape[:2] != (batch, 1):
            raise ValueError(f"audio must be (B, 1, L) with B = {batch} as video, got {tuple(audio.shape)}")
        if n.shape != (batch,):
            raise ValueError(f"n must be (B,) with B = {batch} as video, got {tuple(n.shape)}")
        self.config.check_sizes(video.shape[1], video.shape[3], video.shape[4], audio.shape[2])

    def _check_shifts(self, shifts: Sequence[int], frames: int) -> None:
        windows = self._windows()
        if len(shifts) != len(windows):
            raise ValueError(f"shifts must be {len(windows)}, one for each windowed attention, got {len(shifts)}")
        for shift, window in zip(shifts, windows, strict=True):
            if not 0 <= shift <= frames - window:
                raise ValueError(f"shifts must be 0 to F - W, here {frames} - {window}, got {shift}")


def _way_down(config: MMDiffConfig) -> tuple[nn.ModuleList, list[int], int]:
    """The input stages, the width that each leaves as a skip, and the count of residual blocks, from 1."""
    stages = [Stage([Stem(config.width)])]
    skips = [config.width]
    counter = 1
    for level, multiplier in enumerate(config.multipliers):
        outputs = config.width * multiplier
        for _ in range(config.blocks):
            stages.append(Stage(_level(config, level, skips[-1], outputs, counter)))
            skips.append(outputs)
            counter += 1
        if level < len(config.multipliers) - 1:
            stages.append(Stage([_residual(config, outputs, outputs, counter, resample="down")]))
            skips.append(outputs)
            counter += 1
    return nn.ModuleList(stages), skips, counter


def _way_up(config: MMDiffConfig, skips: list[int], counter: int) -> nn.ModuleList:
    """The output stages. The last of each level but the first also goes up."""
    stages = []
    left = skips.copy()
    inputs = left[-1]
    for level in reversed(range(len(config.multipliers))):
        outputs = config.width * config.multipliers[level]
        for index in range(config.blocks + 1):
            counter -= 1
            blocks = _level(config, level, inputs + left.pop(), outputs, counter)
            if level and index == config.blocks:
                blocks.append(_residual(config, outputs, outputs, counter - 1, resample="up"))
            stages.append(Stage(blocks))
            inputs = outputs
    return nn.ModuleList(stages)


def _level(config: MMDiffConfig, level: int, inputs: int, outputs: int, counter: int) -> list[nn.Module]:
    """A residual block, and a cross attention where the level has one."""
    block = _residual(config, inputs, outputs, counter, attention=level > 0)
    if level == 0:
        return [block]
    return [block, CrossAttention(outputs, config.head_width, config.windows[level - 1], config.groups)]


def _residual(
    config: MMDiffConfig,
    inputs: int,
    outputs: int,
    counter: int,
    *,
    attention: bool = False,
    audio_attention: bool = False,
    resample: Resample | None = None,
) -> ResBlock:
    """The block of this count, whose audio convolution sees 2^(counter mod 10) apart."""
    return ResBlock(
        inputs,
        outputs,
        config.width,
        config.groups,
        dilation=2 ** (counter % 10),
        dropout=config.dropout,
        heads=config.heads if attention else 0,
        audio_attention=audio_attention,
        resample=resample,
    )
