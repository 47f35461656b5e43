"""A content-addressed cache of features: what a clip is and who looked at it decide the name of the file.

key = SHA-256 of (content fingerprint, extractor identity, clip specification). File names and times play no part, so
an entry cannot be stale; equal clips share an entry across runs. Values are .npy files, whole or absent, never pickles.
"""

import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cmmd_bench.atomic import explained, replacing


def default_root() -> Path:
    """`CMMD_BENCH_CACHE`, else the user's cache folder of this platform."""
    import platformdirs

    chosen = os.environ.get("CMMD_BENCH_CACHE")
    return Path(chosen) if chosen else Path(platformdirs.user_cache_dir("cmmd-bench"))


class FeatureCache:
    """Arrays under `root`/features/ab/abcdef....npy."""

    def __init__(self, root: Path | None = None) -> None:
        self.folder = (root or default_root()) / "features"

    def key(self, fingerprint: str, extractor: str, spec: str) -> str:
        """The name under which `extractor`'s view of this content is kept."""
        # Length prefixes keep ("ab", "c") and ("a", "bc") apart.
        parts = "".join(f"{len(part)}:{part}" for part in (fingerprint, extractor, spec))
        return hashlib.sha256(parts.encode()).hexdigest()

    def path(self, key: str) -> Path:
        """Where the entry lies or will lie."""
        return self.folder / key[:2] / f"{key}.npy"

    def get(self, key: str) -> NDArray[np.generic] | None:
        """The stored array, or None; an entry that cannot be read is removed and counts as absent."""
        path = self.path(key)
        try:
            array: NDArray[np.generic] = np.load(path, allow_pickle=False)
        except FileNotFoundError:
            return None
        except (ValueError, EOFError, OSError):
            path.unlink(missing_ok=True)
            return None
        return array

    def put(self, key: str, array: NDArray[np.generic]) -> None:
        """Store `array`; a full disk is a UserError."""
        with replacing(self.path(key)) as temporary, temporary.open("wb") as stream:
            np.save(stream, array, allow_pickle=False)

    def entries(self) -> Iterator[Path]:
        """Every stored file."""
        return self.folder.glob("??/*.npy")

    def clear(self) -> None:
        """Remove all entries."""
        with explained(self.folder):
            if self.folder.exists():
                shutil.rmtree(self.folder)
