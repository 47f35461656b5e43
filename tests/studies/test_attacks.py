"""What the study's server refuses: each attack gets its answer, and nothing is stored. A real server, over HTTP."""

import json
import re
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace

import httpx2 as httpx
import pytest
from made import make_study
from sqlalchemy import func, select, update

from cmmd_bench.metrics.opinion.simulate import Components
from cmmd_study.clock import now_ms
from cmmd_study.frozen import freeze, load
from cmmd_study.server.place_json import consent_digest
from cmmd_study.simulation.opinions import Opinion, Truth
from cmmd_study.simulation.simulate import free_port, served
from cmmd_study.simulation.visit import Visit
from cmmd_study.store.database import open_database
from cmmd_study.store.raters import invite
from cmmd_study.store.studies import close_study
from cmmd_study.store.tables import answer, study

SYSTEMS = {"ground-truth": 1, "cmmd": 2, "mmdiff": 1}


class Seat:
    """One rater's browser, past consent and the test of sound."""

    def __init__(self, url: str, token: str) -> None:
        self.token = token
        self.client = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=30)
        place = self.place()
        agreed = {"agreed": True, "consent": place["consent"], "language": "en"}
        assert self.client.post("/api/consent", json=agreed).status_code == 200
        assert self.place()["page"] == "preflight"
        event = {"kind": "preflight", "detail": {"heard": 2, "passed": True}}
        assert self.client.post("/api/events", json=event).json() == {"kept": True}

    def place(self) -> dict:
        return self.client.get("/api/place").json()

    def body(self, **changes) -> dict:
        place = self.place()
        proof = {"played": 0.4, "ended": True, "plays": 1, "viewing": 0.4}
        question = place["section"]["questions"][0]["id"]
        given = {"presentation": place["current"]["presentation"], "question": question, "value": 3}
        return {**given, "client_id": str(uuid.uuid4()), "client_at": 1, "proof": proof, **changes}

    def send(self, body: dict, **options) -> httpx.Response:
        return self.client.post("/api/answers", json=body, **options)


@pytest.fixture(scope="module")
def here(tmp_path_factory) -> Iterator[SimpleNamespace]:
    folder = make_study(tmp_path_factory.mktemp("attacked") / "study", clips=2, systems=SYSTEMS, seconds=0.4)
    freeze(folder, folder.database(), now=0)
    database, port = open_database(folder.database()), free_port()
    url = f"http://127.0.0.1:{port}"

    seats: list[Seat] = []

    def seat() -> Seat:
        with database.writing() as connection:
            token = invite(connection, 1, now=0)[0]
        seats.append(Seat(url, token))
        return seats[-1]

    def count() -> int:
        with database.reading() as connection:
            return connection.execute(select(func.count()).select_from(answer)).scalar_one()

    with served(folder, port):
        yield SimpleNamespace(folder=folder, database=database, url=url, seat=seat, count=count)
    for each in seats:
        each.client.close()
    database.close()


@pytest.fixture(scope="module")
def seat(here) -> Seat:
    return here.seat()


@pytest.fixture(autouse=True)
def _slowly(request):
    """A seat may send 20 requests a second: each test begins with a full bucket of its own."""
    time.sleep(0.3 if "seat" in request.fixturenames else 0)


def refused(response: httpx.Response, status: int, code: str) -> bool:
    return (response.status_code, response.json()["error"]) == (status, code)


@pytest.mark.parametrize("token", ["", "Bearer " + "a" * 22, "Bearer " + "é" * 22, "Basic abc", "Bearer " + "x" * 5000])
def test_tokens_that_were_never_given_out(here, token):
    before = here.count()
    for method, path in (("GET", "/api/place"), ("POST", "/api/answers"), ("POST", "/api/consent")):
        headers = [(b"authorization", token.encode())] if token else []
        response = httpx.request(method, here.url + path, headers=headers, json={} if method == "POST" else None)
        assert response.status_code in (401, 422)
        if response.status_code == 401:
            assert refused(response, 401, "no-seat")
    assert here.count() == before


