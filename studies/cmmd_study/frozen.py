"""A frozen study: what its database says it is, whatever its files say by now."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cmmd_bench.claims import differences
from cmmd_bench.errors import UserError
from cmmd_study.design.orders import Section as Block
from cmmd_study.design.orders import orders
from cmmd_study.folder import Source, StudyFolder, systems_by_section
from cmmd_study.questionnaires import Questionnaire
from cmmd_study.specification import Section, Specification, unmatched
from cmmd_study.store.database import Database, create_database
from cmmd_study.store.studies import Study, read_study, seal, stimuli
from cmmd_study.types import Stimulus


@dataclass(frozen=True, slots=True)
class Known:
    """A stimulus as the server knows it: raters only ever see its media."""

    stimulus: Stimulus
    role: str
    sha256: str
    seconds: float
    expected: Mapping[str, tuple[int, int]] | None


@dataclass(frozen=True, slots=True)
class Frozen:
    """study: its row. questionnaires: by section. stimuli: by id."""

    study: Study
    specification: Specification
    questionnaires: Mapping[str, Questionnaire]
    stimuli: Mapping[str, Known]

    def section(self, name: str) -> Section:
        """One section by name."""
        return next(section for section in self.specification.sections if section.name == name)


def freeze(folder: StudyFolder, place: str | Path, *, now: int) -> Frozen:
    """Seal the study in a new database at `place`: questions, plan, stimuli, and an order for every rater.

    Raises UserError for a plan that names what the study does not have, media that are missing or were changed, a
    design that cannot be laid out, and a place that holds a study already. Nothing is left behind then.
    """
    specification, sources = folder.specification(), folder.sources()
    questionnaires = folder.questionnaires(specification)
    systems = systems_by_section(sources)
    if missing := [section.name for section in specification.sections if section.name not in systems]:
        raise UserError(f"section {missing[0]!r} of study.toml has no stimuli; there are {', '.join(systems)}.")
    if wrong := unmatched(specification, questionnaires, systems):
        raise UserError(f"{folder.path / 'study.toml'}: " + " ".join(wrong))
    if changed := folder.changed_media({source.stimulus.id: source.sha256 for source in sources}):
        raise UserError(" ".join(changed) + " Restore the files, or make the study again.")
    blocks = [_block(section, sources) for section in specification.sections]
    try:
        rows = orders(blocks, specification.orders.rows, specification.orders.design, seed=specification.seed)
    except ValueError as error:
        raise UserError(f"the study cannot be laid out: {error}.") from None
    laid_out = [[(shown.stimulus, shown.role) for shown in row] for row in rows]
    spec = {"specification": _dump(specification), "questionnaires": {n: _dump(q) for n, q in questionnaires.items()}}
    plan = {
        "plan": _dump(specification)["plan"],
        "questions": {name: [question.id for question in q.questions] for name, q in questionnaires.items()},
        "systems": systems,
        "seed": specification.seed,
        "media_sha256": _digest(sorted((source.stimulus.id, source.sha256) for source in sources)),
        "orders_sha256": _digest(laid_out),
    }
    database = create_database(place)
    try:
        with database.writing() as connection:
            seal(
                connection,
                name=specification.name,
                spec=(_json(spec), _digest(spec)),
                plan=(_json(plan), _digest(plan)),
                stimuli=[_row(source) for source in sources],
                orders=laid_out,
                now=now,
            )
        return load(database)
    finally:
        database.close()


def load(database: Database) -> Frozen:
    """What was frozen; UserError if its rows no longer carry the digests that they were sealed with."""
    with database.reading() as connection:
        study, rows = read_study(connection), stimuli(connection)
    for what, value, sha256 in (
        ("questions", study.spec, study.spec_sha256),
        ("plan", study.plan, study.plan_sha256),
    ):
        if _digest(value) != sha256:
            raise UserError(
                f"the frozen {what} of study {study.name!r} were changed in the database. Restore a backup."
            )
    return Frozen(
        study,
        Specification.model_validate(study.spec["specification"]),
        {name: Questionnaire.model_validate(q) for name, q in study.spec["questionnaires"].items()},
        {row["id"]: _known(row) for row in rows},
    )


def deviations(folder: StudyFolder, frozen: Frozen) -> list[str]:
    """What the files of the folder say otherwise than what was frozen, in sentences."""
    try:
        specification = folder.specification()
        now = {
            "specification": _dump(specification),
            "questionnaires": {name: _dump(q) for name, q in folder.questionnaires(specification).items()},
        }
    except UserError as error:
        return [f"the files cannot be compared with what was frozen: {error}"]
    return [f"changed after freezing: {change}" for change in differences(dict(frozen.study.spec), now)]


def _block(section: Section, sources: list[Source]) -> Block:
    mine: dict[str, list[Stimulus]] = {"rated": [], "practice": [], "gold": []}
    for source in sources:
        if source.stimulus.section == section.name:
            mine[source.role].append(source.stimulus)
    return Block(section.name, tuple(mine["rated"]), tuple(mine["practice"]), tuple(mine["gold"]))


def _row(source: Source) -> dict[str, Any]:
    shown = source.stimulus
    return {
        "id": shown.id,
        "section": shown.section,
        "clip": shown.clip,
        "system": shown.system,
        "sample": shown.sample,
        "role": source.role,
        "sha256": source.sha256,
        "milliseconds": source.milliseconds,
        "expected": None if source.expected is None else _json(source.expected),
    }


def _known(row: Mapping[str, Any]) -> Known:
    shown = Stimulus(row["id"], row["section"], row["clip"], row["system"], row["sample"])
    expected = None if row["expected"] is None else json.loads(row["expected"])
    return Known(shown, row["role"], row["sha256"], row["milliseconds"] / 1000, expected)


def _dump(model: Specification | Questionnaire) -> dict[str, Any]:
    return model.model_dump(mode="json", by_alias=True)


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _digest(value: Any) -> str:
    return hashlib.sha256(_json(value).encode()).hexdigest()
