"""A study's database: SQLite in a file by default, PostgreSQL by its URL; the same promises on both.

A commit that returned survives a kill and a power cut (SQLite: WAL with synchronous=FULL). Writers take turns: on
SQLite by BEGIN IMMEDIATE, on PostgreSQL by a lock on the one row of `study`.
"""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, select
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from cmmd_bench.errors import ENVIRONMENT, UserError
from cmmd_study.store.tables import SCHEMA, metadata, study

PATIENCE = 10.0
"""Seconds that a writer waits for another one before it gives up."""
THREADS = 48
"""Connections kept open: one for each thread of a server. To open one costs more than to read a rater's place."""


class Database:
    """Connections of one process to one study. Safe to share between threads."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        # Writers of one process queue here: SQLite itself would have them sleep and look again, ever more seldom.
        self._turn = threading.Lock() if engine.dialect.name == "sqlite" else nullcontext()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that only reads: one state of the study, whatever is written meanwhile."""
        with _told(self.engine), self._connected(writes=False) as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that no other writer overlaps; committed when the block ends, undone when it raises."""
        with self._turn, _told(self.engine), self._connected(writes=True) as connection, connection.begin():
            if connection.dialect.name != "sqlite":
                connection.execute(select(study.c.id).with_for_update())
            yield connection

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()

    def _connected(self, *, writes: bool) -> Connection:
        connection = self.engine.connect()
        if connection.dialect.name == "sqlite":
            return connection.execution_options(writes=writes)
        # A writer must see what the one before it wrote, also if it began to wait earlier.
        level = "READ COMMITTED" if writes else "REPEATABLE READ"
        return connection.execution_options(isolation_level=level)


def create_database(place: str | Path) -> Database:
    """An empty one; UserError where there is one already."""
    with _opened(place, create=True) as database:
        if inspect(database.engine).has_table(study.name):
            raise UserError(f"{shown(database.engine)} holds a study already. Choose another place.")
        with database.engine.begin() as connection:
            metadata.create_all(connection)
    return database


def open_database(place: str | Path) -> Database:
    """The one at `place`, a path or a URL; UserError if it is missing, of a newer version, or something else."""
    with _opened(place, create=False) as database:
        if not inspect(database.engine).has_table(study.name):
            raise UserError(f"{shown(database.engine)} is no study: it has no table named study.")
        with database.reading() as connection:
            version = connection.execute(select(study.c.schema)).scalar()
        if version is not None and version > SCHEMA:
            raise UserError(
                f"{shown(database.engine)} has schema {version}; this version of cmmd-bench reads up to {SCHEMA}. "
                "Upgrade it."
            )
    return database


def shown(engine: Engine) -> str:
    """Where it is, without a password."""
    return str(engine.url.database) if engine.dialect.name == "sqlite" else engine.url.render_as_string()


@contextmanager
def _opened(place: str | Path, *, create: bool) -> Iterator[Database]:
    """A database that is closed again if it turns out not to be what was asked for."""
    database = Database(_engine(place, create=create))
    try:
        with _told(database.engine):
            yield database
    except BaseException:
        database.close()
        raise


def _engine(place: str | Path, *, create: bool) -> Engine:
    if isinstance(place, str) and re.match(r"^[a-z0-9+]+://", place) and not place.startswith("sqlite"):
        return _server(place)
    path = Path(str(place).removeprefix("sqlite:///"))
    if not create and not path.is_file():
        raise UserError(f"no study at {path}. Make one with `cmmd-bench study create`.")
    if create:
        path.parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        URL.create("sqlite", database=str(path)), connect_args={"timeout": PATIENCE}, pool_size=THREADS
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _: object) -> None:
        # The driver would begin transactions by itself, and too late; `_begin` does it.
        connection.isolation_level = None
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _server(url: str) -> Engine:
    try:
        return create_engine(url, pool_pre_ping=True, pool_size=THREADS)
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        raise UserError(
            f"the database URL cannot be used: {error}. Give a path, or postgresql+psycopg://user@host/name with "
            "psycopg installed.",
            exit_code=ENVIRONMENT,
        ) from None


@contextmanager
def _told(engine: Engine) -> Iterator[None]:
    """What the database refuses, in a sentence; what was begun is undone."""
    try:
        yield
    except SQLAlchemyError as error:
        cause = str(error.orig if isinstance(error, DBAPIError) else error).splitlines()[0]
        hint = next((hint for part, hint in _HINTS.items() if part in cause.lower()), None)
        if hint is None:
            raise
        raise UserError(f"{shown(engine)}: {cause}. {hint} Nothing was changed.", exit_code=ENVIRONMENT) from error


_HINTS = {
    "locked": "Another process is writing to it; end that one, or try again.",
    "readonly": "Make the file and its folder writable.",
    "unable to open": "Make the folder exist and be writable.",
    "disk is full": "Make room on the disk.",
    "disk i/o error": "Look after the disk.",
    "not a database": "It is no SQLite file; restore a backup.",
    "malformed": "The file is damaged; restore a backup.",
    "connection refused": "Start the server, or correct the URL.",
    "connection failed": "Start the server, or correct the URL.",
}
