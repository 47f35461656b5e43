"""Questionnaires: what raters are asked, as TOML files. Built in: aist-v2a, aist-a2v, epic-v2a, acr-v2a, acr-a2v."""

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from cmmd_bench.errors import UserError, unknown_name
from cmmd_bench.toml_files import Entry, parse_toml, plain_complaint
from cmmd_study.questionnaires.schema import SCHEMA, Question, Questionnaire, Scale, Text

__all__ = ["Question", "Questionnaire", "Scale", "Text", "built_in", "load_questionnaire", "parse_questionnaire"]


def built_in() -> list[str]:
    """Names of the questionnaires that ship with the package."""
    names = (entry.name for entry in files(__name__).iterdir())
    return sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml"))


def load_questionnaire(name: str | Path) -> Questionnaire:
    """A built-in questionnaire by name, or any by the path of its TOML file; UserError for what is wrong with it."""
    if str(name).endswith(".toml"):
        path = Path(name)
        if not path.is_file():
            raise UserError(f"no questionnaire at {path}. Built-in questionnaires: {', '.join(built_in())}.")
        return parse_questionnaire(path.read_text(encoding="utf-8"), where=str(path))
    if str(name) not in built_in():
        raise unknown_name("questionnaire", str(name), built_in())
    text = files(__name__).joinpath(f"{name}.toml").read_text(encoding="utf-8")
    return parse_questionnaire(text, where=f"questionnaire {name}")


def parse_questionnaire(text: str, *, where: str) -> Questionnaire:
    """Read the TOML of a questionnaire; every complaint names `where`, the key and what was expected."""
    return parse_toml(text, Questionnaire, where=where, schema=SCHEMA, complaint=_complaint)


def _complaint(entry: Entry, table: Mapping[str, Any]) -> str:
    # The table behind a text is no key of the file.
    return plain_complaint({**entry, "loc": [part for part in entry["loc"] if part != "by_language"]}, table)
