"""Opinions as boxes, a panel for each section and question, the reference first: the CMMD paper's Fig. 5.

A box does not show a mean opinion, so that the mean is drawn as a diamond and printed above.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cmmd_report.figures.drawing import Drawing, NotDrawn, spoken
from cmmd_report.figures.style import legend_below, looks, name_boxes, styled
from cmmd_report.types import Study

ACROSS = 3
"""Panels beside each other."""
LEGEND = (
    "All answers that count. Box: quartiles and median; whiskers: lowest and highest; diamond and number: mean opinion."
)


@dataclass(frozen=True, slots=True)
class Panel:
    """What is drawn of one question: scores by system, and the ends of the scale."""

    section: str
    question: str
    scores: Mapping[str, Sequence[float]]
    scale: tuple[float, float]


def mos_boxes(study: Study) -> Drawing:
    """A panel for each question of each section; NotDrawn without a rating."""
    panels = mos_panels(study)
    if not panels:
        raise NotDrawn("no answer counts.")
    across = min(ACROSS, len(panels))
    down = -(-len(panels) // across)
    widest = max(len(panel.scores) for panel in panels)
    with styled():
        figure = Figure(figsize=(max(2.6, 0.75 * widest + 0.5) * across, 2.7 * down + 0.4), layout="constrained")
        grid = figure.subplots(down, across, squeeze=False).ravel()
        for axes, panel in zip(grid, panels, strict=False):
            _draw(axes, panel)
        for axes in grid[len(panels) :]:
            axes.set_axis_off()
        legend_below(figure, LEGEND)
    said = [
        f"{p.section}, {p.question}: {spoken(list(p.scores), [_mean(s) for s in p.scores.values()])}" for p in panels
    ]
    return Drawing(figure, "Mean opinions", "; ".join(said))


def mos_panels(study: Study) -> list[Panel]:
    """The numbers of the figure, in the order in which questions first occur."""
    references = study.analysis["references"]
    panels = []
    for section, question in dict.fromkeys((rating.section, rating.question) for rating in study.ratings):
        mine = [rating for rating in study.ratings if (rating.section, rating.question) == (section, question)]
        systems = sorted({rating.system for rating in mine}, key=lambda name: (name != references.get(section), name))
        scores = {system: [rating.score for rating in mine if rating.system == system] for system in systems}
        panels.append(Panel(section, question, scores, (mine[0].lowest, mine[0].highest)))
    return panels


def _mean(scores: Sequence[float]) -> float:
    return sum(scores) / len(scores)


def _draw(axes: Axes, panel: Panel) -> None:
    low, high = panel.scale
    room = high - low
    for place, (system, look) in enumerate(looks(list(panel.scores)).items(), 1):
        scores = panel.scores[system]
        drawn = axes.boxplot(
            [scores],
            positions=[place],
            widths=0.5,
            whis=(0, 100),
            patch_artist=True,
            manage_ticks=False,
            showmeans=True,
            medianprops={"color": "black", "linewidth": 1.3},
            meanprops={"marker": "D", "markersize": 5, "markerfacecolor": "black", "markeredgecolor": "white"},
            boxprops={"linewidth": 0.7},
        )
        drawn["boxes"][0].set(facecolor=look.face, hatch=look.hatch)
        axes.text(place, high + 0.05 * room, f"{_mean(scores):.2f}", ha="center", va="bottom", fontsize=7)
    axes.set_ylim(low - 0.06 * room, high + 0.18 * room)
    if room <= 10:
        axes.set_yticks(range(int(low), int(high) + 1))
    axes.set_xlim(0.4, len(panel.scores) + 0.6)
    name_boxes(axes, list(panel.scores), [len(scores) for scores in panel.scores.values()])
    axes.set_title(f"{panel.section}: {panel.question}")
