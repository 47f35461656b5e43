"""Suites: benchmark protocols as TOML files. Built in: demo, aist, epic-sounds, landscape."""

from collections.abc import Mapping
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from cmmd_bench.errors import UserError, unknown_name
from cmmd_bench.suites.metrics import METRICS, SetMetric
from cmmd_bench.suites.schema import SCHEMA, ClipConfig, DataConfig, Suite
from cmmd_bench.toml_files import parse_toml

__all__ = ["Suite", "built_in", "load_suite", "parse_suite"]


def built_in() -> list[str]:
    """Names of the suites that ship with the package."""
    return sorted(
        entry.name.removesuffix(".toml") for entry in files(__name__).iterdir() if entry.name.endswith(".toml")
    )


def load_suite(name: str | Path) -> Suite:
    """A built-in suite by name, or any suite by the path of its TOML file."""
    if str(name).endswith(".toml"):
        path = Path(name)
        if not path.is_file():
            raise UserError(f"no suite file at {path}. Built-in suites: {', '.join(built_in())}.")
        return parse_suite(path.read_text(encoding="utf-8"), where=str(path))
    if str(name) not in built_in():
        raise unknown_name("suite", str(name), built_in())
    return parse_suite(files(__name__).joinpath(f"{name}.toml").read_text(encoding="utf-8"), where=f"suite {name}")


def parse_suite(text: str, *, where: str) -> Suite:
    """Read the TOML of a suite; every complaint names `where`, the key and what was expected."""
    return parse_toml(text, Suite, where=where, schema=SCHEMA, complaint=_complaint)


def _complaint(entry: Mapping[str, Any], table: Mapping[str, Any]) -> str:
    place = list(entry["loc"])
    if place[:1] == ["metrics"] and len(place) > 3:
        # pydantic puts the kind of a metric behind its number; a reader of the TOML does not see it.
        del place[2]
    key = ".".join(str(part) for part in place)
    if entry["type"] == "extra_forbidden":
        known = _known_keys(place, table)
        near = get_close_matches(str(place[-1]), known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}? " if near else ""
        return f"unknown key {key!r}; {hint}Known here: {', '.join(known)}."
    message = str(entry["msg"]).removeprefix("Value error, ")
    found = "" if entry["type"] in ("missing", "value_error") else f" (found {entry['input']!r})"
    return f"{key or 'suite'}: {message}{found}."


def _known_keys(place: list[Any], table: Mapping[str, Any]) -> list[str]:
    models: dict[str, type[BaseModel]] = {"data": DataConfig, "clip": ClipConfig}
    model: type[BaseModel] = Suite
    if len(place) > 1 and place[0] == "metrics":
        model = METRICS.get(str(table["metrics"][place[1]].get("metric")), SetMetric)
    elif len(place) > 1:
        model = models.get(str(place[0]), Suite)
    return sorted(field.alias or name for name, field in model.model_fields.items())
