"""What a file is, regardless of its name: SHA-256 of its bytes."""

import hashlib
from functools import lru_cache
from pathlib import Path

WHOLE = 256 * 2**20
"""Files up to this many bytes are hashed whole."""
_SPOTS = 64
_SPOT = 2**20


def content_digest(path: Path) -> str:
    """SHA-256 over a file's bytes, or over the contents and names of a folder's files.

    Past 256 MiB the digest covers size and 64 blocks of 1 MiB spread evenly, ends included: reading a hundred gigabytes
    of source video to cut fifty short clips from it would take longer than the cuts.
    """
    if path.is_dir():
        total = hashlib.sha256()
        for part in sorted(entry for entry in path.rglob("*") if entry.is_file()):
            total.update(f"{part.relative_to(path).as_posix()}\0{content_digest(part)}\0".encode())
        return total.hexdigest()
    status = path.stat()
    return _digest(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=100_000)
def _digest(path: Path, size: int, modified: int) -> str:  # noqa: ARG001  (a changed file misses this cache)
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        if size <= WHOLE:
            while block := stream.read(_SPOT):
                digest.update(block)
            return digest.hexdigest()
        digest.update(str(size).encode())
        for spot in range(_SPOTS):
            stream.seek(spot * (size - _SPOT) // (_SPOTS - 1))
            digest.update(stream.read(_SPOT))
    return "spots-" + digest.hexdigest()
