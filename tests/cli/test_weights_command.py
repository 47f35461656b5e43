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
