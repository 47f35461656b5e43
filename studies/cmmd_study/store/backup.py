"""A copy of a SQLite database while it is in use, by SQLite's own online backup, read again before it counts."""

import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import func, select

from cmmd_bench.atomic import explained, replacing
from cmmd_bench.errors import UserError
from cmmd_study.store.answers import check_chain
from cmmd_study.store.database import open_database
from cmmd_study.store.tables import answer


def backup(place: str | Path, to: Path) -> int:
    """Copy the database at `place` to `to`; returns how many answers the copy holds.

    Raises UserError for PostgreSQL, a target that exists, and a copy whose chain of answers is broken.
    """
    if not isinstance(place, Path):
        raise UserError("this study is kept in PostgreSQL: back it up with pg_dump.")
    if to.exists():
        raise UserError(f"{to} exists already. Give another name: a backup never takes the place of another one.")
    with replacing(to) as temporary, explained(to):
        temporary.unlink()
        with closing(sqlite3.connect(place)) as source, closing(sqlite3.connect(temporary)) as target:
            source.backup(target)
            # One file: whoever copies it on shall not need to know of a journal beside it.
            target.execute("PRAGMA journal_mode=DELETE")
        with closing(open_database(temporary)) as copied, copied.reading() as connection:
            broken = list(check_chain(connection))
            count = connection.execute(select(func.count()).select_from(answer)).scalar_one()
        for suffix in ("-wal", "-shm"):
            temporary.with_name(temporary.name + suffix).unlink(missing_ok=True)
        if broken:
            raise UserError(f"answer {broken[0]} is not what was committed: {place} was changed by hand or is damaged.")
    return int(count)
