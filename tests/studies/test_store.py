"""What the store promises: nothing saved is lost, doubled or changed, on SQLite and on PostgreSQL."""

import sqlite3
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import delete, func, insert, select, update

from cmmd_bench.errors import UserError
from cmmd_study.store.answers import Answer, ConflictError, check_chain, current, save, withdraw
from cmmd_study.store.database import Database, create_database, open_database
from cmmd_study.store.raters import agree, find, finish, invite, release, seen
from cmmd_study.store.raters import withdraw as withdraw_rater
from cmmd_study.store.tables import answer, order_row, presentation, rater, stimulus, study

NOW = 1_700_000_000_000


@pytest.fixture
def database(place: str):
    made = create_database(place)
    with made.engine.begin() as connection:
        row = {"id": 1, "schema": 1, "name": "test", "state": "open", "spec": "{}", "spec_sha256": "0" * 64}
        connection.execute(insert(study), row | {"secret": "s" * 32, "created_at": NOW})
        files = [{"id": f"f{i}", "section": "a", "clip": f"c{i}", "system": "m", "sample": 0} for i in range(4)]
        more = {"role": "rated", "sha256": "0" * 64, "milliseconds": 1800}
        connection.execute(insert(stimulus), [each | more for each in files])
        for order in range(3):
            places = [{"row": order, "place": p, "stimulus": f"f{(p + order) % 4}", "role": "rated"} for p in range(4)]
            connection.execute(insert(order_row), places)
    yield made
    made.close()


def seat(database: Database, now: int = NOW) -> tuple[str, str]:
    """A rater who agreed: token and id."""
    with database.writing() as connection:
        (token,) = invite(connection, 1, now=now)
        found = find(connection, token)
        agree(connection, found.id, language="en", consent="c" * 64, device={"width": 1280}, now=now)
    return token, found.id


def shown(database: Database, who: str) -> list[str]:
    with database.reading() as connection:
        rows = select(presentation.c.id).where(presentation.c.rater == who).order_by(presentation.c.place)
        return list(connection.execute(rows).scalars())


def given(where: str, value: int | None = 3, *, question: str = "q", client: str | None = None) -> Answer:
    return Answer(where, question, value, client or str(uuid.uuid4()), NOW - 5, {"plays": 1})


def test_a_seat_is_known_by_its_token_and_the_token_is_stored_nowhere(database: Database, place: str) -> None:
    token, who = seat(database)
    with database.reading() as connection:
        assert find(connection, token).id == who
        assert find(connection, token + "x") is None
        assert token not in str(connection.execute(select(rater)).all())
    if place.endswith(".sqlite"):
        database.close()
        assert token.encode() not in Path(place).read_bytes()


def test_orders_go_to_those_who_hold_them_least_and_never_change(database: Database) -> None:
    raters = [seat(database)[1] for _ in range(4)]
    with database.writing() as connection:
        rows = [connection.execute(select(rater.c.order_row).where(rater.c.id == who)).scalar_one() for who in raters]
        assert rows == [0, 1, 2, 0]
        before = connection.execute(select(presentation).where(presentation.c.rater == raters[1])).all()
        agree(connection, raters[1], language="de", consent="x", device={}, now=NOW + 1)
        assert connection.execute(select(presentation).where(presentation.c.rater == raters[1])).all() == before
        assert connection.execute(select(rater.c.language).where(rater.c.id == raters[1])).scalar() == "en"


def test_an_abandoned_order_is_given_again_and_its_rater_may_come_back(database: Database) -> None:
    token, who = seat(database)
    others = [seat(database, NOW + 1000)[1] for _ in range(2)]
    with database.writing() as connection:
        finish(connection, others[0], now=NOW + 2000)
        assert release(connection, unseen_since=NOW + 500) == 1
        assert find(connection, token).state == "abandoned"
    _, third = seat(database, NOW + 3000)
    with database.writing() as connection:
        assert connection.execute(select(rater.c.order_row).where(rater.c.id == third)).scalar() == 0
        seen(connection, who, now=NOW + 4000)
        assert find(connection, token).state == "active"
        assert find(connection, token).order_row == 0


def test_the_same_answer_again_is_the_same_answer(database: Database) -> None:
    _, who = seat(database)
    first = given(shown(database, who)[0], 4)
    with database.writing() as connection:
        one = save(connection, first, now=NOW)
    with database.writing() as connection:
        two = save(connection, first, now=NOW + 9)
        assert (two.id, two.revision, one.repeated, two.repeated) == (one.id, one.revision, False, True)
        assert connection.execute(select(func.count()).select_from(answer)).scalar() == 1
        other = given(first.presentation, 2, client=first.client_id)
        with pytest.raises(ConflictError):
            save(connection, other, now=NOW)


