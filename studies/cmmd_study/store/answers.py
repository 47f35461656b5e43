"""Answers: appended, never changed, and committed before anybody is told that they are saved.

An answer is known by the `client_id` that the page made for it. The same one again is the same answer, and gets the
same x

Each row carries a digest of what it says, and one of that and of the row before it: what is changed or taken out
later shows (`check_chain`). Of an answer that is withdrawn these two are left, from which nobody can tell what it said.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, String, bindparam, cast, insert, select, update

from cmmd_study.store.tables import answer, presentation

START = "0" * 64
# Built once: it is asked with every request.
_CURRENT = (
    select(answer.c.presentation, answer.c.question, answer.c.value)
    .join(presentation, presentation.c.id == answer.c.presentation)
    .where(presentation.c.rater == bindparam("who"), answer.c.withdrawn.is_(False))
    .order_by(answer.c.revision)
)
_SAID = ("presentation", "question", "revision", "value", "client_id", "client_at", "server_at", "late", "proof")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a page sends. value: None where the clip could not be played; proof: of playback, JSON."""

    presentation: str
    question: str
    value: int | None
    client_id: str
    client_at: int
    proof: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Saved:
    """What became of it: its number, its revision, and whether it had been there before."""

    id: int
    revision: int
    repeated: bool


class ConflictError(ValueError):
    """A client id that stands for another answer already."""


def save(connection: Connection, given: Answer, *, now: int, late: bool = False) -> Saved:
    """Append one answer inside a writing transaction; it is safe once that transaction has ended.

    Raises ConflictError for a client id that came with another question, presentation or value.
    """
    before = connection.execute(select(answer).where(answer.c.client_id == given.client_id)).first()
    if before is not None:
        if (before.presentation, before.question, before.value) != (given.presentation, given.question, given.value):
            raise ConflictError(f"client id {given.client_id} belongs to another answer")
        return Saved(before.id, before.revision, repeated=True)
    same = (answer.c.presentation == given.presentation) & (answer.c.question == given.question)
    latest = connection.execute(select(answer).where(same).order_by(answer.c.revision.desc()).limit(1)).first()
    if latest is not None and latest.value == given.value and not latest.withdrawn:
        # Said once more from another tab: nothing new.
        return Saved(latest.id, latest.revision, repeated=True)
    last = connection.execute(select(answer.c.id, answer.c.chain).order_by(answer.c.id.desc()).limit(1)).first()
    revision = 1 if latest is None else latest.revision + 1
    row: dict[str, Any] = {
        "presentation": given.presentation,
        "question": given.question,
        "revision": revision,
        "value": given.value,
        "client_id": given.client_id,
        "client_at": given.client_at,
        "server_at": now,
        "late": late,
        "proof": json.dumps(given.proof, sort_keys=True, separators=(",", ":")),
    }
    row["digest"] = _digest([row[name] for name in _SAID])
    row["chain"] = _digest([START if last is None else last.chain, row["digest"]])
    row["withdrawn"] = False
    row["id"] = 1 if last is None else last.id + 1
    connection.execute(insert(answer), row)
    return Saved(row["id"], revision, repeated=False)


def current(connection: Connection, who: str) -> dict[tuple[str, str], int | None]:
    """(presentation, question) -> the value that counts, of one rater."""
    rows = connection.execute(_CURRENT, {"who": who})
    # A later revision takes the place of an earlier one.
    return {(shown, question): value for shown, question, value in rows}


def withdraw(connection: Connection, who: str) -> int:
    """Delete what one rater's answers said; returns how many there were."""
    own = select(presentation.c.id).where(presentation.c.rater == who)
    # The client id is random and part of the digest: without it no value can be tried out.
    gone = {"value": None, "proof": "{}", "client_at": 0, "server_at": 0, "withdrawn": True}
    mine = update(answer).where(answer.c.presentation.in_(own), answer.c.withdrawn.is_(False))
    return connection.execute(mine.values(**gone, client_id="withdrawn-" + cast(answer.c.id, String))).rowcount


def check_chain(connection: Connection) -> Iterator[int]:
    """Numbers of answers whose row is not what was committed, or that follow a row that is gone."""
    chain = START
    for row in connection.execute(select(answer).order_by(answer.c.id)):
        said = _digest([getattr(row, name) for name in _SAID])
        if row.chain != _digest([chain, row.digest]) or (said != row.digest and not row.withdrawn):
            yield row.id
        chain = row.chain


def _digest(values: list[Any]) -> str:
    return hashlib.sha256(json.dumps(values, separators=(",", ":")).encode()).hexdigest()
