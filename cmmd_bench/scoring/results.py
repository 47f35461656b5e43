"""Results: one record per model, task and metric, and how they stand in results.json.

results.json holds no time and nothing of the machine; the same samples give the same bytes, whoever scores them.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cmmd_bench.atomic import write_json, write_json_lines
from cmmd_bench.errors import UserError
from cmmd_bench.types import Direction, Task

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Result:
    """One cell of the table. `value` is None where it could not be computed, and `why` says why.

    low, high: 95 % interval; interval: its method; about: what it is an interval for. n: conditions; n_samples: clips;
    n_reference: real clips, or rows behind published statistics, 0 if these do not say. chance: what unrelated clips
    would score, for alignment metrics; corrected = (value - chance) / (1 - chance).
    excluded: clips that the metric is undefined for or whose partner is missing.
    caution: what a reader has to know before trusting the value.
    """

    model: str
    task: Task
    metric: str
    value: float | None
    direction: Direction
    unit: str
    n: int
    n_samples: int
    n_reference: int
    low: float | None = None
    high: float | None = None
    interval: str | None = None
    about: str | None = None
    chance: float | None = None
    corrected: float | None = None
    excluded: int = 0
    why: str | None = None
    caution: str | None = None


@dataclass(frozen=True, slots=True)
class PerClip:
    """One sample's own value under a per-clip metric, None where undefined, and what chance would score on it."""

    model: str
    id: str
    metric: str
    value: float | None
    chance: float | None = None


@dataclass(frozen=True, slots=True)
class Scores:
    """Everything a scoring produced: the table, the values per clip, and clips that deserve a look."""

    protocol: Mapping[str, Any]
    results: Sequence[Result]
    per_clip: Sequence[PerClip]
    failures: Sequence[Mapping[str, str]]
    findings: Sequence[Mapping[str, Any]]

    @property
    def complete(self) -> bool:
        """Whether everything asked for was computed."""
        return not self.failures and all(result.value is not None for result in self.results)

    def to_json(self) -> dict[str, Any]:
        """What stands in results.json."""
        return {
            "schema": SCHEMA,
            "protocol": dict(self.protocol),
            "results": [asdict(result) for result in self.results],
            "failures": [dict(failure) for failure in self.failures],
            "findings": [dict(finding) for finding in self.findings],
        }


def write_scores(folder: Path, scores: Scores) -> None:
    """Write scores.jsonl, then results.json: where the latter is, both are whole."""
    write_json_lines(folder / "scores.jsonl", [asdict(value) for value in scores.per_clip])
    write_json(folder / "results.json", scores.to_json())


def read_results(folder: Path) -> Scores:
    """Read results.json of a folder; the values per clip are in scores.jsonl beside it and stay there."""
    path = folder / "results.json"
    if not path.is_file():
        raise UserError(
            f"no results at {path}: the run has not been scored yet. Run the same `run` command to finish it."
        )
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise UserError(f"{path} is not JSON ({error.msg}, line {error.lineno}). Score the run again.") from None
    if table.get("schema", 0) > SCHEMA:
        raise UserError(f"{path} has schema {table['schema']}; this version reads up to {SCHEMA}. Upgrade cmmd-bench.")
    try:
        results = [Result(**entry) for entry in table["results"]]
        return Scores(table["protocol"], results, (), table["failures"], table["findings"])
    except (KeyError, TypeError) as error:
        raise UserError(
            f"{path} is no table of results ({error}). Score the run again, or mend what was typed."
        ) from None
