"""The dual U-Net of CMMD: velocities of video latents and log-mel at one diffusion step.

Outside, video is (B, F, C, H, W) and audio (B, bands, T); inside, channels come last. H, W and T must be multiples of
2^(levels - 1), F is free: a network trained on 18 frames and 112 mel frames runs on 36 and 224.
Skips join the outputs of the blocks of a level, in reverse order. Every residual branch and both heads start at zero,
so an untrained network predicts v = 0.
"""

from typing import Self

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

from cmmd_gen.cmmd.blocks import Block, Down, Up, VideoConv
from cmmd_gen.cmmd.config import CMMDConfig
from cmmd_gen.cmmd.layers import AudioConv, GroupNorm, SpatialConv, zeroed
from cmmd_gen.diffusion.steps import step_embedding
from cmmd_gen.types import Pair


class CMMDUNet(nn.Module):
    """(noisy video, noisy audio, n) -> the velocity of either side; the same n for both (paper, section 2.1)."""

    def __init__(self, config: CMMDConfig) -> None:
        super().__init__()
        self.config = config
        widths = list(zip(config.video_widths, config.audio_widths, strict=True))
        self.time = TimeEmbedding(config.time_width)
        self.stem = Stem(config, widths[0])
        self.encoder = nn.ModuleList()
        current, skips = widths[0], []
        for level, width in enumerate(widths):
            blocks = nn.ModuleList()
            for _ in range(config.blocks):
                blocks.append(_block(config, current, width, attention=level in config.attention_levels))
                skips.append(current := width)
            self.encoder.append(EncoderLevel(blocks, Down(width) if level + 1 < len(widths) else None))
        self.middle = nn.ModuleList(
            _block(config, current, current, attention=attention) for attention in (True, False)
        )
        self.decoder = nn.ModuleList()
        for level, width in reversed(list(enumerate(widths))):
            blocks = nn.ModuleList()
            for _ in range(config.blocks):
                skip = skips.pop()
                joined = (current[0] + skip[0], current[1] + skip[1])
                blocks.append(_block(config, joined, width, attention=level in config.attention_levels))
                current = width
            self.decoder.append(DecoderLevel(blocks, Up(width) if level else None))
        self.heads = Heads(config, current)

    def forward(self, video: Tensor, audio: Tensor, n: Tensor) -> Pair:
        """Velocities, in the shapes of the inputs.

        video: (B, F, C, H, W); audio: (B, bands, T); n: (B,) int64, counted from 0. ValueError for other shapes.
        """
        self._check(video, audio, n)
        time = self.time(n)
        dtype = self.stem.audio.weight.dtype
        v, a = self.stem(video.movedim(2, -1).to(dtype).contiguous(), audio.transpose(1, 2).to(dtype).contiguous())
        skips: list[tuple[Tensor, Tensor]] = []
        for level in self.encoder:
            v, a = level(v, a, time, skips)
        for block in self.middle:
            v, a = block(v, a, time)
        for level in self.decoder:
            v, a = level(v, a, time, skips)
        v, a = self.heads(v, a)
        return Pair(v.movedim(-1, 2).to(video.dtype).contiguous(), a.transpose(1, 2).to(audio.dtype).contiguous())

    def to_half(self, dtype: torch.dtype) -> Self:
        """Convolutions and projections in `dtype`, once and for all; norms and all that reads n stay in float32.

        Inputs and outputs keep their own precision.
        """
        for name, module in self.named_modules():
            if isinstance(module, nn.Conv1d | nn.Conv3d | nn.Linear) and "time" not in name.split("."):
                module.to(dtype)
        return self

    def _check(self, video: Tensor, audio: Tensor, n: Tensor) -> None:
        channels, bands, divisor = self.config.latent_channels, self.config.mel_bands, self.config.divisor
        if video.ndim != 5 or video.shape[2] != channels:
            raise ValueError(f"video must be (B, F, {channels}, H, W), got {tuple(video.shape)}")
        if audio.ndim != 3 or audio.shape[1] != bands:
            raise ValueError(f"audio must be (B, {bands}, T), got {tuple(audio.shape)}")
        if n.shape != video.shape[:1] or len(audio) != len(video):
            raise ValueError(
                f"video, audio and n must be of one batch, got {len(video)} videos, {len(audio)} sounds "
                f"and n of shape {tuple(n.shape)}"
            )
        if n.is_floating_point():
            raise ValueError(f"n must be whole numbers, got {n.dtype}")
        for name, size in (("B", video.shape[0]), ("F", video.shape[1])):
            if size < 1:
                raise ValueError(f"{name} must be at least 1, got {size}")
        for name, size in (("H", video.shape[3]), ("W", video.shape[4]), ("T", audio.shape[2])):
            if not size or size % divisor:
                raise ValueError(f"{name} must be a multiple of {divisor}, got {size}")


