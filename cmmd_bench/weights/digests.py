"""Digests of files: SHA-256, and the name Git gives to content (SHA-1 of b"blob <size>\\0" + bytes)."""

import hashlib
from pathlib import Path
from typing import NamedTuple

BLOCK = 1 << 20


class Digests(NamedTuple):
    """What proves a file: lower-case hex."""

    sha256: str
    git_blob: str


def digests(path: Path) -> Digests:
    """Both digests of the file in one pass, in memory of one block."""
    sha256 = hashlib.sha256()
    # Git's choice, not ours: here it names content that was published under that name.
    blob = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as stream:
        while block := stream.read(BLOCK):
            sha256.update(block)
            blob.update(block)
    return Digests(sha256.hexdigest(), blob.hexdigest())
