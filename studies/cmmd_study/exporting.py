"""From the database to the long table: who said what about which system, with how it was seen.

Here the blinding ends. Rows are ordered by rater, place and question: the same database gives the same rows.
"""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from cmmd_bench.errors import UserError
from cmmd_study.folder import StudyFolder
from cmmd_study.frozen import Frozen, Known, deviations, load
from cmmd_study.questionnaires import Question
from cmmd_study.specification import Plan
from cmmd_study.store.answers import check_chain
from cmmd_study.store.database import open_database
from cmmd_study.store.tables import answer, exclusion, presentation, rater
from cmmd_study.tables.rated import Rated


@dataclass(frozen=True, slots=True)
class Exported:
    """rows: of all raters. remarks: what a reader must know, in sentences. unfinished, excluded: raters by id."""

    frozen: Frozen
    rows: tuple[Rated, ...]
    remarks: tuple[str, ...]
    unfinished: frozenset[str]
    excluded: frozenset[str]


def export(folder: StudyFolder) -> Exported:
    """All answers that count. UserError if any was changed, or taken out, after it had been committed."""
    database = open_database(folder.database())
    try:
        frozen = load(database)
        with database.reading() as connection:
            if broken := list(check_chain(connection)):
                raise UserError(
                    f"answer {broken[0]} is not what was committed ({len(broken)} in all): the database was changed by "
                    "hand or is damaged. Restore a backup."
                )
            rows = _rows(connection, frozen)
            states = {row.id: row for row in connection.execute(select(rater)).all()}
            out = connection.execute(select(exclusion).order_by(exclusion.c.rater, exclusion.c.rule)).all()
    finally:
        database.close()
    present = {row.rater for row in rows}
    unfinished = frozenset(who for who in present if states[who].state != "finished")
    remarks = deviations(folder, frozen)
    if frozen.study.closed_at is None:
        remarks.append("the study is still open: more answers may come.")
    if unfinished:
        remarks.append(f"{len(unfinished)} of {len(present)} raters have not finished.")
    if late := sum(row.late for row in rows):
        remarks.append(f"{late} answers were given before the study closed and arrived later.")
    remarks += [f"rater {row.rater} was excluded {row.rule}: {row.reason}." for row in out]
    kinds = Counter(kind for who in present if (kind := _simulated(states[who].device)))
    if kinds:
        counts = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
        remarks.append(f"{sum(kinds.values())} raters are synthetic ({counts}): these are no opinions of people.")
    return Exported(frozen, tuple(rows), tuple(remarks), unfinished, frozenset(row.rater for row in out))


def rows_of_study(path: Path) -> tuple[list[Rated], Plan, Mapping[str, str | None], list[str]]:
    """What `study analyse` works on: rows of raters who finished and were not excluded by hand, the frozen plan, the
    reference of each section, and remarks."""
    found = export(StudyFolder(path))
    kept = [row for row in found.rows if row.rater not in found.unfinished | found.excluded]
    if not kept:
        raise UserError(f"{path} has no rater who finished. `cmmd-bench study status {path}` shows how far they are.")
    references = {section.name: section.reference for section in found.frozen.specification.sections}
    remarks = list(found.remarks)
    if found.unfinished:
        remarks.append("Raters who have not finished are left out of all results.")
    return kept, found.frozen.specification.plan, references, remarks


def _rows(connection: Connection, frozen: Frozen) -> list[Rated]:
    latest: dict[tuple[str, str], Any] = {}
    shown = connection.execute(
        select(presentation, rater.c.state)
        .join(rater, rater.c.id == presentation.c.rater)
        .order_by(presentation.c.rater, presentation.c.place)
    ).all()
    for row in connection.execute(select(answer).where(answer.c.withdrawn.is_(False)).order_by(answer.c.revision)):
        latest[row.presentation, row.question] = row
    rows = []
    for each in shown:
        known = frozen.stimuli[each.stimulus]
        for question in frozen.questionnaires[known.stimulus.section].questions:
            said = latest.get((each.id, question.id))
            # A clip that could not be played is missing, and no score.
            if said is not None and said.value is not None:
                rows.append(_rated(each, known, question, said))
    return rows


def _rated(shown: Any, known: Known, question: Question, said: Any) -> Rated:
    proof: Mapping[str, Any] = json.loads(said.proof)
    stimulus = known.stimulus
    passed = None
    if shown.role == "gold" and known.expected is not None and question.id in known.expected:
        lowest, highest = known.expected[question.id]
        passed = lowest <= said.value <= highest
    return Rated(
        rater=shown.rater,
        section=stimulus.section,
        clip=stimulus.clip,
        system=stimulus.system,
        sample=str(stimulus.sample),
        question=question.id,
        score=float(said.value),
        role=shown.role,
        place=shown.place,
        plays=proof.get("plays"),
        played_share=min(1.0, proof["played"] / known.seconds) if "played" in proof else None,
        seconds=known.seconds,
        viewing_seconds=proof.get("viewing"),
        answer_seconds=proof.get("answering"),
        late=said.late,
        finished=shown.state == "finished",
        lowest=float(question.scale.lowest),
        highest=float(question.scale.highest),
        passed=passed,
    )


def _simulated(device: str | None) -> str | None:
    kind = json.loads(device or "{}").get("simulated")
    return None if kind is None else str(kind)
