"""Published checkpoints of MM-Diffusion. Our parameters have their names and shapes, so loading is only checking."""

from pathlib import Path

import torch

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
    with torch.device("meta"):
        network = MMDiffUNet(config)
    try:
        check_shapes(tensors, {name: tuple(t.shape) for name, t in network.state_dict().items()}, what=what)
    except UserError as error:
        total = sum(tensor.numel() for tensor in tensors.values())
        raise UserError(
            f"{path} has {len(tensors)} tensors, {total:,} numbers; {error}", exit_code=ENVIRONMENT
        ) from None
    # Cloned, because the file may be mapped and vanish.
    network.load_state_dict(
        {name: tensor.to(torch.float32, copy=True) for name, tensor in tensors.items()}, assign=True
    )
    return network.eval()
