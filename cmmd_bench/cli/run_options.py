"""How `run` reads what is given as text: model options and shards."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

from cmmd_bench.errors import UserError, unknown_name


def parse_options(models: Sequence[str], options: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    """Models in their order with their constructor options, from texts such as `cmmd.steps=50`.

    Values are TOML (50, 0.5, true, "text", [1, 2]); anything that is not counts as text. The name of `module:Class` is
    Class.
    """
    table: dict[str, dict[str, Any]] = {name: {} for name in models}
    by_short = {name.rpartition(":")[2]: name for name in models}
    for text in options:
        match = re.fullmatch(r"([^.=]+)\.([A-Za-z_]\w*)=(.*)", text, flags=re.DOTALL)
        if match is None:
            raise UserError(f"--option {text!r} is not of the form NAME.KEY=VALUE, such as cmmd.steps=50.")
        name, key, value = match.groups()
        if name not in by_short:
            raise unknown_name("model among --models", name, by_short)
        table[by_short[name]][key] = _value(value)
    return dict(table)


def parse_shard(text: str) -> tuple[int, int]:
    """(i, n) of "i/n", 0 <= i < n."""
    match = re.fullmatch(r"(\d+)/(\d+)", text)
    if match is None or not int(match[1]) < int(match[2]):
        raise UserError(f"--shard {text!r} is not of the form i/n with 0 <= i < n, such as 0/3.")
    return int(match[1]), int(match[2])


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
