"""Files are whole or absent, and refusals of the operating system are sentences."""

import json
import os
import subprocess
import sys

import pytest

from cmmd_bench.atomic import replacing, write_bytes, write_json
from cmmd_bench.errors import ENVIRONMENT, UserError
from cmmd_bench.ledger import JsonLines, read_lines


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "value.json"
    write_json(path, {"a": 1})
    with pytest.raises(RuntimeError), replacing(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert json.loads(path.read_text()) == {"a": 1}
    assert [entry.name for entry in tmp_path.iterdir()] == ["value.json"]


def test_files_are_as_readable_as_others(tmp_path):
    plain = tmp_path / "plain"
    plain.write_text("")
    write_bytes(tmp_path / "atomic", b"")
    assert (tmp_path / "atomic").stat().st_mode == plain.stat().st_mode


def test_nan_is_never_written(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "x.json", {"value": float("nan")})
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot write .*file.*x\.json") as caught:
        write_json(tmp_path / "file" / "x.json", {})
    assert caught.value.exit_code == ENVIRONMENT


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
from cmmd_bench.errors import UserError
from cmmd_bench.atomic import write_bytes
target = Path(sys.argv[1])
write_bytes(target, b"old")
try:
    write_bytes(target, b"x" * 100_000)
except UserError as error:
    print(error)
print(target.read_bytes(), sorted(p.name for p in target.parent.iterdir()))
"""


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX file size limits")
def test_a_disk_that_is_full_keeps_the_old_file(tmp_path):
    """A file size limit makes the kernel refuse the write as a full disk does."""
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path / "value")], capture_output=True, text=True, check=True
    )
    assert "cannot write" in done.stdout
    assert "File too large" in done.stdout
    assert "b'old' ['value']" in done.stdout


def test_ledger_survives_a_torn_line(tmp_path):
    path = tmp_path / "ledger.jsonl"
    with JsonLines(path) as ledger:
        ledger.append({"id": 1})
    path.write_bytes(path.read_bytes() + b'{"id": 2, "na')
    assert read_lines(path) == [{"id": 1}]
    with JsonLines(path) as ledger:
        ledger.append({"id": 3})
    assert read_lines(path) == [{"id": 1}, {"id": 3}]


def test_a_ledger_that_was_edited_is_refused(tmp_path):
    path = tmp_path / "ledger.jsonl"
    path.write_text('{"id": 1}\nnonsense\n{"id": 2}\n')
    with pytest.raises(UserError, match="line 2 is not JSON"):
        read_lines(path)
    assert read_lines(tmp_path / "absent.jsonl") == []
