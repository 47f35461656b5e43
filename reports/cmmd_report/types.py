"""What a report is made of: a run and a study as their files tell it. Nothing here computes or draws."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cmmd_bench.scoring.results import PerClip, Result, Scores
from cmmd_bench.types import Task


@dataclass(frozen=True, slots=True)
class Sample:
    """One generated clip that a table counts. condition: id of the real clip it answers; index: of several answers."""

    model: str
    task: Task
    id: str
    condition: str
    index: int


@dataclass(frozen=True, slots=True)
class Run:
    """A scored run. manifest: run.json, empty for a folder that `score --out` wrote. name: how pages call it."""

    folder: Path
    name: str
    manifest: Mapping[str, Any]
    scores: Scores
    samples: Sequence[Sample]

    @property
    def tasks(self) -> list[Task]:
        """In the order of the table."""
        return list(dict.fromkeys(result.task for result in self.scores.results))

    def results(self, task: Task) -> list[Result]:
        """The cells of one task's table."""
        return [result for result in self.scores.results if result.task == task]

    def clip_values(self, metric: str, task: Task) -> dict[str, list[PerClip]]:
        """Values per clip under `metric`, by model, those that are defined."""
        ids = {(sample.model, sample.id) for sample in self.samples if sample.task == task}
        found: dict[str, list[PerClip]] = {}
        for value in self.scores.per_clip:
            if value.metric == metric and value.value is not None and (value.model, value.id) in ids:
                found.setdefault(value.model, []).append(value)
        return found


@dataclass(frozen=True, slots=True)
class Rating:
    """One answer that counts. clip: the condition's id; system: the model, or the reference."""

    rater: str
    section: str
    clip: str
    system: str
    sample: int
    question: str
    score: float
    lowest: float
    highest: float


@dataclass(frozen=True, slots=True)
class Study:
    """An exported study. analysis: analysis.json of `study analyse --out`."""

    folder: Path
    ratings: Sequence[Rating]
    analysis: Mapping[str, Any]
