"""Bringing weights here: verified before they have their name; mirrors, folders, two at once, and kills."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from file_server import FileServer, answers, breaks_off, says_length, sends, slowly

from cmmd_bench.errors import ENVIRONMENT, UserError
from cmmd_bench.weights import registry, require_weights, weights_digest, weights_file, weights_folder
from cmmd_bench.weights.get import get_weights
from cmmd_bench.weights.registry import WeightFile, Weights
from cmmd_bench.weights.store import state

BODY = np.random.default_rng(7).bytes(1_500_001)
SHA = hashlib.sha256(BODY).hexdigest()
BLOB = hashlib.sha1(b"blob 1500001\0" + BODY).hexdigest()
QUICK = {"pause": 0.001, "tries": 2}


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("CMMD_BENCH_WEIGHTS", str(tmp_path / "weights"))
    return tmp_path / "weights"


@pytest.fixture
def server():
    with FileServer({"/file": BODY}) as server:
        yield server


@pytest.fixture
def register(monkeypatch):
    """Put entries into the table: `register(net=[WeightFile(...)])`."""

    def put(**files: list[WeightFile]) -> None:
        table = tuple(
            Weights(name.replace("__", "/"), tuple(listed), "CC0-1.0", "https://example.org/net", "FVD")
            for name, listed in files.items()
        )
        monkeypatch.setattr(registry, "WEIGHTS", table)

    return put


def failure(call, *arguments, **options) -> str:
    with pytest.raises(UserError) as caught:
        call(*arguments, **options)
    assert caught.value.exit_code == ENVIRONMENT
    return str(caught.value)


def left(root: Path) -> set[str]:
    """Names of the files in the store, without locks."""
    return {path.name for path in root.rglob("*") if path.is_file() and not path.name.endswith("lock")}


def checkpoint(path: Path, seed: int = 0) -> bytes:
    torch.save({"a": torch.randn(50, generator=torch.Generator().manual_seed(seed))}, path)
    return path.read_bytes()


def test_what_is_missing_is_named_with_the_command_that_gets_it(register, root):
    register(net=[WeightFile("net.pt", ("https://example.org/net.pt",), size=51_235_320)])
    message = failure(weights_file, "net")
    assert str(root) in message
    assert "net/net.pt (51.2 MB) from https://example.org/net.pt" in message
    assert "`cmmd-bench weights get net`" in message
    assert "`cmmd-bench weights get net --from DIR`" in message
    assert not root.exists()


def test_everything_missing_is_listed_at_once(register):
    register(
        one=[WeightFile("a.pt", ("https://example.org/a",)), WeightFile("b.pt", ("https://example.org/b",))],
        two=[WeightFile("c.pt", ("https://example.org/c",), about=690_000_000)],
    )
    for message in (failure(require_weights, ["one", "two"]), failure(get_weights, ["one", "two"], offline=True)):
        assert "one/a.pt (size unknown)" in message
        assert "one/b.pt (size unknown)" in message
        assert "two/c.pt (about 690 MB)" in message
        assert "`cmmd-bench weights get one two`" in message


@pytest.mark.parametrize("value", ["1", "true", "ON"])
def test_the_hubs_own_switch_means_offline_too(server, register, monkeypatch, value):
    monkeypatch.setenv("HF_HUB_OFFLINE", value)
    register(net=[WeightFile("net.pt", (server.url("/file"),))])
    assert failure(get_weights, ["net"]).startswith("offline, and these weights are not in")
    assert server.asked == []


def test_offline_is_content_with_what_is_here(server, register):
    register(net=[WeightFile("net.pt", (server.url("/file"),), sha256=SHA)])
    get_weights(["net"], **QUICK)
    assert [got.origin for got in get_weights(["net"], offline=True)] == [""]
    assert len(server.asked) == 1


def test_an_unknown_name_is_a_mistake_of_usage(register):
    register(net=[WeightFile("net.pt")])
    for call in (weights_file, weights_folder, weights_digest, lambda name: get_weights([name])):
        with pytest.raises(UserError, match="no weights named 'nett'. Did you mean 'net'") as caught:
            call("nett")
        assert caught.value.exit_code == 2


def test_a_file_is_fetched_verified_and_named(server, register, root):
    register(net=[WeightFile("net.pt", (server.url("/file"),), size=len(BODY), sha256=SHA, git_blob=BLOB)])
    seen = []
    (got,) = get_weights(["net"], report=lambda *news: seen.append(news), **QUICK)
    assert got == ("net", root / "net" / "net.pt", server.url("/file"), "SHA-256 as published")
    assert seen[-1] == ("net.pt", len(BODY), len(BODY))
    assert weights_file("net").read_bytes() == BODY
    assert weights_digest("net") == SHA
    # Published, so nothing is pinned; and nothing is left of the download.
    assert left(root) == {"net.pt", "verified.json"}


def test_a_folder_of_files_has_one_digest(server, register, root):
    server.files["/config.json"] = b'{"model_type": "clap"}'
    files = [
        WeightFile("config.json", (server.url("/config.json"),)),
        WeightFile("model.bin", (server.url("/file"),), sha256=SHA),
    ]
    register(org__net=files)
    get_weights(["org/net"], **QUICK)
    assert weights_folder("org/net") == root / "org" / "net"
    assert {"config.json", "model.bin"} <= left(root)
    config = hashlib.sha256(server.files["/config.json"]).hexdigest()
    listing = f"{config}  config.json\n{SHA}  model.bin\n"
    assert weights_digest("org/net") == hashlib.sha256(listing.encode()).hexdigest()
    with pytest.raises(UserError, match=r"are a folder \(config.json, model.bin\)"):
        weights_file("org/net")


@pytest.mark.parametrize("published", [{"sha256": SHA}, {"git_blob": BLOB}], ids=["sha256", "git-blob"])
def test_wrong_bytes_never_get_the_name(server, register, root, published):
    register(net=[WeightFile("net.pt", (server.url("/file"),), **published)])
    server.always = sends(BODY[:-1] + b"?")
    message = failure(get_weights, ["net"], **QUICK)
    assert "net: net.pt could not be had" in message
    assert f"{server.url('/file')}: what it sent is not the file it should be" in message
    assert next(iter(published.values())) in message
    assert "`cmmd-bench weights get net --from DIR`" in message
    assert left(root) == set()
    assert "net.pt (size unknown)" in failure(weights_file, "net")


def test_the_digest_that_the_server_itself_states_is_held_against_it(server, register):
    register(net=[WeightFile("net.json", (server.url("/start"),))])
    server.files["/file"] = b"[1, 2]"
    server.faults = [answers(302, Location="/file", X_Linked_Etag=f'"{"0" * 64}"')]
    assert f"the server itself states {'0' * 64}" in failure(get_weights, ["net"], **QUICK)
    right = hashlib.sha256(b"[1, 2]").hexdigest()
    server.faults = [answers(302, Location="/file", X_Linked_Etag=f'"{right}"')]
    (got,) = get_weights(["net"], **QUICK)
    assert got.proof == "SHA-256 as the server states, pinned here"


def test_mirrors_are_tried_in_turn_and_all_are_named_when_none_has_it(server, register):
    mirrors = ("/gone", "/forbidden", "/page", "/other", "/file")
    server.files |= {"/page": b"<!doctype html>", "/other": b"x" * len(BODY)}
    file = WeightFile("net.pt", tuple(map(server.url, mirrors)), size=len(BODY), sha256=SHA)
    register(net=[file])
    server.faults = [answers(404), answers(403)]
    (got,) = get_weights(["net"], **QUICK)
    assert got.origin == server.url("/file")
    assert [path for path, *_ in server.asked] == list(mirrors)

    got.path.unlink()
    del server.files["/file"]
    message = failure(get_weights, ["net"], **QUICK)
    for path, told in [
        ("/gone", "it answered 404 Not Found"),
        ("/page", f"it offers a file of 15 bytes, expected {len(BODY)}"),
        ("/other", "what it sent is not the file it should be"),
        ("/file", "it answered 404 Not Found"),
    ]:
        assert f"  {server.url(path)}: {told}" in message


def test_one_failure_does_not_keep_the_others_away(server, register):
    register(
        one=[WeightFile("a.pt", (server.url("/gone"),))],
        two=[WeightFile("b.pt", (server.url("/file"),), sha256=SHA)],
    )
    message = failure(get_weights, ["one", "two"], **QUICK)
    assert "one: a.pt could not be had" in message
    assert "two" not in message
    assert weights_file("two").read_bytes() == BODY


def test_a_download_broken_off_is_continued_by_the_next_command(server, register, root):
    file = WeightFile("net.pt", (server.url("/file"),), sha256=SHA)
    register(net=[file])
    server.faults = [breaks_off(600_000)]
    server.always = answers(503)
    assert "it answered 503 Service Unavailable (tried 2 times)" in failure(get_weights, ["net"], **QUICK)
    assert (root / "net" / "net.pt.part").stat().st_size == 600_000
    assert state(registry.entry("net"), file) == "partial"
    server.always = None
    get_weights(["net"], **QUICK)
    assert weights_file("net").read_bytes() == BODY
    assert server.asked[-1][1] == "bytes=600000-"
    assert left(root) == {"net.pt", "verified.json"}


def test_the_next_mirror_goes_on_where_the_last_stopped_when_a_digest_decides(server, register):
    register(net=[WeightFile("net.pt", (server.url("/first"), server.url("/file")), sha256=SHA)])
    server.files["/first"] = BODY
    server.faults = [breaks_off(600_000), answers(404)]
    get_weights(["net"], **QUICK)
    assert weights_file("net").read_bytes() == BODY
    assert server.asked[-1] == ("/file", "bytes=600000-", None)


def test_a_beginning_that_turns_out_wrong_is_fetched_afresh_once(server, register, root):
    register(net=[WeightFile("net.pt", (server.url("/file"),), size=len(BODY), sha256=SHA)])
    server.faults = [breaks_off(600_000)]
    server.always = answers(404)
    failure(get_weights, ["net"], **QUICK)
    part = root / "net" / "net.pt.part"
    # As a crash of the machine leaves it: the length is there, the bytes are not.
    part.write_bytes(bytes(part.stat().st_size))
    server.always = None
    get_weights(["net"], **QUICK)
    assert weights_file("net").read_bytes() == BODY
    assert [asked[1] for asked in server.asked[-2:]] == ["bytes=600000-", None]


def test_without_a_published_digest_the_first_fetch_is_pinned(server, register, root, tmp_path):
    register(net=[WeightFile("net.pt", (server.url("/net"),))])
    server.files["/net"] = checkpoint(tmp_path / "one.pt")
    (got,) = get_weights(["net"], **QUICK)
    assert got.proof == "no published digest: its SHA-256 is pinned here from now on"
    pin = json.loads((root / "pinned.json").read_text())["net/net.pt"]
    assert pin["sha256"] == hashlib.sha256(server.files["/net"]).hexdigest()
    assert pin["bytes"] == len(server.files["/net"])
    assert pin["from"] == server.url("/net")

    got.path.unlink()
    (again,) = get_weights(["net"], **QUICK)
    assert again.proof == "SHA-256 as pinned here"

    again.path.unlink()
    server.files["/net"] = checkpoint(tmp_path / "other.pt", seed=1)
    message = failure(get_weights, ["net"], **QUICK)
    assert f"expected {pin['sha256']} (pinned by an earlier fetch; if the new file is the right one, take" in message
    assert f"take net/net.pt out of {root / 'pinned.json'}" in message

    (root / "pinned.json").write_text("{}")
    get_weights(["net"], **QUICK)
    assert weights_file("net").read_bytes() == server.files["/net"]


def test_what_is_pinned_was_a_whole_file_of_its_kind(server, register, root, tmp_path):
    register(net=[WeightFile("net.pt", (server.url("/net"),))], config=[WeightFile("a.json", (server.url("/json"),))])
    server.files |= {"/net": checkpoint(tmp_path / "one.pt"), "/json": b'{"a": '}
    server.always = says_length(500)
    assert "what it sent is cut off: a zip archive without its end" in failure(get_weights, ["net"], **QUICK)
    server.always = sends(b"not found")
    assert "what it sent is no checkpoint: it begins with b'not found'" in failure(get_weights, ["net"], **QUICK)
    server.always = None
    assert "what it sent is not JSON" in failure(get_weights, ["config"], **QUICK)
    assert left(root) == set()


def test_a_file_changed_in_place_is_found_out_and_brought_anew(server, register):
    file = WeightFile("net.pt", (server.url("/file"),), sha256=SHA)
    register(net=[file])
    get_weights(["net"], **QUICK)
    path = weights_file("net")
    path.write_bytes(BODY[:-1] + b"?")
    assert state(registry.entry("net"), file) == "unchecked"
    message = failure(weights_file, "net")
    assert message.startswith(f"{path} is not the file it should be: SHA-256")
    assert f"expected {SHA}. Bring it anew with `cmmd-bench weights get net`." in message
    get_weights(["net"], **QUICK)
    assert weights_file("net").read_bytes() == BODY


def test_the_digest_is_read_once_and_again_when_the_file_was_touched(server, register, monkeypatch):
    from cmmd_bench.weights import store

    register(net=[WeightFile("net.pt", (server.url("/file"),), sha256=SHA)])
    get_weights(["net"], **QUICK)
    read = []
    monkeypatch.setattr(store, "digests", lambda path, real=store.digests: (read.append(path), real(path))[1])
    path = weights_file("net")
    assert weights_digest("net") == SHA
    assert read == []
    os.utime(path, ns=(1, 1))
    assert weights_digest("net") == SHA
    assert weights_digest("net") == SHA
    assert read == [path]


def test_a_file_put_in_place_by_hand_is_verified_before_use(register, root):
    register(net=[WeightFile("net.pt", ("https://example.org/net",), sha256=SHA)])
    (root / "net").mkdir(parents=True)
    (root / "net" / "net.pt").write_bytes(BODY)
    assert weights_digest("net") == SHA
    (root / "net" / "net.pt").write_bytes(b"something else")
    assert "is not the file it should be" in failure(weights_file, "net")


def test_a_store_that_cannot_be_written_serves(server, register, root):
    register(net=[WeightFile("net.pt", (server.url("/file"),), sha256=SHA)])
    get_weights(["net"], **QUICK)
    (root / "net" / "verified.json").unlink()
    # In the way of writing for every user, root included.
    for lock in (".verified.json.lock", ".lock"):
        (root / "net" / lock).unlink()
        (root / "net" / lock).mkdir()
    assert weights_digest("net") == SHA
    assert not (root / "net" / "verified.json").exists()
    assert [got.origin for got in get_weights(["net"], **QUICK)] == [""]


def test_files_are_taken_from_a_folder(register, tmp_path, root):
    carried = tmp_path / "carried"
    (carried / "org" / "two").mkdir(parents=True)
    (carried / "one.pt").write_bytes(BODY)
    (carried / "config.json").write_text('{"of": "another"}')
    (carried / "org" / "two" / "config.json").write_text('{"of": "two"}')
    register(
        one=[WeightFile("one.pt", ("https://example.org/one.pt",), sha256=SHA)],
        org__two=[WeightFile("config.json", ("https://example.org/config.json",))],
    )
    got = get_weights(["one", "org/two"], folder=carried, offline=True)
    assert [each.origin for each in got] == [str(carried / "one.pt"), str(carried / "org" / "two" / "config.json")]
    assert weights_file("one").read_bytes() == BODY
    assert weights_file("org/two").read_text() == '{"of": "two"}'
    assert (carried / "one.pt").read_bytes() == BODY


def test_a_folder_without_the_files_or_with_wrong_ones(register, tmp_path, root):
    carried = tmp_path / "carried"
    carried.mkdir()
    (carried / "two.pt").write_bytes(b"wrong")
    register(
        one=[WeightFile("one.pt", ("https://example.org/one.pt",), sha256=SHA)],
        two=[WeightFile("two.pt", ("https://example.org/two.pt",), size=len(BODY), sha256=SHA)],
    )
    message = failure(get_weights, ["one", "two"], folder=carried)
    assert f"one: one.pt is not in {carried} (nor in {carried / 'one'}); it is published at https" in message
    assert f"{carried / 'two.pt'} is not the file it should be: 5 bytes, expected {len(BODY)}." in message
    assert "Copy it again from https://example.org/two.pt." in message
    assert left(root) == set()


def test_a_record_that_is_no_json_is_named(server, register, root):
    register(net=[WeightFile("net.pt", (server.url("/file"),), git_blob=BLOB)])
    get_weights(["net"], **QUICK)
    (root / "pinned.json").write_text("{")
    assert f"{root / 'pinned.json'} is not JSON; restore it or remove it." in failure(weights_file, "net")


# Processes of their own: a kill and a race need them.

GET = """
import sys
from cmmd_bench.weights import registry
from cmmd_bench.weights.get import get_weights
from cmmd_bench.weights.registry import WeightFile, Weights
url, sha = sys.argv[1:]
registry.WEIGHTS = (Weights("net", (WeightFile("net.pt", (url,), sha256=sha),), "", "", ""),)
print(get_weights(["net"])[0].origin)
"""


def start(url: str) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-c", GET, url, SHA], stdout=subprocess.PIPE, text=True)


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals")
def test_a_kill_in_mid_download_loses_nothing(server, register, root):
    register(net=[WeightFile("net.pt", (server.url("/file"),), sha256=SHA)])
    server.always = slowly(50_000, 0.05)
    part = root / "net" / "net.pt.part"
    process = start(server.url("/file"))
    while not (part.is_file() and part.stat().st_size > 200_000):
        assert process.poll() is None
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    kept = part.stat().st_size
    assert 200_000 < kept < len(BODY)
    server.always = None
    get_weights(["net"], **QUICK)
    assert weights_file("net").read_bytes() == BODY
    assert [asked[1] for asked in server.asked] == [None, f"bytes={kept}-"]
    assert left(root) == {"net.pt", "verified.json"}


def test_two_processes_that_want_the_same_file_fetch_it_once(server, register):
    server.always = slowly(100_000, 0.02)
    processes = [start(server.url("/file")) for _ in range(2)]
    origins = sorted(process.communicate()[0].strip() for process in processes)
    assert [process.returncode for process in processes] == [0, 0]
    assert origins == ["", server.url("/file")]
    assert len(server.asked) == 1
    register(net=[WeightFile("net.pt", (server.url("/file"),), sha256=SHA)])
    assert weights_file("net").read_bytes() == BODY