def test_an_answer_of_another_seat(here, seat):
    other, before = here.seat(), here.count()
    theirs = other.body()
    assert refused(seat.send(theirs), 404, "unknown-clip")
    assert here.count() == before
    # Taken from its own seat, and once only, whoever says it again.
    assert other.send(theirs).status_code == 200
    assert refused(seat.send(theirs), 404, "unknown-clip")
    assert other.send(theirs).json()["revision"] == 1
    assert here.count() == before + 1


def test_media_open_to_their_own_browser_alone(here, seat):
    other = here.seat()
    mine, theirs = "/" + seat.place()["current"]["media"], "/" + other.place()["current"]["media"]
    assert seat.client.get(mine).status_code == 200
    assert seat.client.get(theirs).status_code == 404
    assert httpx.get(here.url + mine).status_code == 404
    assert httpx.get(here.url + mine, headers={"Authorization": f"Bearer {seat.token}"}).status_code == 404
    shown, _, mac = mine.rpartition(".")
    assert seat.client.get(f"{shown}.{'0' * len(mac)}").status_code == 404
    assert seat.client.get(shown).status_code == 404
    stimulus = next(here.folder.path.joinpath("media").iterdir()).name
    assert seat.client.get(f"/m/{stimulus}").status_code == 404


def test_media_by_ranges_say_nothing_else(seat):
    whole = seat.client.get("/" + seat.place()["current"]["media"])
    part = seat.client.get("/" + seat.place()["current"]["media"], headers={"Range": "bytes=10-19", "If-Range": '"x"'})
    assert part.status_code == 206
    assert part.content == whole.content[10:20]
    for response in (whole, part):
        assert response.headers["cache-control"] == "private, no-store"
        assert response.headers["content-type"] == "video/mp4"
        assert not {"etag", "last-modified", "content-disposition"} & set(response.headers)


@pytest.mark.parametrize(
    "path",
    [
        "/m/../study.db",
        "/m/..%2fstudy.db",
        "/m/%2e%2e%2fstudy.toml",
        "/m/....//study.db",
        "/study.db",
        "/m/a/b",
        "/m/%00",
    ],
)
def test_paths_lead_nowhere_else(here, seat, path):
    response = seat.client.get(httpx.URL(here.url).copy_with(raw_path=path.encode()))
    assert b"SQLite" not in response.content
    assert b"seed" not in response.content
    assert response.status_code in (400, 404) or b"<!doctype html>" in response.content.lower()


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_foreign_pages(here, seat, headers):
    before = here.count()
    assert refused(seat.send(seat.body(), headers=headers), 403, "foreign-origin")
    assert here.count() == before


BODIES = {
    "empty": b"",
    "cut off": b'{"presentation": "',
    "no object": b"[1, 2]",
    "a number": b"7",
    "deep": b'{"proof": ' + b"[" * 7000 + b"]" * 7000 + b"}",
    "not a number": b'{"value": NaN}',
    "not UTF-8": b'{"value": "\xff\xfe"}',
}


@pytest.mark.parametrize("name", BODIES)
def test_bodies_that_are_no_answer(here, seat, name):
    before = here.count()
    response = seat.client.post("/api/answers", content=BODIES[name], headers={"Content-Type": "application/json"})
    assert response.status_code in (400, 422)
    assert response.json()["error"] == "malformed"
    assert here.count() == before


