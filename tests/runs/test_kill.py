"""`kill -9` at random moments, then the same command: the same results to the byte, and no finished item done twice."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SUMMARY = HERE.parent / "data" / "proofs" / "kill.json"

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals")


class Command:
    """The command under test, with its own run folder and cache, and the log of what the model was asked."""

    def __init__(self, suite: Path, root: Path, workers: int) -> None:
        self.folder, self.log = root / "run", root / "asked.log"
        self._line = [sys.executable, "-m", "cmmd_bench", "run", "--suite", str(suite), "--out", str(self.folder)]
        self._line += ["--workers", str(workers)]
        self._line += ["--models", "models:Tone", "--option", f"Tone.log={self.log}", "--option", "Tone.delay=0.05"]
        self._environment = {**os.environ, "PYTHONPATH": str(HERE), "CMMD_BENCH_CACHE": str(root / "cache")}

    def start(self) -> subprocess.Popen:
        # A session of its own, so that a kill reaches the workers as a machine's crash would.
        return subprocess.Popen(
            self._line,
            env=self._environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
            text=True,
        )

    def finish(self) -> None:
        process = self.start()
        _, messages = process.communicate()
        assert process.returncode == 0, messages

    def kill_after(self, seconds: float) -> bool:
        """Whether the kill met a running process."""
        process = self.start()
        try:
            process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            return True
        return False

    def finished(self) -> set[tuple[str, str]]:
        """(model, id) of every whole success line in the ledger; the same id twice is an error."""
        path = self.folder / "samples.jsonl"
        if not path.exists():
            return set()
        whole = path.read_bytes().rpartition(b"\n")[0].splitlines()
        keys = [(line["model"], line["id"]) for line in map(json.loads, whole) if line["error"] is None]
        assert len(keys) == len(set(keys)), "an item was done twice"
        return set(keys)

    def asked(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []


def prove(suite: Path, tmp_path: Path, kills: int, seed: int, workers: int = 2) -> dict:
    plain = Command(suite, tmp_path / "plain", workers)
    plain.log.parent.mkdir()
    started = time.monotonic()
    plain.finish()
    whole = time.monotonic() - started
    expected = (plain.folder / "results.json").read_bytes()

    rng = random.Random(seed)
    victim = Command(suite, tmp_path / "victim-0", workers)
    met, rounds = 0, 0
    while met < kills:
        if (victim.folder / "results.json").exists():
            # It got through between two kills: begin another run, so that every kill meets one at work.
            victim = Command(suite, tmp_path / f"victim-{rounds}", workers)
        victim.log.parent.mkdir(exist_ok=True)
        before, asked_before = victim.finished(), len(victim.asked())
        met += victim.kill_after(rng.uniform(0.1, whole))
        rounds += 1
        again = set(victim.asked()[asked_before:]) & {name for model, name in before if model == "Tone"}
        assert not again, f"finished items were asked again: {again}"
        if (victim.folder / "results.json").exists():
            assert (victim.folder / "results.json").read_bytes() == _with_log(expected, plain, victim)
    victim.finish()
    assert (victim.folder / "results.json").read_bytes() == _with_log(expected, plain, victim)
    return {"kills": met, "rounds": rounds, "items": len(victim.finished()), "seconds_of_a_run": round(whole, 1)}


def _with_log(results: bytes, one: Command, other: Command) -> bytes:
    """The log's path is a model option and so stands in the protocol; nothing else may differ."""
    return results.replace(str(one.log).encode(), str(other.log).encode())


def test_three_kills(small_file, tmp_path):
    # One process starts twice as fast as three; twenty kills meet workers too.
    assert prove(small_file, tmp_path, kills=3, seed=1, workers=1)["kills"] == 3


@pytest.mark.slow
def test_twenty_kills(small_file, tmp_path):
    summary = prove(small_file, tmp_path, kills=20, seed=20)
    SUMMARY.parent.mkdir(exist_ok=True)
    SUMMARY.write_text(json.dumps({"date": date.today().isoformat(), **summary}, indent=2) + "\n")
    assert summary["kills"] == 20
