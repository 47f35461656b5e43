"""What decides the numbers of a training; equal plans give equal weights."""

from dataclasses import dataclass, field
from typing import Any, Literal

FREE = ("save_every", "sample_every", "keep_every")
"""What may change when a training goes on, as no number depends on it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What decides the numbers of a training.

    config: the architecture, as the card will hold it
    save_every, sample_every, keep_every: steps between saves, looks at validation clips (0: never) and states to keep
    settings: data, rates and whatever else the loop needs; JSON
    """

    model: str
    preset: str
    config: dict[str, Any]
    steps: int
    batch: int
    seed: int
    precision: Literal["fp32", "bf16"] = "fp32"
    save_every: int = 500
    sample_every: int = 2000
    keep_every: int | None = None
    settings: dict[str, Any] = field(default_factory=dict)
