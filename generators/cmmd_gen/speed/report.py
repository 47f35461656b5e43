"""What was measured, as tables for people and as one JSON object that leaves nothing out."""

from collections.abc import Sequence
from typing import Any

from cmmd_gen.speed.measure import Measurement, Result
from cmmd_gen.speed.table_3 import COLUMNS, PAPER_PARAMETERS, Row, rows
from cmmd_gen.speed.timing import REPEAT_SECONDS
from cmmd_gen.speed.worker import KINDS, How

SCHEMA = 1

UNKNOWN = "–"

MEANING = {
    "ms": "median per evaluation of the whole batch (fastest and slowest repeat), after a warm-up",
    "forward": "both predictions, no gradient",
    "guided": "forward, and the gradient of the video prediction's square with respect to the noisy audio, parameters "
    "frozen: a step of guided video-to-audio",
    "GFLOP": "of one forward pass of one clip: convolutions, matrix products and attention, a multiply-add being "
    "two; what this implementation does, counted while it runs",
    "peak": "cpu: resident memory of the process, torch itself included; cuda: what torch allocated",
    "of limit": "GFLOP per second reached, of those of a large matrix product in the same precision and process",
    "how": "eager; graphs: one recorded CUDA graph per evaluation; compiled: torch.compile",
    "fp32": "float32 throughout, TF32 off",
    "bf16": "weights and most of the arithmetic; inputs, norms and embeddings as the network keeps them",
}
"""What the columns say."""

HEADS = (
    "network", "precision", "batch", "how", "parameters", "GFLOP", "forward ms", "of limit", "peak", "guided ms",
    "of limit", "peak", "guided / forward", "clips/s",
)  # fmt: skip


def table(results: Sequence[Result]) -> tuple[list[str], list[list[str]]]:
    """Columns, and a row for each case and way; a measurement that failed says so in its cell."""
    return list(HEADS), [_row(result, how) for result in results for how in _hows(result)]


def table_3(results: Sequence[Result]) -> tuple[list[str], list[list[str]]]:
    """Columns and rows of the paper's Table 3 and its counterparts here."""
    heads = ["ms per evaluation, batch 1", *(f"{name} ({PAPER_PARAMETERS[name]})" for name in COLUMNS), "ratios"]
    return heads, [
        [row.who, *(UNKNOWN if one is None else f"{one:.0f}" for one in row.milliseconds), _ratios(row)]
        for row in rows(results)
    ]


def failures(results: Sequence[Result]) -> list[str]:
    """A line for each measurement that failed, with the reason."""
    return [
        f"{result.case}, {one.kind}, {one.how}: {one.why}"
        for result in results
        for one in result.measurements
        if one.why is not None
    ]


def as_json(results: Sequence[Result], *, machine: dict[str, Any], repeats: int) -> dict[str, Any]:
    """Everything: the machine, every repeat, what failed and why, the paper's figures, what the names mean."""
    return {
        "schema": SCHEMA,
        "machine": machine,
        "repeats": repeats,
        "repeat_seconds": REPEAT_SECONDS,
        "meaning": MEANING,
        "cases": [_case(result) for result in results],
        "table_3": [
            {
                "who": row.who,
                "milliseconds": dict(zip(COLUMNS, row.milliseconds, strict=True)),
                "ratios": dict(zip(COLUMNS, row.ratios, strict=True)),
            }
            for row in rows(results)
        ],
    }


def _hows(result: Result) -> list[How]:
    return list(dict.fromkeys(measurement.how for measurement in result.measurements))


def _row(result: Result, how: How) -> list[str]:
    case, forward, guided = result.case, result.of("forward", how), result.of("guided", how)
    gflop, quotient, rate = result.gflop("forward"), UNKNOWN, UNKNOWN
    if forward is not None and forward.seconds is not None:
        rate = f"{case.batch / forward.seconds:.3g}"
        if guided is not None and guided.seconds is not None:
            quotient = f"{guided.seconds / forward.seconds:.2f}"
    return [
        str(case.network),
        case.precision,
        str(case.batch),
        how,
        UNKNOWN if result.parameters is None else f"{result.parameters:,}",
        UNKNOWN if gflop is None else f"{gflop:.4g}",
        *_cells(result, forward),
        *_cells(result, guided),
        quotient,
        rate,
    ]


def _cells(result: Result, measurement: Measurement | None) -> list[str]:
    """Time, part of the limit and peak memory."""
    if measurement is None or measurement.seconds is None:
        why = None if measurement is None else measurement.why
        return [UNKNOWN if why is None else why.partition(":")[0], UNKNOWN, UNKNOWN]
    times = sorted(repeat.seconds for repeat in measurement.repeats)
    of_limit, peak = result.of_limit(measurement), measurement.peak_bytes
    return [
        f"{_ms(measurement.seconds)} ({_ms(times[0])}–{_ms(times[-1])})",
        UNKNOWN if of_limit is None else f"{of_limit:.0%}",
        UNKNOWN if peak is None else f"{peak / 1e9:.2f} GB",
    ]


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.3g}" if seconds < 1 else f"{1000 * seconds:,.0f}"


def _ratios(row: Row) -> str:
    ratios = [UNKNOWN if one is None else f"{one:.1f}" for one in row.ratios]
    return " : ".join([*ratios[:-1], ratios[-1].replace("1.0", "1")])


def _case(result: Result) -> dict[str, Any]:
    case = result.case
    return {
        **case.network._asdict(),
        "device": case.device,
        "precision": case.precision,
        "batch": case.batch,
        "parameters": result.parameters,
        "gflop": {kind: result.gflop(kind) for kind in KINDS},
        "limit_gflops": result.limit_gflops,
        "baseline_bytes": result.baseline_bytes,
        "measurements": [_measurement(result, measurement) for measurement in result.measurements],
    }


def _measurement(result: Result, measurement: Measurement) -> dict[str, Any]:
    seconds = measurement.seconds
    return {
        "kind": measurement.kind,
        "how": measurement.how,
        "milliseconds": None if seconds is None else 1000 * seconds,
        "repeats": [repeat._asdict() for repeat in measurement.repeats],
        "clips_per_second": None if seconds is None else result.case.batch / seconds,
        "peak_bytes": measurement.peak_bytes,
        "of_limit": result.of_limit(measurement),
        "why": measurement.why,
    }