class TimeEmbedding(nn.Module):
    """n -> (B, width): `step_embedding`, then two linear layers."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(width, width)
        self.out = nn.Linear(width, width)

    def forward(self, n: Tensor) -> Tensor:
        """(B,) -> (B, width)."""
        waves = step_embedding(n, self.hidden.in_features).to(self.hidden.weight.dtype)
        out: Tensor = self.out(silu(self.hidden(waves)))
        return out


class Stem(nn.Module):
    """Inputs to the widths of the first level."""

    def __init__(self, config: CMMDConfig, widths: tuple[int, int]) -> None:
        super().__init__()
        self.video = VideoConv(config.latent_channels, widths[0])
        self.audio = AudioConv(config.mel_bands, widths[1])

    def forward(self, video: Tensor, audio: Tensor) -> tuple[Tensor, Tensor]:
        """Either side in its first width."""
        return self.video(video), self.audio(audio)


class EncoderLevel(nn.Module):
    """Blocks whose outputs are kept for the decoder, then half the resolution."""

    def __init__(self, blocks: nn.ModuleList, down: Down | None) -> None:
        super().__init__()
        self.blocks = blocks
        self.down = down

    def forward(
        self, video: Tensor, audio: Tensor, time: Tensor, skips: list[tuple[Tensor, Tensor]]
    ) -> tuple[Tensor, Tensor]:
        """Appends to `skips` what each block makes."""
        for block in self.blocks:
            video, audio = block(video, audio, time)
            skips.append((video, audio))
        return (video, audio) if self.down is None else self.down(video, audio)


class DecoderLevel(nn.Module):
    """Blocks that read the encoder's outputs beside their input, then twice the resolution."""

    def __init__(self, blocks: nn.ModuleList, up: Up | None) -> None:
        super().__init__()
        self.blocks = blocks
        self.up = up

    def forward(
        self, video: Tensor, audio: Tensor, time: Tensor, skips: list[tuple[Tensor, Tensor]]
    ) -> tuple[Tensor, Tensor]:
        """Takes from the end of `skips` what each block reads."""
        for block in self.blocks:
            seen, heard = skips.pop()
            video, audio = block(torch.cat([video, seen], -1), torch.cat([audio, heard], -1), time)
        return (video, audio) if self.up is None else self.up(video, audio)


class Heads(nn.Module):
    """The widths of the first level to velocities."""

    def __init__(self, config: CMMDConfig, widths: tuple[int, int]) -> None:
        super().__init__()
        self.video_norm = GroupNorm(config.groups, widths[0])
        self.video = zeroed(SpatialConv(widths[0], config.latent_channels))
        self.audio_norm = GroupNorm(config.groups, widths[1])
        self.audio = zeroed(AudioConv(widths[1], config.mel_bands))

    def forward(self, video: Tensor, audio: Tensor) -> tuple[Tensor, Tensor]:
        """Velocities of either side."""
        video = self.video(silu(self.video_norm(video)).to(video.dtype))
        return video, self.audio(silu(self.audio_norm(audio)).to(audio.dtype))


def _block(config: CMMDConfig, inputs: tuple[int, int], outputs: tuple[int, int], *, attention: bool) -> Block:
    return Block(
        inputs,
        outputs,
        attention=attention,
        head_width=config.head_width,
        groups=config.groups,
        time_width=config.time_width,
    )
