"""Where a rater is: worked out from the database at every request, so that any browser goes on at the same place."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Literal

from sqlalchemy import Connection, bindparam, select

from cmmd_study.frozen import Frozen
from cmmd_study.questionnaires import Questionnaire
from cmmd_study.store import answers
from cmmd_study.store.raters import Rater
from cmmd_study.store.studies import events
from cmmd_study.store.tables import answer, presentation

Page = Literal["consent", "preflight", "rating", "thanks", "closed", "withdrawn"]
# Built once: it is asked with every request.
_PRESENTATIONS = (
    select(presentation.c.id, presentation.c.place, presentation.c.stimulus, presentation.c.role)
    .where(presentation.c.rater == bindparam("who"))
    .order_by(presentation.c.place)
)
PREFLIGHT = "preflight"
PACE_FROM = 4
"""Clips after which a rater's own pace replaces the assumed one."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One presentation: which clip, in which role; answers: question -> value so far; done: all required are there."""

    id: str
    place: int
    stimulus: str
    role: str
    section: str
    answers: Mapping[str, int | None]
    done: bool


@dataclass(frozen=True, slots=True)
class Place:
    """A rater's page, the clip that is due, the one after it, how many of `total` are done, and seconds still to go."""

    page: Page
    current: Shown | None
    following: Shown | None
    starts_section: bool
    done: int
    total: int
    seconds_left: float


def find_place(connection: Connection, frozen: Frozen, rater: Rater) -> Place:
    """The place of a rater now."""
    if rater.state == "withdrawn":
        return _without("withdrawn")
    if rater.order_row is None:
        return _without("closed" if frozen.study.closed_at is not None else "consent")
    shown = presentations(connection, frozen, rater.id)
    left = [each for each in shown if not each.done]
    counts = {"done": len(shown) - len(left), "total": len(shown)}
    if not left:
        return Place("thanks", None, None, False, **counts, seconds_left=0.0)
    if frozen.study.closed_at is not None:
        return Place("closed", None, None, False, **counts, seconds_left=0.0)
    checked = bool(events(connection, rater.id, PREFLIGHT))
    current = left[0]
    before = shown[current.place - 1] if current.place else None
    return Place(
        "rating" if checked else "preflight",
        current,
        left[1] if len(left) > 1 else None,
        before is None or before.section != current.section,
        **counts,
        seconds_left=_seconds_left(connection, frozen, rater.id, left),
    )


def due(connection: Connection, frozen: Frozen, rater: Rater) -> list[Shown]:
    """The clip that a rater may be shown now, and the one after it: all whose media are given out."""
    if rater.order_row is None or rater.state == "withdrawn" or frozen.study.closed_at is not None:
        return []
    return [each for each in presentations(connection, frozen, rater.id) if not each.done][:2]


def presentations(connection: Connection, frozen: Frozen, who: str) -> list[Shown]:
    """All that a rater is shown, in order."""
    given: dict[str, dict[str, int | None]] = {}
    for (name, question), value in answers.current(connection, who).items():
        given.setdefault(name, {})[question] = value
    required = {section: required_of(questionnaire) for section, questionnaire in frozen.questionnaires.items()}
    found = []
    for name, place, shown, role in connection.execute(_PRESENTATIONS, {"who": who}):
        section = frozen.stimuli[shown].stimulus.section
        mine = given.get(name, {})
        found.append(Shown(name, place, shown, role, section, mine, required[section] <= mine.keys()))
    return found


def required_of(questionnaire: Questionnaire) -> frozenset[str]:
    """Questions without whose answers a clip is not done."""
    return frozenset(question.id for question in questionnaire.questions if question.required)


def _without(page: Page) -> Place:
    return Place(page, None, None, False, 0, 0, 0.0)


def _seconds_left(connection: Connection, frozen: Frozen, who: str, left: Sequence[Shown]) -> float:
    times = connection.execute(
        select(answer.c.server_at)
        .join(presentation, presentation.c.id == answer.c.presentation)
        .where(presentation.c.rater == who, answer.c.revision == 1)
        .order_by(answer.c.id)
    ).scalars()
    # Between two answers of one rater lies either one question or one clip: their sum is the pace, breaks left out.
    gaps = [max(0, later - earlier) / 1000 for earlier, later in pairwise(times)]
    planned = frozen.specification.seconds_per_answer
    asked = [len(frozen.questionnaires[each.section].questions) for each in left]
    clips = sum(frozen.stimuli[each.stimulus].seconds for each in left)
    typical = median(gaps) if len(gaps) >= PACE_FROM * max(asked) else planned
    return clips + sum(asked) * min(typical, 4 * planned)
