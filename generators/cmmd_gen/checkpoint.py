"""Model files: safetensors whose header carries a card, so that one file says what it holds and how it was made.

The card is JSON under the metadata key "cmmd_gen". Tensors may be stored in float16; they are read back as float32.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as serialised
from torch import Tensor, nn

from cmmd_bench.atomic import write_bytes
from cmmd_bench.errors import ENVIRONMENT, UserError
from cmmd_bench.weights.checkpoint import check_shapes, load_tensors

CARD = "cmmd_gen"
M = TypeVar("M", bound=nn.Module)


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


def build(
    path: Path,
    card: Card,
    tensors: Mapping[str, Tensor],
    make: Callable[[Mapping[str, Any]], M],
    *,
    presets: Iterable[str] | None = None,
) -> M:
    """The module that `card.config` describes, with `tensors`, in evaluation mode on the CPU, without gradients.

    path: names the file in messages; card and tensors are what `load` gave
    make: from the config to the module; called on the meta device, so the state must hold all the module's tensors
    presets: names that the card's preset must be one of

    Raises UserError (environment): an unknown preset, a config that `make` does not take, tensors of other names or
    shapes.
    """
    with described(path, card, presets=presets), torch.device("meta"):
        module = make(card.config)
    expected = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    check_shapes(tensors, expected, what=f"{card.model} ({card.preset}) as the card of {path} describes it")
    module.load_state_dict(tensors, assign=True)
    return module.eval().requires_grad_(False)


@contextmanager
def described(path: Path, card: Card, *, presets: Iterable[str] | None = None) -> Iterator[None]:
    """Turn whatever goes wrong while `card` is read into a UserError (environment) that names `path`.

    presets: names that the card's preset must be one of
    """
    known = None if presets is None else sorted(presets)
    if known is not None and card.preset not in known:
        raise UserError(
            f"{path} is of the preset {card.preset!r}, where {' or '.join(known)} was expected. Give a checkpoint of "
            "one of these, or install the version of cmmd-bench that wrote it.",
            exit_code=ENVIRONMENT,
        )
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # what a foreign card can raise is not for us to foresee
        fault = f"has no {error}" if isinstance(error, KeyError) else f"does not fit ({_first_line(error)})"
        raise UserError(
            f"{path}: the config on its card {fault}. Expected that of {card.model} ({card.preset}) as `cmmd-bench "
            "train` writes it. Give another checkpoint, or install the version of cmmd-bench that wrote this one.",
            exit_code=ENVIRONMENT,
        ) from error


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
        card = Card(**json.loads(text or ""))
        if not (isinstance(card.preset, str) and isinstance(card.config, dict) and isinstance(card.training, dict)):
            raise TypeError("a card's preset is text, its config and training are objects")
        return card
    except (ValueError, TypeError):
        raise UserError(
            f"{path} is no checkpoint that `cmmd-bench train` wrote: it has no card. Give the model.safetensors of a "
            "training folder.",
            exit_code=ENVIRONMENT,
        ) from None


def _first_line(error: Exception) -> str:
    text = str(error).strip()
    return f"{type(error).__name__}: {text.splitlines()[0][:200] if text else ''}"


def _stored(name: str, tensor: Tensor, dtype: torch.dtype) -> Tensor:
    if not tensor.is_floating_point():
        return tensor.detach().cpu().contiguous()
    stored = tensor.detach().to("cpu", dtype).contiguous()
    if not torch.isfinite(stored).all():
        raise ValueError(f"{name} has values that are not finite as {dtype}")
    return stored
