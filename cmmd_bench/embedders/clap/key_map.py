"""Names of the audio tower's tensors: from transformers' to those in LAION's and Microsoft's published checkpoints.

Both publish HTS-AT under the names of its authors' code; transformers renamed it and split each `qkv` into three. The
map goes from the tower to the file, so that a file is right when it holds exactly what the tower asks for, beside
parts that are known and left out: the text tower, heads that embeddings do not pass, and constants.
"""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from cmmd_bench.weights import check_shapes

if TYPE_CHECKING:
    import torch

    Tensors = Mapping[str, torch.Tensor]

LAION_HTSAT = "audio_branch."
MICROSOFT_HTSAT = "audio_encoder.base.htsat."

# In this order: the end of the fourth would match the sixth.
_RENAMED = (
    (".layernorm_before.", ".norm1."),
    (".layernorm_after.", ".norm2."),
    (".attention.self.", ".attn."),
    (".attention.output.dense.", ".attn.proj."),
    (".intermediate.dense.", ".mlp.fc1."),
    (".output.dense.", ".mlp.fc2."),
    ("batch_norm.", "bn0."),
)
_THIRD = {"query": 0, "key": 1, "value": 2}
_THIRDS = re.compile(r"\.attn\.(query|key|value)\.")
_CONSTANT = (".attn_mask", ".relative_position_index", ".num_batches_tracked", ".position_ids")
_LEFT_OUT = ("tscam_conv.", "head.", "spectrogram_extractor.", "logmel_extractor.")


class Source(NamedTuple):
    """Where a tensor of the tower lies in a file: under `name`, whole or its first, second or last third of rows."""

    name: str
    third: int | None = None


def htsat_source(name: str, *, prefix: str) -> Source:
    """The place in a checkpoint of the tensor that the tower calls `name` (without `...audio_encoder.`)."""
    for ours, theirs in _RENAMED:
        name = name.replace(ours, theirs)
    split = _THIRDS.search(name)
    if split is None:
        return Source(prefix + name)
    return Source(prefix + _THIRDS.sub(".attn.qkv.", name), _THIRD[split[1]])


def without_module(tensors: "Tensors") -> "dict[str, torch.Tensor]":
    """The tensors without the `module.` that data-parallel training puts before every name."""
    return {name.removeprefix("module."): tensor for name, tensor in tensors.items()}


def take(
    tensors: "Tensors", wanted: "Tensors", sources: Mapping[str, Source], *, unused: tuple[str, ...], what: str
) -> "dict[str, torch.Tensor]":
    """The tensors that the tower `wanted`, under its names, from a checkpoint's `tensors` by `sources`.

    Everything in the checkpoint is accounted for: taken, a constant of the architecture, or under a prefix in `unused`.
    Raises UserError (environment) that names what is missing, unexpected or of another shape.
    """
    expected: dict[str, tuple[int, ...]] = {}
    for name, source in sources.items():
        rows, *rest = wanted[name].shape
        expected[source.name] = (rows if source.third is None else 3 * rows, *rest)
    counted = {
        name: tensor
        for name, tensor in tensors.items()
        if name in expected or not (name.endswith(_CONSTANT) or name.startswith(unused))
    }
    check_shapes(counted, expected, what=what)
    return {name: _part(tensors[source.name], source.third) for name, source in sources.items()}


def left_out(prefix: str) -> tuple[str, ...]:
    """Prefixes of what HTS-AT holds beside the tower: classification heads, and the front end (see frontend.py)."""
    return tuple(prefix + name for name in _LEFT_OUT)


def is_constant(name: str) -> bool:
    """Whether a tensor of the tower follows from the architecture alone, so that files need not hold it."""
    return name.endswith(_CONSTANT)


def _part(tensor: "torch.Tensor", third: int | None) -> "torch.Tensor":
    return tensor if third is None else tensor.chunk(3)[third]
