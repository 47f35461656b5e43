"""`train mmdiff`: from an order to clips and the loop."""

import torch

from cmmd_bench.types import TASKS
from cmmd_gen.data.validation import CLIPS, Validation
from cmmd_gen.mmdiff.pipeline import Pipeline
from cmmd_gen.mmdiff.presets import PRESETS
from cmmd_gen.mmdiff.training import train as descend
from cmmd_gen.mmdiff.unet import MMDiffUNet
from cmmd_gen.training.order import Order
from cmmd_gen.training.session import Samples


def train(order: Order) -> None:
    """Train as ordered."""
    preset = PRESETS[order.preset]
    plan = order.plan(steps=preset.steps, batch=preset.batch, config=preset.meaning)
    cache = order.clips(preset.source, needs=("frames", "audio"))
    validation = Validation(order.sets, preset.source, tasks=("v2a", "a2v"), frames=preset.network.frames)

    def samples(unet: MMDiffUNet) -> Samples:
        device = torch.device(order.device)
        pipeline = Pipeline(unet, dict.fromkeys(TASKS, CLIPS), None, preset, preset.sampling, "fixed", False, device)
        return validation.samples(pipeline.clips)

    with order.progress(f"train {order.model}", plan.steps) as advance:
        descend(order.out, cache, preset, plan, device=order.device, samples=samples, advance=advance)
