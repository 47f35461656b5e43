"""The TOML of a suite as types: what may stand in it, with ranges.

A suite is the protocol of a benchmark. Every result is labelled with its suite, so a number can be read years later.
Unknown keys, wrong types and values out of range are refused (`cmmd_bench.suites.load_suite`).
"""

from fractions import Fraction
from typing import Any, Literal, Self

from pydantic import Field, PositiveFloat, PositiveInt, field_validator, model_validator

from cmmd_bench.suites.metrics import MetricConfig
from cmmd_bench.toml_files import Strict
from cmmd_bench.types import ClipSpec, Task, exact_rate

SCHEMA = 1
"""Version of this format; a suite with a higher number is refused."""


class DataConfig(Strict):
    """Where the clips come from: the first `conditions` items in an order drawn by the run's seed, and the references.

    `reference` counts further items that no condition uses; "all" takes every item of the split, conditions
    included (the paper's FAD).
    """

    dataset: str
    split: str = "test"
    conditions: PositiveInt
    reference: PositiveInt | Literal["all"]
    seed: int = 0
    options: dict[str, Any] = Field(default_factory=dict)


class ClipConfig(Strict):
    """What every clip looks like when it is generated from and when it is scored."""

    seconds: PositiveFloat
    fps: str | float | int
    size: tuple[PositiveInt, PositiveInt]
    sample_rate: PositiveInt

    @field_validator("fps", mode="before")
    @classmethod
    def _a_rate(cls, value: str | float) -> str:
        if isinstance(value, bool):
            raise ValueError(f"fps must be a number or a fraction, found {value}")
        rate = exact_rate(value)
        if rate <= 0:
            raise ValueError(f"fps must be above 0, found {value}")
        return str(rate)

    @property
    def spec(self) -> ClipSpec:
        """The same as the type that datasets and readers take; `size` is height, width."""
        height, width = self.size
        return ClipSpec(self.seconds, Fraction(self.fps), height, width, self.sample_rate)


class Suite(Strict):
    """A benchmark's protocol; see the built-in files beside this module for examples."""

    schema_version: int = Field(SCHEMA, alias="schema")
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    about: str = ""
    tasks: tuple[Task, ...] = Field(min_length=1)
    samples_per_condition: PositiveInt = 1
    data: DataConfig
    clip: ClipConfig
    metrics: tuple[MetricConfig, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for metric in self.metrics:
            if metric.task not in self.tasks:
                raise ValueError(f"metric {metric.label} is for task {metric.task}, which is not among {self.tasks}")
        labels = [(metric.task, metric.label) for metric in self.metrics]
        for task, label in labels:
            if labels.count((task, label)) > 1:
                raise ValueError(f"metric {label} stands twice for task {task}; results could not be told apart")
        return self

    def resolved(self) -> dict[str, Any]:
        """Every setting with its value, defaults included, ready for JSON."""
        return self.model_dump(mode="json", by_alias=True)
