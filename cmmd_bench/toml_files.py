"""TOML that people write, as types: every complaint names the file, the key, what was found and what is known there.

Used for suites, questionnaires and studies. Each has a `schema` number; a file with a higher one is refused.
"""

import tomllib
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from cmmd_bench.errors import UserError

Entry = Mapping[str, Any]
"""One complaint of pydantic: `loc`, `type`, `msg`, `input`."""


class Strict(BaseModel):
    """Frozen; unknown keys and NaN are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


M = TypeVar("M", bound=Strict)


def parse_toml(
    text: str,
    model: type[M],
    *,
    where: str,
    schema: int,
    complaint: Callable[[Entry, Mapping[str, Any]], str] | None = None,
) -> M:
    """`text` as a `model`, or a UserError in which `where` names the file.

    schema: highest version that is read. complaint: how one complaint is worded, given it and the whole table.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{where} is not valid TOML: {error}.") from None
    version = table.get("schema", schema)
    if isinstance(version, int) and version > schema:
        raise UserError(f"{where} has schema {version}; this version of cmmd-bench reads up to {schema}. Upgrade it.")
    try:
        return model.model_validate(table)
    except ValidationError as error:
        entries = [dict(entry) for entry in error.errors(include_url=False)]
        # A mistyped key is also a missing one: where there are unknown keys, they are the cause to show.
        causes = [entry for entry in entries if entry["type"] == "extra_forbidden"] or entries
        raise UserError(f"{where}: " + " ".join((complaint or plain_complaint)(c, table) for c in causes)) from None


def plain_complaint(entry: Entry, _: Mapping[str, Any]) -> str:
    """`key: what is wrong (found ...)`."""
    key = ".".join(str(part) for part in entry["loc"])
    message = str(entry["msg"]).removeprefix("Value error, ")
    found = "" if entry["type"] in ("missing", "value_error", "extra_forbidden") else f" (found {entry['input']!r})"
    return f"{key or 'file'}: {message}{found}."
