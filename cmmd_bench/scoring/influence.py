"""Which conditions move a model's score: the score with a condition's clips less the score without them, exactly.

The clips to listen to first: a set score hides that three broken clips of fifty may be all there is to it. For a
metric where lower is better a positive effect makes the model look worse, for the others a negative one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from cmmd_bench.errors import UserError, unknown_name
from cmmd_bench.metrics import per_clip_fad
from cmmd_bench.metrics.kad import SCALE
from cmmd_bench.metrics.leave_out import LeaveOut, frechet_leave_out, mmd_leave_out
from cmmd_bench.scoring.alignment import judge
from cmmd_bench.scoring.index import Scored
from cmmd_bench.scoring.measures import Scorer
from cmmd_bench.scoring.samples import RowOfTable
from cmmd_bench.scoring.sides import sides
from cmmd_bench.suites.metrics import Metric, SetMetric

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Effect:
    """What one condition does to a score; `harm` is the effect with the bad way being positive."""

    condition: str
    samples: tuple[str, ...]
    effect: float
    harm: float


@dataclass(frozen=True, slots=True)
class Influence:
    """The score of a row, and the effects of its conditions, the most harmful first."""

    model: str
    metric: str
    value: float
    effects: tuple[Effect, ...]


def influence(scored: Scored, label: str, model: str) -> Influence:
    """Effects on the score of `model` under the metric called `label`.

    Raises UserError for an unknown name, and where the score has no value or no effect of a single condition.
    """
    metric = _named(label, {metric.label: metric for metric in scored.metrics}, "metric in this table")
    of_task = {row.model: row for row in scored.rows if row.task == metric.task}
    row = _named(model, of_task, f"row of task {metric.task}")
    try:
        found = _leave_out(metric, row, scored.scorer)
    except ValueError as error:
        raise UserError(f"{label} of {model} has no influence of single conditions: {error}.") from None
    sign = 1.0 if metric.direction == "lower" or (metric.direction == "towards 1" and found.value > 1) else -1.0
    samples: dict[str, list[str]] = {}
    for sample in row.samples:
        samples.setdefault(sample.condition, []).append(sample.id)
    effects = [
        Effect(condition, tuple(samples[condition]), float(effect), sign * float(effect))
        for condition, effect in zip(found.labels, found.effects, strict=True)
    ]
    return Influence(model, label, found.value, tuple(sorted(effects, key=lambda e: (-e.harm, e.condition))))


def _leave_out(metric: Metric, row: RowOfTable, scorer: Scorer) -> LeaveOut:
    if not isinstance(metric, SetMetric):
        judged = [(s, judge(metric, s, scorer.views, seconds=scorer.seconds, fps=scorer.fps)) for s in row.samples]
        known = [(s.condition, j.value) for s, j in judged if j is not None and j.value is not None]
        return _of_mean([value for _, value in known], [condition for condition, _ in known])
    both = sides(metric, row.samples, scorer.features, scorer.reference)
    if metric.metric in ("fvd", "fad") and metric.dialect is None:
        return frechet_leave_out(both.x(), both.labels(), both.reference())
    if metric.metric == "kvd" and metric.dialect is None:
        return mmd_leave_out(both.x(), both.labels(), both.y())
    if metric.metric == "kad":
        x, y, kernel = both.for_kad()
        found = mmd_leave_out(x, both.labels(), y, kernel=kernel)
        return LeaveOut(SCALE * found.value, found.labels, SCALE * found.effects)
    if metric.metric == "fad-clip":
        return _of_mean(per_clip_fad(both.clips(), both.reference()).tolist(), both.clusters)
    raise ValueError(f"{metric.label} is no smooth function of the clips; ask for fad, kad, fvd or kvd")


def _of_mean(values: Sequence[float], conditions: Sequence[str]) -> LeaveOut:
    """Of a mean over clips."""
    labels = tuple(sorted(set(conditions)))
    if len(labels) < 2:
        raise ValueError(f"needs at least 2 conditions with a value, found {len(labels)}")
    numbers = np.array([labels.index(condition) for condition in conditions])
    array = np.array(values)
    left = len(array) - np.bincount(numbers)
    without = (array.sum() - np.bincount(numbers, weights=array)) / left
    return LeaveOut(float(array.mean()), labels, array.mean() - without)


def _named(name: str, table: dict[str, T], kind: str) -> T:
    if name not in table:
        raise unknown_name(kind, name, table)
    return table[name]
