"""An autoencoder by name or path, as something that encodes and decodes clips."""

from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from cmmd_bench.errors import ENVIRONMENT, UserError
from cmmd_gen.checkpoint import build, load
from cmmd_gen.shipped import shipped

SD_VAE, TINY = "sd-vae", "tiny"


class Autoencoder(Protocol):
    """Pictures (B, F, 3, H, W) in [-1, 1] and their latents, raw.

    digest: SHA-256 of the weights; latents and diffusion models belong to the one they were made with
    """

    @property
    def digest(self) -> str: ...  # noqa: D102  (described above)

    def latent_size(self, size: int) -> int:
        """Height or width of the latents of pictures of `size`; ValueError where it does not divide."""
        ...

    def encode(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of the latents, each (B, F, C, h, w)."""
        ...

    def decode(self, z: Tensor) -> Tensor:
        """Latents (B, F, C, h, w) -> pictures (B, F, 3, H, W) in [-1, 1]."""
        ...


def open_autoencoder(name: str, device: torch.device | str = "cpu") -> Autoencoder:
    """`sd-vae` (from the weights folder), `tiny` (the shipped one), a checkpoint of `train autoencoder`, or a folder.

    Raises UserError (environment): not there, another model or network, diffusers missing.
    """
    path = shipped("autoencoder") if name == TINY else Path(name)
    if name == SD_VAE or path.is_dir():
        from cmmd_gen.autoencoder.sd_vae import load_sd_vae

        return load_sd_vae(None if name == SD_VAE else path, device)
    if not path.is_file():
        raise UserError(
            f"the autoencoder {path} is not there. Give sd-vae, tiny, a model.safetensors of `cmmd-bench train "
            "autoencoder`, or a folder of diffusers' AutoencoderKL.",
            exit_code=ENVIRONMENT,
        )
    from cmmd_gen.autoencoder.tiny import TinyAutoencoder, TinyConfig

    tensors, card = load(path, models=("autoencoder",))
    return build(path, card, tensors, lambda config: TinyAutoencoder(TinyConfig(**config))).to(device)
