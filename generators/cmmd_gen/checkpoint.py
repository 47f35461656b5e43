"""Model files: safetensors whose header carries a card, so that one file says what it holds and how it was made.

The card is JSON under the metadata key "cmmd_gen". Tensors may be stored in float16; they are read back as float32.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as serialised
from torch import Tensor

from cmmd_bench.atomic import write_bytes
from cmmd_bench.errors import ENVIRONMENT, UserError
from cmmd_bench.weights.checkpoint import load_tensors

CARD = "cmmd_gen"


@dataclass(frozen=True, slots=True)
class Card:
    """What a model file is.

    model: cmmd, ncmmd, mmdiff, mmdiff-sr, melgan or autoencoder
    preset, config: the architecture by name and in full
    step: optimiser steps behind the weights
    training: how they were made: command, data, seed, losses; JSON
    """

    model: str
    preset: str
    config: dict[str, Any]
    step: int
    training: dict[str, Any]


def save(path: Path, tensors: Mapping[str, Tensor], card: Card, *, dtype: torch.dtype = torch.float32) -> None:
    """Write floating tensors as `dtype` with their card, whole or not at all.

    Raises ValueError for values that `dtype` cannot hold.
    """
    stored = {name: _stored(name, tensor, dtype) for name, tensor in tensors.items()}
    # As bytes: the library's own writer makes files that nobody else may read.
    write_bytes(path, serialised(stored, metadata={CARD: json.dumps(asdict(card), allow_nan=False)}))


def load(path: Path, *, models: tuple[str, ...]) -> tuple[dict[str, Tensor], Card]:
    """Tensors in float32 on the CPU, and the card.

    Raises UserError (environment): no such file, cut off, a pickle that asks for code, no card, another model than one
    of `models`.
    """
    card = read_card(path)
    if card.model not in models:
        wanted = " or ".join(models)
        raise UserError(
            f"{path} holds the model {card.model!r} (preset {card.preset}), where {wanted} was expected. "
            "Give the checkpoint of that model.",
            exit_code=ENVIRONMENT,
        )
    tensors = load_tensors(path, what=f"{card.model} ({card.preset})")
    return {name: t.float() if t.is_floating_point() else t.clone() for name, t in tensors.items()}, card


def read_card(path: Path) -> Card:
    """The card alone; UserError (environment) if `path` is not a model file of this package."""
    try:
        with safe_open(path, framework="pt") as file:
            text = (file.metadata() or {}).get(CARD)
    except (SafetensorError, OSError):
        # The reader of foreign files finds out what it is, and says so.
        load_tensors(path, what="a generator")
        text = None
    try:
        return Card(**json.loads(text or ""))
    except (ValueError, TypeError):
        raise UserError(
            f"{path} is no checkpoint that `cmmd-bench train` wrote: it has no card. Give the model.safetensors of a "
            "training folder.",
            exit_code=ENVIRONMENT,
        ) from None


def _stored(name: str, tensor: Tensor, dtype: torch.dtype) -> Tensor:
    if not tensor.is_floating_point():
        return tensor.detach().cpu().contiguous()
    stored = tensor.detach().to("cpu", dtype).contiguous()
    if not torch.isfinite(stored).all():
        raise ValueError(f"{name} has values that are not finite as {dtype}")
    return stored
