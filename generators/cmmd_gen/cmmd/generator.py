"""CMMD and nCMMD as generators of a benchmark: `cmmd-bench run --models cmmd,ncmmd`."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple

import torch

from cmmd_bench.embedders.device import device as chosen_device
from cmmd_bench.errors import UserError
from cmmd_bench.types import TASKS, Clip, Request, Task
from cmmd_gen.autoencoder import Autoencoder, open_autoencoder
from cmmd_gen.checkpoint import build, described, load
from cmmd_gen.cmmd.config import CMMDConfig
from cmmd_gen.cmmd.pipeline import Pipeline, Sampling
from cmmd_gen.cmmd.presets import PRESETS
from cmmd_gen.cmmd.sampling import EpsMode, Solver
from cmmd_gen.cmmd.scales import Scales
from cmmd_gen.cmmd.unet import CMMDUNet
from cmmd_gen.shipped import shipped
from cmmd_gen.vocoder.opening import open_vocoder


class Made(NamedTuple):
    """The autoencoder that a checkpoint was trained with: the preset's name for it, and its digest."""

    name: str
    digest: str


class CMMD:
    """Sound for video, video for sound, or both, by a dual U-Net with easy fusion.

    checkpoint: a model.safetensors of `cmmd-bench train cmmd`; by default the shipped tiny one
    autoencoder: the checkpoint or folder it was trained with, where that is not the preset's own
    vocoder: "griffin-lim", or a checkpoint of `train melgan`; by default the preset's
    steps, solver: evaluations of the network, and how they are used (`sampling`)
    guidance: lambda of reconstruction guidance for v2a and a2v; by default the preset's own for each
    eps_mode: see `sampling`; a lambda belongs to its mode
    batch: clips sampled together, by default the preset's; it moves the last bits of every clip
    device: "cpu", "cuda"; by default the run's
    precision: "fp32" or "bf16"
    """

    model: ClassVar[str] = "cmmd"
    tasks: frozenset[Task] = frozenset(TASKS)

    def __init__(
        self,
        checkpoint: str | None = None,
        *,
        autoencoder: str | None = None,
        vocoder: str | None = None,
        steps: int | None = None,
        solver: Solver = "ddim",
        guidance: float | None = None,
        eps_mode: EpsMode = "predicted",
        batch: int | None = None,
        device: str | None = None,
        precision: Literal["fp32", "bf16"] = "fp32",
    ) -> None:
        # One architecture: a checkpoint of nCMMD is a CMMD that was not tuned, and may be run as either.
        path = Path(checkpoint) if checkpoint else shipped(self.model)
        tensors, self.card = load(path, models=("cmmd", "ncmmd"))
        unet = build(path, self.card, tensors, lambda c: CMMDUNet(CMMDConfig(**c["network"])), presets=PRESETS)
        with described(path, self.card):
            scales = Scales(**self.card.config["scales"])
            wanted = Made(**self.card.config["autoencoder"])
        preset = PRESETS[self.card.preset]
        place = torch.device(device or chosen_device())
        unet = unet.to(place)
        if precision == "bf16":
            unet.to_half(torch.bfloat16)
        lambdas: dict[Task, float] = {
            task: preset.guidance[task] if guidance is None or task == "joint" else guidance for task in TASKS
        }
        self.batch_size = batch or preset.sampling_batch
        self.one_per_core = place.type == "cpu" and self.card.preset == "tiny"
        self.precision = precision
        self.pipeline = Pipeline(
            unet,
            scales,
            _autoencoder(self.model, wanted, autoencoder, place),
            open_vocoder(vocoder or preset.vocoder, place),
            preset.size,
            self.batch_size,
            Sampling(steps or preset.sampling_steps, lambdas, solver, eps_mode),
            place,
        )

    def describe(self) -> dict[str, Any]:
        """What decides the clips besides the requests."""
        parts = self.pipeline
        return {
            **asdict(self.card),
            "sampling": {
                **asdict(parts.sampling),
                "batch": parts.batch,
                "precision": self.precision,
                "device": parts.device.type,
            },
            "autoencoder": parts.autoencoder.digest,
            "vocoder": parts.vocoder.digest,
        }

    def generate(self, requests: Sequence[Request]) -> Iterator[Clip]:
        """Yield one clip per request, in order."""
        return self.pipeline.clips(requests)


class NCMMD(CMMD):
    """CMMD before its contrastive tuning."""

    model: ClassVar[str] = "ncmmd"


def _autoencoder(model: str, wanted: Made, given: str | None, device: torch.device) -> Autoencoder:
    opened = open_autoencoder(given or wanted.name, device)
    if opened.digest != wanted.digest:
        raise UserError(
            f"the autoencoder {given or wanted.name} ({opened.digest[:12]}) is not the one that {model} was trained "
            f"with ({wanted.name}, {wanted.digest[:12]}): its latents mean something else. Give it with "
            f"--option {model}.autoencoder=PATH."
        )
    return opened
