"""Distances of single clips as boxes, that of the whole set as a cross, by row: the CMMD paper's Fig. 4."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cmmd_bench.types import Task
from cmmd_report.figures.drawing import Drawing, NotDrawn, spoken
from cmmd_report.figures.style import legend_below, looks, name_boxes, styled
from cmmd_report.types import Run

CLIPS = "fad-clip["
FEWEST, WIDE = 5, 30
"""Clips that make a box, fewer are drawn as dots; ratio of values beyond which the axis is logarithmic."""
LEGEND = (
    "Fréchet audio distance, lower is better. Box: quartiles and median of single clips (dots where fewer than 5); "
    "whiskers: the last clip within 1.5 interquartile ranges; circles: clips beyond; × and number: the whole set. "
    "A clip alone usually lies above its set, for it lacks the variance that a set has."
)


@dataclass(frozen=True, slots=True)
class Panel:
    """What is drawn of one metric: distances of clips and of the set, by row."""

    task: Task
    bracket: str
    clips: Mapping[str, Sequence[float]]
    sets: Mapping[str, float | None]


def fad_boxes(run: Run) -> Drawing:
    """A panel for each embedder that clips were measured with; NotDrawn without any."""
    panels = fad_panels(run)
    if not panels:
        raise NotDrawn("no clip has a Fréchet audio distance of its own: the suite asks for no fad-clip.")
    widest = max(len(panel.clips) for panel in panels)
    with styled():
        figure = Figure(figsize=(max(3.6, 0.85 * widest + 0.9) * len(panels), 3.6), layout="constrained")
        for axes, panel in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
            _draw(axes, panel)
        legend_below(figure, LEGEND)
    said = [
        f"{panel.task}, {panel.bracket}: whole set {spoken(list(panel.sets), list(panel.sets.values()))}"
        for panel in panels
    ]
    return Drawing(figure, "Fréchet audio distance per clip and per set", "; ".join(said))


def fad_panels(run: Run) -> list[Panel]:
    """The numbers of the figure; rows without a distance on either side are left out."""
    panels = []
    for task in run.tasks:
        results = run.results(task)
        sets = {(result.metric, result.model): result.value for result in results}
        for metric in dict.fromkeys(result.metric for result in results if result.metric.startswith(CLIPS)):
            bracket = metric[len(CLIPS) - 1 :]
            values = run.clip_values(metric, task)
            rows = [result.model for result in results if result.metric == metric]
            clips = {row: [v.value for v in values.get(row, ()) if v.value is not None] for row in rows}
            whole = {row: sets.get((f"fad{bracket}", row)) for row in rows}
            kept = [row for row in rows if clips[row] or whole[row] is not None]
            if kept:
                panels.append(
                    Panel(task, bracket.strip("[]"), {r: clips[r] for r in kept}, {r: whole[r] for r in kept})
                )
    return panels


def _draw(axes: Axes, panel: Panel) -> None:
    for place, (row, look) in enumerate(looks(list(panel.clips)).items(), 1):
        values, whole = panel.clips[row], panel.sets[row]
        if len(values) >= FEWEST:
            drawn = axes.boxplot(
                [values],
                positions=[place],
                widths=0.5,
                patch_artist=True,
                manage_ticks=False,
                medianprops={"color": "black", "linewidth": 1.3},
                flierprops={"marker": "o", "markersize": 3, "markeredgecolor": look.colour},
                boxprops={"linewidth": 0.7},
            )
            drawn["boxes"][0].set(facecolor=look.face, hatch=look.hatch)
        elif values:
            axes.plot([place] * len(values), values, marker="o", color=look.colour, linestyle="none", markersize=4)
        if whole is not None:
            axes.plot([place], [whole], marker="x", color="black", markersize=7, markeredgewidth=1.8, linestyle="none")
            # Right of the box, which may lie where the cross does.
            axes.text(place + 0.3, whole, f"{whole:.3g}", va="center", fontsize=7)
    shown = [value for values in panel.clips.values() for value in values]
    shown += [value for value in panel.sets.values() if value is not None]
    if min(shown) > 0 and max(shown) > WIDE * min(shown):
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter("{x:g}")
    else:
        axes.set_ylim(bottom=min(0, *shown))
    axes.set_xlim(0.4, len(panel.clips) + 0.8)
    name_boxes(axes, list(panel.clips), [len(values) for values in panel.clips.values()])
    log = ", log scale" if axes.get_yscale() == "log" else ""
    axes.set_ylabel(f"FAD ↓ (squared feature units{log})")
    axes.set_title(f"{panel.task}, {panel.bracket}")
