"""Runs and studies from their folders, and refusals of what a report cannot be made of."""

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cmmd_bench.errors import UserError
from cmmd_bench.ledger import read_lines
from cmmd_bench.runs.folder import RunFolder
from cmmd_bench.scoring.index import Scored, read_index
from cmmd_bench.scoring.results import PerClip, Scores, read_results
from cmmd_bench.types import Task
from cmmd_report.types import Rating, Run, Sample, Source, Study


def read_run(folder: Path) -> Run:
    """A scored run, or a folder that `score --out` wrote; UserError if it is unfinished, damaged or newer."""
    manifest: Mapping[str, Any] = {}
    if (folder / "run.json").exists() or not (folder / "results.json").exists():
        manifest = RunFolder(folder).manifest()
        if manifest["status"] == "running" or not (folder / "results.json").exists():
            command = manifest["command"] or "cmmd_bench.run in Python"
            raise UserError(f"the run in {folder} is unfinished. Run its command again to finish it: {command}")
    table = read_results(folder)
    if not table.results:
        raise UserError(f"{folder / 'results.json'} holds no result: no model has a finished sample. See {folder}.")
    scores = Scores(table.protocol, table.results, _per_clip(folder), table.failures, table.findings)
    # A table that was typed in has numbers and nothing that they were made from.
    scored = read_index(folder) if manifest or (folder / "scored.json").is_file() else None
    rows = {name: name for name in dict.fromkeys(result.model for result in table.results)}
    source = Source(folder, manifest, table.protocol, rows)
    return Run(source.name, [source], scores, _samples(source, scored), scored)


def read_study(folder: Path, run: Run) -> Study:
    """What `study export` and `study analyse --out` wrote, of a study on clips of `run`; UserError otherwise.

    folder: of the study, whose export is in its folder `export`, or that folder itself
    """
    found = folder if (folder / "ratings.csv").is_file() else folder / "export"
    hint = f"cmmd-bench study export {folder} && cmmd-bench study analyse {folder} --out {found}"
    for name in ("ratings.csv", "analysis.json"):
        if not (found / name).is_file():
            raise UserError(f"{folder} has no {name} of a study. Make it with: {hint}")
    ratings = [_rating(row) for row in _rows(found / "ratings.csv") if row.get("role") == "rated"]
    analysis = read_json(found / "analysis.json")
    _require_same_clips(folder, ratings, run)
    return Study(found, ratings, analysis, _tasks(found))


def read_json(path: Path) -> dict[str, Any]:
    """The object in a file; UserError if there is no file, or no JSON in it."""
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"there is no {path}. Check its name.") from None
    except ValueError as error:
        raise UserError(f"{path} is not JSON ({error}). Make it again.") from None
    return found


def _tasks(folder: Path) -> dict[str, Task]:
    """As the export's codebook has it; a table from elsewhere has no codebook."""
    if not (folder / "codebook.json").is_file():
        return {}
    sections = read_json(folder / "codebook.json").get("sections", {})
    return {name: section["task"] for name, section in sections.items()}


def _per_clip(folder: Path) -> list[PerClip]:
    return [PerClip(**line) for line in read_lines(folder / "scores.jsonl")]


def _samples(source: Source, scored: Scored | None) -> list[Sample]:
    files = RunFolder(source.folder) if source.manifest else None
    return [
        Sample(
            row.model,
            row.task,
            sample.id,
            sample.condition,
            sample.index,
            files.sample(row.model, sample.id) if files else None,
        )
        for row in (scored.rows if scored else ())
        for sample in row.samples
    ]


def _require_same_clips(folder: Path, ratings: list[Rating], run: Run) -> None:
    rated = {rating.clip for rating in ratings}
    known = {sample.condition for sample in run.samples}
    models = {sample.model for sample in run.samples}
    strangers = sorted(rated - known)
    if strangers or not rated:
        named = f"it rates {', '.join(strangers[:3])}" if strangers else "it has no rating that counts"
        raise UserError(
            f"{folder} is not a study of {run.name}: {named}, and the run has "
            f"{len(known)} other conditions. Give the run that the study was created from."
        )
    unknown = sorted({rating.system for rating in ratings} - models)
    if unknown:
        raise UserError(
            f"{folder} is not a study of {run.name}: it rates {', '.join(unknown)}; the run has the rows "
            f"{', '.join(sorted(models))}. Give the run that the study was created from."
        )


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _rating(row: Mapping[str, str]) -> Rating:
    try:
        return Rating(
            rater=row["rater"],
            section=row["section"],
            clip=row["clip"],
            system=row["system"],
            sample=int(row["sample"]),
            question=row["question"],
            score=float(row["score"]),
            lowest=float(row["lowest"]),
            highest=float(row["highest"]),
        )
    except (KeyError, ValueError) as error:
        raise UserError(f"ratings.csv has a row that is no rating ({error!r}): export the study again.") from None
