"""Which answers are taken: those to the clip that is due or to one before it, by the rater it was shown to."""

from dataclasses import dataclass
from typing import Literal

from pydantic import Field
from sqlalchemy import Connection

from cmmd_bench.toml_files import Strict
from cmmd_study.frozen import Frozen
from cmmd_study.journey import Shown, presentations, required_of
from cmmd_study.questionnaires import Question
from cmmd_study.server.proof import Proof, as_stored, unseen
from cmmd_study.store import answers, raters

Code = Literal[
    "consent-first", "withdrawn", "closed", "unknown-clip", "unknown-question", "off-scale", "not-yet", "not-played",
    "conflict",
]  # fmt: skip
"""Why an answer is refused; pages word it in the rater's language."""


class Given(Strict):
    """What a page sends for one answer. client_id: made by the page, the same for every attempt to send it.

    value: None where the clip could not be played (`proof.failure` says why), or where the question may be left out
    client_at: the page's clock, milliseconds since 1970; noted and never trusted
    """

    presentation: str = Field(max_length=64)
    question: str = Field(max_length=64)
    value: int | None
    client_id: str = Field(pattern=r"^[0-9a-f-]{32,36}$")
    client_at: int = Field(ge=0, le=2**53)
    proof: Proof


class RefusedError(Exception):
    """An answer that is not taken; `code` for programs, the message for people."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code: Code = code


@dataclass(frozen=True, slots=True)
class Taken:
    """revision: of this question's answer. repeated: it had been taken before. finished: it was the last one."""

    revision: int
    repeated: bool
    finished: bool


def take(connection: Connection, frozen: Frozen, rater: raters.Rater, given: Given, *, now: int) -> Taken:
    """Store one answer in a writing transaction, or raise RefusedError. It is safe when the transaction has ended."""
    if rater.state == "withdrawn":
        raise RefusedError("withdrawn", "these answers were withdrawn; no more can be given")
    if rater.order_row is None:
        raise RefusedError("consent-first", "nothing can be answered before consent")
    shown = presentations(connection, frozen, rater.id)
    here = next((each for each in shown if each.id == given.presentation), None)
    if here is None:
        raise RefusedError("unknown-clip", "this clip is not one of yours")
    question = next((q for q in frozen.questionnaires[here.section].questions if q.id == given.question), None)
    if question is None:
        raise RefusedError("unknown-question", f"nothing is asked by the name {given.question!r}")
    late = _late(frozen, given, now)
    _check(frozen, here, question, given, shown)
    saved = _save(connection, given, now=now, late=late)
    raters.seen(connection, rater.id, now=now)
    finished = all(each.done or each.id == here.id for each in shown) and _done(frozen, here, question)
    if finished:
        raters.finish(connection, rater.id, now=now)
    return Taken(saved.revision, saved.repeated, finished)


def _late(frozen: Frozen, given: Given, now: int) -> bool:
    closed_at = frozen.study.closed_at
    if closed_at is None or now < closed_at:
        return False
    # What was answered before closing and waited for the network is kept, and marked.
    if now - given.proof.age < closed_at:
        return True
    raise RefusedError("closed", "the study is closed; it takes no more answers")


def _check(frozen: Frozen, here: Shown, question: Question, given: Given, shown: list[Shown]) -> None:
    if any(not each.done for each in shown if each.place < here.place):
        raise RefusedError("not-yet", "clips are rated in their order; an earlier one is still open")
    if given.value is None:
        if question.required and not given.proof.failure:
            raise RefusedError("off-scale", f"{question.id} must be answered")
    elif given.value not in question.scale.values:
        lowest, highest = question.scale.lowest, question.scale.highest
        raise RefusedError("off-scale", f"{question.id} is answered from {lowest} to {highest}, found {given.value}")
    if given.proof.failure:
        return
    playback, seconds = frozen.specification.playback, frozen.stimuli[here.stimulus].seconds
    reason = unseen(given.proof, seconds=seconds, least_share=playback.least_share, most_plays=playback.most_plays)
    if reason is not None:
        raise RefusedError("not-played", reason)


def _save(connection: Connection, given: Given, *, now: int, late: bool) -> answers.Saved:
    value = answers.Answer(
        given.presentation, given.question, given.value, given.client_id, given.client_at, as_stored(given.proof)
    )
    try:
        return answers.save(connection, value, now=now, late=late)
    except answers.ConflictError as error:
        raise RefusedError("conflict", str(error)) from None


def _done(frozen: Frozen, here: Shown, question: Question) -> bool:
    return required_of(frozen.questionnaires[here.section]) <= {*here.answers, question.id}
