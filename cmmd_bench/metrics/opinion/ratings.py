"""The table of ratings that every opinion statistic starts from, and exact arithmetic on it.

One row is one rater's answer to one question about one clip: who rated (`rater`), what made it (`system`), from which
conditioning input (`clip`), which of several generations for that input (`sample`, meaningful only within a system and
a clip), what was asked (`question`), and the answer (`score`). Labels are strings and are told apart as they read.

Scores are float64, but what is ranked is never a float: (4+3+5)/3 - (3+3+5)/3 and (5+3+2)/3 - (4+3+2)/3 are the same
third to a reader and two numbers to a double, and a signed-rank test would see two ranks instead of a tie. `exact`
reads a number as its shortest decimal, and means are fractions.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.str_]
Scores = NDArray[np.float64]
Field = Literal["rater", "system", "clip", "sample", "question"]
Exact = int | float | Fraction | Decimal | np.integer[Any] | np.floating[Any]

FIELDS: tuple[Field, ...] = ("rater", "system", "clip", "sample", "question")
SCALE = (1.0, 5.0)
ONLY = "1"


@dataclass(frozen=True, slots=True, eq=False)
class Ratings:
    """N ratings as read-only columns of length N >= 1; `scale` is the lowest and the highest answer possible.

    Made by `from_columns` or `from_records`. Every way to make one checks it: ValueError names the first row (counted
    from 1) whose score is NaN or off the scale, that has an empty label, or that repeats an earlier row's (rater,
    system, clip, sample, question).
    """

    rater: Labels
    system: Labels
    clip: Labels
    sample: Labels
    question: Labels
    score: Scores
    scale: tuple[float, float]

    def __post_init__(self) -> None:
        _check(self)
        for name in (*FIELDS, "score"):
            column = getattr(self, name).view()
            column.flags.writeable = False
            object.__setattr__(self, name, column)

    def __len__(self) -> int:
        return len(self.score)

    @classmethod
    def from_columns(
        cls,
        *,
        rater: Iterable[object],
        system: Iterable[object],
        clip: Iterable[object],
        score: Iterable[Any],
        sample: Iterable[object] | None = None,
        question: Iterable[object] | None = None,
        scale: tuple[float, float] = SCALE,
    ) -> Self:
        """Table from equally long columns. Without `sample` or `question` there is one of each, called "1"."""
        scores = _scores(score)
        given = {"rater": rater, "system": system, "clip": clip, "sample": sample, "question": question}
        columns = {
            name: np.full(len(scores), ONLY)
            if values is None
            else np.array([str(value) for value in values], dtype=str)
            for name, values in given.items()
        }
        return cls(**columns, score=scores, scale=(float(scale[0]), float(scale[1])))

    @classmethod
    def from_records(
        cls,
        records: Iterable[Mapping[str, Any]],
        *,
        names: Mapping[str, str] | None = None,
        scale: tuple[float, float] = SCALE,
    ) -> Self:
        """Table from one mapping per rating, as `csv.DictReader` yields them; other keys are ignored.

        names: the records' own key for a column of this table, such as {"clip": "item", "score": "rating"}.
        """
        rows = list(records)
        key_of = {name: name for name in (*FIELDS, "score")} | dict(names or {})
        if unknown := sorted(set(key_of) - {*FIELDS, "score"}):
            raise ValueError(f"names must map columns out of {', '.join((*FIELDS, 'score'))}, found {unknown}")
        columns: dict[str, list[Any]] = {}
        for name, key in key_of.items():
            if name in ("sample", "question") and not any(key in row for row in rows):
                continue
            for number, row in enumerate(rows, 1):
                if key not in row:
                    raise ValueError(f"every record must have {key!r}, found row {number} with {sorted(row)}")
            columns[name] = [row[key] for row in rows]
        return cls.from_columns(**columns, scale=scale)


@dataclass(frozen=True, slots=True, eq=False)
class WideTable:
    """Mean score of each rater for each column, NaN where there is none: `values` (R, C).

    raters: R labels, sorted. columns: C labels, sorted; each is a tuple with one entry per field that was asked for.
    """

    raters: tuple[str, ...]
    columns: tuple[tuple[str, ...], ...]
    values: Scores


def select(
    ratings: Ratings,
    *,
    rater: str | Sequence[str] | None = None,
    system: str | Sequence[str] | None = None,
    clip: str | Sequence[str] | None = None,
    sample: str | Sequence[str] | None = None,
    question: str | Sequence[str] | None = None,
) -> Ratings:
    """The ratings with these labels, in the same order; None selects all. ValueError for a label that no rating has."""
    wanted = {"rater": rater, "system": system, "clip": clip, "sample": sample, "question": question}
    keep = np.ones(len(ratings), dtype=bool)
    for name, labels in wanted.items():
        if labels is None:
            continue
        column = getattr(ratings, name)
        chosen = [labels] if isinstance(labels, str) else [str(label) for label in labels]
        if missing := [label for label in chosen if not (column == label).any()]:
            known = ", ".join(map(repr, np.unique(column).tolist()))
            raise ValueError(f"{name} must be one that was rated ({known}), found {missing[0]!r}")
        keep &= np.isin(column, chosen)
    if not keep.any():
        asked = ", ".join(f"{name} {labels!r}" for name, labels in wanted.items() if labels is not None)
        raise ValueError(f"no rating has {asked} together")
    return subset(ratings, keep)


def subset(ratings: Ratings, keep: NDArray[np.bool_] | NDArray[np.intp]) -> Ratings:
    """The ratings at a mask (N,) or at indices, each index at most once."""
    columns = {name: getattr(ratings, name)[keep] for name in (*FIELDS, "score")}
    return Ratings(**columns, scale=ratings.scale)


def wide_table(ratings: Ratings, columns: Sequence[Field]) -> WideTable:
    """Raters by columns; a column is a combination of fields that occurs: ("clip",) or ("system", "clip", "sample").

    A cell is the mean of the rater's scores with these labels, rounded once from the exact mean.
    """
    means = exact_means(ratings, ("rater", *columns))
    raters = sorted({label[0] for label in means})
    labels = sorted({label[1:] for label in means})
    row_of = {rater: i for i, rater in enumerate(raters)}
    column_of = {label: i for i, label in enumerate(labels)}
    values = np.full((len(raters), len(labels)), np.nan)
    for label, mean in means.items():
        values[row_of[label[0]], column_of[label[1:]]] = float(mean)
    return WideTable(tuple(raters), tuple(labels), values)


def exact_means(ratings: Ratings, by: Sequence[Field]) -> dict[tuple[str, ...], Fraction]:
    """Mean score for each combination of labels that occurs, as a fraction, in sorted order of the labels."""
    if unknown := [name for name in by if name not in FIELDS]:
        raise ValueError(f"by must be fields out of {', '.join(FIELDS)}, found {unknown[0]!r}")
    value_of = {score: exact(score) for score in set(ratings.score.tolist())}
    totals: dict[tuple[str, ...], tuple[Fraction, int]] = {}
    labels = zip(*(getattr(ratings, name).tolist() for name in by), strict=True) if by else iter([()] * len(ratings))
    for label, score in zip(labels, ratings.score.tolist(), strict=True):
        total, count = totals.get(label, (Fraction(0), 0))
        totals[label] = total + value_of[score], count + 1
    return {label: totals[label][0] / totals[label][1] for label in sorted(totals)}


def exact(value: Exact) -> Fraction:
    """A finite number as the fraction that it reads as: 3.3 is 33/10, not the double next to it."""
    if isinstance(value, bool | np.bool_):
        raise ValueError(f"a score must be a number, found {value!r}")
    try:
        return Fraction(str(value))
    except ValueError as error:
        raise ValueError(f"a score must be a finite number, found {value!r}") from error


def whole_numbers(values: Sequence[Fraction]) -> tuple[list[int], int]:
    """(numerators, denominator): the values times their common denominator, in the same proportions and order."""
    denominator = math.lcm(*(value.denominator for value in values))
    return [int(value * denominator) for value in values], denominator


def _scores(score: Iterable[Any]) -> Scores:
    values = []
    for number, value in enumerate(score, 1):
        try:
            values.append(float(value))
        except (TypeError, ValueError) as error:
            raise ValueError(f"score must be numbers, found {value!r} in row {number}") from error
    return np.array(values, dtype=np.float64)


def _check(ratings: Ratings) -> None:
    lengths = {name: getattr(ratings, name).shape for name in (*FIELDS, "score")}
    if any(shape != (len(ratings.score),) for shape in lengths.values()):
        raise ValueError(f"ratings must have columns of one length, found shapes {lengths}")
    if len(ratings.score) == 0:
        raise ValueError("ratings must hold at least one row, found none")
    low, high = ratings.scale
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError(f"scale must be two finite numbers, the lower one first, found {ratings.scale}")
    bad = ~((ratings.score >= low) & (ratings.score <= high))
    if bad.any():
        row = int(np.argmax(bad))
        raise ValueError(
            f"score must lie within {low:g}..{high:g}, found {ratings.score[row]:g} in {_row(ratings, row)}"
        )
    for name in FIELDS:
        column = getattr(ratings, name)
        if column.dtype.kind != "U":
            raise ValueError(f"{name} must be an array of strings, found {column.dtype}")
        if (column == "").any():
            raise ValueError(f"{name} must not be empty, found {_row(ratings, int(np.argmax(column == '')))}")
    first: dict[tuple[str, ...], int] = {}
    for row, label in enumerate(zip(*(getattr(ratings, name).tolist() for name in FIELDS), strict=True)):
        if label in first:
            raise ValueError(
                f"each (rater, system, clip, sample, question) must be rated once, found {_row(ratings, row)}"
                f" again after row {first[label] + 1}"
            )
        first[label] = row


def _row(ratings: Ratings, row: int) -> str:
    labels = ", ".join(f"{name} {str(getattr(ratings, name)[row])!r}" for name in FIELDS)
    return f"row {row + 1} ({labels})"
