"""Metrics against mean opinions, a dot for each clip, with the best correlation that so few raters allow."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cmmd_bench.cli.scores import ARROWS
from cmmd_report.agreement import Pair
from cmmd_report.figures.drawing import Drawing, NotDrawn
from cmmd_report.figures.style import Look, legend_below, looks, styled

MOST = 4
"""Metrics beside each other: those that follow some question best."""
LEGEND = (
    "A mark for each rated clip: its score and the mean of its raters. ρ: Spearman's correlation, turned so that more "
    "is better on both axes; ceiling: what a metric that knew everybody's opinion could reach with so few raters."
)


def opinion_scatter(pairs: Sequence[Pair]) -> Drawing:
    """Questions down, metrics across; NotDrawn where no metric of single clips meets three rated ones."""
    drawn = [pair for pair in pairs if pair.points and pair.by_clip is not None]
    if not drawn:
        raise NotDrawn("no metric against opinion: no metric of single clips meets enough rated ones.")
    questions = list(dict.fromkeys((pair.section, pair.question) for pair in drawn))
    metrics = sorted(dict.fromkeys((p.task, p.metric) for p in drawn), key=lambda one: -_reach(drawn, *one))[:MOST]
    styles = looks(sorted({point.system for pair in drawn for point in pair.points}))
    with styled():
        figure = Figure(figsize=(2.3 * len(metrics) + 0.5, 2.0 * len(questions) + 0.7), layout="constrained")
        grid = figure.subplots(len(questions), len(metrics), squeeze=False)
        for down, question in enumerate(questions):
            for across, metric in enumerate(metrics):
                axes = grid[down][across]
                mine = [p for p in drawn if (p.section, p.question) == question and (p.task, p.metric) == metric]
                if mine:
                    _draw(axes, mine[0], styles)
                else:
                    axes.set_axis_off()
            grid[down][0].set_ylabel(f"{question[0]}\n{question[1]}")
        marks = [
            axes.plot([], [], linestyle="none", marker=look.marker, color=look.colour, label=row)[0]
            for row, look in styles.items()
        ]
        figure.legend(handles=marks, loc="outside upper center", ncols=len(marks), frameon=False)
        legend_below(figure, LEGEND)
    said = "; ".join(
        f"{p.section}, {p.question}, {p.metric}: {_told(p)}" for p in drawn if (p.task, p.metric) in metrics
    )
    return Drawing(figure, "Metrics against opinions, clip by clip", said)


def _reach(pairs: Sequence[Pair], task: str, metric: str) -> float:
    mine = [p.by_clip.spearman.value for p in pairs if (p.task, p.metric) == (task, metric) and p.by_clip is not None]
    return max((value for value in mine if value is not None), default=-1.0)


def _draw(axes: Axes, pair: Pair, styles: dict[str, Look]) -> None:
    for system, look in styles.items():
        mine = [point for point in pair.points if point.system == system]
        x, y = [point.value for point in mine], [point.opinion for point in mine]
        axes.plot(x, y, linestyle="none", marker=look.marker, markersize=3.5, color=look.colour, alpha=0.8)
    axes.set_title(_told(pair), fontsize=7)
    axes.set_xlabel(f"{pair.metric} {ARROWS[pair.direction]}", fontsize=7)


def _told(pair: Pair) -> str:
    found = pair.by_clip.spearman.value if pair.by_clip is not None else None
    ceiling = "" if pair.ceiling is None else f", ceiling {pair.ceiling.ceiling:.2f}"
    return f"ρ {'–' if found is None else f'{found:.2f}'}{ceiling}"
