"""From run folders to a folder with the page and everything that it links to."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cmmd_bench.atomic import require_writable, write_bytes
from cmmd_bench.progress import Progress, silent
from cmmd_report.agreement import agreement, disagreements
from cmmd_report.answer import answer
from cmmd_report.clips import chosen, players
from cmmd_report.comparing import compare, ties
from cmmd_report.illustrating import illustrate
from cmmd_report.page import Contents, render
from cmmd_report.reading import read_run, read_study
from cmmd_report.score_table import ScoreTable, score_table
from cmmd_report.tables import as_csv, as_latex, as_markdown
from cmmd_report.types import Run

CLIPS = 6
"""Conditions of each task whose clips are on the page."""


@dataclass(frozen=True, slots=True)
class Written:
    """page: its path; answer: the two sentences that it begins with."""

    page: Path
    answer: tuple[str, str]


def write_report(
    folder: Path,
    *,
    out: Path,
    study: Path | None = None,
    clips: int = CLIPS,
    embed: bool = True,
    progress: Progress = silent,
) -> Written:
    """Write the report of a run to `out`: report.html and its files. The same files give the same bytes.

    study: folder of a study of clips of this run, exported and analysed
    clips: conditions of each task that can be played; embed: within the page, else in `media` beside it
    """
    run = read_run(folder)
    rated = None if study is None else read_study(study, run)
    require_writable(out)
    compared = compare(run, progress)
    level = ties(run, compared)
    tables = [score_table(run, task, level) for task in run.tasks]
    pairs = [] if rated is None else agreement(run, rated)
    # First the clips to look at, then the others that people rated.
    puzzling = [point.clip for _, point in sorted(disagreements(pairs), key=lambda one: -abs(one[1].gap))]
    wanted = [*puzzling, *sorted({rating.clip for rating in rated.ratings})] if rated else []
    shown = [(task, *place) for task in run.tasks for place in chosen(run, task, clips, wanted)]
    rows = players(run, shown, None if embed else out / "media", progress)
    said = answer(run, compared, rated)
    figures, not_drawn = illustrate(run, rated, out / "figures", progress)
    files = _write_tables(out, run, tables)
    contents = Contents(run, rated, said, tables, compared, pairs, figures, not_drawn, rows, files)
    page = out / "report.html"
    write_bytes(page, render(contents).encode())
    return Written(page, said)


def _write_tables(out: Path, run: Run, tables: Sequence[ScoreTable]) -> list[tuple[str, str]]:
    """(name, address) of each file."""
    texts = {"results.csv": as_csv(run.scores.results)}
    for table in tables:
        texts[f"{table.task}.tex"] = as_latex(table, label=f"tab:{run.name}-{table.task}")
        texts[f"{table.task}.md"] = as_markdown(table)
    for name, text in texts.items():
        write_bytes(out / "tables" / name, text.encode())
    return [(name, f"tables/{name}") for name in texts]
