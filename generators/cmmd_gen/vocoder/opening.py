"""A vocoder by name or file, as something that turns log-mels into sound."""

import hashlib
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from cmmd_bench.content import content_digest
from cmmd_bench.errors import ENVIRONMENT, UserError
from cmmd_gen.shipped import shipped
from cmmd_gen.vocoder.griffin_lim import griffin_lim
from cmmd_gen.vocoder.mel import MEL_16K

GRIFFIN_LIM, MELGAN, TINY_MELGAN = "griffin-lim", "melgan", "melgan-tiny"


class Vocoder(Protocol):
    """From log-mel (B, 80, frames) of `mel.MEL_16K` to sound (B, samples), about [-1, 1]; digest: what it is."""

    digest: str

    def __call__(self, mel: Tensor, samples: int) -> Tensor:
        """The sound of each mel, cut or padded to `samples`."""
        ...


class GriffinLim:
    """No weights. For the tiny presets better than their MelGAN: by `fad[logmel-stats]` 16 clips of cmmd are at 1.3,
    with melgan-tiny at 4.3; beats come at the same times.
    """

    digest = GRIFFIN_LIM

    def __call__(self, mel: Tensor, samples: int) -> Tensor:
        """See `griffin_lim`."""
        return griffin_lim(mel, samples)


class MelGAN:
    """A trained generator from a file of `train melgan`."""

    def __init__(self, path: Path, device: torch.device) -> None:
        from cmmd_gen.vocoder.melgan import load_generator, vocode

        generator, settings = load_generator(path)
        if settings != MEL_16K:
            raise UserError(
                f"{path} speaks mels of {settings}, but the generators make {MEL_16K}. Give a vocoder of those.",
                exit_code=ENVIRONMENT,
            )
        self.digest = hashlib.sha256(f"melgan {content_digest(path)}".encode()).hexdigest()
        self._generator, self._vocode = generator.to(device), vocode

    def __call__(self, mel: Tensor, samples: int) -> Tensor:
        """See `melgan.vocode`."""
        return self._vocode(self._generator, mel, samples)


def open_vocoder(name: str, device: torch.device) -> Vocoder:
    """`griffin-lim`, `melgan-tiny` (the one that comes along), or the path of a checkpoint.

    Raises UserError: no such file, another model, other mels; `melgan`, the published one, without a path.
    """
    if name == GRIFFIN_LIM:
        return GriffinLim()
    if name == MELGAN:
        raise UserError(
            "the vocoder of this preset is a full MelGAN, and none ships. Give the option vocoder: a model.safetensors "
            f"of `cmmd-bench train melgan --preset paper`, {GRIFFIN_LIM}, or {TINY_MELGAN} for small sounds.",
            exit_code=ENVIRONMENT,
        )
    path = shipped(MELGAN) if name == TINY_MELGAN else Path(name)
    if not path.is_file():
        raise UserError(
            f"the vocoder {path} is not there. Give griffin-lim, or a model.safetensors of `cmmd-bench train melgan`.",
            exit_code=ENVIRONMENT,
        )
    return MelGAN(path, device)
