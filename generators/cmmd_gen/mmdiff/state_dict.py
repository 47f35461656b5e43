"""Weights into networks. Parameters have the official names and shapes, so published checkpoints need only checking."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from cmmd_bench.errors import ENVIRONMENT, UserError
from cmmd_bench.weights.checkpoint import check_shapes, load_tensors
from cmmd_gen.mmdiff.config import PRESETS, MMDiffConfig
from cmmd_gen.mmdiff.unet import MMDiffUNet


def load_official(path: Path, config: MMDiffConfig = PRESETS["paper"]) -> MMDiffUNet:
    """The network of `config` with the tensors of `path` (official .pt, or safetensors), float32, in evaluation mode.

    Raises UserError (environment): no such file, cut off, a pickle that asks for code, another network.
    """
    what = f"MM-Diffusion, {config.width} channels, multipliers {config.multipliers}"
    tensors = load_tensors(path, what=what)
    try:
        return loaded(tensors, config, what=what)
    except UserError as error:
        total = sum(tensor.numel() for tensor in tensors.values())
        found = f"{path} has {len(tensors)} tensors, {total:,} numbers"
        raise UserError(f"{found}; {error}", exit_code=ENVIRONMENT) from None


def loaded(tensors: Mapping[str, Tensor], config: MMDiffConfig, *, what: str) -> MMDiffUNet:
    """The network of `config` with copies of `tensors`, float32, in evaluation mode; `what` names it in messages.

    Raises UserError (environment) unless `tensors` are those of this network.
    """
    with torch.device("meta"):
        network = MMDiffUNet(config)
    check_shapes(tensors, {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}, what=what)
    # Copies, because tensors may be views of a mapped file.
    network.load_state_dict(
        {name: tensor.to(torch.float32, copy=True) for name, tensor in tensors.items()}, assign=True
    )
    return network.requires_grad_().eval()
