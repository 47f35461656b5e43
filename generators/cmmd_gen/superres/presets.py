"""The two presets of super-resolution as wholes: network, training and sampling.

paper   64 -> 256 pixels as published: batch 6 on each of 8 GPUs, AdamW 1e-4, EMA 0.9999, begun from guided diffusion's
        64_256 upsampler; DDIM over 25 steps. How many steps the published weights took is not known
tiny    16 -> 64 pixels for the tiny MM-Diffusion: a quarter of an hour on one core, DDIM over 5 steps
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType

from cmmd_bench.types import ClipSpec
from cmmd_gen.superres.config import NETWORKS, SuperresConfig
from cmmd_gen.superres.spoiling import Spoiling
from cmmd_gen.training.rates import Rate, constant, cosine


@dataclass(frozen=True)
class Preset:
    """What a preset decides beyond the network.

    source: a training clip, of which single frames are drawn
    batch: frames a step
    peak_rate: AdamW's learning rate; falling as a cosine if `annealed`
    clip: largest norm of the gradient
    average: most of the running average of weights that a step keeps
    spec: the steps that sampling visits
    """

    network: SuperresConfig
    spoiling: Spoiling
    source: ClipSpec
    steps: int
    batch: int
    peak_rate: float
    annealed: bool
    clip: float | None
    average: float
    stratified: bool
    spec: str

    def rate(self, steps: int) -> Rate:
        """The learning rate of a training of `steps` steps."""
        return cosine(self.peak_rate, steps=steps) if self.annealed else constant(self.peak_rate)


PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        "paper": Preset(
            network=NETWORKS["paper"],
            spoiling=Spoiling(),
            source=ClipSpec(2.4, Fraction(10), 256, 256, 16_000),
            steps=100_000,
            batch=48,
            peak_rate=1e-4,
            annealed=False,
            clip=None,
            average=0.9999,
            stratified=False,
            spec="ddim25",
        ),
        "tiny": Preset(
            network=NETWORKS["tiny"],
            # The mean of each square is what the tiny MM-Diffusion sees. Noise is mild and JPEG, whose blocks are half
            # as wide as its frames, is left out: 16x16 pixels have nothing to spare.
            spoiling=Spoiling(shrink="area", noise_to=6.0, jpeg=0.0),
            # As the other tiny presets have it, so that they share stored clips.
            source=ClipSpec(2.6, Fraction(10), 64, 64, 16_000),
            steps=3_000,
            batch=8,
            peak_rate=4e-3,
            annealed=True,
            clip=1.0,
            average=0.995,
            stratified=True,
            spec="ddim5",
        ),
    }
)
