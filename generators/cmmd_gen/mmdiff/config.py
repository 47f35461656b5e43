"""What decides the network: sizes of a clip and widths of the U-Net.

The paper's values are those of the published training scripts for AIST++ and Landscape, which are the same (Ruan et
al., CVPR 2023; github.com/researchmm/MM-Diffusion, commit 7250222).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class MMDiffConfig:
    """MM-Diffusion's coupled U-Net. Every level halves height and width and quarters the audio of the one before.

    frames, size, fps: clips of `frames` square frames of `size` pixels
    samples, sample_rate: their sound, one channel
    width: channels of the first level, and of the embedding of the diffusion step
    multipliers: width of each level, in units of `width`
    blocks: residual blocks per level on the way down; one more on the way up
    windows: frames that cross attention sees at once, for each level but the first, which has no attention
    max_shift: largest random shift of a window, in frames; None for as far as it fits, F - W, as published
    heads: of attention within one modality
    head_width: channels of a head of cross attention
    groups: of every group norm; a group of a single channel forgets its mean, and with it the colour of a picture
    dropout: in training only
    """

    frames: int = 16
    size: int = 64
    fps: float = 10.0
    samples: int = 25_600
    sample_rate: int = 16_000
    width: int = 128
    multipliers: tuple[int, ...] = (1, 2, 3, 4)
    blocks: int = 2
    windows: tuple[int, ...] = (1, 4, 8)
    max_shift: int | None = None
    heads: int = 4
    head_width: int = 64
    groups: int = 32
    dropout: float = 0.1

    def __post_init__(self) -> None:
        if self.width % self.groups:
            raise ValueError(f"width must be a multiple of {self.groups}, the groups of a norm, got {self.width}")
        if len(self.windows) != len(self.multipliers) - 1:
            raise ValueError(
                f"windows must name one for each level but the first, got {self.windows} for "
                f"{len(self.multipliers)} levels"
            )
        if self.max_shift is not None and self.max_shift < 0:
            raise ValueError(f"max_shift must be from 0, or None, got {self.max_shift}")
        for channels in (self.width * multiplier for multiplier in self.multipliers[1:]):
            if channels % self.heads or channels % self.head_width:
                raise ValueError(
                    f"heads and head_width must divide the width of every level with attention, got "
                    f"{self.heads} heads, heads {self.head_width} wide and a level {channels} wide"
                )
        self.check_sizes(self.frames, self.size, self.size, self.samples)

    def check_sizes(self, frames: int, height: int, width: int, samples: int) -> None:
        """Raise ValueError unless the network can run on clips of these sizes."""
        halvings = len(self.multipliers) - 1
        if frames < max(self.windows):
            raise ValueError(f"a clip must have at least {max(self.windows)} frames, the largest window, got {frames}")
        if height % 2**halvings or width % 2**halvings or min(height, width) < 1:
            raise ValueError(f"height and width must be multiples of {2**halvings}, got {height} and {width}")
        if samples % 4**halvings or samples // 4**halvings < frames:
            raise ValueError(
                f"audio must have a multiple of {4**halvings} samples, and as many for each frame, got "
                f"{samples} samples for {frames} frames"
            )


PRESETS = {
    "paper": MMDiffConfig(),
    "tiny": MMDiffConfig(
        frames=18, size=16, samples=6_912, sample_rate=3_840,
        width=32, multipliers=(1, 2, 2, 2), blocks=1, max_shift=0, heads=2, head_width=32, groups=8, dropout=0.0,
    ),
}  # fmt: skip
"""paper: AIST++ and Landscape, 1.6 s. tiny: 1.8 s for a CPU; 16 px are brought to 64 by a super-resolution model."""


def config_from(fields: Mapping[str, Any]) -> MMDiffConfig:
    """The config that `dataclasses.asdict` and JSON made these fields of."""
    given: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}
    return MMDiffConfig(**given)
