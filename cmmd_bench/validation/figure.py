"""The curves of a validation as a picture: a row for each metric, a column for each fault."""

from io import BytesIO
from pathlib import Path

from cmmd_bench.atomic import write_bytes
from cmmd_bench.errors import UserError
from cmmd_bench.validation.study import Curve, Validation

BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#666666"
"""Okabe and Ito's, told apart by everyone."""


def draw(validation: Validation, path: Path) -> None:
    """Write the picture to `path` (.png, .svg or .pdf), whole or not at all. Needs matplotlib."""
    try:
        import matplotlib
    except ImportError:
        raise UserError("drawing needs matplotlib. Install it with: pip install 'cmmd-bench[report]'.") from None
    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    metrics = list(dict.fromkeys(curve.metric.label for curve in validation.curves))
    faults = list(dict.fromkeys(curve.fault.name for curve in validation.curves))
    curves = {(curve.metric.label, curve.fault.name): curve for curve in validation.curves}
    size = (1.6 * len(faults) + 2.2, 1.25 * len(metrics) + 1.0)
    with plt.rc_context({"font.size": 7, "svg.hashsalt": "cmmd-bench", "axes.linewidth": 0.6}):
        figure, axes = plt.subplots(len(metrics), len(faults), figsize=size, sharey="row", squeeze=False)
        for r, metric in enumerate(metrics):
            for c, fault in enumerate(faults):
                _panel(axes[r][c], curves.get((metric, fault)))
                if r == 0:
                    axes[r][c].set_title(fault, fontsize=7.5)
            better = next(curve.metric.direction for curve in validation.curves if curve.metric.label == metric)
            axes[r][0].set_ylabel(
                f"{metric}\n{'↓ lower' if better == 'lower' else '↑ higher'} is better", rotation=0, ha="right"
            )
        figure.align_ylabels()
        figure.tight_layout(h_pad=0.4, w_pad=0.3)
        out = BytesIO()
        suffix = path.suffix.lower().lstrip(".") or "png"
        metadata = {"png": {"Software": None}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(suffix)
        if metadata is None:
            raise UserError(f"{path.name}: pictures are written as .png, .svg or .pdf.")
        figure.savefig(out, format=suffix, dpi=160, metadata=metadata)
        plt.close(figure)
    write_bytes(path, out.getvalue())


def _panel(axis: "object", curve: Curve | None) -> None:
    from matplotlib.axes import Axes

    if not isinstance(axis, Axes):
        raise TypeError("a panel is drawn on axes")
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
    axis.tick_params(length=2, width=0.5)
    if curve is None:
        axis.set_axis_off()
        axis.text(0.5, 0.5, "not of\nthis side", ha="center", va="center", color=GREY, transform=axis.transAxes)
        return
    results = [curve.untouched, *(step.result for step in curve.steps)]
    places = [k for k, result in enumerate(results) if result.value is not None]
    values = [result.value for result in results if result.value is not None]
    lows = [result.low if result.low is not None else result.value for result in results if result.value is not None]
    highs = [result.high if result.high is not None else result.value for result in results if result.value is not None]
    axis.fill_between(places, lows, highs, color=BLUE, alpha=0.18, linewidth=0)
    axis.plot(places, values, color=BLUE, marker="o", markersize=2.5, linewidth=1.1)
    chances = [(k, result.chance) for k, result in enumerate(results) if result.chance is not None]
    if chances:
        axis.plot([k for k, _ in chances], [level for _, level in chances], color=ORANGE, linestyle="--", linewidth=0.9)
    labels = ["0", *(f"{abs(step.level):g}" for step in curve.steps)]
    axis.set_xticks(range(len(labels)), labels, fontsize=5.5)
    axis.set_xlabel(curve.fault.unit, fontsize=5.5, labelpad=1)
