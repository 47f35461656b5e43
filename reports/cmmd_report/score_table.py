"""The table of one task, ready to be written: what stands in each cell, who is best, who is level with the best."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cmmd_bench.cli.scores import ARROWS, with_interval
from cmmd_bench.plugins import RESERVED
from cmmd_bench.scoring.results import Result
from cmmd_bench.types import Direction, Task
from cmmd_report.comparing import best
from cmmd_report.types import Run

ROLES = {"ground-truth": "ceiling", "shuffled": "floor", "noise": "floor"}


@dataclass(frozen=True, slots=True)
class Column:
    """One metric. arrow: which way is better; chance: whether unrelated clips score anything."""

    metric: str
    arrow: str
    direction: Direction
    unit: str


@dataclass(frozen=True, slots=True)
class Cell:
    """text: value with its interval, or a dash; mark: "best", "level" or none. why: the reason for a dash."""

    result: Result | None
    text: str
    mark: str
    chance: str
    why: str


@dataclass(frozen=True, slots=True)
class TableRow:
    """A model, or a row that frames the models: "ceiling" or "floor"."""

    model: str
    role: str
    n: int
    cells: Sequence[Cell]


@dataclass(frozen=True, slots=True)
class ScoreTable:
    """Rows are the ceiling, models in the order of the run, floors."""

    task: Task
    caption: str
    columns: Sequence[Column]
    rows: Sequence[TableRow]


def score_table(run: Run, task: Task, ties: Mapping[str, frozenset[str]]) -> ScoreTable:
    """The table of `task`; `ties`: metric -> models for which no difference from the best was shown."""
    results = run.results(task)
    first = {result.metric: result for result in reversed(results)}
    metrics = list(dict.fromkeys(result.metric for result in results))
    columns = [Column(m, ARROWS[first[m].direction], first[m].direction, first[m].unit) for m in metrics]
    cells = {(result.model, result.metric): result for result in results}
    winner = {metric: best([r for r in results if r.metric == metric]) for metric in metrics}
    rows = []
    for model in ordered(results):
        mine = [cells.get((model, metric)) for metric in metrics]
        n = max((result.n for result in mine if result is not None), default=0)
        marked = [cell(r, _mark(model, winner[m], ties.get(m))) for r, m in zip(mine, metrics, strict=True)]
        rows.append(TableRow(model, ROLES.get(model, "model"), n, marked))
    return ScoreTable(task, _caption(run, task, results), columns, rows)


def ordered(results: Sequence[Result]) -> list[str]:
    """Rows as tables list them: the ceiling, models, floors."""
    names = list(dict.fromkeys(result.model for result in results))
    models = [name for name in names if name not in RESERVED]
    return [*(n for n in names if n == "ground-truth"), *models, *(n for n in RESERVED[1:] if n in names)]


def _mark(model: str, winner: str | None, level: frozenset[str] | None) -> str:
    if model == winner:
        return "best"
    return "level" if level is not None and model in level else ""


def cell(result: Result | None, mark: str) -> Cell:
    """What stands for `result`, a dash where there is none."""
    if result is None or result.value is None:
        return Cell(result, "–", "", "", "" if result is None else result.why or "no reason was recorded")
    chance = "" if result.chance is None else f"{result.chance:.2f}"
    return Cell(result, with_interval(result.value, result.low, result.high), mark, chance, "")


def _caption(run: Run, task: Task, results: Sequence[Result]) -> str:
    suite = run.scores.protocol.get("suite")
    name = f"suite {suite['name']}" if suite else "clips of folders"
    conditions = sorted({result.n for result in results})
    real = sorted({result.n_reference for result in results if result.n_reference})
    n = f"{conditions[0]}" if len(conditions) == 1 else f"{conditions[0]} to {conditions[-1]}"
    against = f", {' or '.join(map(str, real))} real clips to compare with" if real else ""
    return f"{task}, {name}: {n} conditions{against}; 95 % intervals; arrows point to better."
