"""From run folders to a folder with the page and everything that it links to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cmmd_bench.atomic import require_writable, write_bytes
from cmmd_bench.errors import UserError
from cmmd_bench.progress import Progress, silent
from cmmd_report.agreement import agreement, disagreements
from cmmd_report.answer import answer
from cmmd_report.clips import chosen, players
from cmmd_report.comparing import compare, ties
from cmmd_report.illustrating import illustrate
from cmmd_report.joining import joined
from cmmd_report.overview import Part, render_overview
from cmmd_report.page import Contents, render, suite_name
from cmmd_report.reading import read_json, read_run, read_study
from cmmd_report.score_table import ScoreTable, score_table
from cmmd_report.tables import (
    Grid,
    as_csv,
    as_latex,
    as_markdown,
    frame_settings,
    grid,
    grid_as_csv,
    hit_rates,
    narrow_grid,
    speeds,
)
from cmmd_report.types import Run, Study

CLIPS = 6
"""Conditions of each task whose clips are on the page."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How pages are made; see `write_report`."""

    clips: int
    embed: bool
    of_speed: Sequence[Grid]
    validation: Mapping[str, Any] | None
    progress: Progress


@dataclass(frozen=True, slots=True)
class Written:
    """page: its path; answer: the sentences that it begins with."""

    page: Path
    answer: Sequence[str]


def write_report(
    folders: Sequence[Path],
    *,
    out: Path,
    study: Path | None = None,
    speed: Path | None = None,
    validation: Path | None = None,
    clips: int = CLIPS,
    embed: bool = True,
    progress: Progress = silent,
) -> Written:
    """Write the report of runs to `out`: report.html and its files. The same files give the same bytes.

    Runs of one protocol are rows of one table. Where there are several protocols each gets a folder in `out` with a
    page of its own, and report.html leads to them and says what differs.

    study: folder of a study of clips of these runs, exported and analysed
    speed: file of what `bench generators --json` printed, for the paper's Table 3
    validation: folder that `validate --out` wrote, for what the metrics see
    clips: conditions of each task that can be played; embed: within the page, else in `media` beside it
    """
    single = [read_run(folder) for folder in folders]
    runs = joined(single)
    rated = {} if study is None else _study_of(study, single, runs)
    of_speed = [] if speed is None else [speeds(read_json(speed))]
    require_writable(out)
    validated = None if validation is None else read_json(validation / "validation.json")
    settings = Settings(clips, embed, of_speed, validated, progress)
    if len(runs) == 1:
        return _write_page(runs[0], out, rated.get(0), settings)
    parts = []
    for place, run in enumerate(runs):
        folder = f"{place + 1}-{_slug(suite_name(run))}"
        written = _write_page(run, out / folder, rated.get(place), settings)
        parts.append(Part(run, f"{folder}/{written.page.name}", written.answer[0]))
    page = out / "report.html"
    write_bytes(page, render_overview(parts).encode())
    return Written(page, [part.answer for part in parts])


def _write_page(run: Run, out: Path, rated: Study | None, settings: Settings) -> Written:
    compared = compare(run, settings.progress)
    level = ties(run, compared)
    tables = [score_table(run, task, level) for task in run.tasks]
    pairs = [] if rated is None else agreement(run, rated)
    # First the clips to look at, then the others that people rated.
    puzzling = [point.clip for _, point in sorted(disagreements(pairs), key=lambda one: -abs(one[1].gap))]
    wanted = [*puzzling, *sorted({rating.clip for rating in rated.ratings})] if rated else []
    shown = [(task, *place) for task in run.tasks for place in chosen(run, task, settings.clips, wanted)]
    rows = players(run, shown, None if settings.embed else out / "media", settings.progress)
    said = answer(run, compared, rated)
    figures, not_drawn = illustrate(
        run,
        out / "figures",
        study=rated,
        pairs=pairs,
        validation=settings.validation,
        progress=settings.progress,
    )
    files = _write_tables(out, run, tables, settings.of_speed)
    contents = Contents(run, rated, said, tables, compared, pairs, figures, not_drawn, rows, files)
    page = out / "report.html"
    write_bytes(page, render(contents).encode())
    return Written(page, said)


def _study_of(folder: Path, single: Sequence[Run], runs: Sequence[Run]) -> dict[int, Study]:
    """The study under the place of the run in `runs` that it is a study of; systems get the names of their rows."""
    refusals: list[UserError] = []
    for one in single:
        try:
            study = read_study(folder, one)
        except UserError as refusal:
            refusals.append(refusal)
            continue
        for place, run in enumerate(runs):
            for source in run.sources:
                if source.folder == one.sources[0].folder:
                    names = source.rows
                    ratings = [replace(r, system=names.get(r.system, r.system)) for r in study.ratings]
                    return {place: replace(study, ratings=ratings)}
    raise refusals[0]


def _slug(name: str) -> str:
    """A name of a folder that every system takes."""
    return "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in name.lower())[:40]


def _write_tables(out: Path, run: Run, tables: Sequence[ScoreTable], of_speed: Sequence[Grid]) -> list[tuple[str, str]]:
    """(name, address) of each file."""
    texts = {"results.csv": as_csv(run.scores.results)}
    for table in tables:
        texts[f"{table.task}.tex"] = as_latex(narrow_grid(table), label=f"tab:{run.name}-{table.task}")
        texts[f"{table.task}.md"] = as_markdown(grid(table))
    for of_paper in (*frame_settings(run), *hit_rates(run), *of_speed):
        texts[f"{of_paper.name}.tex"] = as_latex(of_paper, label=f"tab:{run.name}-{of_paper.name}")
        texts[f"{of_paper.name}.md"] = as_markdown(of_paper)
        texts[f"{of_paper.name}.csv"] = grid_as_csv(of_paper)
    for name, text in texts.items():
        write_bytes(out / "tables" / name, text.encode())
    return [(name, f"tables/{name}") for name in texts]
