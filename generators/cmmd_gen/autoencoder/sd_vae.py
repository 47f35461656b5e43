"""Stable Diffusion's autoencoder (ft-MSE) through diffusers: 83,653,863 parameters, an eighth of the size, 4 channels.

CMMD's paper works on its latents. A folder as the Hub has it (`stabilityai/sd-vae-ft-mse`): config.json and
diffusion_pytorch_model.safetensors; pickles are not read and nothing is fetched. Its attention has the names of 2022
(query, key, value, proj_attn), which only diffusers' own `from_pretrained` takes for those of today.

Latents are raw: Stable Diffusion multiplies them by 0.18215, and no call here does.
"""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from cmmd_bench.embedders.hub_folder import CONFIG, read_json
from cmmd_bench.errors import ENVIRONMENT, UserError
from cmmd_bench.weights import weights_folder
from cmmd_bench.weights.checkpoint import fault_of
from cmmd_gen.autoencoder.digest import tensors_digest
from cmmd_gen.autoencoder.frames import by_chunks, check_latents, check_pictures, latent_size

NAME = "stabilityai/sd-vae-ft-mse"
TENSORS = "diffusion_pytorch_model.safetensors"
LATENTS = 4
DOWN = 8


class SDVae:
    """An `Autoencoder` around diffusers' AutoencoderKL."""

    def __init__(self, network: Any) -> None:
        self._network = network
        self._digest = tensors_digest(network.state_dict())

    @property
    def digest(self) -> str:
        """SHA-256 of the weights."""
        return self._digest

    def latent_size(self, size: int) -> int:
        """Height or width of the latents of pictures of `size`."""
        return latent_size(size, DOWN)

    def encode(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """(B, F, 3, H, W) in [-1, 1] -> mean and log-variance, each (B, F, 4, H/8, W/8); ValueError for other input."""
        check_pictures(frames, DOWN)
        # Clips are prepared on the CPU, wherever the weights are.
        return by_chunks(self._moments, frames.to(next(self._network.parameters()).device))

    def decode(self, z: Tensor) -> Tensor:
        """(B, F, 4, h, w) -> pictures (B, F, 3, 8h, 8w) in [-1, 1]; ValueError for other input."""
        check_latents(z, LATENTS)
        return by_chunks(self._pictures, z).clamp(-1, 1)

    def _moments(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        drawn = self._network.encode(pictures).latent_dist
        return drawn.mean, drawn.logvar

    def _pictures(self, z: Tensor) -> Tensor:
        made: Tensor = self._network.decode(z).sample
        return made


def load_sd_vae(folder: Path | None = None, device: torch.device | str = "cpu") -> SDVae:
    """From `folder`, or from the weights folder where `cmmd-bench weights get stabilityai/sd-vae-ft-mse` puts it.

    Raises UserError (environment): diffusers or files missing, a pickle instead of safetensors, another network.
    """
    try:
        from diffusers import AutoencoderKL
    except ImportError:
        raise UserError(
            "Stable Diffusion's autoencoder needs diffusers. Install it with: pip install 'cmmd-bench[sd-vae]'",
            exit_code=ENVIRONMENT,
        ) from None
    folder = folder or weights_folder(NAME)
    _check_folder(folder)
    try:
        network, info = AutoencoderKL.from_pretrained(  # type: ignore[no-untyped-call]
            folder, local_files_only=True, use_safetensors=True, output_loading_info=True
        )
    except Exception as error:  # what diffusers makes of a foreign folder is not for us to foresee
        reason = str(error).strip().splitlines()[0] if str(error).strip() else ""
        raise _refused(folder, f"cannot be read ({type(error).__name__}: {reason[:200]})") from None
    # Diffusers itself would go on with random numbers in place of what is missing.
    wrong = {kind: names for kind, names in info.items() if names and kind.endswith("_keys")}
    if wrong:
        told = ", ".join(f"{len(names)} {kind.replace('_', ' ')}" for kind, names in wrong.items())
        raise _refused(folder, f"does not fit its own {CONFIG}: {told}")
    return SDVae(network.eval().requires_grad_(False).to(device))


def _check_folder(folder: Path) -> None:
    if not (folder / CONFIG).is_file():
        raise _refused(folder, f"holds no {CONFIG}")
    config = read_json(folder / CONFIG)
    found = (config.get("_class_name"), config.get("latent_channels"), len(config.get("block_out_channels", ())))
    if found != ("AutoencoderKL", LATENTS, DOWN.bit_length()):
        raise _refused(folder, f"holds {found[0]} with {found[1]} latent channels and {found[2]} levels")
    pickles = sorted(path.name for path in folder.glob("*.bin"))
    if not (folder / TENSORS).is_file() and pickles:
        raise _refused(folder, f"holds {pickles[0]}, a pickle, which may run code, and no {TENSORS}")
    if fault := fault_of(folder / TENSORS):
        raise _refused(folder / TENSORS, fault)


def _refused(path: Path, fault: str) -> UserError:
    return UserError(
        f"{path} {fault}. Expected {CONFIG} and {TENSORS} of an AutoencoderKL with {LATENTS} latent channels and "
        f"{DOWN.bit_length()} levels, as `cmmd-bench weights get {NAME}` brings them.",
        exit_code=ENVIRONMENT,
    )
