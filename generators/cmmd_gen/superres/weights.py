"""Weights of super-resolution from files: published ones, our own, and guided diffusion's to begin a training with.

Parameters have the published names and shapes, so loading is only checking.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from torch import Tensor

from cmmd_bench.weights.checkpoint import check_shapes, load_tensors
from cmmd_gen.checkpoint import Card, build, load
from cmmd_gen.superres.config import NETWORKS, SuperresConfig, config_from
from cmmd_gen.superres.unet import SuperresUNet

MODEL = "mmdiff-sr"
CLASSES = "label_emb."
"""Where the names of guided diffusion's class embedding begin."""


def open_superres(path: Path, *, presets: Iterable[str] | None = None) -> tuple[SuperresUNet, Card]:
    """A model.safetensors of `train mmdiff-sr`, in evaluation mode on the CPU, and its card.

    Raises UserError (environment): no such file, another model, another network than the card says, a preset that is
    not one of `presets`.
    """
    tensors, card = load(path, models=(MODEL,))
    unet = build(
        path, card, _copied(tensors), lambda config: SuperresUNet(config_from(config["network"])), presets=presets
    )
    return _laid_out(unet), card


def load_official(path: Path, config: SuperresConfig = NETWORKS["paper"]) -> SuperresUNet:
    """The network of `config` with the tensors of `path` (official .pt, or safetensors), in evaluation mode.

    Raises UserError (environment): no such file, cut off, a pickle that asks for code, another network.
    """
    what = f"super-resolution of MM-Diffusion, {config.width} channels, multipliers {config.multipliers}"
    return _network(load_tensors(path, what=what), config, what)


def start_from_guided_diffusion(
    path: Path, config: SuperresConfig = NETWORKS["paper"]
) -> tuple[dict[str, Tensor], list[str]]:
    """Weights to begin with from guided diffusion's 64_256 upsampler, and the names that were dropped: its classes.

    Raises UserError (environment): as `load_official`; anything else that is missing or left over.
    """
    what = f"guided diffusion's upsampler, {config.width} channels, multipliers {config.multipliers}"
    tensors = load_tensors(path, what=what)
    dropped = [name for name in tensors if name.startswith(CLASSES)]
    kept = {name: tensor for name, tensor in tensors.items() if name not in dropped}
    check_shapes(kept, _shapes(config), what=what)
    return _copied(kept), dropped


def _network(tensors: Mapping[str, Tensor], config: SuperresConfig, what: str) -> SuperresUNet:
    check_shapes(tensors, _shapes(config), what=what)
    with torch.device("meta"):
        unet = SuperresUNet(config)
    unet.load_state_dict(_copied(tensors), assign=True)
    return _laid_out(unet.eval().requires_grad_(False))


def _laid_out(unet: SuperresUNet) -> SuperresUNet:
    # Sampling takes a tenth less time in this layout; torch's types do not know it.
    unet.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return unet


def _shapes(config: SuperresConfig) -> dict[str, tuple[int, ...]]:
    with torch.device("meta"):
        return {name: tuple(tensor.shape) for name, tensor in SuperresUNet(config).state_dict().items()}


def _copied(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """In float32, and no longer views of a file that may vanish."""
    return {name: tensor.to(torch.float32, copy=True) for name, tensor in tensors.items()}
