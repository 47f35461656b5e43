"""Training of MelGAN as the CMMD paper does it: least squares, feature matching and a strong pull on the mel.

One step: cut sounds, change their loudness and colour at random, take their mels, make sounds of these; the critics
learn to tell them apart, then the generator learns to fool them. Before that, in the warm-up of a preset that has one,
only the distance of mels teaches and the columns of the critics are empty (nan).
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from cmmd_bench.types import Clip, Item
from cmmd_gen.data.cache import Cache
from cmmd_gen.data.clips import sound
from cmmd_gen.training import Learner, Plan, Session, rates
from cmmd_gen.training.session import Samples
from cmmd_gen.vocoder.augmentation import example
from cmmd_gen.vocoder.discriminator import Discriminator, Opinion
from cmmd_gen.vocoder.mel import MelSettings, log_mel
from cmmd_gen.vocoder.melgan import Generator, vocode
from cmmd_gen.vocoder.objective import adversarial_loss, discriminator_loss, feature_loss, mel_loss
from cmmd_gen.vocoder.presets import Preset

_NAN = float("nan")


def train(
    out: Path,
    cache: Cache,
    preset: Preset,
    plan: Plan,
    *,
    device: str = "cpu",
    samples: Callable[[Generator], Samples] | None = None,
    advance: Callable[[], None] = lambda: None,
) -> None:
    """Train into `out`; `plan.config` is the preset's network as a dictionary, which `melgan.load_generator` reads.

    cache: stored clips with "audio" (T,) int16 at the rate of the preset's mel; samples: makes the callback that draws
    validation clips, such as `copies`. Raises UserError: see `Session`.
    """
    torch.manual_seed(plan.seed)
    network = preset.network
    generator, critics = Generator(network.generator), Discriminator(network.discriminator)
    rate, average = preset.rate(plan.steps), None if preset.average is None else rates.average(preset.average)
    adam = torch.optim.Adam
    learners = {
        "generator": Learner(generator, adam(generator.parameters(), betas=preset.betas), rate=rate, average=average),
        "discriminator": Learner(critics, adam(critics.parameters(), betas=preset.betas), rate=rate),
    }
    show = None if samples is None else samples(learners["generator"].best)  # type: ignore[arg-type]  # a Generator
    with Session(out, plan, learners, device=device, samples=show, watch=("mel",), advance=advance) as session:
        for step in session.steps():
            real = draw(cache, preset, session.batch, session.generator).to(session.device)
            with session.autocast():
                made = session.models["generator"](log_mel(real, network.mel))
            distance = mel_loss(real, made, network.mel)
            if step < preset.warm_up * plan.steps:
                _imitate(session, preset, distance)
            else:
                _compete(session, preset, real, made, distance)


def draw(cache: Cache, preset: Preset, batch: int, generator: torch.Generator) -> Tensor:
    """Examples (batch, segment) of randomly chosen clips."""
    examples = [
        example(
            sound(cache[index]["audio"]),
            preset.segment,
            generator,
            sample_rate=preset.network.mel.sample_rate,
            filtered=preset.filtered,
        )
        for index in torch.randint(len(cache), (batch,), generator=generator).tolist()
    ]
    return torch.from_numpy(np.stack(examples))


def copies(generator: Generator, clips: Sequence[tuple[Item, Clip]], mel: MelSettings) -> Samples:
    """Validation by copy synthesis: each clip with the sound that is made from its own mel, to hear what is lost."""

    def show(step: int) -> list[tuple[Item, Clip]]:  # noqa: ARG001  (the same clips at every step)
        return [(item, _copy(generator, clip, mel)) for item, clip in clips]

    return show


def _imitate(session: Session, preset: Preset, distance: Tensor) -> None:
    session.update("generator", preset.mel_weight * distance)
    session.record(discriminator=_NAN, adversarial=_NAN, features=_NAN, mel=distance)


def _compete(session: Session, preset: Preset, real: Tensor, made: Tensor, distance: Tensor) -> None:
    with session.autocast():
        both = session.models["discriminator"](torch.cat([real, made.detach()]))
    on_real, on_made = zip(*(_halves(opinion) for opinion in both), strict=True)
    told_apart = discriminator_loss(on_real, on_made)
    session.update("discriminator", told_apart)
    # The critics' own gradients are not needed now, nor their exchange between processes: the bare module will do.
    critics = session.learners["discriminator"].module.requires_grad_(False)
    with session.autocast():
        opinions = critics(made)
    critics.requires_grad_(True)
    # As in MelGAN's code, the real side was looked at before the critics' update.
    adversarial, features = adversarial_loss(opinions), feature_loss(on_real, opinions)
    session.update("generator", adversarial + preset.feature_weight * features + preset.mel_weight * distance)
    session.record(discriminator=told_apart, adversarial=adversarial, features=features, mel=distance)


def _halves(opinion: Opinion) -> tuple[Opinion, Opinion]:
    """Of a batch of real sounds and as many made ones."""
    pairs = [x.chunk(2) for x in (*opinion.features, opinion.score)]
    first, second = ([pair[side] for pair in pairs] for side in (0, 1))
    return Opinion(tuple(first[:-1]), first[-1]), Opinion(tuple(second[:-1]), second[-1])


def _copy(generator: Generator, clip: Clip, mel: MelSettings) -> Clip:
    if clip.audio is None:
        raise ValueError("copy synthesis needs clips with sound")
    device = next(generator.parameters()).device
    wav = torch.from_numpy(clip.audio)[None].to(device)
    made = vocode(generator, log_mel(wav, mel), len(clip.audio))[0].cpu().numpy()
    return Clip(clip.video, clip.fps, made, clip.sample_rate)
