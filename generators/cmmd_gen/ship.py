"""From a training folder to a checkpoint that comes with the package: float16, with its line on the model card.

    python -m cmmd_gen.ship training/ncmmd

writes checkpoints/ncmmd-tiny.safetensors and checkpoints/README.md, which is made of the cards of all files there.
"""

import sys
from pathlib import Path

import torch

from cmmd_bench.atomic import write_bytes
from cmmd_gen.checkpoint import Card, load, read_card, save
from cmmd_gen.shipped import FOLDER, shipped
from cmmd_gen.training.session import MODEL

MODELS = ("autoencoder", "ncmmd", "cmmd", "mmdiff", "mmdiff-sr", "melgan")
"""In the order in which they build on one another."""

_HEAD = """# The checkpoints that come with cmmd-bench

Small models for trying things out, for tests and for the demo: never for results in a paper. All are trained on the
procedural datasets `beatdance` (a dancer and music) and `kitchen` (hands and objects), which show no person and no
recording; they are worth nothing on other pictures and sounds. float16, MIT licence. Each file's header carries its
card: architecture, training command, seed, steps, losses (`cmmd_gen.checkpoint.read_card`).

| file | parameters | bytes | steps | batch | last losses | trained by |
|---|---|---|---|---|---|---|
"""


def ship(folder: Path) -> Path:
    """Write the model of a training folder to the package's own checkpoints."""
    tensors, card = load(folder / MODEL, models=MODELS)
    target = shipped(card.model)
    save(target, tensors, card, dtype=torch.float16)
    write_bytes(FOLDER / "README.md", model_card().encode())
    return target


def model_card() -> str:
    """The page that describes all shipped checkpoints."""
    files = [shipped(model) for model in MODELS if shipped(model).is_file()]
    return _HEAD + "".join(_line(path, read_card(path)) for path in files)


def _line(path: Path, card: Card) -> str:
    tensors, _ = load(path, models=MODELS)
    parameters = sum(tensor.numel() for tensor in tensors.values())
    losses = ", ".join(f"{name} {value:.3g}" for name, value in card.training["losses"].items())
    batch, command = card.training["batch"], card.training["command"]
    size = path.stat().st_size
    return f"| {path.name} | {parameters:,} | {size:,} | {card.step:,} | {batch} | {losses} | `{command}` |\n"


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        sys.stdout.write(f"{ship(Path(argument))}\n")
