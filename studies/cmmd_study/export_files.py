"""The files of `study export`: the long table, matrices for other tools, the codebook and the frozen plan.

ratings.csv or .parquet            one row per answer that counts
matrices/<section>.<question>.csv  stimuli by raters, as tools for panels of raters read them; empty where not rated
sureal/<section>.<question>.json   the same as a dataset of sureal
codebook.json                      what each column means, each question's words and scale
plan.json                          what was frozen, with its digests
README.txt                         what a reader must know
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from cmmd_bench.atomic import require_writable, write_bytes, write_json
from cmmd_study.exporting import Exported
from cmmd_study.tables.long_table import write_long_table
from cmmd_study.tables.rated import Rated

MEANING = {
    "rater": "code of the rater; nothing else is known of the person",
    "section": "task, by the name that the study gives it",
    "clip": "conditioning input",
    "system": "what made the clip",
    "sample": "which of several samples of the system for this clip",
    "question": "id of the question; its words are below",
    "score": "the answer",
    "role": "rated: counts. practice, gold, repeat: does not enter results",
    "place": "in the order of this rater, from 0",
    "plays": "how often the clip was played to its end",
    "played_share": "of the clip's length, each part counted once, 0 to 1",
    "seconds": "length of the clip",
    "viewing_seconds": "from the start to the end of the last whole play",
    "answer_seconds": "from the first end of the clip to the answer",
    "late": "1: given before the study closed, arrived later",
    "finished": "1: the rater answered everything",
    "lowest": "lowest answer of the scale",
    "highest": "highest answer of the scale, the best",
    "passed": "of gold: 1 if the answer was within the range known to be right",
}


def write_export(folder: Path, exported: Exported, *, parquet: bool) -> list[Path]:
    """Write all files and return their paths; the same database gives the same bytes."""
    require_writable(folder)
    table = folder / ("ratings.parquet" if parquet else "ratings.csv")
    write_long_table(table, exported.rows)
    written = [table]
    for name, rows in _by_question(exported.rows).items():
        written += [folder / "matrices" / f"{name}.csv", folder / "sureal" / f"{name}.json"]
        write_bytes(written[-2], _matrix(rows).encode())
        write_json(written[-1], _sureal(name, rows))
    written += [folder / "codebook.json", folder / "plan.json", folder / "README.txt"]
    write_json(written[-3], _codebook(exported))
    study = exported.frozen.study
    plan = {"plan_sha256": study.plan_sha256, "questions_sha256": study.spec_sha256, **study.plan}
    write_json(written[-2], plan)
    write_bytes(written[-1], _readme(exported).encode())
    return written


def _by_question(rows: Sequence[Rated]) -> dict[str, list[Rated]]:
    found: dict[str, list[Rated]] = {}
    for row in rows:
        if row.role == "rated":
            found.setdefault(f"{row.section}.{row.question}", []).append(row)
    return dict(sorted(found.items()))


def _stimulus(row: Rated) -> tuple[str, str, str]:
    return row.clip, row.system, row.sample


def _matrix(rows: Sequence[Rated]) -> str:
    raters = sorted({row.rater for row in rows})
    score = {(_stimulus(row), row.rater): row.score for row in rows}
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["clip", "system", "sample", *raters])
    for stimulus in sorted({_stimulus(row) for row in rows}):
        cells = [score.get((stimulus, rater)) for rater in raters]
        writer.writerow([*stimulus, *("" if cell is None else f"{cell:g}" for cell in cells)])
    return out.getvalue()


def _sureal(name: str, rows: Sequence[Rated]) -> dict[str, Any]:
    clips = sorted({row.clip for row in rows})
    scores: dict[tuple[str, str, str], dict[str, float]] = {}
    for row in rows:
        scores.setdefault(_stimulus(row), {})[row.rater] = row.score
    return {
        "dataset_name": name,
        "ref_score": max(row.highest for row in rows),
        "ref_videos": [{"content_id": i, "content_name": clip, "path": clip} for i, clip in enumerate(clips)],
        "dis_videos": [
            {
                "content_id": clips.index(clip),
                "asset_id": number,
                "path": f"{clip}_{system}_{sample}",
                "os": dict(sorted(said.items())),
            }
            for number, ((clip, system, sample), said) in enumerate(sorted(scores.items()))
        ],
    }


def _codebook(exported: Exported) -> dict[str, Any]:
    return {
        "columns": {field.name: MEANING[field.name] for field in fields(Rated)},
        "sections": {
            name: questionnaire.model_dump(mode="json", by_alias=True)
            for name, questionnaire in exported.frozen.questionnaires.items()
        },
    }


def _readme(exported: Exported) -> str:
    study = exported.frozen.study
    raters = len({row.rater for row in exported.rows})
    lines = [
        f"Ratings of the study {study.name}: {len(exported.rows)} answers of {raters} raters.",
        "ratings holds one answer a row; codebook.json says what its columns mean.",
        "Rows whose role is not `rated` do not enter results.",
        f"Frozen plan: {study.plan_sha256}",
        *exported.remarks,
    ]
    return "\n".join(lines) + "\n"
