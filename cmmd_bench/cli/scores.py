"""Scores as a person reads them: a table per task, then what was left out and why."""

from collections.abc import Sequence

from cmmd_bench.cli.output import note, print_table
from cmmd_bench.plugins import RESERVED
from cmmd_bench.scoring.results import Result, Scores

ARROWS = {"lower": "↓", "higher": "↑", "towards 1": "→1"}
ACROSS = 6
"""Metrics that stand side by side; more of them become the rows of the table, and the models its columns."""
SHOWN = 5
"""Failures and findings shown by name; the rest are counted."""


def show(scores: Scores) -> None:
    """Print tables on stdout, and failures and findings on stderr."""
    tasks = list(dict.fromkeys(result.task for result in scores.results))
    for task in tasks:
        name = f"{task}: " if len(tasks) > 1 else ""
        published = "statistics" in (scores.protocol.get("reference") or {})
        _show_task(name, [result for result in scores.results if result.task == task], published)
    _notes(scores)


def _show_task(name: str, results: Sequence[Result], published: bool) -> None:
    metrics = list(dict.fromkeys(result.metric for result in results))
    models = list(dict.fromkeys(result.model for result in results))
    cells = {(result.model, result.metric): result for result in results}
    heads = {metric: _head(next(r for r in results if r.metric == metric)) for metric in metrics}
    best = {metric: _best([r for r in results if r.metric == metric]) for metric in metrics}
    if len(metrics) > ACROSS:
        header = ["metric", *(f"{model} (n = {_n(results, model)})" for model in models)]
        rows = [[heads[m], *(_cell(cells.get((model, m)), best[m]) for model in models)] for m in metrics]
    else:
        header = ["model", "n", *(heads[metric] for metric in metrics)]
        rows = [
            [model, _n(results, model), *(_cell(cells.get((model, m)), best[m]) for m in metrics)] for model in models
        ]
    print_table(header, rows, title=name + _references(results, published))


def _n(results: Sequence[Result], model: str) -> str:
    return str(max(result.n for result in results if result.model == model))


def _head(result: Result) -> str:
    return f"{result.metric} {ARROWS[result.direction]}"


def _cell(result: Result | None, best: str | None) -> str:
    if result is None or result.value is None:
        return "–"
    text = with_interval(result.value, result.low, result.high)
    if result.chance is not None:
        text += f" (chance {result.chance:.2f})"
    return f"{text} *" if result.model == best else text


def with_interval(value: float, low: float | None, high: float | None) -> str:
    """Value ± half-width, or [low, high] where the interval is not about the value, as at the end of a scale."""
    if low is None or high is None:
        return number(value, None)
    if abs((high - value) - (value - low)) <= 0.01 * (high - low):
        return number(value, value - low)
    digits = len(number(value, (high - low) / 2).split(" ± ")[1].partition(".")[2])
    return f"{value:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def number(value: float, half: float | None) -> str:
    """Value ± half-width, with as many digits as the half-width supports (two of its own)."""
    if half is None:
        return f"{value:.4g}"
    # Rounding is no uncertainty: an interval this narrow is that of a constant.
    if half <= 1e-12 * max(abs(value), 1.0):
        return f"{round(value, 12) + 0.0:.4g} ± 0"
    from math import floor, log10

    digits = max(0, 1 - floor(log10(abs(half))))
    return f"{value:.{digits}f} ± {half:.{digits}f}"


def _best(results: Sequence[Result]) -> str | None:
    """The model with the best value among two or more models; ceiling and floors do not compete."""
    competing = [r for r in results if r.model not in RESERVED and r.value is not None]
    if len(competing) < 2:
        return None
    if competing[0].direction == "towards 1":
        return None
    pick = min if competing[0].direction == "lower" else max
    return pick(competing, key=lambda r: r.value or 0.0).model


def _references(results: Sequence[Result], published: bool) -> str:
    counts = sorted({result.n_reference for result in results if result.value is not None})
    samples = sorted({result.n_samples for result in results})
    per = f"{samples[0]} to {samples[-1]}" if len(samples) > 1 else str(samples[0] if samples else 0)
    if published:
        rows = " or ".join(str(count) if count else "an unknown number of" for count in counts) or "no"
        real = f"the published statistics of {rows} rows"
    else:
        # Alignment within a clip, and with the truth, takes no real clip.
        real = f"{' or '.join(str(count) for count in counts if count) or 'no'} real clips"
    return f"{per} clips a row, compared with {real}, ± 95 % intervals"


def _notes(scores: Scores) -> None:
    for result in scores.results:
        if result.value is None:
            note(f"not computed: {result.metric} of {result.model} ({result.task}): {result.why}")
        elif result.excluded:
            note(
                f"{result.metric} of {result.model} ({result.task}) is undefined for {result.excluded} clips, left out"
            )
    for metric, caution in dict.fromkeys((r.metric, r.caution) for r in scores.results if r.caution):
        note(f"{metric}: {caution}")
    for failure in scores.failures[:SHOWN]:
        note(f"failed: {failure['model']}, {failure['id']}: {failure['reason']}")
    if len(scores.failures) > SHOWN:
        note(f"... and {len(scores.failures) - SHOWN} more failures")
    for finding in scores.findings:
        shown, rest = finding["ids"][:SHOWN], len(finding["ids"]) - SHOWN
        which = ", ".join(shown) + (f" and {rest} more" if rest > 0 else "")
        note(f"{finding['finding']}: {which} of {finding['model']} ({finding['task']})")
