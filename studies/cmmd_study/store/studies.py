"""The study itself in its database: what was frozen, in which state it is.

frozen -> open (raters may answer) -> closed (no more; the systems may be looked at)
"""

import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select, update

from cmmd_bench.errors import UserError
from cmmd_study.store.tables import SCHEMA, event, order_row, stimulus, study

ONLY = 1
_STATE = select(study.c.state, study.c.closed_at)
SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Study:
    """The one row of a study. spec, plan: what was frozen, as JSON values, each with its digest."""

    name: str
    state: str
    spec: Mapping[str, Any]
    spec_sha256: str
    plan: Mapping[str, Any]
    plan_sha256: str
    secret: str
    frozen_at: int
    closed_at: int | None


def seal(
    connection: Connection,
    *,
    name: str,
    spec: tuple[str, str],
    plan: tuple[str, str],
    stimuli: Iterable[Mapping[str, Any]],
    orders: Sequence[Sequence[tuple[str, str]]],
    now: int,
) -> None:
    """Write a study into an empty database. spec, plan: (JSON, SHA-256); orders: (stimulus, role) by row and place."""
    values = {"spec": spec[0], "spec_sha256": spec[1], "plan": plan[0], "plan_sha256": plan[1]}
    times = {"created_at": now, "frozen_at": now, "closed_at": None}
    identity = {"id": ONLY, "schema": SCHEMA, "name": name, "state": "frozen"}
    connection.execute(insert(study), {**identity, **values, **times, "secret": secrets.token_hex(SECRET_BYTES)})
    connection.execute(insert(stimulus), list(stimuli))
    places = [
        {"row": row, "place": place, "stimulus": shown, "role": role}
        for row, order in enumerate(orders)
        for place, (shown, role) in enumerate(order)
    ]
    connection.execute(insert(order_row), places)


def read_study(connection: Connection) -> Study:
    """The study; UserError if freezing it was interrupted."""
    row = connection.execute(select(study)).first()
    if row is None:
        raise UserError("the database holds no study: freezing it was interrupted. Remove it and freeze again.")
    return Study(
        row.name,
        row.state,
        json.loads(row.spec),
        row.spec_sha256,
        json.loads(row.plan),
        row.plan_sha256,
        row.secret,
        row.frozen_at,
        row.closed_at,
    )


def read_state(connection: Connection) -> tuple[str, int | None]:
    """State and time of closing alone: asked at every request."""
    row = connection.execute(_STATE).one()
    return row.state, row.closed_at


def open_study(connection: Connection) -> None:
    """Let raters in; a closed study stays closed."""
    connection.execute(update(study).where(study.c.state == "frozen").values(state="open"))


def close_study(connection: Connection, *, now: int) -> None:
    """Take no more answers; the first time counts."""
    connection.execute(update(study).where(study.c.state != "closed").values(state="closed", closed_at=now))


def stimuli(connection: Connection) -> list[Mapping[str, Any]]:
    """All stimuli with what raters never see of them."""
    return [dict(row) for row in connection.execute(select(stimulus).order_by(stimulus.c.id)).mappings()]


def first_order(connection: Connection) -> list[str]:
    """The stimuli of the first order: all orders are of one length."""
    return list(
        connection.execute(
            select(order_row.c.stimulus).where(order_row.c.row == 0).order_by(order_row.c.place)
        ).scalars()
    )


MOST_EVENTS = 500
"""Of one rater; a page that goes wild cannot fill the disk."""


def note_event(connection: Connection, rater: str, kind: str, detail: Mapping[str, Any], *, now: int) -> bool:
    """Append what happened; False when the rater has too many already."""
    numbers = connection.execute(select(event.c.id).where(event.c.rater == rater)).scalars().all()
    if len(numbers) >= MOST_EVENTS:
        return False
    last = connection.execute(select(event.c.id).order_by(event.c.id.desc()).limit(1)).scalar()
    values = {"rater": rater, "kind": kind, "at": now, "detail": json.dumps(detail)}
    connection.execute(insert(event), {"id": (last or 0) + 1, **values})
    return True


def events(connection: Connection, rater: str, kind: str) -> list[Mapping[str, Any]]:
    """What was noted of one kind, in order."""
    rows = connection.execute(
        select(event.c.detail).where(event.c.rater == rater, event.c.kind == kind).order_by(event.c.id)
    )
    return [json.loads(row.detail) for row in rows]
