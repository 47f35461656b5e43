"""`cmmd-bench weights`: what the table shows, what getting says, and what the exit codes mean."""

import hashlib
import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cmmd_bench.cli import app
from cmmd_bench.errors import ENVIRONMENT, UserError
from cmmd_bench.weights import registry
from cmmd_bench.weights.registry import WeightFile, Weights

BODY = b'{"net": 1}'
SHA = hashlib.sha256(BODY).hexdigest()
TABLE = (
    Weights(
        "net", (WeightFile("net.json", ("https://example.org/net.json",), len(BODY), sha256=SHA),), "MIT", "", "FVD"
    ),
    Weights(
        "open", (WeightFile("open.json", ("https://example.org/open.json",), about=690_000_000),), "MIT", "", "FAD"
    ),
)


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch) -> Path:
    monkeypatch.setattr(registry, "WEIGHTS", TABLE)
    monkeypatch.setenv("CMMD_BENCH_WEIGHTS", str(tmp_path / "weights"))
    return tmp_path / "weights"


@pytest.fixture
def carried(tmp_path) -> Path:
    folder = tmp_path / "carried"
    folder.mkdir()
    for name in ("net.json", "open.json"):
        (folder / name).write_bytes(BODY)
    return folder


def run(*words: str):
    return CliRunner().invoke(app, ["weights", *words], catch_exceptions=True)


def states() -> dict[str, str]:
    return {entry["name"]: entry["state"] for entry in json.loads(run("list", "--json").stdout)["weights"]}


def test_the_list_shows_size_licence_state_and_use(root):
    shown = run("list")
    assert shown.exit_code == 0
    rows = {words[0]: " ".join(words[1:]) for words in map(str.split, shown.stdout.splitlines()) if words}
    assert rows["net"] == f"{len(BODY)} bytes MIT missing FVD"
    assert rows["open"] == "about 690 MB MIT missing FAD"
    assert str(root) in shown.stderr


def test_the_list_as_json(root):
    entry = json.loads(run("list", "--json").stdout)["weights"][0]
    assert entry["files"] == [
        {
            "file": "net.json",
            "path": str(root / "net" / "net.json"),
            "state": "missing",
            "bytes": len(BODY),
            "sha256": SHA,
            "published": True,
            "urls": ["https://example.org/net.json"],
        }
    ]


def test_getting_from_a_folder_says_where_it_is_and_what_proves_it(root, carried):
    done = run("get", "--all", "--from", str(carried))
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        f"net: {root / 'net' / 'net.json'} (SHA-256 as published)",
        f"open: {root / 'open' / 'open.json'} (no published digest: its SHA-256 is pinned here from now on)",
    ]
    assert states() == {"net": "here", "open": "here"}


def suite_of(path: Path, *embedders: str) -> Path:
    """A suite with one fvd for each embedder."""
    text = 'name = "mine"\ntasks = ["a2v"]\n[data]\ndataset = "beatdance"\nconditions = 4\nreference = 4\n'
    text += "[clip]\nseconds = 1\nfps = 10\nsize = [64, 64]\nsample_rate = 16000\n"
    for name in embedders:
        text += f'[[metrics]]\nmetric = "fvd"\ntask = "a2v"\nembedder = "{name}"\n'
    path.write_text(text)
    return path


def test_getting_what_a_suite_needs(root, carried, tmp_path):
    suite = suite_of(tmp_path / "mine.toml", "videomae:net", "conv3d-random")
    done = run("get", "--suite", str(suite), "--from", str(carried))
    assert done.exit_code == 0
    assert done.stdout == f"net: {root / 'net' / 'net.json'} (SHA-256 as published)\n"
    assert states() == {"net": "here", "open": "missing"}


def test_a_suite_that_needs_none(root):
    done = run("get", "--suite", "demo")
    assert (done.exit_code, done.stdout) == (0, "")
    assert "suite 'demo' needs no weights" in done.stderr


