"""The raw scores as box plots, as in the CMMD paper's Fig. 5: a row of panels per section, a panel per question.

Box and line are quartiles and median, whiskers the lowest and highest score. A box plot does not show a mean opinion,
so that the mean is drawn as a diamond and printed above.
"""

from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING

from cmmd_bench.atomic import write_bytes
from cmmd_bench.errors import ENVIRONMENT, UserError
from cmmd_study.analysis.asked import Asked, by_question
from cmmd_study.tables.rated import Rated

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BLUE, VERMILION, GREY = "#56B4E9", "#D55E00", "#BBBBBB"
"""Okabe and Ito's, told apart by everyone: systems, their means, the reference."""
UNDATED = {"png": {"Software": None}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}
"""Metadata that would make two equal pictures differ, by kind of file."""
LEGEND = "box: quartiles and median; whiskers: lowest and highest score; diamond and number: mean opinion"
SYSTEM, HEIGHT, LETTERS = 0.62, 2.5, 18
"""Inches: width of a system's box with its name, height of a panel; letters of the legend that fit into one inch."""


def draw(rows: Sequence[Rated], path: Path, references: Mapping[str, str | None] | None = None) -> None:
    """Write the picture of the rated rows to `path` (.png, .svg or .pdf), whole or not at all. Needs matplotlib."""
    kind = path.suffix.lower().lstrip(".")
    if kind not in UNDATED:
        raise UserError(f"{path.name}: pictures are written as .png, .svg or .pdf.")
    try:
        import matplotlib
    except ImportError:
        raise UserError(
            "drawing needs matplotlib. Install it with: pip install 'cmmd-bench[report]'.", exit_code=ENVIRONMENT
        ) from None
    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    asked = by_question(rows, {section: name for section, name in (references or {}).items() if name is not None})
    if not asked:
        raise UserError("there is nothing to draw: no row is a rating that counts.")
    sections = list(dict.fromkeys(one.section for one in asked))
    across = max(sum(one.section == section for one in asked) for section in sections)
    boxes = max(len(set(one.ratings.system.tolist())) for one in asked)
    size = (across * (boxes * SYSTEM + 0.6) + 0.3, len(sections) * HEIGHT)
    with plt.rc_context({"font.size": 7.5, "axes.linewidth": 0.6, "svg.hashsalt": "cmmd-bench"}):
        figure, grid = plt.subplots(len(sections), across, figsize=size, squeeze=False, layout="constrained")
        for line, section in zip(grid, sections, strict=True):
            panels = [one for one in asked if one.section == section]
            for axes, one in zip(line, panels, strict=False):
                _panel(axes, one)
            for axes in line[len(panels) :]:
                axes.set_axis_off()
            line[0].set_ylabel(f"{section}\nscore")
        figure.supxlabel(fill(LEGEND, int(size[0] * LETTERS)), fontsize=6.5)
        out = BytesIO()
        figure.savefig(out, format=kind, dpi=160, metadata=UNDATED[kind])
        plt.close(figure)
    write_bytes(path, out.getvalue())


def _panel(axes: "Axes", one: Asked) -> None:
    every = sorted(set(one.ratings.system.tolist()))
    # The reference first: it is what the others are looked at by.
    names: list[str] = sorted(every, key=lambda name: name != one.reference)
    scores = [one.ratings.score[one.ratings.system == name] for name in names]
    low, high = one.ratings.scale
    drawn = axes.boxplot(
        scores,
        tick_labels=names,
        whis=(0, 100),
        widths=0.55,
        showmeans=True,
        patch_artist=True,
        medianprops={"color": "black", "linewidth": 1.2},
        meanprops={"marker": "D", "markersize": 4, "markerfacecolor": VERMILION, "markeredgecolor": "white"},
        boxprops={"linewidth": 0.7},
        whiskerprops={"linewidth": 0.7},
        capprops={"linewidth": 0.7},
    )
    for box, name in zip(drawn["boxes"], names, strict=True):
        box.set_facecolor(GREY if name == one.reference else BLUE)
    above = high + 0.06 * (high - low)
    for place, values in enumerate(scores, 1):
        axes.text(place, above, f"{values.mean():.2f}", ha="center", va="bottom", color=VERMILION)
    axes.set_ylim(low - 0.08 * (high - low), high + 0.2 * (high - low))
    every_point = range(int(low), int(high) + 1)
    axes.set_yticks(every_point if high - low <= 10 else [tick for tick in axes.get_yticks() if low <= tick <= high])
    axes.set_title(one.question)
    axes.spines[["top", "right"]].set_visible(False)
    if max(map(len, names)) > 10:
        for label in axes.get_xticklabels():
            label.set(rotation=25, ha="right", rotation_mode="anchor")
