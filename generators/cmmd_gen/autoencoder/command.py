"""`train autoencoder`: from an order to clips and the loop."""

from dataclasses import asdict, replace

from cmmd_bench.errors import UserError
from cmmd_gen.autoencoder.presets import PRESETS
from cmmd_gen.autoencoder.tiny import TinyAutoencoder
from cmmd_gen.autoencoder.training import reconstructions
from cmmd_gen.autoencoder.training import train as descend
from cmmd_gen.data.validation import held_out
from cmmd_gen.training.order import Order
from cmmd_gen.training.session import Samples


def train(order: Order) -> None:
    """Train as ordered; UserError for the preset `paper`, which has no autoencoder of its own."""
    if order.preset not in PRESETS:
        raise UserError(
            "the preset paper uses Stable Diffusion's autoencoder as it is (`cmmd-bench weights get "
            "stabilityai/sd-vae-ft-mse`). Train one with --preset tiny."
        )
    preset = PRESETS[order.preset]
    plan = order.plan(steps=preset.steps, batch=preset.batch, config=asdict(preset.network))
    cache = order.clips(preset.source, needs=("frames",))

    def samples(network: TinyAutoencoder) -> Samples:
        spec = replace(preset.source, seconds=1.8)
        return reconstructions(network, list(held_out(order.sets, spec)))

    with order.progress(f"train {order.model}", plan.steps) as advance:
        descend(order.out, cache, preset, plan, device=order.device, samples=samples, advance=advance)
