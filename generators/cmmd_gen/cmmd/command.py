"""`train cmmd` and `train ncmmd`: from an order to clips, latents, and the loop."""

from dataclasses import asdict
from pathlib import Path

import torch

from cmmd_bench.errors import UserError
from cmmd_gen.autoencoder import Autoencoder, open_autoencoder
from cmmd_gen.cmmd.latents import Encode
from cmmd_gen.cmmd.objective import LARGEST_ETA
from cmmd_gen.cmmd.pipeline import Pipeline, Sampling
from cmmd_gen.cmmd.presets import PRESETS, Preset
from cmmd_gen.cmmd.scales import Scales
from cmmd_gen.cmmd.training import ETA
from cmmd_gen.cmmd.training import train as descend
from cmmd_gen.cmmd.unet import CMMDUNet
from cmmd_gen.data.cache import Cache, prepare
from cmmd_gen.data.clips import Kept
from cmmd_gen.data.validation import CLIPS, Validation
from cmmd_gen.training.order import Order
from cmmd_gen.training.session import Samples
from cmmd_gen.vocoder.opening import open_vocoder


def train(order: Order) -> None:
    """Train as ordered; UserError for what does not fit together."""
    preset = PRESETS[order.preset]
    contrastive = order.model == "cmmd"
    start: Path | None = order.own.get("start")
    if start is not None and not start.is_file():
        raise UserError(f"--start {start} is not there. Give the state.pt of a `train ncmmd` folder.")
    eta = order.own.get("eta", ETA) if contrastive else None
    if eta is not None and not eta < LARGEST_ETA:
        raise UserError(f"--eta must be below {LARGEST_ETA}, where denoising is no longer rewarded; found {eta}.")
    name = str(order.own.get("autoencoder", preset.autoencoder))
    device = torch.device(order.device)
    autoencoder = open_autoencoder(name, device)
    plan = order.plan(
        steps=preset.steps,
        batch=preset.contrastive_batch if contrastive else preset.batch,
        config={
            "network": asdict(preset.network),
            # A file of the user's own is known by its content alone.
            "autoencoder": {"name": preset.autoencoder, "digest": autoencoder.digest},
        },
        eta=eta,
        start=start.name if start else None,
    )
    cache = _latents(order, preset, autoencoder)
    validation = Validation(order.sets, preset.source, tasks=("v2a", "a2v"), frames=preset.network.frames)

    def samples(unet: CMMDUNet, scales: Scales) -> Samples:
        sampling = Sampling(preset.sampling_steps, preset.guidance)
        vocoder = open_vocoder("griffin-lim", device)
        pipeline = Pipeline(unet, scales, autoencoder, vocoder, preset.size, CLIPS, sampling, device)
        return validation.samples(pipeline.clips)

    with order.progress(f"train {order.model}", plan.steps) as advance:
        descend(
            order.out,
            cache,
            preset,
            plan,
            eta=eta,
            start=start,
            device=order.device,
            samples=samples,
            advance=advance,
        )


def _latents(order: Order, preset: Preset, autoencoder: Autoencoder) -> Cache:
    """The clips of all sets, encoded below the cache on first use."""
    clips = order.clips(preset.source, needs=("frames", "audio"))
    kept = Kept("clips", clips, preset.source)
    sets = [f"{each}/{each.split}/{each.seed}/{each.root or ''}" for each in order.sets]
    folder = order.cache / f"latents-{autoencoder.digest[:8]}-{kept.digest[:8]}"
    with order.processes.first_alone():
        return prepare(
            kept,
            kept.items(),
            Encode(autoencoder),
            folder,
            describes={"arrays": "latents 1", "sets": sets, "autoencoder": autoencoder.digest},
            # On an accelerator one process encodes; on the CPU each worker has a copy of the autoencoder.
            workers=order.workers if order.device == "cpu" else 1,
            progress=order.progress,
        )
