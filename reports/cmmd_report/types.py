"""What a report is made of: runs and a study as their files tell it. Nothing here computes or draws."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cmmd_bench.errors import UserError
from cmmd_bench.plugins import RESERVED
from cmmd_bench.scoring.index import Scored
from cmmd_bench.scoring.results import PerClip, Result, Scores
from cmmd_bench.types import Task


@dataclass(frozen=True, slots=True)
class Sample:
    """One generated clip that a table counts. condition: id of the real clip it answers; index: of several answers;
    file: None where the folder does not hold the clips."""

    model: str
    task: Task
    id: str
    condition: str
    index: int
    file: Path | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """A folder that rows of a table come from. manifest: run.json, empty for a folder that `score --out` wrote; rows:
    model in the folder -> its name in the table."""

    folder: Path
    manifest: Mapping[str, Any]
    protocol: Mapping[str, Any]
    rows: Mapping[str, str]

    @property
    def name(self) -> str:
        """How pages call it."""
        return self.folder.resolve().name


@dataclass(frozen=True, slots=True)
class Run:
    """Scored rows that may stand in one table: of one folder, or of several with one protocol (`joining`).

    scored: what `compare_models` and figures of features read; None for a table without scored.json
    """

    name: str
    sources: Sequence[Source]
    scores: Scores
    samples: Sequence[Sample] = ()
    scored: Scored | None = None

    @property
    def tasks(self) -> list[Task]:
        """In the order of the table."""
        return list(dict.fromkeys(result.task for result in self.scores.results))

    @property
    def suite(self) -> Mapping[str, Any] | None:
        """The suite of the run; None for clips of folders."""
        found: Mapping[str, Any] | None = self.scores.protocol.get("suite")
        return found

    @property
    def has_frame(self) -> bool:
        """Whether ceiling or floors stand in the table."""
        return any(result.model in RESERVED for result in self.scores.results)

    def index(self) -> Scored:
        """`scored`; UserError where it is missing."""
        if self.scored is None:
            raise UserError(f"{self.name} has no scored.json, which says what its numbers were made from")
        return self.scored

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
    """An exported study. analysis: analysis.json of `study analyse --out`. tasks: section -> its task, where known."""

    folder: Path
    ratings: Sequence[Rating]
    analysis: Mapping[str, Any]
    tasks: Mapping[str, Task] = field(default_factory=dict)
