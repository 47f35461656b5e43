"""Append-only JSON Lines that survive a kill: a line counts when its newline is on disk.

A process killed while writing leaves at most one torn line, the last; it is cut off before anything is appended. Each
line is synced before `append` returns, so what was acknowledged is there after a power cut.
"""

import json
import os
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from filelock import FileLock, Timeout

from cmmd_bench.atomic import explained, json_line
from cmmd_bench.errors import UserError


class JsonLines:
    """One append-only file with one writer at a time, held by a lock beside it; readers may come at any time."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> Self:
        with explained(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(f"{self.path}.lock", timeout=0)
            try:
                self._lock.acquire()
            except Timeout:
                raise UserError(
                    f"another process is writing {self.path}. Wait for it, or give each process its own --shard i/n."
                ) from None
            self._stream = self.path.open("ab")
            self._cut_torn_line()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stream.close()
        self._lock.release()

    def append(self, value: dict[str, Any]) -> None:
        """Write one line and wait until it is on disk."""
        with explained(self.path):
            self._stream.write(json_line(value).encode())
            self._stream.flush()
            os.fsync(self._stream.fileno())

    def read(self) -> list[dict[str, Any]]:
        """All whole lines so far."""
        return read_lines(self.path)

    def _cut_torn_line(self) -> None:
        content = self.path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            self._stream.truncate(whole)


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The whole lines of a JSON Lines file, without a torn last one; empty if there is no file."""
    if not path.is_file():
        return []
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    lines = []
    for number, line in enumerate(whole.splitlines(), start=1):
        try:
            lines.append(json.loads(line))
        except json.JSONDecodeError as error:
            raise UserError(
                f"{path}, line {number} is not JSON ({error.msg}). Only the last line may be torn; restore the file."
            ) from None
    return lines
