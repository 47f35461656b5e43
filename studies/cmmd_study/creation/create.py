"""Make the folder of a study from samples: pick them, make their files alike, audit them, and write study.toml.

A study is made in a temporary folder beside its place and moved there when it is whole.
"""

import json
import re
import secrets
import shutil
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from importlib.resources import files
from pathlib import Path

from cmmd_bench.atomic import explained, write_bytes, write_json
from cmmd_bench.errors import UserError
from cmmd_bench.progress import Progress, silent
from cmmd_study import questionnaires as built_ins
from cmmd_study.creation.audit import Audit, as_json, audit
from cmmd_study.creation.candidates import Origin
from cmmd_study.creation.measured import Measured
from cmmd_study.creation.picks import Selection
from cmmd_study.creation.sections import Look, make_sections
from cmmd_study.creation.study_text import sections_text, study_text
from cmmd_study.folder import Source, StudyFolder, systems_by_section
from cmmd_study.questionnaires import Questionnaire, load_questionnaire
from cmmd_study.specification import parse_specification


@dataclass(frozen=True, slots=True)
class Created:
    """What a call of `create` or `add` made. sources: the stimuli that are new; audit: of the whole study."""

    folder: StudyFolder
    sources: Sequence[Source]
    audit: Audit


def create(
    path: Path,
    origin: Origin,
    questionnaires: Sequence[str | Path],
    *,
    selection: Selection | None = None,
    look: Look | None = None,
    seed: int = 0,
    today: date | None = None,
    progress: Progress = silent,
) -> Created:
    """Make a study at `path` with one section for each questionnaire, named like it; whole or not at all.

    Raises UserError if there is something at `path`, and for samples that are too few, damaged, changed or one-sided.
    """
    if path.exists():
        what = "a study" if (path / "study.toml").exists() else "something else"
        raise UserError(f"{path} is {what} already. Choose another folder with --out, or `study add` sections to it.")
    asked = _questionnaires(questionnaires, taken=())
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        building = path.with_name(f".{path.name}-{secrets.token_hex(6)}")
        building.mkdir()
    try:
        folder = StudyFolder(building)
        sources, measured, reference = make_sections(
            folder,
            origin,
            [each for each, _ in asked],
            selection or Selection(),
            look or Look(),
            seed,
            (),
            progress,
            [],
        )
        text = study_text(_name(path), seed=seed, delete_after=(today or date.today()) + timedelta(days=365))
        text += sections_text([each for each, _ in asked], systems_by_section(sources), reference)
        found = audit(measured)
        _write(folder, asked, sources, found, text)
        with explained(path):
            building.rename(path)
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        raise
    return Created(StudyFolder(path), sources, found)


def add(
    path: Path,
    origin: Origin,
    questionnaires: Sequence[str | Path],
    *,
    selection: Selection | None = None,
    look: Look | None = None,
    progress: Progress = silent,
) -> Created:
    """Add sections to a study that is not frozen, drawn by its own seed; clips that it shows already come last.

    study.toml keeps what it says; the sections come at its end, and only when all else is written.
    """
    folder = StudyFolder(path)
    specification = folder.specification()
    if (path / "study.db").exists() or (path / "database").exists():
        raise UserError(f"{path} is frozen; a study keeps the sections that it was frozen with. Create another one.")
    names = {section.name for section in specification.sections}
    asked = _questionnaires(questionnaires, taken=names | {each.questionnaire for each in specification.sections})
    # Of an addition that was cut short, files may lie here that belong to no section.
    old = [source for source in folder.sources() if source.stimulus.section in names]
    before = [file for file in _measured(path / "audit.json") if file.section in names]
    shown = {source.stimulus.clip for source in old}
    new: list[Path] = []
    try:
        sources, measured, reference = make_sections(
            folder,
            origin,
            [each for each, _ in asked],
            selection or Selection(),
            look or Look(),
            specification.seed,
            shown,
            progress,
            new,
        )
        text = (path / "study.toml").read_text(encoding="utf-8").rstrip("\n") + "\n"
        text += sections_text([each for each, _ in asked], systems_by_section(sources), reference)
        try:
            parse_specification(text, where=str(path / "study.toml"))
        except UserError as error:
            raise UserError(
                f"the sections cannot be put at the end of study.toml: {error} Write its sections and contrasts as "
                "[[sections]] and [[plan.contrasts]]."
            ) from None
    except BaseException:
        for file in new:
            file.unlink(missing_ok=True)
        raise
    found = audit([*before, *measured])
    _write(folder, asked, [*old, *sources], found, text)
    return Created(folder, sources, found)


Asked = tuple[Questionnaire, str]
"""A questionnaire and the text of its file."""


def _questionnaires(names: Sequence[str | Path], *, taken: Collection[str]) -> list[Asked]:
    if not names:
        raise UserError(f"no questionnaire is given. Built in: {', '.join(built_ins.built_in())}.")
    asked = []
    for name in names:
        questionnaire = load_questionnaire(name)
        is_path = str(name).endswith(".toml")
        source = Path(name) if is_path else files(built_ins).joinpath(f"{name}.toml")
        asked.append((questionnaire, source.read_text(encoding="utf-8")))
    counts = Counter([*taken, *(questionnaire.name for questionnaire, _ in asked)])
    if twice := [name for name, count in counts.items() if count > 1]:
        raise UserError(
            f"questionnaire {twice[0]!r} would be a section twice. Give it once, or copy it under another name."
        )
    return asked


def _write(folder: StudyFolder, asked: Sequence[Asked], sources: Sequence[Source], found: Audit, text: str) -> None:
    for questionnaire, source in asked:
        write_bytes(folder.path / "questionnaires" / f"{questionnaire.name}.toml", source.encode())
    write_json(folder.path / "audit.json", as_json(found))
    folder.write_sources(sources)
    # Last: what study.toml names is there.
    parse_specification(text, where="study.toml")
    write_bytes(folder.path / "study.toml", text.encode())


def _measured(path: Path) -> list[Measured]:
    if not path.is_file():
        raise UserError(f"{path} is missing; restore it, or create the study again.")
    try:
        return [Measured(**row) for row in json.loads(path.read_text(encoding="utf-8"))["files"]]
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is damaged ({error}). Restore it, or create the study again.") from None


def _name(path: Path) -> str:
    """The name of a folder as a study may be called."""
    plain = re.sub(r"[^a-z0-9]+", "-", path.resolve().name.lower()).strip("-")
    return plain[:80].rstrip("-") or "study"