def test_another_value_is_a_revision_and_the_earlier_one_stays(database: Database) -> None:
    _, who = seat(database)
    where = shown(database, who)[0]
    with database.writing() as connection:
        for value in (4, 2, None):
            save(connection, given(where, value), now=NOW)
        save(connection, given(where, 5, question="r"), now=NOW)
        kept = connection.execute(select(answer.c.question, answer.c.revision, answer.c.value).order_by(answer.c.id))
        assert [tuple(row) for row in kept] == [("q", 1, 4), ("q", 2, 2), ("q", 3, None), ("r", 1, 5)]
        assert current(connection, who) == {(where, "q"): None, (where, "r"): 5}


def test_what_is_undone_was_never_there(database: Database) -> None:
    _, who = seat(database)
    with pytest.raises(RuntimeError), database.writing() as connection:
        save(connection, given(shown(database, who)[0]), now=NOW)
        raise RuntimeError
    with database.reading() as connection:
        assert current(connection, who) == {}


def test_many_writers_at_once_lose_and_double_nothing(database: Database) -> None:
    raters = [seat(database)[1] for _ in range(6)]
    jobs = [given(where, value) for who in raters for where in shown(database, who) for value in (1, 2, 3)]

    def write(each: Answer) -> int:
        with database.writing() as connection:
            return save(connection, each, now=NOW).id

    with ThreadPoolExecutor(8) as pool:
        # Each one twice, as by two tabs.
        numbers = list(pool.map(write, [each for each in jobs for _ in range(2)]))
    assert sorted(set(numbers)) == list(range(1, len(jobs) + 1))
    with database.reading() as connection:
        assert list(check_chain(connection)) == []
        revisions = select(answer.c.presentation, func.count(), func.max(answer.c.revision)).group_by(
            answer.c.presentation
        )
        assert {tuple(row)[1:] for row in connection.execute(revisions)} == {(3, 3)}


def test_an_edited_or_missing_answer_shows(database: Database) -> None:
    _, who = seat(database)
    with database.writing() as connection:
        for where in shown(database, who):
            save(connection, given(where), now=NOW)
        assert list(check_chain(connection)) == []
    with database.writing() as connection:
        connection.execute(update(answer).where(answer.c.id == 2).values(value=5))
        assert list(check_chain(connection)) == [2]
        connection.execute(delete(answer).where(answer.c.id == 2))
        assert list(check_chain(connection)) == [3]


def test_a_withdrawn_rater_leaves_nothing_but_a_gap(database: Database) -> None:
    token, who = seat(database)
    _, stays = seat(database)
    with database.writing() as connection:
        for number, where in enumerate(shown(database, who) + shown(database, stays)):
            save(connection, given(where, number % 5 + 1), now=NOW)
        assert withdraw_rater(connection, who) == 4
        assert withdraw(connection, who) == 0
        assert find(connection, token).state == "withdrawn"
        assert current(connection, who) == {}
        assert len(current(connection, stays)) == 4
        assert list(check_chain(connection)) == []
        left = connection.execute(select(answer.c.value, answer.c.proof).where(answer.c.withdrawn)).all()
        assert {tuple(row) for row in left} == {(None, "{}")}
        with pytest.raises(UserError, match="this seat was withdrawn"):
            agree(connection, who, language="en", consent="c", device={}, now=NOW)


def test_a_study_is_made_once_and_a_newer_one_is_left_alone(database: Database, place: str) -> None:
    with pytest.raises(UserError, match="holds a study already"):
        create_database(place)
    with database.engine.begin() as connection:
        connection.execute(update(study).values(schema=2))
    with pytest.raises(UserError, match="has schema 2; this version of cmmd-bench reads up to 1"):
        open_database(place)


def test_a_file_that_another_process_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cmmd_study.store.database.PATIENCE", 0.1)
    path = tmp_path / "study.sqlite"
    database = create_database(path)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(UserError, match="locked.*Another process is writing.*Nothing was changed"), database.writing():
        pass
    # Reading goes on.
    with database.reading() as connection:
        assert connection.execute(select(func.count()).select_from(study)).scalar() == 0
    other.execute("ROLLBACK")
    other.close()
    database.close()


def test_what_is_no_study(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no study at .*nothing.sqlite"):
        open_database(tmp_path / "nothing.sqlite")
    (tmp_path / "text.sqlite").write_text("not a database, but long enough to be looked at as one" * 20)
    with pytest.raises(UserError, match="not a database.*restore a backup"):
        open_database(tmp_path / "text.sqlite")
    sqlite3.connect(tmp_path / "empty.sqlite").close()
    with pytest.raises(UserError, match="is no study"):
        open_database(tmp_path / "empty.sqlite")
    with pytest.raises(UserError, match="the database URL cannot be used"):
        open_database("oracle9+x://host/name")
    with pytest.raises(UserError, match="refused|Start the server"):
        open_database("postgresql+psycopg://nobody@127.0.0.1:1/none")
