"""MM-Diffusion as a generator of a benchmark: `cmmd-bench run --models mmdiff`."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import torch

from cmmd_bench.content import content_digest
from cmmd_bench.embedders.device import device as chosen_device
from cmmd_bench.errors import UserError
from cmmd_bench.types import TASKS, Clip, Request, Task
from cmmd_gen.checkpoint import Card, build, described, load
from cmmd_gen.diffusion.spacing import respaced
from cmmd_gen.mmdiff.conditional import PUBLISHED_SCALE
from cmmd_gen.mmdiff.config import config_from
from cmmd_gen.mmdiff.pipeline import Pipeline
from cmmd_gen.mmdiff.presets import (
    PRESETS,
    SAMPLER_STEPS,
    ChainName,
    Preset,
    Sampler,
    Sampling,
    preset_of,
)
from cmmd_gen.mmdiff.shifts import Quirks
from cmmd_gen.mmdiff.state_dict import load_official
from cmmd_gen.mmdiff.unet import MMDiffUNet
from cmmd_gen.shipped import shipped
from cmmd_gen.superres.generator import Upscaler, open_upscaler

OFFICIAL_SUFFIX = ".pt"
"""Published checkpoints have it and no card; ours are safetensors with one."""


class MMDiffusion:
    """Sound for video, video for sound, or both, by a coupled U-Net with random-shift attention.

    checkpoint: a model.safetensors of `cmmd-bench train mmdiff`, or an official .pt; by default the shipped tiny one
    superres: a checkpoint of `train mmdiff-sr`, an official .pt, or "none"; by default the preset's
    chain: "few-step" or "ddpm", the official algorithm; by default the preset's. It decides on the defaults below
    sampler: of clips without a given side: "few-step", "dpm-solver", "dpm-solver-adaptive" (one clip at a time, as many
        evaluations as it wants), "ancestral" or "ddim"
    steps: evaluations of the network
    scale: of the gradient that makes a clip agree with the given side, for both tasks; 0 is replacement
    quirks: "fixed", or "official": the published sampler with its faults, for comparison with published numbers
    mirror: whether the network learned mirrored pictures; by default true for official checkpoints, which did
    batch: clips sampled together, by default the preset's for each task; it moves the last bits of every clip, and the
        strength of guidance under quirks="official"
    device: "cpu", "cuda"; by default the run's
    precision: "fp32" or "bf16"
    """

    tasks: frozenset[Task] = frozenset(TASKS)

    def __init__(
        self,
        checkpoint: str | None = None,
        *,
        superres: str | None = None,
        chain: ChainName | None = None,
        sampler: Sampler | None = None,
        steps: int | None = None,
        scale: float | None = None,
        quirks: Quirks = "fixed",
        mirror: bool | None = None,
        batch: int | None = None,
        device: str | None = None,
        precision: Literal["fp32", "bf16"] = "fp32",
    ) -> None:
        path = Path(checkpoint) if checkpoint else shipped("mmdiff")
        unet, self.card = _network(path)
        with described(path, self.card):
            preset = preset_of(path, self.card, unet.config)
        place = torch.device(device or chosen_device())
        unet = unet.requires_grad_(False).to(place)
        if precision == "bf16":
            unet.to_half(torch.bfloat16)
        how = _sampling(preset, chain=chain, sampler=sampler, steps=steps, scale=scale, quirks=quirks)
        batches = dict.fromkeys(TASKS, batch) if batch else dict(preset.sampling_batch)
        if how.sampler == "dpm-solver-adaptive":
            # The worst clip of a batch decides on the steps of all.
            batches["joint"] = 1
        self.batch_size = max(batches.values())
        self.one_per_core = place.type == "cpu" and self.card.preset == "tiny"
        self.precision = precision
        self.upscaler: Upscaler | None = None
        if superres != "none" and (superres or preset.superres):
            self.upscaler = open_upscaler(Path(superres) if superres else shipped("mmdiff-sr"), place)
        self.pipeline = Pipeline(
            unet,
            batches,
            self.upscaler,
            preset,
            how,
            quirks,
            path.suffix == OFFICIAL_SUFFIX if mirror is None else mirror,
            place,
        )

    def describe(self) -> dict[str, Any]:
        """What decides the clips besides the requests."""
        parts = self.pipeline
        sampling = asdict(replace(parts.sampling, scale=dict(parts.sampling.scale)))
        return {
            **asdict(self.card),
            "sampling": {
                **sampling,
                "quirks": parts.quirks,
                "mirror": parts.mirror,
                "batch": dict(parts.batch),
                "precision": self.precision,
                "device": parts.device.type,
            },
            "superres": self.upscaler.digest if self.upscaler else None,
        }

    def generate(self, requests: Sequence[Request]) -> Iterator[Clip]:
        """Yield one clip per request, in order."""
        return self.pipeline.clips(requests)


def _network(path: Path) -> tuple[MMDiffUNet, Card]:
    if path.suffix == OFFICIAL_SUFFIX:
        unet = load_official(path)
        published = replace(PRESETS["paper"], network=unet.config)
        card = Card("mmdiff", "paper", published.meaning, 0, {"official": content_digest(path)})
        return unet, card
    tensors, card = load(path, models=("mmdiff",))
    unet = build(path, card, tensors, lambda config: MMDiffUNet(config_from(config["network"])), presets=PRESETS)
    return unet, card


def _sampling(
    preset: Preset,
    *,
    chain: ChainName | None,
    sampler: Sampler | None,
    steps: int | None,
    scale: float | None,
    quirks: Quirks,
) -> Sampling:
    """The preset's way with what was asked for; None: its own."""
    how = preset.samplings[chain] if chain else preset.sampling
    if quirks == "official":
        if how.chain != "ddpm":
            raise UserError('quirks="official" are those of chain="ddpm"; give both, or leave quirks out.')
        scale = PUBLISHED_SCALE if scale is None else scale
    if sampler and sampler != how.sampler:
        how = replace(how, sampler=sampler, sampler_steps=SAMPLER_STEPS[sampler])
    if steps:
        how = replace(how, steps=steps, sampler_steps=steps)
        if how.sampler == "ddim":
            _check_stride(steps, len(preset.alpha_bar()))
    return how if scale is None else replace(how, scale=MappingProxyType(dict.fromkeys(("v2a", "a2v"), scale)))


def _check_stride(steps: int, of: int) -> None:
    try:
        respaced(of, f"ddim{steps}")
    except ValueError as error:
        raise UserError(f'steps={steps} do not fit sampler="ddim": {error}.') from None
