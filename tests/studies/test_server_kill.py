"""`kill -9` of the server, and a cut network, while raters answer: what was acknowledged is there, and there once."""

import json
import os
import random
import signal
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path

import pytest
from made import make_study
from sqlalchemy import select

from cmmd_bench.metrics.opinion.simulate import Components
from cmmd_study.folder import StudyFolder
from cmmd_study.frozen import freeze, load
from cmmd_study.simulation.opinions import Opinion, Truth
from cmmd_study.simulation.simulate import free_port, served
from cmmd_study.simulation.visit import Diary, Visit
from cmmd_study.store.answers import check_chain
from cmmd_study.store.database import open_database
from cmmd_study.store.raters import invite
from cmmd_study.store.tables import answer

SUMMARY = Path(__file__).parents[1] / "data" / "proofs" / "study_kill.json"
SYSTEMS = {"ground-truth": 1, "cmmd": 2, "mmdiff": 1}

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals")


def frozen_study(path: Path, place: str, clips: int) -> StudyFolder:
    folder = make_study(path / "study", clips=clips, systems=SYSTEMS, seconds=0.3)
    if place.startswith("postgresql"):
        (folder.path / "database").write_text(place)
    freeze(folder, folder.database(), now=0)
    return folder


class Raters:
    """Synthetic raters at work in threads of their own."""

    def __init__(self, folder: StudyFolder, url: str, count: int, waiting: float) -> None:
        self.database = open_database(folder.database())
        frozen = load(self.database)
        with self.database.writing() as connection:
            tokens = invite(connection, count, now=0)
        truth = Truth(dict.fromkeys(SYSTEMS, 3.0), 0, Components())
        by_digest = {known.sha256: known for known in frozen.stimuli.values()}
        self.visits = [
            Visit(url, token, Opinion(str(number), "honest", truth), frozen, by_digest, waiting)
            for number, token in enumerate(tokens)
        ]
        self.pool = ThreadPoolExecutor(count)
        self.futures = [self.pool.submit(visit.run) for visit in self.visits]

    @property
    def at_work(self) -> bool:
        return not all(future.done() for future in self.futures)

    def finish(self) -> list[Diary]:
        diaries = [future.result() for future in self.futures]
        self.pool.shutdown()
        return diaries

    def lost_and_doubled(self, diaries: list[Diary]) -> tuple[int, int]:
        """Acknowledged answers that are not stored as they were given, and answers that are stored twice."""
        with self.database.reading() as connection:
            rows = connection.execute(select(answer)).all()
            assert not list(check_chain(connection))
        self.database.close()
        stored = {row.client_id: (row.presentation, row.question, row.value) for row in rows}
        saved = {client: said for diary in diaries for client, said in diary.saved.items()}
        lost = sum(stored.get(client) != said for client, said in saved.items())
        return lost, len(rows) - len({(row.presentation, row.question) for row in rows})


def prove(folder: StudyFolder, *, raters: int, kills: int, waiting: float, seed: int) -> dict[str, float]:
    rng, port, met = random.Random(seed), free_port(), 0
    started = time.monotonic()
    work = Raters(folder, f"http://127.0.0.1:{port}", raters, waiting)
    while met < kills:
        with served(folder, port) as process:
            time.sleep(rng.uniform(0.05, 1.2))
            assert work.at_work, f"all raters were through after {met} kills: give them more to do"
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            met += 1
    with served(folder, port):
        diaries = work.finish()
    lost, doubled = work.lost_and_doubled(diaries)
    return {
        "kills": met,
        "raters": raters,
        "answers": sum(len(diary.saved) for diary in diaries),
        "finished": sum(diary.finished for diary in diaries),
        "retries": sum(diary.retries for diary in diaries),
        "lost": lost,
        "doubled": doubled,
        "seconds": round(time.monotonic() - started),
    }


def test_three_kills(tmp_path):
    folder = frozen_study(tmp_path, "sqlite", clips=3)
    found = prove(folder, raters=4, kills=3, waiting=0.06, seed=1)
    assert (found["lost"], found["doubled"], found["finished"]) == (0, 0, 4)
    assert found["answers"] == 4 * 12 * 2
    assert found["retries"] > 0


@pytest.mark.slow
def test_twenty_five_kills(tmp_path, place):
    kind = "postgresql" if place.startswith("postgresql") else "sqlite"
    folder = frozen_study(tmp_path, place, clips=8)
    found = prove(folder, raters=20, kills=25, waiting=0.3, seed=25)
    assert (found["lost"], found["doubled"], found["finished"]) == (0, 0, 20)
    summary = json.loads(SUMMARY.read_text()) if SUMMARY.is_file() else {}
    summary[kind] = {"date": date.today().isoformat(), **found}
    SUMMARY.write_text(json.dumps(summary, indent=2, sort_keys=True) + "\n")


def test_the_stored_proof():
    summary = json.loads(SUMMARY.read_text())
    for kind in ("sqlite", "postgresql"):
        assert summary[kind]["kills"] >= 25
        assert summary[kind]["raters"] >= 20
        assert (summary[kind]["lost"], summary[kind]["doubled"]) == (0, 0)


class Wire:
    """A TCP proxy that can be cut: connections break, and new ones are refused."""

    def __init__(self, target: int) -> None:
        self.target, self.port, self.cut = target, free_port(), False
        self.open: set[socket.socket] = set()
        self.server = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self.server.accept()
            except OSError:
                return
            if self.cut:
                near.close()
                continue
            far = socket.create_connection(("127.0.0.1", self.target))
            self.open |= {near, far}
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=(one, other), daemon=True).start()

    def _carry(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(65536):
                other.sendall(data)
        for each in (one, other):
            self.open.discard(each)
            each.close()

    @contextmanager
    def broken(self) -> Iterator[None]:
        self.cut = True
        for each in list(self.open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        yield
        self.cut = False


@pytest.mark.parametrize("seconds", [2, pytest.param(30, marks=pytest.mark.slow)])
def test_a_cut_network(tmp_path, seconds):
    folder, port = frozen_study(tmp_path, "sqlite", clips=2), free_port()
    with served(folder, port):
        wire = Wire(port)
        work = Raters(folder, f"http://127.0.0.1:{wire.port}", 4, 0.05)
        time.sleep(1.0)
        with wire.broken():
            time.sleep(seconds)
            assert work.at_work
        diaries = work.finish()
        wire.server.close()
    assert work.lost_and_doubled(diaries) == (0, 0)
    assert [diary.finished for diary in diaries] == [True] * 4
    assert sum(diary.retries for diary in diaries) > 0
