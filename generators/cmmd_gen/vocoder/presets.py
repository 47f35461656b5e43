"""The two presets as wholes: networks, data and the course of a training.

paper   Table 5 of the CMMD paper: 65,536 samples at a time, feature weight 2, mel weight 10; the rest as MelGAN: batch
        16, Adam 1e-4 with betas 0.5 and 0.9. MelGAN itself was trained on 8,192 samples
tiny    8,192 samples at a time, on a CPU; at first the distance of mels alone teaches, because the critics cost more
        than half of a step
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from fractions import Fraction
from types import MappingProxyType
from typing import Any

from cmmd_bench.types import ClipSpec
from cmmd_gen.training.rates import Rate, constant, cosine
from cmmd_gen.vocoder.config import NETWORKS, MelGANConfig


@dataclass(frozen=True)
class Preset:
    """What a preset decides beyond the networks.

    source: a training clip, of which examples of `segment` samples are cut
    peak_rate: Adam's learning rate; of `decays`, the highest of a cosine
    average: most of the running average of the generator that a step keeps; None: no average
    warm_up: share of the steps before the critics come
    filtered: probability that an example goes through random equalisers
    """

    network: MelGANConfig
    source: ClipSpec
    steps: int
    batch: int
    segment: int
    peak_rate: float
    decays: bool
    betas: tuple[float, float]
    average: float | None
    warm_up: float
    feature_weight: float = 2.0
    mel_weight: float = 10.0
    filtered: float = 0.5

    def rate(self, steps: int) -> Rate:
        """The learning rate of a training of `steps` steps."""
        return cosine(self.peak_rate, steps=steps) if self.decays else constant(self.peak_rate)

    @property
    def course(self) -> dict[str, Any]:
        """All that decides a training besides networks, data, steps and batch; JSON, for `Plan.settings`."""
        elsewhere = ("network", "source", "steps", "batch")
        course = {each.name: getattr(self, each.name) for each in fields(self) if each.name not in elsewhere}
        return {**course, "betas": list(self.betas)}


PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        "paper": Preset(
            network=NETWORKS["paper"],
            # Frames are small because they are not looked at.
            source=ClipSpec(5.0, Fraction(10), 64, 64, 16_000),
            steps=1_000_000,
            batch=16,
            segment=65_536,
            peak_rate=1e-4,
            decays=False,
            betas=(0.5, 0.9),
            average=None,
            warm_up=0.0,
        ),
        "tiny": Preset(
            network=NETWORKS["tiny"],
            # As the other tiny presets have it, so that they share stored clips.
            source=ClipSpec(2.6, Fraction(10), 64, 64, 16_000),
            steps=4_000,
            batch=8,
            segment=8_192,
            peak_rate=1e-3,
            decays=True,
            betas=(0.5, 0.9),
            average=0.99,
            warm_up=0.75,
        ),
    }
)
