"""Generators that misbehave: each failure is in the ledger with its reason, and nothing else is lost."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from cmmd_bench.errors import UserError
from cmmd_bench.ledger import JsonLines
from cmmd_bench.media import read_clip
from cmmd_bench.runs import RunFolder, run
from cmmd_bench.runs.generate import Answering, generate
from cmmd_bench.runs.plan import Planned
from cmmd_bench.types import Clip, Item

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def short(small):
    """Sound only, one sample, two metrics."""
    metrics = tuple(metric for metric in small.metrics if metric.task == "v2a")
    return small.model_copy(update={"tasks": ("v2a",), "metrics": metrics})


def lines_of(folder: Path, model: str) -> list[dict]:
    lines = [json.loads(line) for line in (folder / "samples.jsonl").read_text().splitlines()]
    return [line for line in lines if line["model"] == model]


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ("TooFew", "asked for 1, but 0 came back"),
        ("TooMany", "asked for 1, but more than 1 came back"),
        ("WrongShape", "ValueError: audio must be a mono array of shape (T,), found shape (2, 100)"),
        ("NotAClip", "expected a Clip, found ndarray"),
        ("TooShort", "audio must last 0.8 s within one frame (0.1 s), found 0.00625 s (100 samples at 16000 Hz)"),
        ("NaNs", "ValueError: audio must be finite and within [-1, 1], found 12800 samples that are NaN"),
        ("RaisesAlways", "MemoryError: out of memory"),
        ("Quits", "SystemExit: 5"),
    ],
)
def test_every_failure_has_its_reason_and_the_other_rows_stand(short, tmp_path, model, reason):
    outcome = run(short, {f"models:{model}": {}, "models:Tone": {}}, out=tmp_path / "run", workers=1)
    latest = {line["id"]: line for line in lines_of(outcome.folder, model)}
    assert len(latest) == 8
    assert all(reason in line["error"] for line in latest.values())
    cells = {(r.model, r.metric): r for r in outcome.scores.results}
    assert cells[model, "fad[logmel-stats]"].value is None
    assert cells[model, "fad[logmel-stats]"].why == "needs at least 2 generated clips, found 0"
    assert cells["Tone", "fad[logmel-stats]"].n_samples == 8
    assert [failure["model"] for failure in outcome.scores.failures] == [model] * 8
    assert not outcome.scores.complete


def test_one_bad_request_does_not_sink_its_batch(short, tmp_path):
    outcome = run(short, {"models:RaisesOnOne": {}}, out=tmp_path / "run", workers=1)
    lines = lines_of(outcome.folder, "RaisesOnOne")
    cursed = {line["id"] for line in lines if line["id"].endswith("-1") and line["seed"] % 2}
    assert 0 < len(cursed) < 4
    assert {line["id"] for line in lines if line["error"]} == cursed
    assert all("RuntimeError: this request is cursed" in line["error"] for line in lines if line["error"])
    cell = next(r for r in outcome.scores.results if (r.model, r.metric) == ("RaisesOnOne", "fad[logmel-stats]"))
    assert cell.n_samples == 8 - len(cursed)


def test_failures_are_tried_again_when_the_command_is_repeated(short, tmp_path, monkeypatch):
    import models

    folder = tmp_path / "run"
    run(short, {"models:RaisesOnOne": {}}, out=folder, workers=1)
    tried = len(lines_of(folder, "RaisesOnOne"))
    monkeypatch.setattr(models.RaisesOnOne, "answer", models.Tone.answer)
    mended = run(short, {"models:RaisesOnOne": {}}, out=folder, workers=1)
    assert mended.scores.complete
    # Only what had failed was asked again.
    assert 0 < len(lines_of(folder, "RaisesOnOne")) - tried < 4


def test_a_generator_that_leaves_one_out_loses_that_one_only(short, tmp_path):
    outcome = run(short, {"models:SkipsOne": {}}, out=tmp_path / "run", workers=1)
    lines = lines_of(outcome.folder, "SkipsOne")
    failed = {line["id"] for line in lines if line["error"]}
    assert failed == {line["id"] for line in lines if line["id"].endswith("-1") and line["seed"] % 2}
    assert 0 < len(failed) < 4
    other = run(short, {"models:SkipsOne": {}}, out=tmp_path / "one by one", batch_size=1, workers=1)
    assert (other.folder / "results.json").read_bytes() == (outcome.folder / "results.json").read_bytes()


@pytest.mark.parametrize("size", [0, -3, None, 2.5, True])
def test_batch_sizes_that_are_none(short, tmp_path, size, monkeypatch):
    import models

    monkeypatch.setattr(models.Tone, "batch_size", size, raising=False)
    with pytest.raises(UserError, match="model 'Tone' has batch_size .*expected a whole number of requests, 1 or more"):
        run(short, {"models:Tone": {}}, out=tmp_path / "run", workers=1)


def test_a_clip_that_cannot_be_stored_is_a_failure_of_its_request(tmp_path):
    class Ultrasound:
        tasks = frozenset({"v2a"})

        def generate(self, requests):
            for _ in requests:
                yield Clip(audio=np.zeros(5, np.float32), sample_rate=2**40)

    planned = [Planned(f"v2a-x-{k}", "v2a", Item("x", "x"), k, k) for k in range(2)]
    folder, condition = RunFolder(tmp_path), Clip(np.zeros((1, 4, 4, 3), np.uint8), 20)
    with JsonLines(folder.ledger((0, 1))) as ledger:
        model = Ultrasound()
        generate(Answering("Ultrasound", model, lambda: model, lambda _: condition, 0.05, folder), planned, ledger)
    lines = lines_of(tmp_path, "Ultrasound")
    assert len(lines) == 2
    assert all("cannot be encoded (4x4 at 20 fps, 1099511627776 Hz)" in line["error"] for line in lines)


def test_pictures_too_slow_to_be_a_video_are_refused(small, tmp_path):
    outcome = run(small, {"models:OneSlowFrame": {}}, out=tmp_path / "run", workers=1)
    assert all(
        "video must last 0.8 s within one frame (0.1 s)" in failure["reason"] for failure in outcome.scores.failures
    )
    assert len(outcome.scores.failures) == 8


def test_a_generator_cannot_touch_the_condition(short, tmp_path):
    outcome = run(short, {"models:Meddles": {}}, out=tmp_path / "run", workers=1)
    folder = RunFolder(outcome.folder)
    line = lines_of(outcome.folder, "Meddles")[0]
    sample = read_clip(folder.sample("Meddles", line["id"]))
    assert np.array_equal(sample.video, read_clip(folder.condition(line["item"])).video)


def test_silence_is_scored_and_pointed_out(short, tmp_path):
    outcome = run(short, {"models:Silent": {}}, out=tmp_path / "run", workers=1)
    assert outcome.scores.complete
    findings = [f for f in outcome.scores.findings if f["model"] == "Silent"]
    assert [(f["finding"], len(f["ids"])) for f in findings] == [("silent", 8)]


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals")
def test_a_generator_that_swallows_ctrl_c_is_stopped_by_the_second(small_file, tmp_path):
    log = tmp_path / "pid"
    command = [sys.executable, "-m", "cmmd_bench", "run", "--suite", str(small_file), "--out", str(tmp_path / "run")]
    command += ["--models", "models:HangsOnInterrupt", "--option", f"HangsOnInterrupt.log={log}", "--workers", "1"]
    environment = {**os.environ, "PYTHONPATH": str(HERE)}
    # A shell that starts the tests in the background has them ignore SIGINT, and children inherit that.
    process = subprocess.Popen(
        command,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    # Whatever goes wrong, nothing waits for ever.
    watchdog = threading.Timer(180, process.kill)
    watchdog.start()
    deadline = time.monotonic() + 120
    while not log.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    # Two signals that arrive before Python looks are one: the second waits for the answer to the first.
    assert process.stderr is not None
    assert any("Press Ctrl-C again to stop at once" in line for line in process.stderr)
    time.sleep(0.2)
    assert process.poll() is None, "the first Ctrl-C leaves the model a chance to stop"
    process.send_signal(signal.SIGINT)
    process.wait(timeout=30)
    watchdog.cancel()
    process.stderr.close()
    assert process.returncode == 130
    # What was finished before is whole and counts.
    assert lines_of(tmp_path / "run", "ground-truth")
