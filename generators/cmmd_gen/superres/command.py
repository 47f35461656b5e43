"""`train mmdiff-sr`: from an order to clips and the loop."""

import logging
from dataclasses import asdict, replace

from cmmd_gen.data.validation import held_out
from cmmd_gen.superres.presets import PRESETS
from cmmd_gen.superres.training import enlargements
from cmmd_gen.superres.training import train as descend
from cmmd_gen.superres.unet import SuperresUNet
from cmmd_gen.superres.weights import start_from_guided_diffusion
from cmmd_gen.training.order import Order
from cmmd_gen.training.session import Samples

_log = logging.getLogger(__name__)


def train(order: Order) -> None:
    """Train as ordered; own option `init`: the file of guided diffusion's upsampler to begin with."""
    preset = PRESETS[order.preset]
    start = None
    if order.own.get("init"):
        start, dropped = start_from_guided_diffusion(order.own["init"], preset.network)
        _log.warning("of %s %d tensors are dropped: %s", order.own["init"], len(dropped), ", ".join(dropped) or "none")
    plan = order.plan(
        steps=preset.steps,
        batch=preset.batch,
        config={"network": asdict(preset.network)},
        spoiling=asdict(preset.spoiling),
    )
    cache = order.clips(preset.source, needs=("frames",))

    def samples(unet: SuperresUNet) -> Samples:
        return enlargements(unet, preset, list(held_out(order.sets, replace(preset.source, seconds=1.8))))

    with order.progress(f"train {order.model}", plan.steps) as advance:
        descend(order.out, cache, preset, plan, start=start, device=order.device, samples=samples, advance=advance)