def test_bodies_of_the_wrong_kind_or_size(here, seat):
    before = here.count()
    text = json.dumps(seat.body()).encode()
    assert refused(seat.client.post("/api/answers", content=text), 415, "not-json")
    plain = {"Content-Type": "text/plain"}
    assert refused(seat.client.post("/api/answers", content=text, headers=plain), 415, "not-json")
    large = b'{"a": "' + b"x" * 20_000 + b'"}'
    own = {"Content-Type": "application/json"}
    assert refused(seat.client.post("/api/answers", content=large, headers=own), 413, "too-large")
    pieces = (b"x" * 1000 for _ in range(1000))
    assert refused(seat.client.post("/api/answers", content=pieces, headers=own), 413, "too-large")
    assert seat.client.put("/api/answers", json={}).status_code == 405
    assert here.count() == before


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"value": 6}, 422, "off-scale"),
        ({"value": 0}, 422, "off-scale"),
        ({"value": None}, 422, "off-scale"),
        ({"value": 2.5}, 422, "malformed"),
        ({"value": "<script>alert(1)</script>"}, 422, "malformed"),
        ({"question": "../../etc"}, 404, "unknown-question"),
        ({"presentation": "0" * 32}, 404, "unknown-clip"),
        ({"client_id": "' OR 1=1 --"}, 422, "malformed"),
        ({"client_at": -5}, 422, "malformed"),
        ({"system": "cmmd"}, 422, "malformed"),
        ({"proof": {"played": 0.1, "ended": True}}, 422, "not-played"),
        ({"proof": {"played": 0.4, "ended": False}}, 422, "not-played"),
        ({"proof": {"played": 0.4, "ended": True, "rate": 2}}, 422, "not-played"),
        ({"proof": {"played": 0.4, "ended": True, "volume": 0}}, 422, "not-played"),
        ({"proof": {"played": -1, "ended": True}}, 422, "malformed"),
        ({"proof": {"played": 1e308, "ended": True}}, 422, "malformed"),
    ],
)
def test_answers_that_cannot_be(here, seat, changes, status, code):
    before = here.count()
    response = seat.send(seat.body(**changes))
    assert refused(response, status, code), response.text
    assert "<script>" not in response.text
    assert here.count() == before


def test_a_clip_that_is_not_due(here, seat):
    ahead = seat.place()["following"].removeprefix("m/").partition(".")[0]
    before = here.count()
    assert refused(seat.send(seat.body(presentation=ahead)), 409, "not-yet")
    assert here.count() == before


def test_consent_to_another_text(here):
    with here.database.writing() as connection:
        token = invite(connection, 1, now=0)[0]
    with httpx.Client(base_url=here.url, headers={"Authorization": f"Bearer {token}"}) as client:
        _refuse_consent(client)


def _refuse_consent(client: httpx.Client) -> None:
    place = client.get("/api/place").json()
    agreed = {"agreed": True, "consent": place["consent"], "language": "en"}
    assert refused(client.post("/api/consent", json={**agreed, "agreed": False}), 422, "no-consent")
    assert refused(client.post("/api/consent", json={**agreed, "consent": "0" * 64}), 422, "no-consent")
    assert refused(client.post("/api/consent", json={**agreed, "language": "fr"}), 422, "unknown-language")
    given = {"presentation": "0" * 32, "question": "sync", "value": 3, "client_id": str(uuid.uuid4()), "client_at": 0}
    assert refused(client.post("/api/answers", json={**given, "proof": {}}), 409, "consent-first")
    assert client.get("/api/place").json()["page"] == "consent"


def test_too_many_requests(here):
    hasty = here.seat()
    codes = [hasty.client.get("/api/place").status_code for _ in range(150)]
    assert 429 in codes
    assert refused(hasty.client.get("/api/place"), 429, "too-fast")
    # Nobody else waits for that.
    assert here.seat().place()["page"] == "rating"


def test_the_same_answer_again_and_another_value(here):
    rater, before = here.seat(), here.count()
    body = rater.body()
    first, again = rater.send(body), rater.send(body)
    assert first.json() == again.json() == {"saved": body["client_id"], "revision": 1, "finished": False}
    assert rater.send({**body, "client_id": str(uuid.uuid4())}).json()["revision"] == 1
    assert here.count() == before + 1
    assert refused(rater.send({**body, "value": 5}), 409, "conflict")
    assert rater.send({**body, "value": 5, "client_id": str(uuid.uuid4())}).json()["revision"] == 2
    assert rater.place()["current"]["answers"] == {body["question"]: 5}


