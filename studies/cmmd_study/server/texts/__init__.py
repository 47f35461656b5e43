"""What pages say besides the questions: one TOML file for each language, all with the same keys."""

import tomllib
from functools import cache
from importlib.resources import files
from types import MappingProxyType

ENGLISH = "en"


def languages() -> list[str]:
    """Those that pages are written in."""
    return sorted(
        entry.name.removesuffix(".toml") for entry in files(__name__).iterdir() if entry.name.endswith("toml")
    )


@cache
def texts(language: str) -> MappingProxyType[str, str]:
    """All texts of a language; English for one that pages are not written in (`study freeze` tells the host)."""
    name = language if language in languages() else ENGLISH
    return MappingProxyType(tomllib.loads(files(__name__).joinpath(f"{name}.toml").read_text(encoding="utf-8")))
