"""ReSEval 0.1: tables/responses.csv of a MOS or MUSHRA evaluation, as its `monitor` and `results` download it.

    Stem, Participant, OrderAsked, Response

Response is "<condition>-<score>" in a MOS test (1 to 5). In a MUSHRA test it is one number of three digits (000 to 100)
for each condition in sorted order, whose names are in conditions.csv (column Condition) beside it. The stem is the
clip, the condition the system. AB, ABX and word tests hold choices, which cannot be analysed as ratings.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from cmmd_bench.errors import UserError
from cmmd_study.importing.naming import Naming, named
from cmmd_study.tables.rated import Placed, Rated
from cmmd_study.tables.rows import Row, read_rows

MOS, MUSHRA = (1.0, 5.0), (0.0, 100.0)
DIGITS = 3
SCORED = re.compile(r"(?P<condition>.+)-(?P<score>\d+)")


def read(path: Path, naming: Naming | None, scale: tuple[float, float] | None) -> Iterator[Placed]:
    """Rows of responses.csv, or of the one in a folder `tables`."""
    path = path / "responses.csv" if path.is_dir() else path
    rows = read_rows(path, ("Stem", "Participant", "Response"))
    conditions = _conditions(path.with_name("conditions.csv")) if rows[0].values["Response"].isdigit() else []
    for row in rows:
        low, high = scale or (MUSHRA if conditions else MOS)
        stem = row.values["Stem"]
        for system, score in _scores(row, conditions).items():
            stimulus = named(naming, stem, row.where, clip=stem, system=system)
            rated = Rated(
                rater=row.values["Participant"],
                clip=stimulus.clip,
                system=stimulus.system,
                sample=stimulus.sample,
                score=score,
                place=_place(row),
                lowest=low,
                highest=high,
            )
            yield row.where, rated


def _scores(row: Row, conditions: list[str]) -> dict[str, float]:
    response = row.values["Response"]
    if conditions:
        if not response.isdigit() or len(response) != DIGITS * len(conditions):
            raise UserError(
                f"{row.where}: Response must be {DIGITS} digits for each of the {len(conditions)} conditions, found"
                f" {response!r}."
            )
        parts = (response[start : start + DIGITS] for start in range(0, len(response), DIGITS))
        return {condition: float(part) for condition, part in zip(conditions, parts, strict=True)}
    match = SCORED.fullmatch(response)
    if match is None:
        raise UserError(
            f"{row.where}: Response must be <condition>-<score>, found {response!r}. Only MOS and MUSHRA tests hold"
            " ratings."
        )
    return {match["condition"]: float(match["score"])}


def _conditions(path: Path) -> list[str]:
    if not path.is_file():
        raise UserError(f"{path} is missing: it says which part of a MUSHRA response is whose. Put it there.")
    return sorted(row.values["Condition"] for row in read_rows(path, ("Condition",)))


def _place(row: Row) -> int | None:
    asked = row.values.get("OrderAsked", "")
    return int(asked) if asked.isdigit() else None
