"""The figures of one report: drawn once, on the page as SVG and beside it as PDF and PNG for papers."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cmmd_bench.progress import Progress, silent
from cmmd_report.agreement import Pair
from cmmd_report.figures.drawing import Drawing, NotDrawn
from cmmd_report.figures.event_matches import event_matches
from cmmd_report.figures.fad_boxes import fad_boxes
from cmmd_report.figures.frame_strips import frame_strips
from cmmd_report.figures.frechet_by_clips import frechet_by_clips
from cmmd_report.figures.mos_boxes import mos_boxes
from cmmd_report.figures.opinion_scatter import opinion_scatter
from cmmd_report.figures.sensitivity import sensitivity
from cmmd_report.figures.style import as_svg, save
from cmmd_report.figures.sweep import sweep, sweep_axis
from cmmd_report.figures.tolerance_curves import tolerance_curves
from cmmd_report.page import Figure
from cmmd_report.types import Run, Study


def illustrate(
    run: Run,
    out: Path,
    *,
    study: Study | None = None,
    pairs: Sequence[Pair] = (),
    validation: Mapping[str, Any] | None = None,
    progress: Progress = silent,
) -> tuple[list[Figure], list[tuple[str, str]]]:
    """Figures of the page, and (what, why) of those that could not be drawn. out: folder for the files.

    pairs: metrics against opinions; validation: what `validate --out` wrote
    """
    wanted: dict[str, Callable[[], Drawing]] = {
        "fad": lambda: fad_boxes(run),
        "beat-tolerance": lambda: tolerance_curves(run),
        "distance-by-clips": lambda: frechet_by_clips(run),
    }
    if sweep_axis(run) is not None:
        wanted["sweep"] = lambda: sweep(run)
    if study is not None:
        wanted["opinions"] = lambda: mos_boxes(study)
        wanted["opinion-scatter"] = lambda: opinion_scatter(pairs)
    if "v2a" in run.tasks:
        wanted["events"] = lambda: event_matches(run)
    if "a2v" in run.tasks:
        wanted["frames"] = lambda: frame_strips(run)
    if validation is not None:
        wanted["sensitivity"] = lambda: sensitivity(run, validation)
    drawn, missing = [], []
    with progress("figures", len(wanted)) as advance:
        for name, draw in wanted.items():
            try:
                drawn.append(_figure(draw(), name, out))
            except NotDrawn as reason:
                missing.append((f"figure of {name}", str(reason)))
            advance()
    return drawn, missing


def _figure(drawing: Drawing, name: str, out: Path) -> Figure:
    for kind in ("pdf", "png"):
        save(drawing.figure, out / f"{name}.{kind}")
    files = [(f"{name}.{kind}", f"{out.name}/{name}.{kind}") for kind in ("pdf", "png")]
    svg = as_svg(drawing.figure, drawing.title, drawing.description)
    return Figure(svg, drawing.title, drawing.description, files)
