"""Widths, depths and lengths of the CMMD network.

Both sides have the same number of levels; every level below the first halves H, W and T and keeps F. Preset `paper` has
the 106 million parameters of Table 3 (base 128, multipliers 1, 2, 3, 4, head width 64: Table 4); `tiny` can be trained
on a CPU.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class CMMDConfig:
    """What decides the shape of the network, and the lengths it is trained on.

    The audio widths may differ from the video widths: a narrow first audio level cannot carry 80 bands of velocity.
    Lists are taken for tuples, so that a configuration read back from JSON equals the one that was written.
    """

    video_widths: tuple[int, ...]
    audio_widths: tuple[int, ...]
    blocks: int
    """Residual blocks of an encoder level and of a decoder level."""
    attention_levels: tuple[int, ...]
    """Levels whose blocks attend, 0 being the full resolution; the middle always does."""
    head_width: int
    groups: int
    """Groups of every group normalisation."""
    time_width: int
    frames: int
    latent_size: int
    """Height and width of the latents."""
    mel_length: int
    """Mel frames that belong to `frames`."""
    latent_channels: int = 4
    mel_bands: int = 80

    def __post_init__(self) -> None:
        for name in ("video_widths", "audio_widths", "attention_levels"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if not self.video_widths or len(self.video_widths) != len(self.audio_widths):
            raise ValueError(
                "video_widths and audio_widths must have one entry per level, "
                f"got {self.video_widths} and {self.audio_widths}"
            )
        if self.blocks < 1:
            raise ValueError(f"blocks must be at least 1, got {self.blocks}")
        if self.time_width < 4 or self.time_width % 2:
            raise ValueError(f"time_width must be even and at least 4, got {self.time_width}")
        if not set(self.attention_levels) <= set(range(self.levels)):
            raise ValueError(f"attention_levels must lie in 0..{self.levels - 1}, got {self.attention_levels}")
        for width in self.video_widths + self.audio_widths:
            if width % self.groups:
                raise ValueError(f"every width must be a multiple of groups ({self.groups}), got {width}")
        for level in {*self.attention_levels, self.levels - 1}:
            for width in (self.video_widths[level], self.audio_widths[level]):
                if width % self.head_width:
                    raise ValueError(
                        f"widths that attend must be multiples of head_width ({self.head_width}), got {width}"
                    )
        for name in ("latent_size", "mel_length"):
            if getattr(self, name) % self.divisor:
                raise ValueError(f"{name} must be a multiple of {self.divisor}, got {getattr(self, name)}")

    @property
    def levels(self) -> int:
        """Number of resolutions."""
        return len(self.video_widths)

    @property
    def divisor(self) -> int:
        """What H, W and T must be multiples of: each level below the first halves them."""
        return int(2 ** (self.levels - 1))

    @property
    def video_shape(self) -> tuple[int, int, int, int]:
        """(F, C, H, W) of a sample's latents in training."""
        return self.frames, self.latent_channels, self.latent_size, self.latent_size

    @property
    def audio_shape(self) -> tuple[int, int]:
        """(bands, T) of a sample's mel in training."""
        return self.mel_bands, self.mel_length


PRESETS: Mapping[str, CMMDConfig] = MappingProxyType(
    {
        "paper": CMMDConfig(
            video_widths=(128, 256, 384, 512),
            audio_widths=(128, 256, 384, 512),
            blocks=2,
            attention_levels=(1, 2, 3),
            head_width=64,
            groups=32,
            time_width=128,
            frames=18,
            latent_size=16,
            mel_length=112,
        ),
        "tiny": CMMDConfig(
            video_widths=(64, 96, 128),
            audio_widths=(96, 96, 96),
            blocks=1,
            attention_levels=(1, 2),
            head_width=32,
            groups=8,
            time_width=128,
            frames=18,
            latent_size=8,
            mel_length=112,
            latent_channels=8,
        ),
    }
)
"""18 frames at 10 per second with 112 mel frames of 16 ms: 1.8 s. Latents are pixels by 8: 128x128 and 64x64 pixels."""
