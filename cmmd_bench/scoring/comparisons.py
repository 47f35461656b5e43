"""Model against model, for every metric of a table: differences on the same conditions, corrected for their number.

Two intervals side by side do not compare two models: what is common to both, the difficulty of the conditions and the
reference, drops out of the difference (`cmmd_bench.metrics.comparison`). All comparisons of one call are one family:
their p-values are corrected together (Holm), so that a table without any difference shows one in 5 % of tables.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from threadpoolctl import threadpool_limits

from cmmd_bench.errors import UserError, unknown_name
from cmmd_bench.metrics import per_clip_fad
from cmmd_bench.metrics.comparison import compare_statistic, compare_values
from cmmd_bench.metrics.dialects import dialect
from cmmd_bench.metrics.differences import Difference
from cmmd_bench.metrics.kad import SCALE
from cmmd_bench.metrics.multiplicity import holm
from cmmd_bench.metrics.neighbours import neighbour_scores
from cmmd_bench.metrics.set_comparison import compare_frechet, compare_mmd
from cmmd_bench.plugins import RESERVED
from cmmd_bench.scoring.index import Scored
from cmmd_bench.scoring.limits import FEWEST_FOR_LIMIT_INTERVAL, LIMIT_GROUPS, Indices, at_infinity
from cmmd_bench.scoring.measures import Scorer
from cmmd_bench.scoring.samples import RowOfTable
from cmmd_bench.scoring.sides import Sides, sides
from cmmd_bench.suites.metrics import Metric, SetMetric
from cmmd_bench.types import Direction, Task

LEVEL = 0.05

NEIGHBOUR_PERMUTATIONS = 499
"""Each one looks for all neighbours anew."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Model `a` minus model `b` under one metric; `difference` is None where it cannot be computed, and `why` says why.

    adjusted: Holm's p-value within the family of all comparisons of the call
    paired: whether over the same conditions; models without a condition in common are compared as two samples
    """

    task: Task
    metric: str
    direction: Direction
    a: str
    b: str
    difference: Difference | None
    adjusted: float | None = None
    why: str | None = None
    paired: bool = True

    @property
    def better(self) -> str | None:
        """The better model, if the difference survives the correction."""
        if self.difference is None or self.adjusted is None or self.adjusted > LEVEL or self.direction == "towards 1":
            return None
        a_is_lower = self.difference.estimate < 0
        return self.a if a_is_lower == (self.direction == "lower") else self.b


def compare_models(
    scored: Scored,
    *,
    models: Sequence[str] = (),
    metrics: Sequence[str] = (),
    advance: Callable[[], None] = lambda: None,
) -> list[Comparison]:
    """Every pair of models under every metric of their task.

    models, metrics: names and labels to compare; none means all. Without names the built-in rows take part only if
    there are fewer than two models. Raises UserError for an unknown name and where no metric has two rows.
    """
    todo = pairs(scored, models=models, metrics=metrics)
    found = []
    # One thread, as in scoring: sums in BLAS depend on how many share them.
    with threadpool_limits(limits=1):
        for metric, a, b in todo:
            found.append(_compared(metric, a, b, scored.scorer))
            advance()
    known = [i for i, comparison in enumerate(found) if comparison.difference is not None]
    adjusted = holm([d.p_value for i in known if (d := found[i].difference) is not None])
    for i, p_value in zip(known, adjusted, strict=True):
        found[i] = replace(found[i], adjusted=p_value)
    return found


def pairs(
    scored: Scored, *, models: Sequence[str] = (), metrics: Sequence[str] = ()
) -> list[tuple[Metric, RowOfTable, RowOfTable]]:
    """What `compare_models` will compare; UserErrors as there."""
    rows = _chosen(scored.rows, models)
    labels = {metric.label for metric in scored.metrics}
    for label in metrics:
        if label not in labels:
            raise unknown_name("metric in this table", label, labels)
    found = [
        (metric, a, b)
        for metric in scored.metrics
        if not metrics or metric.label in metrics
        for a, b in combinations([row for row in rows if row.task == metric.task], 2)
    ]
    if not found:
        does = ", ".join(f"{row.model} ({row.task})" for row in rows)
        raise UserError(f"no metric has two rows of its task to compare: {does}. Choose other rows or metrics.")
    return found


def difference_between(metric: Metric, a: RowOfTable, b: RowOfTable, scorer: Scorer) -> Difference | None:
    """`a` minus `b`; None where there are too few conditions for a comparison, ValueError where there is no value."""
    paired = _answer_the_same(a, b)
    if not isinstance(metric, SetMetric):
        values = [_judged(metric, row, scorer) for row in (a, b)]
        conditions = [[sample.condition for sample in row.samples] for row in (a, b)]
        return compare_values(values[0], conditions[0], values[1], conditions[1], paired=paired)
    x, y = _same_real(*(sides(metric, row.samples, scorer.features, scorer.reference) for row in (a, b)))
    if metric.metric == "fad-clip":
        clips = [per_clip_fad(side.clips(), side.reference()) for side in (x, y)]
        return compare_values(clips[0], x.clusters, clips[1], y.clusters, paired=paired)
    labels = x.real_labels()
    if metric.metric in ("fvd", "fad") and _of_plain_form(metric):
        ddof = dialect(metric.dialect).ddof if metric.dialect else 1
        reference = x.y() if labels else x.reference(ddof)
        return compare_frechet(
            *(x.x(), x.labels(), y.x(), y.labels(), reference),
            reference_conditions=labels,
            paired=paired,
            ddof=ddof,
        )
    if metric.metric == "kvd" and metric.dialect is None:
        return compare_mmd(x.x(), x.labels(), y.x(), y.labels(), x.y(), reference_conditions=labels, paired=paired)
    if metric.metric == "kad":
        return _compare_kad(x, y, labels, paired)
    if metric.metric in ("fvd-inf", "fad-inf"):
        return _compare_limits(x, y, paired)
    if metric.metric in ("precision", "recall", "density", "coverage"):
        return _compare_neighbours(metric.metric, x, y, paired)
    raise ValueError(f"dialect {metric.dialect} of {metric.metric} is for its value alone; compare {metric.metric}")


def _same_real(x: Sides, y: Sides) -> tuple[Sides, Sides]:
    """Both against the same real clips: a condition that one side lacks leaves the ground truths as well."""
    if x.published is not None:
        return x, y
    of_y = set(y.real)
    common = tuple(name for name in x.real if name in of_y)
    if len(common) < 2:
        raise ValueError(f"needs at least 2 ground truths of conditions that both answered, found {len(common)}")
    return replace(x, real=common), replace(y, real=common)


def _of_plain_form(metric: SetMetric) -> bool:
    """Whether a dialect of a Fréchet distance differs from it by its divisor alone, which comparisons can take."""
    habits = None if metric.dialect is None else dialect(metric.dialect)
    return habits is None or not (habits.ridge or habits.rounded_means)


def _compare_kad(x: Sides, y: Sides, labels: list[str] | None, paired: bool) -> Difference | None:
    """In units of 100 MMD², as KAD is."""
    (of_x, real, kernel), (of_y, *_) = x.for_kad(), y.for_kad()
    difference = compare_mmd(
        *(of_x, x.labels(), of_y, y.labels(), real),
        reference_conditions=labels,
        paired=paired,
        kernel=kernel,
    )
    if difference is None:
        return None
    return replace(
        difference,
        estimate=SCALE * difference.estimate,
        low=SCALE * difference.low,
        high=SCALE * difference.high,
        standard_error=SCALE * difference.standard_error,
    )


def _compare_limits(x: Sides, y: Sides, paired: bool) -> Difference | None:
    fewest = min(len(set(side.clusters)) for side in (x, y))
    if fewest < FEWEST_FOR_LIMIT_INTERVAL:
        raise ValueError(f"needs at least {FEWEST_FOR_LIMIT_INTERVAL} conditions, found {fewest}")
    of_x, of_y, reference = list(x.clips()), list(y.clips()), x.reference()

    def limit(kept: Indices) -> float:
        """Of items of x, or of items of y, which are numbered after them."""
        clips, first = (of_x, 0) if kept[0] < len(of_x) else (of_y, len(of_x))
        return at_infinity(clips, reference, kept - first).intercept

    return compare_statistic(limit, *(x.clusters, y.clusters), paired=paired, n_groups=LIMIT_GROUPS)


def _compare_neighbours(name: str, x: Sides, y: Sides, paired: bool) -> Difference | None:
    """Decided by swapping the models: these scores jump, and a jackknife of jumps says too much or too little."""
    (of_x, real), (of_y, _) = x.means(), y.means()
    clips = np.concatenate([of_x, of_y])
    difference = compare_statistic(
        lambda kept: float(getattr(neighbour_scores(clips[kept], real), name)),
        *(x.clusters, y.clusters),
        paired=paired,
        permutations=NEIGHBOUR_PERMUTATIONS,
    )
    if difference is None or difference.swap_p_value is None:
        return difference
    return replace(difference, p_value=difference.swap_p_value)


def _compared(metric: Metric, a: RowOfTable, b: RowOfTable, scorer: Scorer) -> Comparison:
    parts, paired = (metric.task, metric.label, metric.direction, a.model, b.model), _answer_the_same(a, b)
    try:
        difference = difference_between(metric, a, b, scorer)
    except ValueError as error:
        return Comparison(*parts, None, why=str(error), paired=paired)
    why = None if difference else f"fewer than 2 conditions that {'both' if paired else 'each'} answered"
    return Comparison(*parts, difference, why=why, paired=paired)


def _chosen(rows: Sequence[RowOfTable], models: Sequence[str]) -> list[RowOfTable]:
    names = list(dict.fromkeys(row.model for row in rows))
    for name in models:
        if name not in names:
            raise unknown_name("row in this table", name, names)
    chosen = list(dict.fromkeys(models)) or [name for name in names if name not in RESERVED]
    if len(chosen) < 2 and not models:
        chosen = names
    if len(chosen) < 2:
        raise UserError(f"a comparison needs two rows, found {', '.join(chosen) or 'none'}. Known: {', '.join(names)}.")
    return [row for row in rows if row.model in chosen]


def _judged(metric: Metric, row: RowOfTable, scorer: Scorer) -> list[float | None]:
    """One value a sample; ValueError with the table's own reason where no sample has one."""
    result, per_clip = scorer.score(metric, row)
    if result.value is None:
        raise ValueError(result.why)
    values = {clip.id: clip.value for clip in per_clip}
    return [values.get(sample.id) for sample in row.samples]


def _answer_the_same(a: RowOfTable, b: RowOfTable) -> bool:
    """Whether both answer real clips, and some of the same."""
    asked = [{s.condition for s in row.samples if s.real is not None} for row in (a, b)]
    return bool(asked[0] & asked[1])
