"""Sizes of the networks, and the mel between them.

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


def _at_least_one(config: object, *names: str) -> None:
    for name in names:
        if getattr(config, name) < 1:
            raise ValueError(f"{name} must be 1 or more, found {getattr(config, name)}")


NETWORKS: Mapping[str, MelGANConfig] = MappingProxyType(
    {
        "paper": MelGANConfig(),
        "tiny": MelGANConfig(
            generator=GeneratorConfig(base=12, ratios=(4, 4, 4, 4)),
            discriminator=DiscriminatorConfig(base=4, widest=128),
        ),
    }
)
"""`paper` is the published MelGAN, 4.27 million parameters (Table 5). `tiny` fits in a megabyte of float16; its even
ratios cost two thirds of the multiplications of 8, 8, 2, 2 at the same number of parameters."""
