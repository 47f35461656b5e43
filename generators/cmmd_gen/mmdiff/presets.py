"""The two presets as wholes: what the network sees, how it is trained, how it samples.

paper   the published setting: 64x64 pixels, 16 kHz, batch 128 over 32 GPUs, AdamW 1e-4, EMA 0.9999; conditional
        sampling by the zero-shot gradient method over 1000 steps
tiny    16x16 pixels, 3,840 Hz, brought to 64x64 by the tiny super-resolution model; trained on a CPU in hours. What
        the published setting leaves to size a small network needs help with: velocities instead of noise, the cosine
        schedule, which spends its steps where there is something to see, sound compressed by mu-law, and windows that
        do not shift: a frame that sees the sound of any other learns no timing in so short a training

A checkpoint carries in its card what its weights mean (`meaning`), and is read by that, whatever a preset says today.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, get_args

import torch

from cmmd_bench.errors import ENVIRONMENT, UserError
from cmmd_bench.types import ClipSpec, Task
from cmmd_gen.checkpoint import Card
from cmmd_gen.diffusion import schedules
from cmmd_gen.mmdiff.conditional import PUBLISHED_SCALE, corrected_scale
from cmmd_gen.mmdiff.config import PRESETS as NETWORKS
from cmmd_gen.mmdiff.config import MMDiffConfig
from cmmd_gen.mmdiff.objective import Prediction
from cmmd_gen.training.rates import Rate, constant, cosine

SOURCE_RATE = 16_000
_MEANING = ("prediction", "schedule", "mu", "frame_size")
MARGIN_FRAMES = 8
"""A stored clip is so much longer than a window, which starts anywhere in it; as CMMD's, so that both share them."""


Schedule = Literal["linear", "cosine"]
ChainName = Literal["few-step", "ddpm"]
Sampler = Literal["few-step", "dpm-solver", "dpm-solver-adaptive", "ancestral", "ddim"]

SAMPLER_STEPS: Mapping[str, int] = MappingProxyType(
    {"few-step": 20, "dpm-solver": 20, "dpm-solver-adaptive": 0, "ancestral": 1000, "ddim": 25}
)
"""Evaluations of the samplers of `sampling` as they are commonly used; the adaptive one finds its own number."""


@dataclass(frozen=True)
class Sampling:
    """How a clip is made.

    chain: for a given side, "few-step" (`conditional_few_step`) or "ddpm" (`conditional`)
    steps: evaluations for a given side
    order: of few-step
    scale: of the gradient, by task; 0 is replacement
    sampler: without a given side, one of `sampling`
    sampler_steps: its evaluations
    """

    chain: ChainName
    steps: int
    order: Literal[1, 2]
    scale: Mapping[str, float]
    sampler: Sampler
    sampler_steps: int


@dataclass(frozen=True)
class Preset:
    """What a preset decides beyond the network.

    prediction, schedule: what the network is trained on (`objective`, `schedules`)
    mu: of the compression of sound (`windows`); 0 for none
    frame_size: pixels of the stored frames; a multiple of the network's, to which they are averaged
    superres: whether the generated frames go through the super-resolution model
    peak_rate: AdamW's learning rate; falling as a cosine if `annealed`
    clip: largest norm of the gradient; the official training has none, a small batch needs one
    average: most of the running average that a step keeps
    sampling_batch: clips sampled together, by task
    samplings: how clips are made, by the chain; the first is the preset's own
    """

    network: MMDiffConfig
    prediction: Prediction
    schedule: Schedule
    mu: float
    frame_size: int
    superres: bool
    steps: int
    batch: int
    peak_rate: float
    annealed: bool
    clip: float | None
    average: float
    stratified: bool
    sampling_batch: Mapping[Task, int]
    samplings: Mapping[ChainName, Sampling]

    @property
    def source(self) -> ClipSpec:
        """A training clip."""
        fps = Fraction(self.network.fps)
        seconds = float((self.network.frames + MARGIN_FRAMES) / fps)
        return ClipSpec(seconds, fps, self.frame_size, self.frame_size, SOURCE_RATE)

    @property
    def sampling(self) -> Sampling:
        """The preset's own."""
        return next(iter(self.samplings.values()))

    @property
    def meaning(self) -> dict[str, Any]:
        """What the weights of a network mean, for its card: JSON."""
        return {"network": asdict(self.network), **{name: getattr(self, name) for name in _MEANING}}

    def rate(self, steps: int) -> Rate:
        """The learning rate of a training of `steps` steps."""
        return cosine(self.peak_rate, steps=steps) if self.annealed else constant(self.peak_rate)

    def alpha_bar(self) -> torch.Tensor:
        """The schedule, (1000,) float64."""
        return torch.from_numpy(schedules.linear() if self.schedule == "linear" else schedules.cosine())


PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        "paper": Preset(
            network=NETWORKS["paper"],
            prediction="noise",
            schedule="linear",
            mu=0.0,
            frame_size=64,
            superres=False,
            steps=100_000,
            batch=128,
            peak_rate=1e-4,
            annealed=False,
            clip=None,
            average=0.9999,
            stratified=False,
            # Of the published scripts. The official strength of guidance goes with it.
            sampling_batch=MappingProxyType({"v2a": 2, "a2v": 1, "joint": 4}),
            samplings=MappingProxyType(
                {
                    # As strong as the published scripts are at those batches: 16 / 2 and 122.88 / 1.
                    "ddpm": Sampling(
                        "ddpm",
                        1000,
                        1,
                        MappingProxyType(
                            {
                                "v2a": corrected_scale(PUBLISHED_SCALE, batch=2, elements=16 * 3 * 64 * 64),
                                "a2v": corrected_scale(PUBLISHED_SCALE, batch=1, elements=25_600),
                            }
                        ),
                        "dpm-solver",
                        SAMPLER_STEPS["dpm-solver"],
                    ),
                    # Where the answer is known scales of 1 to 3 come closest (`conditional`).
                    "few-step": Sampling("few-step", 20, 2, MappingProxyType({"v2a": 2.0, "a2v": 2.0}), "few-step", 20),
                }
            ),
        ),
        "tiny": Preset(
            network=NETWORKS["tiny"],
            prediction="velocity",
            schedule="cosine",
            mu=15.0,
            frame_size=64,
            superres=True,
            steps=2_000,
            batch=8,
            peak_rate=1e-3,
            annealed=True,
            clip=1.0,
            average=0.998,
            stratified=True,
            sampling_batch=MappingProxyType({"v2a": 8, "a2v": 8, "joint": 8}),
            samplings=MappingProxyType(
                {
                    # On 16 clips of beatdance's split `val` in 10 to 16 steps: for v2a a gradient of 2 or 4 hits 0.46
                    # to 0.52 of the beats, replacement 0.31 to 0.41; for a2v they are alike, and replacement is cheap.
                    "few-step": Sampling("few-step", 10, 2, MappingProxyType({"v2a": 2.0, "a2v": 0.0}), "few-step", 12),
                    # Not tuned: what it is there for is the algorithm.
                    "ddpm": Sampling(
                        "ddpm",
                        1000,
                        1,
                        MappingProxyType({"v2a": 2.0, "a2v": 1.0}),
                        "dpm-solver",
                        SAMPLER_STEPS["dpm-solver"],
                    ),
                }
            ),
        ),
    }
)


def preset_of(path: Path, card: Card, network: MMDiffConfig) -> Preset:
    """The preset that the checkpoint `path` was trained with, whatever it says today; network: the card's.

    Raises UserError (environment) for a card that does not say what the network predicts and sees; ValueError for one
    that says what is not known here.
    """
    missing = [name for name in _MEANING if name not in card.config]
    if missing:
        raise UserError(
            f"{path}: the config on its card has no {', '.join(missing)}. Checkpoints once did not say what the "
            "network predicts and sees; without that its clips would be noise. Train it again.",
            exit_code=ENVIRONMENT,
        )
    meaning = {name: card.config[name] for name in _MEANING}
    for name, known in (("prediction", get_args(Prediction)), ("schedule", get_args(Schedule))):
        if meaning[name] not in known:
            raise ValueError(f"{name} must be {' or '.join(known)}, got {meaning[name]!r}")
    if not isinstance(meaning["mu"], float | int) or not meaning["mu"] >= 0:
        raise ValueError(f"mu must be a number from 0, got {meaning['mu']!r}")
    if not isinstance(meaning["frame_size"], int) or not _shrinks(meaning["frame_size"], network.size):
        raise ValueError(f"frame_size must be a multiple of the network's {network.size}, got {meaning['frame_size']}")
    return replace(PRESETS[card.preset], network=network, **meaning)


def _shrinks(frame_size: int, size: int) -> bool:
    return frame_size >= size and frame_size % size == 0
