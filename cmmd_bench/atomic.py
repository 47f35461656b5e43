"""Files that are whole or absent: write under a temporary name in the same folder, sync, rename.

A reader never sees half a file, a crash leaves the old file as it was, and two writers of equal bytes may race.
"""

import json
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cmmd_bench.errors import ENVIRONMENT, UserError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary name beside `path`, moved over it when the block ends well and removed when it does not.

    Raises UserError (environment) naming the path when the folder is unwritable or the disk is full.
    """
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        # The suffix is kept because writers of media choose their container by it.
        temporary = path.with_name(f".{path.stem[:100]}-{secrets.token_hex(6)}{path.suffix}")
        # Made by hand because tempfile's are private to the user; these shall be as readable as any other file.
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        try:
            yield temporary
            _sync(temporary)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn an operating system's refusal to write `path` into a UserError that names it."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(
            f"cannot write {path}: {reason}. Free space or choose a folder you may write to; finished work is kept.",
            exit_code=ENVIRONMENT,
        ) from error


def require_writable(folder: Path) -> None:
    """Make `folder` and try to write there, before hours are spent on what shall go into it."""
    with explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content` to `path`, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def write_json(path: Path, value: Any) -> None:
    """Write JSON for people and programs: indented, keys as given, never NaN."""
    write_bytes(path, (json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode())


def write_json_lines(path: Path, values: list[dict[str, Any]]) -> None:
    """Write one JSON object a line, never NaN."""
    write_bytes(path, "".join(json_line(value) for value in values).encode())


def json_line(value: dict[str, Any]) -> str:
    """One line of JSON Lines, with its newline."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False) + "\n"


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
