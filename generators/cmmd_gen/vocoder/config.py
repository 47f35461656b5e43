"""Sizes of the networks and the course of a training.

Preset `paper` is the published MelGAN (4.27 million parameters, Table 5 of the CMMD paper) with CMMD's training: 65,536
samples at a time, feature weight 2, mel weight 10, least squares. Preset `tiny` can be trained on a CPU.

Lists are taken for tuples, so that a configuration read back from JSON equals the one that was written.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from types import MappingProxyType
from typing import Any, Self

from cmmd_gen.vocoder.mel import MelSettings


@dataclass(frozen=True)
class GeneratorConfig:
    """From mel to sound. Every stage raises the rate by its ratio and halves the width; the last one has `base`."""

    bands: int = 80
    base: int = 32
    ratios: tuple[int, ...] = (8, 8, 2, 2)
    blocks: int = 3
    """Residual blocks of a stage, with dilations 1, 3, 9, ..."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "ratios", tuple(self.ratios))
        if not self.ratios or any(ratio < 2 or ratio % 2 for ratio in self.ratios):
            raise ValueError(f"ratios must be even numbers, found {self.ratios}")
        _at_least_one(self, "bands", "base", "blocks")

    @property
    def hop(self) -> int:
        """Samples per mel frame."""
        return math.prod(self.ratios)


@dataclass(frozen=True)
class DiscriminatorConfig:
    """One critic per scale; a strided layer lowers the rate and raises the width by `stride`, up to `widest`."""

    scales: int = 3
    base: int = 16
    widest: int = 1024
    layers: int = 4
    stride: int = 4

    def __post_init__(self) -> None:
        _at_least_one(self, "scales", "layers", "stride")
        if self.base < 4 or self.base % 4 or self.widest % 4 or self.widest < self.base:
            raise ValueError(
                f"base and widest must be multiples of 4 with base <= widest, found {self.base} and {self.widest}"
            )
        for inputs, width in pairwise(self.widths):
            if width % (inputs // 4):
                raise ValueError(f"each width must be a multiple of its groups, found {width} and {inputs // 4}")

    @property
    def widths(self) -> tuple[int, ...]:
        """Of the first layer and the strided ones; these work in groups of 4 of their inputs."""
        return tuple(min(self.base * self.stride**i, self.widest) for i in range(self.layers + 1))


@dataclass(frozen=True)
class MelGANConfig:
    """All that a checkpoint must say of itself to be used."""

    mel: MelSettings = field(default_factory=MelSettings)
    generator: GeneratorConfig = field(default_factory=GeneratorConfig)
    discriminator: DiscriminatorConfig = field(default_factory=DiscriminatorConfig)

    def __post_init__(self) -> None:
        if (self.mel.hop, self.mel.bands) != (self.generator.hop, self.generator.bands):
            raise ValueError(
                f"the mel has hop {self.mel.hop} and {self.mel.bands} bands, the generator {self.generator.hop} and "
                f"{self.generator.bands}; they must be equal"
            )

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The configuration that `dataclasses.asdict` made a dictionary of."""
        return cls(
            MelSettings(**data["mel"]),
            GeneratorConfig(**data["generator"]),
            DiscriminatorConfig(**data["discriminator"]),
        )


@dataclass(frozen=True)
class Course:
    """How a training goes. All but the first three are the same in the paper's terms: see `objective`.

    segment: samples of a training example, a multiple of the hop
    rate: Adam's learning rate; `decay`: its share that is left at the end of half a cosine, 1 for a constant rate
    average: largest share that the running average of the generator's weights keeps per step, or None for none
    warm_up: share of the steps in which the mel distance alone teaches; critics come after. The paper has none
    filtered: probability that an example goes through random equalisers (`augmentation`)
    """

    steps: int
    batch: int
    segment: int
    rate: float = 1e-4
    decay: float = 1.0
    betas: tuple[float, float] = (0.5, 0.9)
    average: float | None = None
    warm_up: float = 0.0
    feature_weight: float = 2.0
    mel_weight: float = 10.0
    filtered: float = 0.5

    def __post_init__(self) -> None:
        object.__setattr__(self, "betas", tuple(self.betas))
        _at_least_one(self, "steps", "batch", "segment")
        for name in ("warm_up", "filtered"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must lie in [0, 1], found {getattr(self, name)}")


def _at_least_one(config: object, *names: str) -> None:
    for name in names:
        if getattr(config, name) < 1:
            raise ValueError(f"{name} must be 1 or more, found {getattr(config, name)}")


PRESETS: Mapping[str, MelGANConfig] = MappingProxyType(
    {
        "paper": MelGANConfig(),
        "tiny": MelGANConfig(
            generator=GeneratorConfig(base=12, ratios=(4, 4, 4, 4)),
            discriminator=DiscriminatorConfig(base=8, widest=128),
        ),
    }
)

COURSES: Mapping[str, Course] = MappingProxyType(
    {
        "paper": Course(steps=1_000_000, batch=16, segment=65_536),
        "tiny": Course(steps=5_000, batch=8, segment=8_192),
    }
)
