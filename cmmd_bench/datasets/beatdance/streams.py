"""Where randomness comes from: one independent stream for each part of each clip.

A stream depends on (seed, split, index, part) alone. Drawing more numbers for one part therefore changes no other
part, and no clip depends on what was rendered before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar, get_args

import numpy as np

from cmmd_bench.datasets.procedural import SPLITS, Split

Part = Literal["song", "music", "kit", "dance", "body", "stage", "camera"]
PARTS: tuple[Part, ...] = get_args(Part)

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Key:
    """Names one performance, whatever the length, size and rates it is rendered at."""

    seed: int
    split: Split
    index: int


def stream(key: Key, part: Part) -> np.random.Generator:
    """The random numbers of one part of a performance, from their beginning."""
    place = (SPLITS.index(key.split), key.index, PARTS.index(part))
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(key.seed, spawn_key=place)))


def pick(rng: np.random.Generator, options: Sequence[_T]) -> _T:
    """One of the options, each equally likely."""
    return options[int(rng.random() * len(options))]


def between(rng: np.random.Generator, limits: tuple[float, float]) -> float:
    """A number drawn evenly between two limits."""
    return float(limits[0] + rng.random() * (limits[1] - limits[0]))
