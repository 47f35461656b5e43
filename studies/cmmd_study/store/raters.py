"""Seats: invitations, consent, the order a rater gets, and how a seat ends.

    invited -> active -> finished
                  \\-> abandoned (its order goes to somebody else; who comes back goes on) -> active
    any of them -> withdrawn (what the answers said is deleted, the seat stays as a gap)

Of an invitation only the SHA-256 is stored: who reads the database cannot answer for a rater.
"""

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, case, delete, func, insert, select, update

from cmmd_bench.errors import UserError
from cmmd_study.store import answers
from cmmd_study.store.tables import event, exclusion, order_row, presentation, rater

BY_HAND = "by hand"
"""The rule of an exclusion that the plan does not name."""

TOKEN_BYTES = 16
# Built once: it is asked with every request.
_FIND = select(rater.c.id, rater.c.state, rater.c.language, rater.c.order_row).where(
    rater.c.token_sha256 == bindparam("digest")
)
HOLDING = ("active", "finished")
"""States in which a seat uses up its order."""


@dataclass(frozen=True, slots=True)
class Rater:
    """A seat as it is now."""

    id: str
    state: str
    language: str | None
    order_row: int | None


def invite(connection: Connection, count: int, *, now: int) -> list[str]:
    """`count` new seats; returns their tokens, which are shown once and stored nowhere."""
    tokens = [secrets.token_urlsafe(TOKEN_BYTES) for _ in range(count)]
    rows = [
        {"id": secrets.token_hex(8), "token_sha256": _digest(token), "state": "invited", "invited_at": now}
        for token in tokens
    ]
    if rows:
        connection.execute(insert(rater), rows)
    return tokens


def find(connection: Connection, token: str) -> Rater | None:
    """The seat of a token; None for a token that was never given out."""
    found = connection.execute(_FIND, {"digest": _digest(token)}).first()
    return None if found is None else Rater(*found)


def known(connection: Connection, who: str) -> bool:
    """Whether there is a seat with this id."""
    return connection.execute(select(rater.c.id).where(rater.c.id == who)).first() is not None


def agree(
    connection: Connection, who: str, *, language: str, consent: str, device: Mapping[str, object], now: int
) -> None:
    """Consent, and with it the order: the row that fewest others hold. Once given, neither ever changes.

    consent: digest of the text agreed to. Raises UserError for a seat that was withdrawn, or a study without orders.
    """
    seat = connection.execute(select(rater.c.state, rater.c.order_row).where(rater.c.id == who)).one()
    if seat.state == "withdrawn":
        raise UserError("this seat was withdrawn. Ask for another invitation.")
    if seat.order_row is not None:
        return
    row = _freest_row(connection)
    places = connection.execute(
        select(order_row.c.place, order_row.c.stimulus, order_row.c.role).where(order_row.c.row == row)
    ).all()
    connection.execute(
        insert(presentation),
        [
            {"id": secrets.token_hex(16), "rater": who, "place": place, "stimulus": stimulus, "role": role}
            for place, stimulus, role in places
        ],
    )
    values = {"state": "active", "order_row": row, "language": language, "consent": consent}
    more = {"device": json.dumps(device), "consented_at": now, "seen_at": now}
    connection.execute(update(rater).where(rater.c.id == who).values(**values, **more))


def seen(connection: Connection, who: str, *, now: int) -> None:
    """The rater is there; an abandoned seat is taken up again."""
    back = case((rater.c.state == "abandoned", "active"), else_=rater.c.state)
    connection.execute(update(rater).where(rater.c.id == who).values(seen_at=now, state=back))


def finish(connection: Connection, who: str, *, now: int) -> None:
    """The rater has answered everything."""
    connection.execute(
        update(rater).where(rater.c.id == who, rater.c.state == "active").values(state="finished", finished_at=now)
    )


def release(connection: Connection, *, unseen_since: int) -> int:
    """Give up seats whose raters were not seen since then, so that others get their orders; returns how many."""
    stale = update(rater).where(rater.c.state == "active", rater.c.seen_at < unseen_since)
    return connection.execute(stale.values(state="abandoned")).rowcount


def withdraw(connection: Connection, who: str) -> int:
    """Delete what a rater's answers said and all that was noted of the rater; returns how many answers."""
    deleted = answers.withdraw(connection, who)
    connection.execute(delete(event).where(event.c.rater == who))
    forgotten = {"state": "withdrawn", "device": None, "language": None, "seen_at": None}
    connection.execute(update(rater).where(rater.c.id == who).values(**forgotten))
    return deleted


def exclude(connection: Connection, who: str, *, reason: str, now: int) -> None:
    """Leave a rater out of all results, by hand; a later reason replaces the one before. The answers stay."""
    include(connection, who)
    row = {"rater": who, "rule": BY_HAND, "by_plan": False, "reason": reason, "at": now}
    connection.execute(insert(exclusion).values(**row))


def include(connection: Connection, who: str) -> bool:
    """Take an exclusion by hand back; returns whether there was one."""
    gone = delete(exclusion).where(exclusion.c.rater == who, exclusion.c.rule == BY_HAND)
    return connection.execute(gone).rowcount > 0


def _freest_row(connection: Connection) -> int:
    held = (
        select(rater.c.order_row, func.count().label("count"))
        .where(rater.c.state.in_(HOLDING), rater.c.order_row.is_not(None))
        .group_by(rater.c.order_row)
        .subquery()
    )
    rows = select(order_row.c.row).distinct().subquery()
    choice = (
        select(rows.c.row)
        .outerjoin(held, held.c.order_row == rows.c.row)
        .order_by(func.coalesce(held.c.count, 0), rows.c.row)
        .limit(1)
    )
    row = connection.execute(choice).scalar()
    if row is None:
        raise UserError("the study has no orders yet. Freeze it first with `cmmd-bench study freeze`.")
    return int(row)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
