"""Databases for tests of the store: SQLite always, PostgreSQL where a server is named."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

POSTGRES = "CMMD_BENCH_TEST_POSTGRES"
"""Environment variable with the URL of a server on which databases may be made, such as
postgresql+psycopg://postgres@127.0.0.1/postgres."""


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where an empty database can be made, as the commands take it."""
    if request.param == "sqlite":
        yield str(tmp_path / "study.sqlite")
        return
    server = os.environ.get(POSTGRES)
    if not server:
        pytest.skip(f"no PostgreSQL server named by {POSTGRES}")
    name = f"cmmd_bench_{uuid.uuid4().hex}"
    admin = create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f'CREATE DATABASE "{name}"'))
    yield make_url(server).set(database=name).render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
    admin.dispose()
