"""The tiny autoencoder: 64x64 pictures to 8x8x8 latents and back, frame by frame, with about a million parameters.

Made to be trained on one CPU core in minutes and to cost next to nothing beside the diffusion model. Pictures
(B, F, 3, H, W) in [-1, 1], latents (B, F, 8, H/8, W/8) as they are, unscaled. Halvings are space-to-depth
(PixelUnshuffle) followed by a 1x1 convolution, doublings the reverse: on a CPU they cost less than strided ones.
"""

from dataclasses import dataclass

from torch import Tensor, nn

from cmmd_gen.autoencoder.digest import tensors_digest
from cmmd_gen.autoencoder.frames import by_chunks, check_latents, check_pictures, latent_size

LATENTS = 8
"""Channels. Stable Diffusion has 4 for 8x8 pixels; at 64x64 pixels limbs are thin and need more."""
DOWN = 8
GROUPS = 8
LOWEST, HIGHEST = -20.0, 10.0
"""Bounds of the log-variance, outside of which its exponential is no use in float32."""


@dataclass(frozen=True)
class TinyConfig:
    """Channels and residual blocks at a half, a quarter and an eighth of the picture's size."""

    widths: tuple[int, int, int] = (32, 64, 96)
    encoder_blocks: tuple[int, int, int] = (0, 1, 2)
    decoder_blocks: tuple[int, int, int] = (1, 2, 2)

    def __post_init__(self) -> None:
        for name in ("widths", "encoder_blocks", "decoder_blocks"):
            values = tuple(getattr(self, name))
            object.__setattr__(self, name, values)
            if len(values) != 3:
                raise ValueError(f"{name} must be three numbers, for a half, a quarter and an eighth, found {values}")
        if any(width < GROUPS or width % GROUPS for width in self.widths):
            raise ValueError(f"widths must be multiples of {GROUPS}, found {self.widths}")


class TinyAutoencoder(nn.Module):
    """A convolutional autoencoder whose latents are drawn from a normal distribution per position; an `Autoencoder`."""

    def __init__(self, config: TinyConfig) -> None:
        super().__init__()
        self.config = config
        half, quarter, eighth = config.widths
        self.encoder = nn.Sequential(
            nn.PixelUnshuffle(2),
            nn.Conv2d(12, half, 3, padding=1),
            *_blocks(half, config.encoder_blocks[0]),
            Down(half, quarter),
            *_blocks(quarter, config.encoder_blocks[1]),
            Down(quarter, eighth),
            *_blocks(eighth, config.encoder_blocks[2]),
            *_head(eighth, 2 * LATENTS),
        )
        self.decoder = nn.Sequential(
            nn.Conv2d(LATENTS, eighth, 3, padding=1),
            *_blocks(eighth, config.decoder_blocks[2]),
            Up(eighth, quarter),
            *_blocks(quarter, config.decoder_blocks[1]),
            Up(quarter, half),
            *_blocks(half, config.decoder_blocks[0]),
            *_head(half, 12),
            nn.PixelShuffle(2),
        )

    def moments(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Pictures (N, 3, H, W) -> mean and log-variance of their latents, each (N, 8, H/8, W/8)."""
        mean, log_variance = self.encoder(pictures).float().chunk(2, dim=1)
        return mean, log_variance.clamp(LOWEST, HIGHEST)

    def pictures(self, latents: Tensor) -> Tensor:
        """Latents (N, 8, h, w) -> pictures (N, 3, 8h, 8w); values may lie a little outside [-1, 1]."""
        made: Tensor = self.decoder(latents)
        return made.float()

    def forward(self, pictures: Tensor, noise: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What training needs of pictures (N, 3, H, W): reconstructions from one draw each, mean and log-variance.

        noise: standard normal, of the latents' shape
        """
        mean, log_variance = self.moments(pictures)
        return self.pictures(mean + (0.5 * log_variance).exp() * noise), mean, log_variance

    @property
    def digest(self) -> str:
        """SHA-256 of the weights as they are now."""
        return tensors_digest(self.state_dict())

    def latent_size(self, size: int) -> int:
        """Height or width of the latents of pictures of `size`."""
        return latent_size(size, DOWN)

    def encode(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """(B, F, 3, H, W) in [-1, 1] -> mean and log-variance, each (B, F, 8, H/8, W/8); ValueError for other input."""
        check_pictures(frames, DOWN)
        # Clips are prepared on the CPU, wherever the weights are.
        return by_chunks(self.moments, frames.to(next(self.parameters()).device))

    def decode(self, z: Tensor) -> Tensor:
        """(B, F, 8, h, w) -> pictures (B, F, 3, 8h, 8w) in [-1, 1]; ValueError for other input."""
        check_latents(z, LATENTS)
        return by_chunks(self.pictures, z).clamp(-1, 1)


class Block(nn.Module):
    """Two 3x3 convolutions beside the identity, which is all it is before training."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(GROUPS, width)
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        for parameter in self.conv2.parameters():
            nn.init.zeros_(parameter)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, h, w) -> the same."""
        hidden = self.conv1(nn.functional.silu(self.norm(x)))
        change: Tensor = self.conv2(nn.functional.silu(hidden))
        return x + change


class Down(nn.Sequential):
    """Half the size: (N, C, h, w) -> (N, O, h/2, w/2)."""

    def __init__(self, width: int, out: int) -> None:
        super().__init__(nn.PixelUnshuffle(2), nn.Conv2d(4 * width, out, 1))


class Up(nn.Sequential):
    """Twice the size: (N, C, h, w) -> (N, O, 2h, 2w)."""

    def __init__(self, width: int, out: int) -> None:
        super().__init__(nn.Conv2d(width, 4 * out, 1), nn.PixelShuffle(2))


def _blocks(width: int, count: int) -> list[Block]:
    return [Block(width) for _ in range(count)]


def _head(width: int, out: int) -> list[nn.Module]:
    return [nn.GroupNorm(GROUPS, width), nn.SiLU(), nn.Conv2d(width, out, 3, padding=1)]
