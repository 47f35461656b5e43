"""`train melgan`: from an order to clips and the loop."""

from dataclasses import asdict, replace

from cmmd_gen.data.validation import held_out
from cmmd_gen.training.order import Order
from cmmd_gen.training.session import Samples
from cmmd_gen.vocoder.melgan import Generator
from cmmd_gen.vocoder.presets import PRESETS
from cmmd_gen.vocoder.training import copies
from cmmd_gen.vocoder.training import train as descend


def train(order: Order) -> None:
    """Train as ordered."""
    preset = PRESETS[order.preset]
    plan = order.plan(
        steps=preset.steps,
        batch=preset.batch,
        config=asdict(preset.network),
        **preset.course,
    )
    cache = order.clips(preset.source, needs=("audio",))

    def samples(generator: Generator) -> Samples:
        clips = list(held_out(order.sets, replace(preset.source, seconds=1.8)))
        return copies(generator, clips, preset.network.mel)

    with order.progress(f"train {order.model}", plan.steps) as advance:
        descend(order.out, cache, preset, plan, device=order.device, samples=samples, advance=advance)
