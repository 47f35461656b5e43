"""The tiny autoencoder's training. There is no paper preset: CMMD uses Stable Diffusion's autoencoder as it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType

from cmmd_bench.types import ClipSpec
from cmmd_gen.autoencoder.tiny import TinyConfig
from cmmd_gen.training.rates import Rate, cosine


@dataclass(frozen=True)
class Preset:
    """What a preset decides beyond the network.

    source: a training clip, of which single pictures are drawn
    batch: pictures a step
    peak_rate: AdamW's learning rate, the highest of a cosine
    average: most of the running average of weights that a step keeps
    """

    network: TinyConfig
    source: ClipSpec
    steps: int
    batch: int
    peak_rate: float
    average: float

    def rate(self, steps: int) -> Rate:
        """The learning rate of a training of `steps` steps."""
        return cosine(self.peak_rate, steps=steps)


PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        "tiny": Preset(
            network=TinyConfig(),
            # As the other tiny presets have it, so that they share stored clips.
            source=ClipSpec(2.6, Fraction(10), 64, 64, 16_000),
            steps=3500,
            batch=16,
            peak_rate=2e-3,
            average=0.995,
        ),
    }
)
