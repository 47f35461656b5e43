"""What is given as text on the command line, read: model options, shards, rates and sizes."""

import json
import re
import sys
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
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


def as_option(checkpoint: str) -> str:
    """`cmmd=PATH` of --checkpoint as the option that it is: `cmmd.checkpoint=PATH`."""
    name, separator, path = checkpoint.partition("=")
    if not (separator and name and path):
        raise UserError(f"--checkpoint {checkpoint!r} is not of the form NAME=PATH, such as cmmd=model.safetensors.")
    # A path is text, whatever TOML would make of it.
    return f"{name}.checkpoint={json.dumps(path)}"


def import_from_here(names: Iterable[str]) -> None:
    """Let `module:object` among `names` lie in the folder one stands in, where a console script does not look."""
    if any(":" in name for name in names) and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))


def parse_shard(text: str) -> tuple[int, int]:
    """(i, n) of "i/n", 0 <= i < n."""
    match = re.fullmatch(r"(\d+)/(\d+)", text)
    if match is None or not int(match[1]) < int(match[2]):
        raise UserError(f"--shard {text!r} is not of the form i/n with 0 <= i < n, such as 0/3.")
    return int(match[1]), int(match[2])


def parse_rate(text: str) -> Fraction:
    """A frame rate above 0, such as 10, 29.97 or 30000/1001."""
    from cmmd_bench.types import exact_rate

    try:
        rate = exact_rate(text)
    except ValueError:
        rate = Fraction(0)
    if rate <= 0:
        raise UserError(f"--fps {text!r} is not a rate above 0, such as 10 or 30000/1001.")
    return rate


def parse_size(text: str) -> tuple[int, int]:
    """(height, width) of "WIDTHxHEIGHT"."""
    match = re.fullmatch(r"([1-9]\d*)[xX]([1-9]\d*)", text)
    if match is None:
        raise UserError(f"--size {text!r} is not of the form WIDTHxHEIGHT, such as 256x256.")
    return int(match[2]), int(match[1])


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