def test_everything_that_is_missing_is_said_before_anything_else(root, tmp_path):
    """One message for all metrics of a suite and of a scoring, although no data and no clips are there either."""
    suite = suite_of(tmp_path / "mine.toml", "videomae:net", "conv3d-random", "clap-hub:open", "videomae:open")
    labels = ("fad[clap-hub:open]", "fvd[videomae:net]", "fvd[conv3d-random]")
    words = ["score", "--generated", str(tmp_path / "no"), "--reference", str(tmp_path / "where")]
    for command in (["run", "--suite", str(suite)], [*words, *(w for label in labels for w in ("--metric", label))]):
        done = CliRunner().invoke(app, command, catch_exceptions=True)
        assert isinstance(done.exception, UserError)
        told = str(done.exception)
        assert done.exception.exit_code == ENVIRONMENT
        assert told.count("weights are not in") == 1
        assert told.count("net/net.json") == told.count("open/open.json (about 690 MB)") == 1
        assert told.count("\n") == 3


def test_a_mistyped_name_is_told_with_what_is_missing(root, tmp_path):
    words = ["score", "--generated", str(tmp_path), "--reference", str(tmp_path)]
    for label in ("fvd[videomae:net]", "fad[logmel-stat]", "beat-hit@100ms[nobody]"):
        words += ["--metric", label]
    told = str(CliRunner().invoke(app, words, catch_exceptions=True).exception)
    assert "net/net.json" in told
    assert "no embedder named 'logmel-stat'. Did you mean 'logmel-stats'?" in told
    assert "no beat tracker named 'nobody'" in told


def test_verify_reads_everything_and_exits_with_3_when_something_is_wrong(root, carried):
    assert "no weights are in" in run("verify").stderr
    run("get", "--all", "--from", str(carried))
    done = run("verify")
    assert done.exit_code == 0
    assert f"{SHA} published" in done.stdout
    assert f"{SHA} pinned" in done.stdout
    # The same length and time of change: only reading tells.
    path = root / "net" / "net.json"
    before = path.stat()
    path.write_bytes(BODY.replace(b"1", b"2"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert states()["net"] == "here"
    done = run("verify", "--json")
    assert done.exit_code == ENVIRONMENT
    files = json.loads(done.stdout)["files"]
    assert [file["ok"] for file in files] == [False, True]
    assert "is not the file it should be" in files[0]["found"]


def test_verify_of_a_name_that_is_not_here_fails():
    done = run("verify", "net", "--json")
    assert done.exit_code == ENVIRONMENT
    assert json.loads(done.stdout)["files"] == [{"name": "net", "file": "net.json", "ok": False, "found": "missing"}]


def test_a_wrong_size_shows_as_damaged_and_a_download_begun_as_partial(root, carried):
    run("get", "net", "--from", str(carried))
    (root / "net" / "net.json").write_bytes(b"short")
    (root / "open").mkdir()
    (root / "open" / "open.json.part").write_bytes(b"{")
    assert states() == {"net": "damaged", "open": "partial"}


@pytest.mark.parametrize(
    ("words", "told", "code"),
    [
        (["get"], "say which weights to get", 2),
        (["get", "net", "--all"], "say which weights to get", 2),
        (["get", "net", "--suite", "demo"], "say which weights to get", 2),
        (["get", "--suite", "demmo"], "no suite named 'demmo'. Did you mean 'demo'?", 2),
        (["get", "net", "--from", "/no/such/folder"], "--from /no/such/folder is not a folder", 2),
        (["get", "nett"], "no weights named 'nett'. Did you mean 'net'?", 2),
        (["verify", "nett"], "no weights named 'nett'", 2),
        (["get", "--all", "--offline"], "net/net.json (10 bytes) from https://example.org/net.json\n  open/open", 3),
    ],
)
def test_mistakes_are_sentences(words, told, code):
    done = run(*words)
    assert isinstance(done.exception, UserError)
    assert told in str(done.exception)
    assert done.exception.exit_code == code
