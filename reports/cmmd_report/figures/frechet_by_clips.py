"""Fréchet distances against the number of clips they are computed of, from the cached features of a scored run.

Every value lies above its limit of many clips, the more the fewer there are: a comparison at unequal numbers is none.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cmmd_bench.errors import UserError
from cmmd_bench.metrics.extrapolation import Extrapolation, frechet_at_infinity
from cmmd_bench.scoring.index import Scored
from cmmd_bench.scoring.sides import sides
from cmmd_bench.suites.metrics import SetMetric
from cmmd_report.figures.drawing import Drawing, NotDrawn, spoken
from cmmd_report.figures.style import legend_below, looks, name_curves, styled
from cmmd_report.types import Run

FEWEST, SMALLEST = 6, 3
"""Clips of a row that make a curve, and of its first point."""
POINTS, DRAWS = 6, 6
"""Points of a curve, and draws of clips for each: a point of 512 features takes seconds."""
WIDE = 30
"""Ratio of values beyond which the axis is logarithmic."""
LEGEND = (
    f"Fréchet distance of n clips drawn without replacement, mean of {DRAWS} draws with the lowest and highest; lower "
    "is better. The last point is the table's value. Curves still falling there would fall further with more clips: "
    "compare rows at equal n only."
)


def frechet_by_clips(run: Run) -> Drawing:
    """A panel for each fvd and fad against the reference; NotDrawn without one, with few clips or no cached features.

    Metrics against each clip's own ground truth and those of published conventions are left out.
    """
    try:
        scored = run.index()
        metrics = [m for m in scored.metrics if isinstance(m, SetMetric) and m.metric in ("fvd", "fad")]
        metrics = [m for m in metrics if m.against == "reference" and m.dialect is None]
        found = [(metric, distances_by_clips(scored, metric)) for metric in metrics]
    except (UserError, ValueError) as error:
        raise NotDrawn(f"no distance by number of clips: {error}") from None
    panels = [(metric, curves) for metric, curves in found if curves]
    if not metrics:
        raise NotDrawn("no distance by number of clips: the suite has neither fvd nor fad against its reference.")
    if not panels:
        raise NotDrawn(f"no distance by number of clips: no row has {FEWEST} clips with features.")
    with styled():
        figure = Figure(figsize=(4.5 * len(panels), 3.6), layout="constrained")
        for axes, (metric, curves) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
            _draw(axes, curves)
            axes.set_title(f"{metric.task}, {metric.label}")
        legend_below(figure, LEGEND)
    said = [
        f"{metric.task}, {metric.label}: of {SMALLEST} clips {spoken(list(curves), _column(curves, 0))}; "
        f"of all {spoken(list(curves), _column(curves, -1))}"
        for metric, curves in panels
    ]
    return Drawing(figure, "Fréchet distance by number of clips", ". ".join(said))


def distances_by_clips(scored: Scored, metric: SetMetric) -> dict[str, Extrapolation]:
    """Distances at each number of clips, by row; rows with too few clips are left out. UserError without the cache."""
    curves = {}
    for row in scored.rows:
        if row.task != metric.task or len(row.samples) < FEWEST:
            continue
        both = sides(metric, row.samples, scored.scorer.features, scored.scorer.reference)
        if len(both.seen) >= FEWEST:
            sizes = np.unique(np.geomspace(SMALLEST, len(both.seen), POINTS).round().astype(int)).tolist()
            curves[row.model] = frechet_at_infinity(both.clips(), both.reference(), sizes=sizes, permutations=DRAWS)
    return curves


def _column(curves: Mapping[str, Extrapolation], place: int) -> list[float | None]:
    return [float(curve.mean_per_size[place]) for curve in curves.values()]


def _draw(axes: Axes, curves: Mapping[str, Extrapolation]) -> None:
    styles = looks(list(curves))
    for row, curve in curves.items():
        look, means = styles[row], curve.mean_per_size
        reach: Sequence[np.ndarray[tuple[int, ...], np.dtype[np.float64]]] = [
            np.maximum(means - curve.table.min(axis=0), 0),
            np.maximum(curve.table.max(axis=0) - means, 0),
        ]
        axes.errorbar(
            curve.sizes,
            means,
            yerr=reach,
            color=look.colour,
            linestyle=look.line,
            linewidth=1.3,
            marker=look.marker,
            markersize=4,
            elinewidth=0.6,
            capsize=1.5,
        )
    values = np.concatenate([curve.table.ravel() for curve in curves.values()])
    wide = bool(values.min() > 0 and values.max() > WIDE * values.min())
    if wide:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter("{x:g}")
    else:
        axes.set_ylim(bottom=0)
    axes.set_xscale("log")
    ticks = max((curve.sizes for curve in curves.values()), key=len)
    axes.set_xticks(ticks, [str(size) for size in ticks])
    axes.minorticks_off()
    axes.set_xlabel("clips n (log scale)")
    axes.set_ylabel("distance ↓" + (" (log scale)" if wide else ""))
    axes.set_ylim(axes.get_ylim())
    axes.set_xlim(axes.get_xlim())
    ends = [(c.sizes[-1], float(c.mean_per_size[-1]), row, styles[row].colour) for row, c in curves.items()]
    name_curves(axes, ends)
