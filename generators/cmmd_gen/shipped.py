"""The checkpoints that come with the package, each trained by the command on its card."""

from pathlib import Path

FOLDER = Path(__file__).parent / "checkpoints"


def shipped(model: str) -> Path:
    """The tiny checkpoint of `model`."""
    return FOLDER / f"{model}-tiny.safetensors"
