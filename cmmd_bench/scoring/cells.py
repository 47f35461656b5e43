"""How a computed value becomes a cell of the table."""

from collections.abc import Sequence

from cmmd_bench.metrics import Interval
from cmmd_bench.scoring.results import Result
from cmmd_bench.scoring.samples import RowOfTable, Sample
from cmmd_bench.suites.metrics import Metric, SetMetric

UNITS = {
    "kvd": "MMD²",
    "kad": "100 MMD²",
    "precision": "share",
    "recall": "share",
    "density": "ratio",
    "coverage": "share",
}
"""Of set metrics; all others are Fréchet distances."""


def cell(
    metric: Metric,
    row: RowOfTable,
    interval: Interval | None = None,
    *,
    seen: Sequence[Sample] = (),
    n_samples: int | None = None,
    n_reference: int = 0,
    chance: float | None = None,
    corrected: float | None = None,
    excluded: int = 0,
    why: str | None = None,
    caution: str | None = None,
) -> Result:
    """One cell: a value with its interval, or none and `why`. seen: the samples that count."""
    known = interval is not None and bool(interval.method)
    unit = UNITS.get(metric.metric, "squared feature units") if isinstance(metric, SetMetric) else "share"
    return Result(
        model=row.model,
        task=row.task,
        metric=metric.label,
        value=None if interval is None else interval.estimate,
        direction=metric.direction,
        unit=unit,
        n=len({sample.condition for sample in seen}),
        n_samples=len(seen) if n_samples is None else n_samples,
        n_reference=n_reference,
        low=interval.low if interval and known else None,
        high=interval.high if interval and known else None,
        interval=interval.method if interval and known else None,
        about=interval.about if interval and known else None,
        chance=chance,
        corrected=corrected,
        excluded=excluded,
        why=why,
        caution=caution,
    )


def point(value: float) -> Interval:
    """A value without an interval, for sets too small to have one."""
    return Interval(value, value, value, 0.0, 0.0, "")
