"""Metrics along a setting: guidance, steps or another numeric option of one model, or its runs in the order given."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cmmd_bench.cli.scores import ARROWS
from cmmd_bench.plugins import RESERVED
from cmmd_bench.scoring.results import Result
from cmmd_report.figures.drawing import Drawing, NotDrawn, spoken
from cmmd_report.figures.style import legend_below, looks, styled
from cmmd_report.types import Run, Source

FEWEST, ACROSS = 3, 4
"""Settings that make a curve, and panels beside each other."""
LEGEND = (
    "One model along {axis}, with 95 % intervals, which are of each value alone: whether two settings differ is in the "
    "table of comparisons. Dashed: the real clips, where they lie within the panel. Dotted: chance."
)


@dataclass(frozen=True, slots=True)
class Axis:
    """A setting: its name, and its value of every row along it. ticks: names in place of numbers, empty for numbers."""

    name: str
    rows: Mapping[str, float]
    ticks: Sequence[str] = ()


def sweep(run: Run) -> Drawing:
    """A panel for each metric of the model that has most settings; NotDrawn with fewer than three."""
    axis = sweep_axis(run)
    if axis is None:
        raise NotDrawn(f"no curve along a setting: no model stands in the table in {FEWEST} settings.")
    results = [r for r in run.scores.results if r.model in axis.rows and r.value is not None]
    panels = list(dict.fromkeys((result.task, result.metric) for result in results))
    if not panels:
        raise NotDrawn("no curve along a setting: no metric has a value there.")
    across = min(ACROSS, len(panels))
    down = -(-len(panels) // across)
    with styled():
        figure = Figure(figsize=(2.5 * across, 2.1 * down + 0.4), layout="constrained")
        grid = figure.subplots(down, across, squeeze=False).ravel()
        for axes, (task, metric) in zip(grid, panels, strict=False):
            mine = [result for result in run.results(task) if result.metric == metric]
            _draw(axes, axis, mine)
            axes.set_title(f"{task}, {metric} {ARROWS[mine[0].direction]}")
        for axes in grid[len(panels) :]:
            axes.set_axis_off()
        legend_below(figure, LEGEND.format(axis=axis.name))
    said = []
    for task, metric in panels:
        values = {r.model: r.value for r in results if (r.task, r.metric) == (task, metric)}
        said.append(f"{task}, {metric}: {spoken(list(values), list(values.values()))}")
    return Drawing(figure, f"Metrics along {axis.name}", "; ".join(said))


def sweep_axis(run: Run) -> Axis | None:
    """The setting along which a model stands in most rows: the only option that differs if it is a number, else the
    order of the rows."""
    families: dict[str, list[str]] = {}
    for model, how in run.scores.protocol.get("models", {}).items():
        if model not in RESERVED and isinstance(how, Mapping):
            families.setdefault(how["source"], []).append(model)
    rows = max(families.values(), key=len, default=[])
    if len(rows) < FEWEST:
        return None
    options = {row: run.scores.protocol["models"][row].get("options") or {} for row in rows}
    names = {name for table in options.values() for name in table}
    differing = [name for name in names if len({repr(table.get(name)) for table in options.values()}) > 1]
    if len(differing) == 1:
        values = {row: table.get(differing[0]) for row, table in options.items()}
        numbers = {row: float(v) for row, v in values.items() if isinstance(v, int | float) and not isinstance(v, bool)}
        if len(numbers) == len(rows):
            return Axis(differing[0], dict(sorted(numbers.items(), key=lambda pair: pair[1])))
    return Axis(
        "runs, in the order given", {row: float(k) for k, row in enumerate(rows)}, [_short(run, r) for r in rows]
    )


def _short(run: Run, row: str) -> str:
    """What tells the row from the others: its run."""
    owners: list[Source] = [source for source in run.sources if row in source.rows.values()]
    return owners[0].name if len(run.sources) > 1 and owners else row


def _draw(axes: Axes, axis: Axis, results: Sequence[Result]) -> None:
    points = {r.model: r for r in results if r.value is not None}
    rows = [row for row in axis.rows if row in points]
    look = next(iter(looks(list(axis.rows)).values()))
    x, y = [axis.rows[row] for row in rows], [points[row].value or 0.0 for row in rows]
    low = [max(v - (v if (end := points[row].low) is None else end), 0) for row, v in zip(rows, y, strict=True)]
    high = [max((v if (end := points[row].high) is None else end) - v, 0) for row, v in zip(rows, y, strict=True)]
    axes.errorbar(
        *(x, y, [low, high]),
        color=look.colour,
        marker=look.marker,
        markersize=4,
        linewidth=1.2,
        elinewidth=0.7,
        capsize=2,
    )
    chances = [chance for row in rows if (chance := points[row].chance) is not None]
    if len(chances) == len(x):
        axes.plot(x, chances, color=look.colour, linestyle=":", linewidth=0.9)
    bottom, top = axes.get_ylim()
    ceiling = points.get("ground-truth")
    if ceiling is not None and ceiling.value is not None:
        room = top - bottom
        if bottom - room <= ceiling.value <= top + room:
            axes.axhline(ceiling.value, color="#222222", linestyle="--", linewidth=0.8)
    axes.set_xticks(list(axis.rows.values()), axis.ticks or [f"{value:g}" for value in axis.rows.values()])
    if axis.ticks:
        for label in axes.get_xticklabels():
            label.set(rotation=30, ha="right", rotation_mode="anchor")
    else:
        axes.set_xlabel(axis.name)
