"""Training of MM-Diffusion: a video and its sound, at one common step."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from cmmd_gen.data.cache import Cache
from cmmd_gen.diffusion.steps import draw_steps
from cmmd_gen.mmdiff.objective import objective
from cmmd_gen.mmdiff.presets import Preset
from cmmd_gen.mmdiff.unet import MMDiffUNet
from cmmd_gen.mmdiff.windows import draw_windows
from cmmd_gen.training import Learner, Plan, Session, rates
from cmmd_gen.training.session import Samples
from cmmd_gen.types import Pair


def train(
    out: Path,
    cache: Cache,
    preset: Preset,
    plan: Plan,
    *,
    device: str = "cpu",
    samples: Callable[[MMDiffUNet], Samples] | None = None,
    advance: Callable[[], None] = lambda: None,
) -> None:
    """Train into `out`. cache: stored clips; samples: makes the callback that draws validation clips."""
    torch.manual_seed(plan.seed)
    unet = MMDiffUNet(preset.network)
    learner = Learner(
        unet,
        torch.optim.AdamW(unet.parameters(), weight_decay=0.0),
        rate=preset.rate(plan.steps),
        clip=preset.clip,
        average=rates.average(preset.average),
    )
    show = None if samples is None else samples(learner.best)  # type: ignore[arg-type]  # a copy of the U-Net
    watch = ("video", "audio")
    with Session(out, plan, {"unet": learner}, device=device, samples=show, watch=watch, advance=advance) as session:
        alpha_bar = preset.alpha_bar().to(session.device)
        random = session.generator

        def predict(video: Tensor, audio: Tensor, n: Tensor) -> Pair:
            predicted: Pair = session.models["unet"](video, audio, n, generator=random)
            return predicted

        for _ in session.steps():
            drawn = draw_windows(cache, preset, session.batch, random)
            n = draw_steps(session.batch, len(alpha_bar), random, stratified=preset.stratified).to(session.device)
            noise = Pair(*(torch.randn(side.shape, generator=random).to(session.device) for side in drawn))
            clean = Pair(*(side.to(session.device) for side in drawn))
            with session.autocast():
                losses = objective(predict, clean, n, noise, alpha_bar, preset.prediction)
            session.update("unet", (losses.video + losses.audio).mean())
            session.record(video=losses.video.mean(), audio=losses.audio.mean())
