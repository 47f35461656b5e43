"""Training of the tiny autoencoder: single pictures from stored clips, back from one draw of their latents.

One step: a batch of random pictures, their reconstructions, the loss of `objective`, AdamW with a cosine. The averaged
weights are what is kept.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from cmmd_bench.types import Clip, Item
from cmmd_gen.autoencoder.objective import autoencoder_loss
from cmmd_gen.autoencoder.presets import Preset
from cmmd_gen.autoencoder.tiny import DOWN, LATENTS, TinyAutoencoder
from cmmd_gen.conditions import to_tensor, to_video
from cmmd_gen.data.cache import Cache
from cmmd_gen.data.pictures import draw_pictures, psnr
from cmmd_gen.training import Learner, Plan, Session, rates
from cmmd_gen.training.session import Samples


def train(
    out: Path,
    cache: Cache,
    preset: Preset,
    plan: Plan,
    *,
    device: str = "cpu",
    samples: Callable[[TinyAutoencoder], Samples] | None = None,
    advance: Callable[[], None] = lambda: None,
) -> None:
    """Train into `out`; `plan.config` is the preset's network as a dictionary, which `open_autoencoder` reads.

    cache: stored clips with "frames" (n, H, W, 3) uint8; samples: makes the callback that draws validation clips, such
    as `reconstructions`. Raises UserError: see `Session`; ValueError for pictures whose size 8 does not divide.
    """
    torch.manual_seed(plan.seed)
    # Convolutions on a CPU take a sixth less time in this layout.
    network = TinyAutoencoder(preset.network)
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # not in torch's own types
    learner = Learner(
        network,
        torch.optim.AdamW(network.parameters(), weight_decay=0.01),
        rate=preset.rate(plan.steps),
        clip=1.0,
        average=rates.average(preset.average),
    )
    show = None if samples is None else samples(learner.best)  # type: ignore[arg-type]  # a copy of the network
    with Session(
        out, plan, {"autoencoder": learner}, device=device, samples=show, watch=("loss",), advance=advance
    ) as session:
        for _ in session.steps():
            pictures = draw_pictures(cache, session.batch, session.generator).to(session.device)
            noise = draw_noise(pictures, session.generator).to(session.device)
            with session.autocast():
                made, mean, log_variance = session.models["autoencoder"](pictures, noise)
            terms = autoencoder_loss(made, pictures, mean, log_variance)
            session.update("autoencoder", terms.loss)
            session.record(loss=terms.loss, l1=terms.l1, mse=terms.mse, kl=terms.kl)


def draw_noise(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Standard normal numbers of the shape of the latents of `pictures` (N, 3, H, W)."""
    count, _, height, width = pictures.shape
    if height % DOWN or width % DOWN:
        raise ValueError(f"height and width of training pictures must be divisible by {DOWN}, found {height}x{width}")
    return torch.randn(count, LATENTS, height // DOWN, width // DOWN, generator=generator)


def reconstructions(network: TinyAutoencoder, clips: Sequence[tuple[Item, Clip]]) -> Samples:
    """Validation: each clip, and beside each of its pictures what comes back; the id tells the mean PSNR in dB."""

    def show(step: int) -> list[tuple[Item, Clip]]:  # noqa: ARG001  (the same clips at every step)
        return [_beside(network, item, clip) for item, clip in clips]

    return show


def _beside(network: TinyAutoencoder, item: Item, clip: Clip) -> tuple[Item, Clip]:
    if clip.video is None:
        raise ValueError("reconstructions need clips with pictures")
    device = next(network.parameters()).device
    pictures = to_tensor(clip.video).to(device)
    mean, _ = network.encode(pictures[None])
    made = network.decode(mean)[0]
    both = np.concatenate([clip.video, to_video(made)], axis=2)
    named = replace(item, id=f"{item.id}-{float(psnr(made, pictures).mean()):.1f}dB")
    return named, Clip(both, clip.fps, clip.audio, clip.sample_rate)
