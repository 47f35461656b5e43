"""The figures of one report: drawn once, on the page as SVG and beside it as PDF and PNG for papers."""

from collections.abc import Callable
from pathlib import Path

from cmmd_report.figures.drawing import Drawing, NotDrawnError
from cmmd_report.figures.fad_boxes import fad_boxes
from cmmd_report.figures.mos_boxes import mos_boxes
from cmmd_report.figures.style import as_svg, save
from cmmd_report.page import Figure
from cmmd_report.types import Run, Study


def illustrate(run: Run, study: Study | None, out: Path) -> tuple[list[Figure], list[tuple[str, str]]]:
    """Figures of the page, and (what, why) of those that could not be drawn. out: folder for the files."""
    wanted: dict[str, Callable[[], Drawing]] = {"fad": lambda: fad_boxes(run)}
    if study is not None:
        wanted["opinions"] = lambda: mos_boxes(study)
    drawn, missing = [], []
    for name, draw in wanted.items():
        try:
            drawing = draw()
        except NotDrawnError as reason:
            missing.append((f"figure of {name}", str(reason)))
            continue
        for kind in ("pdf", "png"):
            save(drawing.figure, out / f"{name}.{kind}")
        files = [(f"{name}.{kind}", f"{out.name}/{name}.{kind}") for kind in ("pdf", "png")]
        svg = as_svg(drawing.figure, drawing.title, drawing.description)
        drawn.append(Figure(svg, drawing.title, drawing.description, files))
    return drawn, missing
