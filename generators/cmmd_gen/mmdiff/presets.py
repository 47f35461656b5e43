"""The two presets as wholes: what the network sees, how it is trained, how it samples.

paper   the published setting: 64x64 pixels, 16 kHz, batch 128 over 32 GPUs, AdamW 1e-4, EMA 0.9999; conditional
        sampling by the zero-shot gradient method over 1000 steps
tiny    16x16 pixels, 3,840 Hz, brought to 64x64 by the tiny super-resolution model; trained on a CPU in hours. What
        the published setting leaves to size a small network needs help with: velocities instead of noise, the cosine
        schedule, which spends its steps where there is something to see, and sound compressed by mu-law
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import Literal

import torch

from cmmd_bench.types import ClipSpec
from cmmd_gen.diffusion import schedules
from cmmd_gen.mmdiff.config import PRESETS as NETWORKS
from cmmd_gen.mmdiff.config import MMDiffConfig
from cmmd_gen.mmdiff.objective import Prediction
from cmmd_gen.training.rates import Rate, constant, cosine

SOURCE_RATE = 16_000
MARGIN_FRAMES = 8
"""A stored clip is so much longer than a window, which starts anywhere in it; as CMMD's, so that both share them."""


@dataclass(frozen=True)
class Sampling:
    """How a clip is made.

    chain: "few-step" (`sampling.few_step`, `conditional_few_step`) or "ddpm" (`sampling.dpm_solver`, `conditional`)
    steps: evaluations, of "ddpm" for a given side; without one the official 20 of DPM-Solver
    order: of few-step
    scale: of the gradient, by task; 0 is replacement
    """

    chain: Literal["few-step", "ddpm"]
    steps: int
    order: Literal[1, 2]
    scale: Mapping[str, float]


@dataclass(frozen=True)
class Preset:
    """What a preset decides beyond the network.

    prediction, schedule: what the network is trained on (`objective`, `schedules`)
    mu: of the compression of sound (`windows`); 0 for none
    frame_size: pixels of the stored frames; a multiple of the network's, to which they are averaged
    superres: whether the generated frames go through the super-resolution model
    average: most of the running average that a step keeps
    """

    network: MMDiffConfig
    prediction: Prediction
    schedule: Literal["linear", "cosine"]
    mu: float
    frame_size: int
    superres: bool
    steps: int
    batch: int
    average: float
    stratified: bool
    sampling_batch: int
    sampling: Sampling

    @property
    def source(self) -> ClipSpec:
        """A training clip."""
        fps = Fraction(self.network.fps)
        seconds = float((self.network.frames + MARGIN_FRAMES) / fps)
        return ClipSpec(seconds, fps, self.frame_size, self.frame_size, SOURCE_RATE)

    def rate(self, steps: int) -> Rate:
        """The learning rate of a training of `steps` steps."""
        return cosine(1e-3, steps=steps) if self.superres else constant(1e-4)

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
            average=0.9999,
            stratified=False,
            sampling_batch=2,
            sampling=Sampling("ddpm", 1000, 1, MappingProxyType({"v2a": 3.0, "a2v": 3.0})),
        ),
        "tiny": Preset(
            network=NETWORKS["tiny"],
            prediction="velocity",
            schedule="cosine",
            mu=15.0,
            frame_size=64,
            superres=True,
            steps=2_400,
            batch=4,
            average=0.998,
            stratified=True,
            sampling_batch=8,
            sampling=Sampling("few-step", 12, 2, MappingProxyType({"v2a": 2.0, "a2v": 1.0})),
        ),
    }
)
