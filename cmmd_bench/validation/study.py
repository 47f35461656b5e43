"""The sanity suite: every metric on every fault at every level, against the same clips untouched.

Half of the clips are scored, the other half is the reference, as if the scored ones were a model's. A metric's harm at
a level is its difference from the untouched clips, the bad way being positive, with the paired interval that `compare`
gives (`cmmd_bench.scoring.comparisons`). A metric is only asked about faults of a side that it looks at.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from threadpoolctl import threadpool_limits

from cmmd_bench.embedders.cache import FeatureCache
from cmmd_bench.errors import UserError
from cmmd_bench.extraction import Entry, Views
from cmmd_bench.metrics.differences import Difference
from cmmd_bench.parallel import default_workers
from cmmd_bench.progress import Progress, silent
from cmmd_bench.scoring.comparisons import difference_between
from cmmd_bench.scoring.measures import Scorer
from cmmd_bench.scoring.results import Result
from cmmd_bench.scoring.samples import RowOfTable, Sample
from cmmd_bench.scoring.table import check_metrics, sides_of
from cmmd_bench.suites.metrics import Metric
from cmmd_bench.types import Dataset, Item
from cmmd_bench.validation.faults import FAULTS, Fault
from cmmd_bench.validation.faulty import Faulty, Source, share

FEWEST = 8
"""Clips on either side, below which no metric can be expected to see anything."""

UNTOUCHED = "untouched"

Rows = dict[str, tuple[Fault | None, float]]
"""Name of a row -> the fault (None: untouched) and its level."""


@dataclass(frozen=True, slots=True)
class Step:
    """A metric at one level of a fault. harm: how much worse than untouched, in the metric's unit; None: no value."""

    level: float
    result: Result
    harm: Difference | None


@dataclass(frozen=True, slots=True)
class Curve:
    """A metric over the levels of a fault, after its value on untouched clips."""

    metric: Metric
    fault: Fault
    untouched: Result
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Validation:
    """All curves; clips: scored and reference; skipped: levels that the clips were too short for."""

    curves: tuple[Curve, ...]
    clips: tuple[int, int]
    skipped: tuple[str, ...]


def validate(
    faulty: Faulty,
    metrics: Sequence[Metric],
    *,
    faults: Sequence[Fault] = FAULTS,
    cache: Path | None = None,
    workers: int | None = None,
    progress: Progress = silent,
) -> Validation:
    """Score the clips of `faulty` under `metrics` with every fault at every level.

    Raises UserError for fewer than 16 clips, and where metrics lack what they need. Features are cached, so that the
    same call again, or one with more metrics, does only what is missing.
    """
    check_metrics(metrics)
    scored, reference = _halves(faulty.dataset)
    others = _partners(scored)
    rows: Rows = {UNTOUCHED: (None, 0.0)}
    skipped = []
    for fault in faults:
        for level in fault.levels:
            if fault.kind == "shift" and abs(level) > faulty.margin:
                skipped.append(f"{fault.name} of {level:g} s")
            else:
                rows[f"{fault.name}/{level:g}"] = (fault, level)
    entries = [
        Entry(source.name, faulty.fingerprint(source), source, extractors)
        for item in scored
        for of, level in rows.values()
        if (extractors := _extractors(metrics, of))
        for source in [Source(item, others[item.id], None if of is None else of.name, level)]
    ]
    for item in reference:
        source = Source(item, item)
        wanted = tuple(sorted({x for metric in metrics if metric.real == "reference" for x in metric.extractors}))
        entries.append(Entry(source.name, faulty.fingerprint(source), source, wanted))
    views = Views(FeatureCache(cache))
    with progress("make and embed faulty clips", len(entries)) as advance:
        views.extract(faulty, entries, str(faulty.spec), workers=workers or default_workers(), advance=advance)
    scorer = Scorer(views, [Source(item, item).name for item in reference], faulty.spec.seconds, float(faulty.spec.fps))
    table = {name: _row(name, of, level, scored, faulty) for name, (of, level) in rows.items()}
    curves = _curves(table, rows, faults, metrics, scorer, progress)
    return Validation(curves, (len(scored), len(reference)), tuple(skipped))


def touches(fault: Fault, metric: Metric) -> bool:
    """Whether a metric looks at the side of a clip that the fault is on."""
    return ("video" if fault.kind == "picture" else "audio") in sides_of(metric)


def _curves(
    table: dict[str, RowOfTable],
    rows: Rows,
    faults: Sequence[Fault],
    metrics: Sequence[Metric],
    scorer: Scorer,
    progress: Progress,
) -> tuple[Curve, ...]:
    curves = []
    wanted = [(metric, fault) for fault in faults for metric in metrics if touches(fault, metric)]
    # One thread, as in scoring a run: sums in BLAS depend on how many share them.
    with progress("score", len(wanted)) as advance, threadpool_limits(limits=1):
        plain = {metric.label: scorer.score(metric, table[UNTOUCHED])[0] for metric in metrics}
        for metric, fault in wanted:
            steps = [
                Step(level, scorer.score(metric, table[name])[0], _harm(metric, table[name], table[UNTOUCHED], scorer))
                for name, (of, level) in rows.items()
                if of is fault
            ]
            curves.append(Curve(metric, fault, plain[metric.label], tuple(steps)))
            advance()
    return tuple(curves)


def _harm(metric: Metric, faulty: RowOfTable, untouched: RowOfTable, scorer: Scorer) -> Difference | None:
    sides = (faulty, untouched) if metric.direction == "lower" else (untouched, faulty)
    try:
        return difference_between(metric, *sides, scorer)
    except ValueError:
        return None


def _row(name: str, fault: Fault | None, level: float, items: Sequence[Item], faulty: Faulty) -> RowOfTable:
    samples = [
        Sample(
            view=Source(item, item, None if fault is None else fault.name, level).name,
            id=item.id,
            condition=item.id,
            index=0,
            real=Source(item, item).name,
            truth=faulty.truth(item),
        )
        for item in items
    ]
    return RowOfTable(name, "joint", samples)


def _extractors(metrics: Sequence[Metric], fault: Fault | None) -> tuple[str, ...]:
    asked = [metric for metric in metrics if fault is None or touches(fault, metric)]
    return tuple(sorted({name for metric in asked for name in metric.extractors}))


def _halves(dataset: Dataset) -> tuple[list[Item], list[Item]]:
    """Scored and reference items, whole groups on one side where there are several, in an order that names decide."""
    items = sorted(dataset.items(), key=share)
    groups = list(dict.fromkeys(item.group for item in items))
    half = set(groups[::2])
    scored = [item for item in items if item.group in half]
    reference = [item for item in items if item.group not in half]
    if min(len(scored), len(reference)) < FEWEST:
        raise UserError(
            f"validation needs at least {FEWEST} clips on either side, found {len(scored)} to score and "
            f"{len(reference)} for reference. Give more clips, or more groups of clips."
        )
    return scored, reference


def _partners(items: Sequence[Item]) -> dict[str, Item]:
    """For each item the next one of another group, whose sound a swap takes."""
    table = {}
    for place, item in enumerate(items):
        rest = [*items[place + 1 :], *items[:place]]
        table[item.id] = next((other for other in rest if other.group != item.group), rest[0])
    return table
