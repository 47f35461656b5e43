"""One row of a ratings table, and the checks that hold for a whole table wherever it comes from."""

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import get_args

from cmmd_bench.errors import UserError, unknown_name
from cmmd_study.types import Role

LABELS = ("rater", "section", "clip", "system", "sample", "question")
"""Columns that must hold text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rated:
    """One answer that counts: what `rater` said to `question` about one clip.

    role: only `rated` rows enter results; `repeat` and `gold` rows tell about the rater, `practice` rows nothing
    place: in the rater's order, from 0. plays: how often it was started. played_share: of the clip, parts once, 0..1
    seconds: the clip's length. viewing_seconds: from the start to the end of one viewing
    answer_seconds: from the end of the clip to the answer. late: after the study was closed
    finished: whether the rater answered all. lowest, highest: ends of the scale
    passed: of gold, whether the answer was right

    What was not measured is None.
    """

    rater: str
    section: str = "ratings"
    clip: str
    system: str
    sample: str = "0"
    question: str = "rating"
    score: float
    role: Role = "rated"
    place: int | None = None
    plays: int | None = None
    played_share: float | None = None
    seconds: float | None = None
    viewing_seconds: float | None = None
    answer_seconds: float | None = None
    late: bool = False
    finished: bool = True
    lowest: float = 1.0
    highest: float = 5.0
    passed: bool | None = None


Placed = tuple[str, Rated]
"""A row with the words for where it stands: ("ratings.csv, line 3", row)."""


def checked(rows: Iterable[Placed], *, raters: Collection[str] | None = None) -> list[Rated]:
    """The rows, after UserError for the first that cannot be right.

    Refused are empty labels, unknown roles, scores off the scale, two scales for one question, a second rating of the
    same sample by the same rater, and raters outside `raters`, where those who took part are known.
    """
    first: dict[tuple[object, ...], str] = {}
    scales: dict[tuple[str, str], tuple[str, float, float]] = {}
    found = []
    for where, row in rows:
        _check_labels(where, row)
        if raters is not None and row.rater not in raters:
            raise UserError(f"{where}: {unknown_name('rater', row.rater, raters)}")
        _check_scale(where, row, scales)
        key = _key(row)
        if key in first:
            raise UserError(
                f"{where}: rater {row.rater!r} rates {_stimulus(row)} a second time, after {first[key]}. Keep one of"
                " the two rows, or tell samples apart in the column `sample`."
            )
        first[key] = where
        found.append(row)
    return found


def _check_labels(where: str, row: Rated) -> None:
    for name in LABELS:
        if not getattr(row, name):
            raise UserError(f"{where}: {name} is empty. Every row needs one; remove rows that are none.")
    if row.role not in get_args(Role):
        raise UserError(f"{where}: {unknown_name('role', row.role, get_args(Role))}")


def _check_scale(where: str, row: Rated, scales: dict[tuple[str, str], tuple[str, float, float]]) -> None:
    low, high = row.lowest, row.highest
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise UserError(f"{where}: the scale must run from a lower to a higher number, found {low:g} to {high:g}.")
    other, *ends = scales.setdefault((row.section, row.question), (where, low, high))
    if ends != [low, high]:
        raise UserError(
            f"{where}: question {row.question!r} has the scale {low:g} to {high:g}, and {ends[0]:g} to {ends[1]:g} in"
            f" {other}. Give questions on different scales names of their own."
        )
    if not low <= row.score <= high:
        raise UserError(
            f"{where}: score {row.score:g} is off the scale {low:g} to {high:g}. Correct the row, or name the scale"
            " (columns lowest and highest, or --scale LOWEST:HIGHEST)."
        )


def _key(row: Rated) -> tuple[object, ...]:
    """What may occur once. Practice, gold and repeats may be shown again at another place."""
    again = None if row.role == "rated" else (row.role, row.place)
    return row.rater, row.section, row.clip, row.system, row.sample, row.question, again


def _stimulus(row: Rated) -> str:
    return f"clip {row.clip!r}, system {row.system!r}, sample {row.sample!r} on {row.question!r}"
