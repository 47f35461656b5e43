"""Training of nCMMD (Eq. 2) and, from a state of it, of CMMD (Eq. 6, Algorithm 1).

One step: draw windows of F frames from longer clips, latents from their moments, mels from their waveforms, one n per
sample for both sides, noise; predict both velocities; descend. CMMD adds two negatives per sample. With eta = 0 the
contrastive stage sees the same windows in the same batches but no negatives: the control that a comparison needs.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from cmmd_bench.claims import differences
from cmmd_bench.content import content_digest
from cmmd_bench.errors import UserError
from cmmd_gen.cmmd.latents import Sources, measure, pairs
from cmmd_gen.cmmd.negatives import check_sources, cut_windows, draw_negatives, draw_positives
from cmmd_gen.cmmd.objective import contrastive_loss, gradient_ratio, joint_loss
from cmmd_gen.cmmd.presets import SAMPLES_PER_FRAME, Preset
from cmmd_gen.cmmd.scales import Scales
from cmmd_gen.cmmd.unet import CMMDUNet
from cmmd_gen.data.cache import Cache
from cmmd_gen.diffusion.schedules import cosine
from cmmd_gen.diffusion.steps import draw_steps
from cmmd_gen.training import Learner, Plan, Session, rates
from cmmd_gen.training.session import STATE, Samples, config_of
from cmmd_gen.types import Pair

ETA = 5e-5
"""Appendix B.2; the "eta 5" of Table 4 is a lost exponent."""
RATIO_EVERY = 100
"""Steps between two looks at how hard the negatives pull: two more backward passes."""


def train(
    out: Path,
    cache: Cache,
    preset: Preset,
    plan: Plan,
    *,
    eta: float | None = None,
    start: Path | None = None,
    device: str = "cpu",
    samples: Callable[[CMMDUNet, Scales], Samples] | None = None,
    advance: Callable[[], None] = lambda: None,
) -> None:
    """Train nCMMD (`eta` None) or CMMD, from nothing or from a state of nCMMD, into `out`.

    cache: clips encoded by `latents.Encode`; samples: makes the callback that draws validation clips
    Raises UserError: see `Session`, and `negatives.check_sources` for data that negatives cannot be drawn from.
    """
    sources = Sources(cache)
    window = {"frames": preset.network.frames, "samples_per_frame": SAMPLES_PER_FRAME}
    check_sources(sources, **window, negatives=bool(eta))
    plan = planned(plan, sources, preset, out, start)
    scales = Scales(**plan.config["scales"])
    torch.manual_seed(plan.seed)
    unet = CMMDUNet(preset.network)
    learner = Learner(
        unet,
        torch.optim.Adam(unet.parameters(), betas=preset.betas),
        rate=preset.rate(plan.steps),
        clip=1.0,
        average=rates.average(preset.average),
    )
    show = None if samples is None else samples(learner.best, scales)  # type: ignore[arg-type]  # a copy of the U-Net
    with Session(
        out,
        plan,
        {"unet": learner},
        device=device,
        start=start,
        samples=show,
        watch=("video", "audio"),
        advance=advance,
    ) as session:
        draw = Draw(sources, preset, scales, session)
        for step in session.steps():
            if eta:
                _contrast(session, draw, eta, ratio=step % RATIO_EVERY == 0)
            else:
                _denoise(session, draw)


def planned(plan: Plan, sources: Sources, preset: Preset, out: Path, start: Path | None) -> Plan:
    """The plan with the scales: of the state to start from, whose weights know no others, else measured.

    Raises UserError for a state of another network or autoencoder, or of an earlier version, which does not say which.
    """
    before = None if start is None else config_of(start)
    if start is None or (before is None and (out / STATE).is_file()):
        # The second: a training that an earlier version began, whose scales were measured.
        scales = measure(sources, latent_scale=preset.latent_scale, mel_spread=preset.mel_spread, seed=plan.seed)
        return replace(plan, config={**plan.config, "scales": asdict(scales)})
    if before is None or not {"network", "autoencoder", "scales"} <= before.keys():
        raise UserError(
            f"--start {start} does not say which network, autoencoder and scales its weights belong to, or cannot be "
            "read: an earlier version may have written it. Give a state that `train ncmmd` of this version wrote."
        )
    now = json.loads(json.dumps(plan.config))
    changed = list(differences(before["network"], now["network"], "network"))
    changed += differences(before["autoencoder"]["digest"], now["autoencoder"]["digest"], "autoencoder")
    if changed:
        raise UserError(
            f"--start {start} is of another model ({'; '.join(changed)}). Start with the preset and the --autoencoder "
            "that it was trained with."
        )
    settings = {**plan.settings, "start_digest": content_digest(start)}
    return replace(plan, config={**plan.config, "scales": before["scales"]}, settings=settings)


class Draw:
    """The random parts of a step, in one order: windows, latents, steps, noise, and then what only negatives need."""

    def __init__(self, sources: Sequence[Any], preset: Preset, scales: Scales, session: Session) -> None:
        self.sources, self.preset, self.scales = sources, preset, scales
        self.batch, self.generator, self.device = session.batch, session.generator, session.device
        self.alpha_bar = torch.from_numpy(cosine()).to(self.device)
        self._cut = {"frames": preset.network.frames, "samples_per_frame": SAMPLES_PER_FRAME}

    def positives(self) -> tuple[list[tuple[int, int]], Pair]:
        """Windows, as places and as what the network sees."""
        frames = self.preset.network.frames
        places = draw_positives(self.sources, self.batch, frames=frames, generator=self.generator)
        windows = cut_windows(self.sources, places, **self._cut)
        return places, self._pairs(windows.video, windows.audio)

    def negatives(self, places: Sequence[tuple[int, int]]) -> Pair:
        """A video and a sound for each place that do not go with it."""
        drawn = draw_negatives(self.sources, places, **self._cut, generator=self.generator)
        return self._pairs(drawn.video, drawn.audio)

    def steps(self) -> torch.Tensor:
        """One n for each sample."""
        n = draw_steps(self.batch, len(self.alpha_bar), self.generator, stratified=self.preset.stratified)
        return n.to(self.device)

    def noise(self, like: Pair) -> Pair:
        """Noise for both sides."""
        return Pair(*(torch.randn(side.shape, generator=self.generator).to(self.device) for side in like))

    def _pairs(self, moments: torch.Tensor, audio: torch.Tensor) -> Pair:
        made = pairs(moments, audio, self.scales, self.preset.network.mel_length, self.generator)
        return Pair(*(side.to(self.device) for side in made))


def _denoise(session: Session, draw: Draw) -> None:
    _, positive = draw.positives()
    n, eps = draw.steps(), draw.noise(positive)
    with session.autocast():
        losses = joint_loss(session.models["unet"], positive, n, eps, draw.alpha_bar)
    session.update("unet", (losses.video + losses.audio).mean())
    session.record(video=losses.video.mean(), audio=losses.audio.mean())


def _contrast(session: Session, draw: Draw, eta: float, *, ratio: bool) -> None:
    places, positive = draw.positives()
    n, eps = draw.steps(), draw.noise(positive)
    negative = draw.negatives(places)
    with session.autocast():
        terms = contrastive_loss(
            session.models["unet"], positive, negative, n, eps, draw.noise(negative), draw.alpha_bar, eta=eta
        )
    pull = gradient_ratio(terms, list(session.learners["unet"].module.parameters())) if ratio else float("nan")
    session.update("unet", terms.loss)
    session.record(
        video=terms.positive.video.mean(),
        audio=terms.positive.audio.mean(),
        negative_video=(terms.negative_video.video + terms.negative_video.audio).mean(),
        negative_audio=(terms.negative_audio.video + terms.negative_audio.audio).mean(),
        hinged=terms.hinged,
        pull=pull,
    )
