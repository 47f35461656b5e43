"""Training of super-resolution: single frames from stored clips, each guessed from its own spoiled small version."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from cmmd_bench.types import Clip, Item
from cmmd_gen.conditions import to_tensor, to_video
from cmmd_gen.data.cache import Cache
from cmmd_gen.data.pictures import draw_pictures, psnr
from cmmd_gen.diffusion.gaussian import chain
from cmmd_gen.diffusion.schedules import linear
from cmmd_gen.diffusion.steps import draw_steps
from cmmd_gen.diffusion.velocity import noised
from cmmd_gen.noise import Noise
from cmmd_gen.superres.objective import objective, tables
from cmmd_gen.superres.parametrization import hidden
from cmmd_gen.superres.presets import Preset
from cmmd_gen.superres.sampling import upscale
from cmmd_gen.superres.spoiling import shrunk, spoiled
from cmmd_gen.superres.unet import SuperresUNet
from cmmd_gen.training import Learner, Plan, Session, rates
from cmmd_gen.training.session import Samples


def train(
    out: Path,
    cache: Cache,
    preset: Preset,
    plan: Plan,
    *,
    start: Mapping[str, Tensor] | None = None,
    device: str = "cpu",
    samples: Callable[[SuperresUNet], Samples] | None = None,
    advance: Callable[[], None] = lambda: None,
) -> None:
    """Train into `out`; `plan.config` is {"network": the preset's network as a dictionary}.

    cache: stored clips with "frames" (n, H, W, 3) uint8; start: weights to begin with (`superres.weights`); samples:
    makes the callback that draws validation clips, such as `enlargements`. Raises UserError: see `Session`; ValueError
    for frames whose size does not fit the network.
    """
    torch.manual_seed(plan.seed)
    config = preset.network
    unet = SuperresUNet(config)
    if start is not None:
        unet.load_state_dict(start)
    learner = Learner(
        unet,
        torch.optim.AdamW(unet.parameters(), weight_decay=0.0),
        rate=preset.rate(plan.steps),
        clip=preset.clip,
        average=rates.average(preset.average),
    )
    show = None if samples is None else samples(learner.best)  # type: ignore[arg-type]  # a copy of the U-Net
    watch = ("simple",) if config.detail is not None else ("simple", "vlb")
    with Session(out, plan, {"unet": learner}, device=device, samples=show, watch=watch, advance=advance) as session:
        table, random = tables(chain(linear()), session.device), session.generator
        for _ in session.steps():
            frames = draw_pictures(cache, session.batch, random)
            config.check_size(frames.shape[-2], frames.shape[-1])
            small = spoiled(frames, config.factor, preset.spoiling, random).to(session.device)
            n = draw_steps(session.batch, len(table.alpha_bar), random, stratified=preset.stratified).to(session.device)
            noise = torch.randn(frames.shape, generator=random).to(session.device)
            x0 = hidden(frames.to(session.device), small, config)
            x = noised(x0, noise, table.alpha_bar[n])
            with session.autocast():
                said = session.models["unet"](x, small, n)
            simple, vlb = objective(said, x, x0, noise, n, table, config)
            if vlb is None:
                session.update("unet", simple)
                session.record(simple=simple)
            else:
                session.update("unet", simple + vlb)
                session.record(simple=simple, vlb=vlb)


def enlargements(unet: SuperresUNet, preset: Preset, clips: Sequence[tuple[Item, Clip]]) -> Samples:
    """Validation: small frames, what becomes of them, and the truth, side by side; the id tells the mean PSNR in dB."""

    def show(step: int) -> list[tuple[Item, Clip]]:  # noqa: ARG001  (the same clips and noise at every step)
        return [_beside(unet, preset, item, clip) for item, clip in clips]

    return show


def _beside(unet: SuperresUNet, preset: Preset, item: Item, clip: Clip) -> tuple[Item, Clip]:
    if clip.video is None:
        raise ValueError("enlargements need clips with pictures")
    device, factor = next(unet.parameters()).device, preset.network.factor
    frames = to_tensor(clip.video).to(device)
    small = shrunk(frames, factor, preset.spoiling.shrink)
    made = upscale(unet.eval(), small[None], Noise([0], device), preset.spec)[0]
    squares = to_video(small).repeat(factor, axis=1).repeat(factor, axis=2)
    named = replace(item, id=f"{item.id}-{float(psnr(made, frames).mean()):.1f}dB")
    beside = np.concatenate([squares, to_video(made), clip.video], axis=2)
    return named, Clip(beside, clip.fps, clip.audio, clip.sample_rate)
