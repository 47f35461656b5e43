"""How far a study is and how its raters do, without a word about systems."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, pvariance
from typing import Any

from sqlalchemy import Connection, select

from cmmd_study.frozen import Frozen
from cmmd_study.journey import PREFLIGHT, Shown, presentations
from cmmd_study.store.studies import events
from cmmd_study.store.tables import answer, presentation, rater

STATES = ("invited", "active", "finished", "abandoned", "withdrawn")


@dataclass(frozen=True, slots=True)
class Progress:
    """One seat. repeats: mean difference between first and repeated answers; spread: variance of the answers;
    gold: share of known answers that were right; seconds: median from question to question; None where not measured.
    """

    rater: str
    state: str
    done: int
    total: int
    mean: float | None
    spread: float | None
    gold: float | None
    repeats: float | None
    failures: int
    preflight: str

    def as_row(self) -> dict[str, Any]:
        """For a table."""
        return {
            "rater": self.rater[:6],
            "state": self.state,
            "done": f"{self.done}/{self.total}",
            "mean": _rounded(self.mean),
            "variance": _rounded(self.spread),
            "gold right": _rounded(self.gold),
            "repeat difference": _rounded(self.repeats),
            "not playable": self.failures,
            "sound test": self.preflight,
        }


@dataclass(frozen=True, slots=True)
class Status:
    """counts: seats by state. answers, expected: of the seats that began."""

    name: str
    state: str
    counts: dict[str, int]
    answers: int
    expected: int
    raters: tuple[Progress, ...]

    @property
    def share(self) -> float:
        """Of the expected answers, 0 to 1."""
        return self.answers / self.expected if self.expected else 0.0


def status(connection: Connection, frozen: Frozen) -> Status:
    """The study as it is now."""
    seats = connection.execute(select(rater.c.id, rater.c.state, rater.c.order_row).order_by(rater.c.invited_at)).all()
    counts = Counter(seat.state for seat in seats)
    begun = [seat for seat in seats if seat.order_row is not None and seat.state != "withdrawn"]
    shown = {seat.id: presentations(connection, frozen, seat.id) for seat in begun}
    asked = {name: len(q.questions) for name, q in frozen.questionnaires.items()}
    return Status(
        name=frozen.study.name,
        state=frozen.study.state,
        counts={state: counts[state] for state in STATES if counts[state] or state in STATES[:3]},
        answers=sum(len(each.answers) for mine in shown.values() for each in mine),
        expected=sum(asked[each.section] for mine in shown.values() for each in mine),
        raters=tuple(_progress(connection, frozen, seat.id, seat.state, shown[seat.id]) for seat in begun),
    )


def _progress(connection: Connection, frozen: Frozen, who: str, state: str, shown: Sequence[Shown]) -> Progress:
    values = [v for each in shown if each.role == "rated" for v in each.answers.values() if v is not None]
    first = {each.stimulus: each.answers for each in shown if each.role == "rated"}
    again = [
        abs(value - before)
        for each in shown
        if each.role == "repeat"
        for question, value in each.answers.items()
        if value is not None and (before := first.get(each.stimulus, {}).get(question)) is not None
    ]
    known = [
        low <= value <= high
        for each in shown
        if each.role == "gold" and (expected := frozen.stimuli[each.stimulus].expected)
        for question, (low, high) in expected.items()
        if (value := each.answers.get(question)) is not None
    ]
    tests = events(connection, who, PREFLIGHT)
    return Progress(
        rater=who,
        state=state,
        done=sum(each.done for each in shown),
        total=len(shown),
        mean=fmean(values) if values else None,
        spread=pvariance(values) if len(values) > 1 else None,
        gold=fmean(known) if known else None,
        repeats=fmean(again) if again else None,
        failures=_failures(connection, who),
        preflight="" if not tests else "passed" if tests[-1].get("passed") else "failed",
    )


def _failures(connection: Connection, who: str) -> int:
    proofs = connection.execute(
        select(answer.c.presentation, answer.c.proof)
        .join(presentation, presentation.c.id == answer.c.presentation)
        .where(presentation.c.rater == who, answer.c.value.is_(None), answer.c.withdrawn.is_(False))
    )
    return len({row.presentation for row in proofs if json.loads(row.proof).get("failure")})


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
