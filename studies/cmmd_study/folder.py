"""The folder of a study.

study.toml                  what people decide: edit it until it is frozen
questionnaires/<name>.toml  what is asked; edit until frozen
stimuli.json                which file is which system's: never shown to raters, and not to be looked at by their host
media/<id>.mp4              what raters see, alike in everything but content
audit.json                  what still tells the systems apart before one looks or listens
study.db                    answers, unless the study is kept in PostgreSQL
database                    where else it is, if it is
admin-token                 opens the admin page
invitations.csv             links that were given out by `invite --csv`
"""

import json
import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cmmd_bench.atomic import explained, write_json
from cmmd_bench.content import content_digest
from cmmd_bench.errors import UserError
from cmmd_study.questionnaires import Questionnaire, load_questionnaire
from cmmd_study.specification import Specification, parse_specification
from cmmd_study.types import Stimulus

SCHEMA = 1
"""Version of stimuli.json."""


@dataclass(frozen=True, slots=True)
class Source:
    """A stimulus with what is known of it: its role, its file's digest and length, and where it came from.

    role: rated, practice or gold. expected: of gold, question -> lowest and highest answer that passes.
    made: sizes and rates of what the system had made. file: content digest of that.
    """

    stimulus: Stimulus
    role: str
    sha256: str
    milliseconds: int
    file: str
    made: tuple[str, ...]
    expected: Mapping[str, tuple[int, int]] | None = None


@dataclass(frozen=True, slots=True)
class StudyFolder:
    """Paths and contents of one study."""

    path: Path

    def specification(self) -> Specification:
        """study.toml; UserError if it is missing or wrong."""
        target = self.path / "study.toml"
        if not target.is_file():
            raise UserError(
                f"{self.path} is not a study: it has no study.toml. Make one with `cmmd-bench study create`."
            )
        return parse_specification(target.read_text(encoding="utf-8"), where=str(target))

    def questionnaire(self, name: str) -> Questionnaire:
        """One of the study's own questionnaires."""
        return load_questionnaire(self.path / "questionnaires" / f"{name}.toml")

    def questionnaires(self, specification: Specification) -> dict[str, Questionnaire]:
        """By section."""
        return {section.name: self.questionnaire(section.questionnaire) for section in specification.sections}

    def media(self, stimulus: str) -> Path:
        """The file that raters see."""
        return self.path / "media" / f"{stimulus}.mp4"

    def sources(self) -> list[Source]:
        """stimuli.json; UserError if it is missing, damaged or newer."""
        target = self.path / "stimuli.json"
        if not target.is_file():
            raise UserError(f"{self.path} has no stimuli.json. Make the study again with `cmmd-bench study create`.")
        try:
            table = json.loads(target.read_text(encoding="utf-8"))
            if table["schema"] > SCHEMA:
                raise UserError(
                    f"{target} has schema {table['schema']}; this version of cmmd-bench reads up to {SCHEMA}."
                )
            return [_source(row) for row in table["stimuli"]]
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(f"{target} is damaged ({error}). Restore it.") from None

    def write_sources(self, sources: Sequence[Source]) -> None:
        """Replace stimuli.json."""
        rows = [{**asdict(source.stimulus), **_more(source)} for source in sources]
        write_json(self.path / "stimuli.json", {"schema": SCHEMA, "stimuli": rows})

    def changed_media(self, digests: Mapping[str, str]) -> list[str]:
        """Sentences about files that are missing or not what `digests` (stimulus id -> SHA-256) says."""
        found = []
        for stimulus, sha256 in sorted(digests.items()):
            path = self.media(stimulus)
            if not path.is_file():
                found.append(f"{path} is missing.")
            elif content_digest(path) != sha256:
                found.append(f"{path} is not the file that was prepared.")
        return found

    def database(self) -> str | Path:
        """Where the answers are kept."""
        elsewhere = self.path / "database"
        return elsewhere.read_text(encoding="utf-8").strip() if elsewhere.is_file() else self.path / "study.db"

    def admin_token(self) -> str:
        """What opens the host's page; made at the first call, readable by the owner of the folder alone."""
        target = self.path / "admin-token"
        with explained(target):
            try:
                descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            except FileExistsError:
                return target.read_text(encoding="utf-8").strip()
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                stream.write(token := secrets.token_urlsafe(24))
        return token


def systems_by_section(sources: Sequence[Source]) -> dict[str, list[str]]:
    """Section -> names of the systems that are rated there, sorted."""
    found: dict[str, set[str]] = {}
    for source in sources:
        if source.role == "rated":
            found.setdefault(source.stimulus.section, set()).add(source.stimulus.system)
    return {section: sorted(systems) for section, systems in found.items()}


def _more(source: Source) -> dict[str, Any]:
    values = asdict(source)
    del values["stimulus"]
    return values


def _source(row: Mapping[str, Any]) -> Source:
    stimulus = Stimulus(row["id"], row["section"], row["clip"], row["system"], row["sample"])
    expected = row["expected"]
    return Source(
        stimulus,
        row["role"],
        row["sha256"],
        row["milliseconds"],
        row["file"],
        tuple(row["made"]),
        None if expected is None else {question: (low, high) for question, (low, high) in expected.items()},
    )
