"""Which networks are measured, at which lengths and sizes.

`size` is height and width of what the network sees: latents for CMMD, an eighth of the pixels; pixels for MM-Diffusion.
`length` is the audio side: mel frames for CMMD, samples for MM-Diffusion. CMMD and nCMMD are one network.
"""

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple, get_args

from cmmd_bench.errors import unknown_name
from cmmd_gen.cmmd.config import PRESETS as CMMD
from cmmd_gen.mmdiff.config import PRESETS as MMDIFF

Model = Literal["cmmd", "mmdiff"]
Precision = Literal["fp32", "bf16"]

MODELS: tuple[str, ...] = get_args(Model)
PRESETS = ("paper", "tiny")
PRECISIONS: tuple[str, ...] = get_args(Precision)

LARGE = 64
"""Latents of 512x512 pixels, at which Table 3 also has the paper's CMMD."""


class Network(NamedTuple):
    """A preset of a model at one length and size."""

    model: str
    preset: str
    frames: int
    size: int
    length: int

    def __str__(self) -> str:
        return f"{self.model} {self.preset}, {self.frames} frames, {self.size}x{self.size}"


class Case(NamedTuple):
    """What one process measures."""

    network: Network
    device: str
    precision: str
    batch: int

    def __str__(self) -> str:
        return f"{self.network}, {self.precision}, batch {self.batch}, {self.device}"


def cases(
    models: Sequence[str], presets: Sequence[str], *, device: str, precisions: Sequence[str], batches: Sequence[int]
) -> list[Case]:
    """All combinations, the networks of a model and preset from small to large.

    Raises UserError with the nearest name for an unknown model, preset or precision.
    """
    given = (("model", models, MODELS), ("preset", presets, PRESETS), ("precision", precisions, PRECISIONS))
    for kind, names, known in given:
        for name in names:
            if name not in known:
                raise unknown_name(kind, name, known)
    return [
        Case(network, device, precision, batch)
        for model in models
        for preset in presets
        for network in _networks(model, preset)
        for precision in precisions
        for batch in batches
    ]


def _networks(model: str, preset: str) -> Iterator[Network]:
    if model == "mmdiff":
        config = MMDIFF[preset]
        yield Network(model, preset, config.frames, config.size, config.samples)
        return
    trained = CMMD[preset]
    for times in (1, 2):
        yield Network(model, preset, times * trained.frames, trained.latent_size, times * trained.mel_length)
    if preset == "paper":
        yield Network(model, preset, trained.frames, LARGE, trained.mel_length)
