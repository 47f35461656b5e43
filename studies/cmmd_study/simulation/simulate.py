"""Many synthetic raters at once, against a server that is started for them or one that runs."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from tempfile import TemporaryFile

import httpx2 as httpx
from sqlalchemy import select

from cmmd_bench.errors import ENVIRONMENT, UserError
from cmmd_bench.metrics.opinion.simulate import Components
from cmmd_bench.progress import Progress, silent
from cmmd_study.clock import now_ms
from cmmd_study.folder import StudyFolder
from cmmd_study.frozen import Frozen, load
from cmmd_study.simulation.opinions import KINDS, Kind, Opinion, Truth, default_truth
from cmmd_study.simulation.visit import Diary, Visit, VisitError
from cmmd_study.store.database import Database, open_database
from cmmd_study.store.raters import invite
from cmmd_study.store.tables import rater

HEALTH = "/_stcore/health"
STARTING = 60.0


@dataclass(frozen=True, slots=True)
class Simulated:
    """diaries: of each rater. failures: why a rater did not get to the end. means: the truth behind the answers."""

    kinds: tuple[Kind, ...]
    diaries: tuple[Diary, ...]
    failures: tuple[str, ...]
    means: Mapping[str, float]
    seconds: float

    @property
    def round_trips(self) -> list[float]:
        """Seconds of each answer, sorted."""
        return sorted(seconds for diary in self.diaries for seconds in diary.round_trips)


def simulate(
    folder: StudyFolder,
    kinds: Sequence[Kind],
    *,
    url: str | None = None,
    means: Mapping[str, float] | None = None,
    seed: int = 0,
    waiting: float = 0.0,
    at_once: int | None = None,
    progress: Progress = silent,
) -> Simulated:
    """Let one rater of each entry of `kinds` answer the frozen study; url: of a server that runs, else one is started.

    waiting: 1 to take as long as people do, 0 not to wait. Raises UserError where a real rater has begun: made-up
    answers never stand beside given ones.
    """
    database = open_database(folder.database())
    try:
        frozen = load(database)
        _refuse_real(database)
        systems = sorted({known.stimulus.system for known in frozen.stimuli.values()})
        references = {section.reference for section in frozen.specification.sections if section.reference is not None}
        truth = Truth(default_truth(systems, references, means or {}), seed, Components())
        with database.writing() as connection:
            tokens = invite(connection, len(kinds), now=now_ms())
        started = time.monotonic()
        with _served(folder, url) as base, progress("simulated raters", len(kinds)) as advance:
            visits = _visits(base, tokens, kinds, frozen, truth, waiting)
            failures = []
            with ThreadPoolExecutor(at_once or len(visits)) as pool:
                for future in as_completed([pool.submit(visit.run) for visit in visits]):
                    error = future.exception()
                    if isinstance(error, VisitError):
                        failures.append(str(error))
                    elif error is not None:
                        raise error
                    advance()
        seconds = time.monotonic() - started
        return Simulated(tuple(kinds), tuple(v.diary for v in visits), tuple(failures), truth.means, seconds)
    finally:
        database.close()


def parse_kinds(text: str) -> list[Kind]:
    """`honest=12,random=1` as a list of kinds."""
    found: list[Kind] = []
    for part in text.split(","):
        name, _, count = part.strip().partition("=")
        kind = next((kind for kind in KINDS if kind == name), None)
        if kind is None or not (count or "1").isdigit():
            raise UserError(f"raters are given as honest=12,random=1; kinds are {', '.join(KINDS)}. Found {part!r}.")
        found += [kind] * int(count or 1)
    if not found:
        raise UserError("no raters to simulate.")
    return found


@contextmanager
def served(folder: StudyFolder, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """A server of the study in a process of its own, killed at the end; UserError if it does not come up."""
    command = [sys.executable, "-m", "cmmd_bench", "study", "serve", str(folder.path), "--port", str(port)]
    with TemporaryFile() as said:
        process = subprocess.Popen(command, stdout=said, stderr=said)
        try:
            _wait_for(f"http://127.0.0.1:{port}", process, said)
            yield process
        finally:
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _served(folder: StudyFolder, url: str | None) -> Iterator[str]:
    if url is not None:
        yield url.rstrip("/")
        return
    port = free_port()
    with served(folder, port):
        yield f"http://127.0.0.1:{port}"


def _wait_for(url: str, process: "subprocess.Popen[bytes]", said: object) -> None:
    until = time.monotonic() + STARTING
    while time.monotonic() < until:
        if process.poll() is not None:
            break
        try:
            if httpx.get(url + HEALTH, timeout=2.0).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    said.seek(0)  # type: ignore[attr-defined]
    words = said.read().decode(errors="replace").strip()  # type: ignore[attr-defined]
    raise UserError(f"the study's server did not start: {words or 'it said nothing'}", exit_code=ENVIRONMENT)


def _visits(
    url: str, tokens: Sequence[str], kinds: Sequence[Kind], frozen: Frozen, truth: Truth, waiting: float
) -> list[Visit]:
    by_digest = {known.sha256: known for known in frozen.stimuli.values()}
    return [
        Visit(url, token, Opinion(f"{kind}-{number}", kind, truth), frozen, by_digest, waiting)
        for number, (token, kind) in enumerate(zip(tokens, kinds, strict=True))
    ]


def _refuse_real(database: Database) -> None:
    with database.reading() as connection:
        devices = connection.execute(select(rater.c.device).where(rater.c.order_row.is_not(None))).scalars().all()
    real = sum(device is None or "simulated" not in device for device in devices)
    if real:
        raise UserError(
            f"{real} real raters have begun this study. Simulate on a copy of its folder that was never served: "
            "made-up answers shall not stand beside theirs."
        )
