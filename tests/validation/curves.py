"""Curves made by hand, for what judges and draws them."""

from collections.abc import Sequence

from cmmd_bench.metrics.differences import Difference
from cmmd_bench.scoring.results import Result
from cmmd_bench.suites.labels import parse_metric
from cmmd_bench.validation.faults import FAULTS
from cmmd_bench.validation.study import Curve, Step

BY_NAME = {fault.name: fault for fault in FAULTS}


def harm(estimate: float, p_value: float, error: float = 1.0) -> Difference:
    low, high = estimate - 2 * error, estimate + 2 * error
    return Difference(estimate, low, high, error, 0.95, p_value, "by hand", "", (8, 8))


def result(label: str, value: float | None, chance: float | None = None) -> Result:
    metric = parse_metric(label)
    known = {} if value is None else {"low": value - 0.1, "high": value + 0.1, "interval": "by hand"}
    why = "no reason" if value is None else None
    return Result("m", "joint", label, value, metric.direction, "unit", 8, 8, 8, chance=chance, why=why, **known)


def curve(
    harms: Sequence[Difference | None],
    *,
    fault: str = "blur",
    label: str = "fvd[conv3d-random]",
    values: Sequence[float | None] | None = None,
    chance: float | None = None,
) -> Curve:
    """One step for each harm; values: of the metric, by default those of the harm."""
    if values is None:
        values = [None if h is None else h.estimate for h in harms]
    levels = BY_NAME[fault].levels
    steps = tuple(
        Step(level, result(label, value, chance), h) for level, value, h in zip(levels, values, harms, strict=False)
    )
    return Curve(parse_metric(label), BY_NAME[fault], result(label, 0.0, chance), steps)
