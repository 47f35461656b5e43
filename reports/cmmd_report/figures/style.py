"""How all figures look, and how they are written: equal figures give equal bytes, as inline SVG and as files.

Rows are told apart without colour too: by hatches (boxes), markers and line styles (curves), and by names beside them.
"""

import re
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from hashlib import sha256
from html import escape
from io import BytesIO
from pathlib import Path
from textwrap import fill
from typing import Any, cast

import matplotlib
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure

from cmmd_bench.atomic import write_bytes
from cmmd_bench.errors import UserError

SETTINGS: dict[str, Any] = {
    "font.size": 8,
    "axes.titlesize": 8.5,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "hatch.linewidth": 0.5,
    "font.family": ["sans-serif"],
    # Verdana has the widths of the font that texts are placed by, for readers without that one.
    "font.sans-serif": ["DejaVu Sans", "Verdana", "Helvetica", "Arial"],
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "svg.fonttype": "none",
    "svg.hashsalt": "cmmd-bench",
    # Publishers refuse the default, Type 3.
    "pdf.fonttype": 42,
}
UNDATED: dict[str, dict[str, None]] = {
    "png": {"Software": None},
    "svg": {"Date": None},
    "pdf": {"CreationDate": None},
}
"""Metadata that would make two equal figures differ, by kind of file."""
DPI = 180
LETTERS = 17
"""Letters of the line below a figure that fit into one inch."""


@dataclass(frozen=True, slots=True)
class Look:
    """How a row of the table is drawn everywhere. colour: of lines; face: of areas, light enough for black on it."""

    colour: str
    face: str
    marker: str
    hatch: str
    line: str | tuple[float, tuple[float, ...]]


OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
"""Without black, which is the reference's, and yellow, which white swallows."""
MARKERS = "osD^vPX"
HATCHES = ("///", "...", "\\\\\\", "xxx", "ooo")
LINES = ("-", "--", "-.", (0.0, (5.0, 1.0, 1.0, 1.0, 1.0, 1.0)))
REFERENCES = {
    "ground-truth": Look("#222222", "#d0d0d0", "*", "", "-"),
    "shuffled": Look("#666666", "#dddddd", "<", "|||", (0.0, (3.0, 1.5))),
    "noise": Look("#8c8c8c", "#eeeeee", "x", "+++", (0.0, (1.0, 1.0))),
}


def looks(rows: Sequence[str]) -> dict[str, Look]:
    """The look of every row, models in the order given; seven and more models repeat colours, not whole looks."""
    models = dict.fromkeys(row for row in rows if row not in REFERENCES)
    given = {name: _model(place) for place, name in enumerate(models)}
    return {row: REFERENCES.get(row) or given[row] for row in rows}


def styled() -> AbstractContextManager[None]:
    """Our settings for the duration of a block; figures are built inside of it."""
    return matplotlib.rc_context(cast(Any, SETTINGS))


def as_svg(figure: Figure, title: str, description: str) -> str:
    """The figure for a web page: titled, on white, its ids its own, its text selectable."""
    text = _rendered(figure, "svg").decode()
    text = text[text.index("<svg") :]
    text = re.sub(r"\s*<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    prefix = "f" + sha256(f"{title}\n{text}".encode()).hexdigest()[:10]
    text = re.sub(r'\bid="', f'id="{prefix}-', text)
    text = re.sub(r'(url\(#|href="#)', rf"\g<1>{prefix}-", text)
    # A style of an inline figure holds for the whole page.
    text = text.replace('<style type="text/css">*{', f'<style type="text/css">#{prefix} *{{')
    head, body = text.split(">", 1)
    head = f'{head} id="{prefix}" role="img" aria-labelledby="{prefix}-title {prefix}-desc"'
    head += ' style="max-width:100%;height:auto;background:#fff"'
    names = f'<title id="{prefix}-title">{escape(title)}</title><desc id="{prefix}-desc">{escape(description)}</desc>'
    return f"{head}>\n {names}{body}"


def save(figure: Figure, path: Path) -> None:
    """Write the figure to `path` (.svg, .pdf or .png), whole or not at all."""
    kind = path.suffix.lower().lstrip(".")
    if kind not in UNDATED:
        raise UserError(f"{path.name}: figures are written as .svg, .pdf or .png.")
    write_bytes(path, _rendered(figure, kind))


def legend_below(figure: Figure, sentence: str) -> None:
    """What the signs mean, in words below the figure."""
    figure.supxlabel(fill(sentence, max(int(figure.get_figwidth() * LETTERS), 30)), fontsize=7)


def name_boxes(axes: Axes, names: Sequence[str], counts: Sequence[int]) -> None:
    """Names of boxes at 1, 2, ... on the x axis, each with its number of values; long ones slanted."""
    labels = [f"{name}\nn = {n}" for name, n in zip(names, counts, strict=True)]
    axes.set_xticks(range(1, len(names) + 1), labels, fontsize=7)
    if max(map(len, names)) > 12:
        for label in axes.get_xticklabels():
            label.set(rotation=30, ha="right", rotation_mode="anchor")


def name_curves(axes: Axes, ends: Sequence[tuple[float, float, str, str]], *, apart: float = 0.062) -> None:
    """Names right of curves that end at (x, y, name, colour), moved up or down until none covers another.

    apart: distance of names as a share of the axis, whose limits have to be set before
    """
    to_axes = axes.transScale + axes.transLimits
    places = [float(to_axes.transform((x, y))[1]) for x, y, _, _ in ends]
    order = sorted(range(len(ends)), key=lambda k: places[k])
    heights = [places[k] for k in order]
    for _ in range(200):
        for low, high in zip(range(len(heights)), range(1, len(heights)), strict=False):
            short = apart - (heights[high] - heights[low])
            if short > 0:
                heights[low] -= short / 2
                heights[high] += short / 2
    for k, height in zip(order, heights, strict=True):
        x, y, name, colour = ends[k]
        axes.annotate(
            name,
            xy=(x, y),
            xytext=(1.04, height),
            textcoords="axes fraction",
            va="center",
            color=colour,
            fontsize=7,
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.5, "shrinkA": 0, "shrinkB": 0},
        )


def lighter(colour: str, share: float) -> str:
    """`colour` mixed with `share` of white."""
    red, green, blue = (part + (1 - part) * share for part in to_rgb(colour))
    return to_hex((red, green, blue))


def _model(place: int) -> Look:
    colour = OKABE_ITO[place % len(OKABE_ITO)]
    marker, hatch = MARKERS[place % len(MARKERS)], HATCHES[place % len(HATCHES)]
    return Look(colour, lighter(colour, 0.5), marker, hatch, LINES[place % len(LINES)])


def _rendered(figure: Figure, kind: str) -> bytes:
    out = BytesIO()
    with styled():
        _settle(figure)
        figure.savefig(out, format=kind, dpi=DPI, metadata=UNDATED[kind])
    return out.getvalue()


def _settle(figure: Figure) -> None:
    """Lay out once: a second layout begins at the first, and a file would depend on those written before it."""
    if figure.get_layout_engine() is not None:
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
