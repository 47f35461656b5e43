"""The curves of a validation as a picture: a block for faults of the picture and one for those of the sound.

Rows are metrics, columns faults. The band is the 95 % interval, the dashed line what chance alone would score.
"""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from cmmd_bench.atomic import write_bytes
from cmmd_bench.errors import UserError
from cmmd_bench.validation.study import Curve, Validation

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import SubFigure

BLUE, VERMILION = "#0072B2", "#D55E00"
"""Okabe and Ito's, told apart by everyone."""

PANEL = (1.25, 0.95)
"""Inches, width and height."""

UNDATED = {"png": {"Software": None}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}
"""Metadata that would make two equal pictures differ, by kind of file."""


def draw(validation: Validation, path: Path) -> None:
    """Write the picture to `path` (.png, .svg or .pdf), whole or not at all. Needs matplotlib."""
    kind = path.suffix.lower().lstrip(".")
    if kind not in UNDATED:
        raise UserError(f"{path.name}: pictures are written as .png, .svg or .pdf.")
    try:
        import matplotlib
    except ImportError:
        raise UserError("drawing needs matplotlib. Install it with: pip install 'cmmd-bench[report]'.") from None
    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    curves = validation.curves
    if not curves:
        raise UserError("no curves to draw: no metric looks at the side of a clip that a fault is on.")
    sides = [[c for c in curves if (c.fault.kind == "picture") == of_picture] for of_picture in (True, False)]
    blocks = [block for block in sides if block]
    rows = [len({curve.metric.label for curve in block}) for block in blocks]
    width = max(len({curve.fault.name for curve in block}) for block in blocks) * PANEL[0] + 2.0
    with plt.rc_context({"font.size": 6.5, "axes.linewidth": 0.5, "svg.hashsalt": "cmmd-bench"}):
        figure = plt.figure(figsize=(width, sum(rows) * PANEL[1] + 0.5 * len(blocks)), layout="constrained")
        parts = figure.subfigures(len(blocks), 1, height_ratios=[count + 0.4 for count in rows], squeeze=False)[:, 0]
        for part, block in zip(parts, blocks, strict=True):
            _block(part, block)
        out = BytesIO()
        figure.savefig(out, format=kind, dpi=130, metadata=UNDATED[kind])
        plt.close(figure)
    write_bytes(path, out.getvalue())


def _block(part: "SubFigure", curves: Sequence[Curve]) -> None:
    metrics = list(dict.fromkeys(curve.metric.label for curve in curves))
    faults = list(dict.fromkeys(curve.fault.name for curve in curves))
    axes = part.subplots(len(metrics), len(faults), sharey="row", sharex="col", squeeze=False)
    for curve in curves:
        row, column = metrics.index(curve.metric.label), faults.index(curve.fault.name)
        axis = axes[row][column]
        _panel(axis, curve)
        if row == 0:
            axis.set_title(curve.fault.name, fontsize=7)
        if row == len(metrics) - 1:
            axis.set_xlabel(curve.fault.unit, fontsize=6)
        if column == 0:
            arrow = {"lower": "↓", "higher": "↑", "towards 1": "→1"}[curve.metric.direction]
            axis.set_ylabel(f"{curve.metric.label} {arrow}", rotation=0, ha="right", va="center")


def _panel(axis: "Axes", curve: Curve) -> None:
    axis.spines[["top", "right"]].set_visible(False)
    axis.tick_params(length=2, width=0.5, labelsize=5.5)
    results = [curve.untouched, *(step.result for step in curve.steps)]
    found = [(k, r.value, r.low, r.high) for k, r in enumerate(results) if r.value is not None]
    places = [k for k, *_ in found]
    lows = [value if low is None else low for _, value, low, _ in found]
    highs = [value if high is None else high for _, value, _, high in found]
    axis.fill_between(places, lows, highs, color=BLUE, alpha=0.18, linewidth=0)
    axis.plot(places, [value for _, value, *_ in found], color=BLUE, marker="o", markersize=2, linewidth=1)
    chances = [(k, result.chance) for k, result in enumerate(results) if result.chance is not None]
    axis.plot([k for k, _ in chances], [level for _, level in chances], color=VERMILION, linestyle="--", linewidth=0.9)
    axis.set_xticks(range(len(results)), ["0", *(f"{abs(step.level):g}" for step in curve.steps)])
