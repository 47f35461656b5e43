"""Rows of the long table as what the statistics take: ratings by section and question, playbacks, checks, repeats."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from cmmd_bench.metrics.opinion import Ratings
from cmmd_bench.metrics.opinion.screening import Check, Playback
from cmmd_study.tables.rated import Rated


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """All that counts of one question of one section. reference: the system that is ground truth there, if any.

    repeats: (first, second) score of each stimulus that a rater saw twice
    """

    section: str
    question: str
    ratings: Ratings
    reference: str | None
    repeats: tuple[tuple[float, float], ...]

    @property
    def systems(self) -> list[str]:
        """Sorted, without the reference."""
        return [name for name in np.unique(self.ratings.system).tolist() if name != self.reference]


def by_question(rows: Sequence[Rated], references: dict[str, str]) -> list[Asked]:
    """One for each section and question, in the order in which they first occur."""
    groups: dict[tuple[str, str], list[Rated]] = {}
    for row in rows:
        if row.role == "rated":
            groups.setdefault((row.section, row.question), []).append(row)
    return [
        Asked(section, question, ratings(group), references.get(section), _repeats(rows, section, question))
        for (section, question), group in groups.items()
    ]


def ratings(rows: Sequence[Rated]) -> Ratings:
    """A table of the rows, on the widest of their scales."""
    return Ratings.from_columns(
        rater=(row.rater for row in rows),
        system=(row.system for row in rows),
        clip=(row.clip for row in rows),
        sample=(row.sample for row in rows),
        question=(row.question for row in rows),
        score=(row.score for row in rows),
        scale=(min(row.lowest for row in rows), max(row.highest for row in rows)),
    )


def playbacks(rows: Iterable[Rated]) -> list[Playback]:
    """One for each viewing that was measured, whatever the number of questions about it; practice left out."""
    found = {}
    for row in rows:
        if row.role != "practice" and row.seconds and row.played_share is not None:
            shown = row.rater, row.section, row.clip, row.system, row.sample, row.role, row.place
            found[shown] = Playback(row.rater, row.seconds, row.played_share * row.seconds, row.viewing_seconds)
    return list(found.values())


def checks(rows: Iterable[Rated]) -> list[Check]:
    """Gold questions whose answer is known to be right or wrong."""
    return [
        Check(row.rater, f"{row.section}: {row.clip} ({row.question})", row.passed)
        for row in rows
        if row.role == "gold" and row.passed is not None
    ]


def _repeats(rows: Sequence[Rated], section: str, question: str) -> tuple[tuple[float, float], ...]:
    here = [row for row in rows if (row.section, row.question) == (section, question)]
    first = {_stimulus(row): row.score for row in here if row.role == "rated"}
    again = [row for row in here if row.role == "repeat"]
    return tuple((first[_stimulus(row)], row.score) for row in again if _stimulus(row) in first)


def _stimulus(row: Rated) -> tuple[str, ...]:
    return row.rater, row.clip, row.system, row.sample
