"""Share of beats hit against the tolerance, with what chance alone would hit, from the cached beats of a scored run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cmmd_bench.errors import UserError
from cmmd_bench.metrics import chance_levels, match_events
from cmmd_bench.scoring.alignment import compared_events
from cmmd_bench.scoring.index import Scored
from cmmd_bench.scoring.results import Result
from cmmd_bench.scoring.samples import RowOfTable
from cmmd_bench.suites.metrics import BeatHit
from cmmd_report.figures.drawing import Drawing, NotDrawn, spoken
from cmmd_report.figures.style import Look, legend_below, looks, name_curves, styled
from cmmd_report.types import Run

TOLERANCES = (20, 40, 60, 80, 100, 125, 150, 200, 250, 300, 400, 500)
"""Milliseconds; with the suite's own."""
NAMED = 100
"""The tolerance that the paper compares models at."""
APART = 5
"""Milliseconds between the bars of two rows."""
LEGEND = (
    "Share of reference beats with a beat of the model within ± the tolerance, higher is better. Thin lines without "
    "markers: chance, the same beats out of step, in the style of its row; only what lies above a row's own chance "
    "tells of timing. Large markers with bars: the table's values with 95 % intervals, set side by side."
)


@dataclass(frozen=True, slots=True)
class Curve:
    """Mean share hit and mean chance at each tolerance in ms; clips without a reference beat do not count."""

    tolerances: Sequence[float]
    hits: Sequence[float]
    chances: Sequence[float]


def tolerance_curves(run: Run) -> Drawing:
    """A panel for each way of judging beat-hit; NotDrawn if the run did not, or if its beats are no longer cached."""
    try:
        scored = run.index()
        found = [(metrics, beat_curves(scored, metrics)) for metrics in _kinds(scored)]
    except UserError as error:
        raise NotDrawn(f"no curve over tolerances: {error}") from None
    panels = [(metrics, curves) for metrics, curves in found if curves]
    if not panels:
        raise NotDrawn("no curve over tolerances: the suite does not ask for beat-hit, or no clip has a beat to hit.")
    with styled():
        figure = Figure(figsize=(4.7 * len(panels), 3.9), layout="constrained")
        for axes, (metrics, curves) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
            _draw(axes, curves, _cells(run, metrics))
            axes.set_title(_heading(metrics[0]))
        legend_below(figure, LEGEND)
    said = [
        f"{_heading(metrics[0])}, at ±{NAMED} ms: "
        + spoken(list(curves), [curve.hits[curve.tolerances.index(NAMED)] for curve in curves.values()])
        for metrics, curves in panels
    ]
    return Drawing(figure, "Beats hit, by tolerance", "; ".join(said))


def beat_curves(scored: Scored, metrics: Sequence[BeatHit]) -> dict[str, Curve]:
    """The curve of every row, judged as `metrics` are, which differ in tolerance alone; UserError without the cache."""
    tolerances = sorted({float(ms) for ms in TOLERANCES} | {metric.tolerance_ms for metric in metrics})
    rows = [row for row in scored.rows if row.task == metrics[0].task]
    curves = {row.model: _curve(scored, metrics[0], row, tolerances) for row in rows}
    return {model: curve for model, curve in curves.items() if curve is not None}


def _curve(scored: Scored, metric: BeatHit, row: RowOfTable, tolerances: Sequence[float]) -> Curve | None:
    windows = [tolerance / 1000 for tolerance in tolerances]
    hits, chances = [], []
    for sample in row.samples:
        events = compared_events(metric, sample, scored.scorer.views)
        if events is None or not len(events[0]):
            continue
        reference, made = events
        hits.append([match_events(reference, made, window) / len(reference) for window in windows])
        chances.append(chance_levels(reference, made, windows, duration=scored.scorer.seconds) / len(reference))
    if not hits:
        return None
    return Curve(tolerances, np.mean(hits, axis=0).tolist(), np.mean(chances, axis=0).tolist())


def _kinds(scored: Scored) -> list[list[BeatHit]]:
    """The suite's beat-hit metrics, those together that differ in nothing but tolerance."""
    kinds: dict[tuple[str, str, str], list[BeatHit]] = {}
    for metric in scored.metrics:
        if isinstance(metric, BeatHit) and metric.metric == "beat-hit":
            kinds.setdefault((metric.task, metric.against, metric.tracker), []).append(metric)
    return list(kinds.values())


def _cells(run: Run, metrics: Sequence[BeatHit]) -> list[tuple[float, Result]]:
    tolerances = {metric.label: metric.tolerance_ms for metric in metrics}
    results = run.results(metrics[0].task)
    return [(tolerances[result.metric], result) for result in results if result.metric in tolerances]


def _heading(metric: BeatHit) -> str:
    against = "the true beats" if metric.against == "truth" else "beats heard in the real sound"
    return f"{metric.task}: against {against} ({metric.tracker})"


def _draw(axes: Axes, curves: Mapping[str, Curve], cells: Sequence[tuple[float, Result]]) -> None:
    styles = looks(list(curves))
    for row, curve in curves.items():
        look = styles[row]
        axes.plot(curve.tolerances, curve.chances, color=look.colour, linestyle=look.line, linewidth=0.5)
        axes.plot(
            curve.tolerances,
            curve.hits,
            color=look.colour,
            linestyle=look.line,
            linewidth=1.3,
            marker=look.marker,
            markersize=2.5,
        )
    # Beside each other, or bars of rows at one tolerance would hide each other.
    offsets = dict(zip(curves, (np.arange(len(curves)) - (len(curves) - 1) / 2) * APART, strict=True))
    for tolerance, result in cells:
        if result.model in styles and result.value is not None:
            _mark(axes, tolerance + offsets[result.model], result, result.value, styles[result.model])
    axes.axvline(NAMED, color="black", linewidth=0.4)
    axes.set_ylim(-0.02, 1.04)
    last = next(iter(curves.values())).tolerances[-1]
    axes.set_xlim(0, last * 1.03)
    axes.set_xticks([tick for tick in (0, 100, 200, 300, 400, 500) if tick <= last])
    axes.set_xlabel("tolerance (± ms)")
    axes.set_ylabel("share of beats hit ↑")
    name_curves(axes, [(last, curve.hits[-1], row, styles[row].colour) for row, curve in curves.items()])


def _mark(axes: Axes, tolerance: float, result: Result, value: float, look: Look) -> None:
    below = value - (value if result.low is None else result.low)
    above = (value if result.high is None else result.high) - value
    axes.errorbar(
        [tolerance],
        [value],
        yerr=[[max(below, 0)], [max(above, 0)]],
        color=look.colour,
        marker=look.marker,
        markersize=6,
        linewidth=0.9,
        capsize=2,
        clip_on=False,
    )