@pytest.mark.parametrize("client_at", [0, 4_102_444_800_000])
def test_clocks_that_are_wrong_change_nothing(here, client_at):
    rater = here.seat()
    assert rater.send(rater.body(client_at=client_at)).status_code == 200


def test_a_clip_that_cannot_be_played_is_missing(here):
    rater = here.seat()
    assert rater.send(rater.body(value=None, proof={"failure": "media error 4"})).status_code == 200
    assert list(rater.place()["current"]["answers"].values()) == [None]


def test_every_reply_is_guarded(here, seat):
    for path in ("/", "/api/place", "/m/x", "/host", "/_stcore/health", "/nowhere"):
        headers = seat.client.get(path).headers
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert "default-src 'self'" in headers["content-security-policy"]


@dataclass(slots=True)
class Ear(Visit):
    """A visit that keeps all it receives but pictures and sounds."""

    said: list[str] = field(default_factory=list)

    def _patiently(self, send):
        response = Visit._patiently(self, send)
        self.said.append(f"{response.request.url.path} {dict(response.headers)}")
        if response.headers.get("content-type") != "video/mp4":
            self.said.append(response.text)
        return response


def test_two_raters_receive_nothing_in_common_and_no_names(here):
    frozen = load(here.database)
    by_digest = {known.sha256: known for known in frozen.stimuli.values()}
    truth = Truth(dict.fromkeys(SYSTEMS, 3.0), 0, Components())
    heard = []
    for number in range(2):
        with here.database.writing() as connection:
            token = invite(connection, 1, now=0)[0]
        visit = Ear(here.url, token, Opinion(str(number), "honest", truth), frozen, by_digest)
        assert visit.run().finished
        heard.append("\n".join(visit.said).lower())
    names = [*SYSTEMS, "clip-0", "clip-1", str(here.folder.path).lower(), *frozen.stimuli, "gold", "repeat"]
    assert not [name for name in names for said in heard if name in said]
    ids = [set(re.findall(r"[0-9a-f]{24,}", said)) for said in heard]
    assert len(ids[0]) > 10
    # The digest of the consent's text is the one thing that is meant to be the same.
    assert ids[0] & ids[1] == {consent_digest(frozen, "en")}


def test_a_locked_database_says_so_and_takes_the_answer_later(here):
    rater, before = here.seat(), here.count()
    body = rater.body()
    with here.database.writing() as connection:
        connection.execute(update(study).values(name=study.c.name))
        assert refused(rater.send(body), 503, "not-saved")
    assert here.count() == before
    assert rater.send(body).status_code == 200
    assert here.count() == before + 1


def test_after_closing_only_what_was_answered_before(tmp_path):
    folder = make_study(tmp_path / "study", clips=1, systems={"ground-truth": 2}, seconds=0.4)
    freeze(folder, folder.database(), now=0)
    database, port = open_database(folder.database()), free_port()
    with served(folder, port):
        with database.writing() as connection:
            token = invite(connection, 1, now=0)[0]
        rater = Seat(f"http://127.0.0.1:{port}", token)
        body, waiting = rater.body(), rater.body()
        with database.writing() as connection:
            close_study(connection, now=now_ms())
        assert refused(rater.send(body), 410, "closed")
        waiting["proof"]["age"] = 60_000
        assert rater.send(waiting).status_code == 200
        assert rater.place()["page"] == "closed"
        rater.client.close()
    with database.reading() as connection:
        rows = connection.execute(select(answer)).all()
    assert [(row.client_id, row.late) for row in rows] == [(waiting["client_id"], True)]
    database.close()
