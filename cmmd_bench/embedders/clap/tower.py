"""CLAP's audio tower, HTS-AT, in transformers' implementation with weights from a checkpoint.

Two sizes are published. tiny: 96 channels, 2, 2, 6, 2 blocks, 768-d before projection. base: 128, 2, 2, 12, 2, 1024-d.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import torch

from cmmd_bench.embedders.clap.key_map import is_constant
from cmmd_bench.errors import ENVIRONMENT, UserError

if TYPE_CHECKING:
    from transformers import ClapAudioConfig

M = TypeVar("M", bound=torch.nn.Module)


@dataclass(frozen=True, slots=True)
class Size:
    """One published size of HTS-AT: channels of the first stage and blocks of the four stages."""

    name: str
    channels: int
    blocks: tuple[int, int, int, int]


TINY = Size("HTSAT-tiny", 96, (2, 2, 6, 2))
BASE = Size("HTSAT-base", 128, (2, 2, 12, 2))


def audio_config(size: Size) -> "ClapAudioConfig":
    """transformers' configuration of LAION's HTS-AT of this size, without fusion."""
    from transformers import ClapAudioConfig

    return ClapAudioConfig(
        patch_embeds_hidden_size=size.channels,
        hidden_size=size.channels * 8,
        depths=list(size.blocks),
        projection_dim=512,
        projection_hidden_act="relu",
        enable_fusion=False,
    )


def build(make: Callable[[], M]) -> M:
    """A network with untrained weights, in evaluation mode; the process's random state stays as it was."""
    with torch.random.fork_rng(devices=[]):
        return make().eval().requires_grad_(False)


def learned(tower: torch.nn.Module) -> dict[str, torch.Tensor]:
    """What a checkpoint has to hold: the tower's tensors that do not follow from its architecture."""
    return {name: tensor for name, tensor in tower.state_dict().items() if not is_constant(name)}


def load(tower: torch.nn.Module, tensors: Mapping[str, torch.Tensor]) -> None:
    """Put exactly the `learned` tensors into the tower, as float32."""
    constant = {name: tensor for name, tensor in tower.state_dict().items() if is_constant(name)}
    tower.load_state_dict({**constant, **{name: tensor.float() for name, tensor in tensors.items()}})


def check_size(tensors: Mapping[str, torch.Tensor], *, prefix: str, expected: Size, what: str) -> None:
    """Raise UserError (environment) unless the checkpoint holds HTS-AT of the `expected` size, without fusion."""
    found = published_size(tensors, prefix=prefix, what=what)
    if found != expected:
        raise UserError(
            f"{what} is {expected.name}; this checkpoint holds {found.name}. Use the checkpoint named for it.",
            exit_code=ENVIRONMENT,
        )


def published_size(tensors: Mapping[str, torch.Tensor], *, prefix: str, what: str) -> Size:
    """Which size of HTS-AT a checkpoint holds under `prefix`; UserError (environment) for none, or one with fusion."""
    if any("fusion_model." in name or "mel_conv" in name for name in tensors):
        raise UserError(
            f"{what} is trained without fusion; this checkpoint holds fusion layers. Use the checkpoint named for it.",
            exit_code=ENVIRONMENT,
        )
    patch = tensors.get(f"{prefix}patch_embed.proj.weight")
    for size in (TINY, BASE):
        if patch is not None and len(patch) == size.channels:
            return size
    found = "no such tensor" if patch is None else f"shape {tuple(patch.shape)}"
    raise UserError(
        f"these are not the weights of {what}: {prefix}patch_embed.proj.weight should have {TINY.channels} or "
        f"{BASE.channels} channels, found {found}. "
        "Check that the file belongs to this network: `cmmd-bench weights verify`.",
        exit_code=ENVIRONMENT,
    )
