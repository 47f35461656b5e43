"""Clips of training sets: which sets, and their frames and sound kept on disk.

Arrays of a clip: frames (n, H, W, 3) uint8, audio (T,) int16, as they come out of the data set. Rendering or decoding a
clip takes longer than a step may, so this is done once for all models that look at the same size.
"""

import hashlib
import json
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cmmd_bench.datasets import KINDS, open_dataset
from cmmd_bench.errors import UserError, unknown_name
from cmmd_bench.progress import Progress, silent
from cmmd_bench.types import Audio, Clip, ClipSpec, Dataset, Item, Video
from cmmd_gen.data.cache import Arrays, Cache, Side, prepare

FULL_SCALE = 32767
PROCEDURAL_COUNT = 4000

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """A data set by name, how many of its clips, and where its files are."""

    name: str
    count: int | None = None
    root: Path | None = None
    split: str = "train"
    seed: int = 0

    def open(self, spec: ClipSpec) -> Dataset:
        """The data set with clips of `spec`; a procedural one has `count` clips."""
        size = self.count or PROCEDURAL_COUNT if KINDS[self.name].procedural else None
        return open_dataset(self.name, spec, split=self.split, root=self.root, size=size, seed=self.seed)

    def __str__(self) -> str:
        # Without the folder: where files lie on one machine is nobody's business.
        return self.name + (f":{self.count}" if self.count else "")


def parse_set(text: str, *, split: str = "train", seed: int = 0) -> TrainingSet:
    """`beatdance`, `kitchen:2000` (so many clips), `aist=FOLDER` or `folder:500=FOLDER`."""
    match = re.fullmatch(r"([\w-]+)(?::(\d+))?(?:=(.+))?", text)
    if match is None or match[2] == "0":
        raise UserError(
            f"--data {text!r} is not NAME, NAME:COUNT, NAME=FOLDER or NAME:COUNT=FOLDER, such as kitchen:2000."
        )
    name, count, root = match.groups()
    if name not in KINDS:
        raise unknown_name("dataset", name, KINDS)
    return TrainingSet(name, int(count) if count else None, Path(root) if root else None, split, seed)


def keep(clip: Clip) -> Arrays:
    """What is stored of a clip; a missing side is left out."""
    arrays: Arrays = {}
    if clip.video is not None:
        arrays["frames"] = clip.video
    if clip.audio is not None:
        arrays["audio"] = np.round(clip.audio * FULL_SCALE).astype(np.int16)
    return arrays


def sound(stored: np.ndarray) -> Audio:
    """Stored sound as float32 in [-1, 1]."""
    return np.asarray(stored, np.float32) / np.float32(FULL_SCALE)


def open_clips(
    sets: Sequence[TrainingSet],
    spec: ClipSpec,
    root: Path,
    *,
    needs: Sequence[Side] = (),
    workers: int = 1,
    progress: Progress = silent,
) -> Cache:
    """The clips of all `sets` that have what the training `needs`, stored below `root` on first use.

    Those that a data set itself leaves out, such as files that are too short, are told to the log.
    """
    caches = []
    for each in sets:
        dataset = each.open(spec)
        for reason, names in getattr(dataset, "left_out", {}).items():
            if names:
                _log.warning("%d files of %s are left out (%s), such as %s", len(names), each, reason, names[0])
        describes = {"arrays": "clips 1", "split": each.split, "seed": each.seed, "root": str(each.root or "")}
        folder = root / f"{each.name}-{_digest(describes, spec)}"
        items = dataset.items()[: each.count]
        how = {"describes": describes, "needs": needs, "workers": workers, "progress": progress}
        caches.append(prepare(dataset, items, keep, folder, **how))  # type: ignore[arg-type]  # of several types
    whole = caches[0]
    for cache in caches[1:]:
        whole += cache
    return whole


class Kept:
    """Stored clips as a data set, for what is made of them in turn."""

    def __init__(self, name: str, cache: Cache, spec: ClipSpec) -> None:
        self.name, self.spec = name, spec
        self._cache = cache
        # Two folders may hold files of one name.
        self._items = tuple(
            replace(item, id=f"{path.parent.name}/{item.id}")
            for item, path in zip(cache.items, cache.paths, strict=True)
        )
        self._index = {item.id: index for index, item in enumerate(self._items)}

    @property
    def digest(self) -> str:
        """Identity of the whole: which clips, in which folders' content."""
        names = "\n".join(f"{path.parent.name}/{path.name}" for path in self._cache.paths)
        return hashlib.sha256(names.encode()).hexdigest()

    def items(self) -> Sequence[Item]:
        """All of them, each named with the folder that holds its arrays."""
        return self._items

    def fingerprint(self, item: Item) -> str:
        """The name of its arrays: it changes where the clip's source was replaced."""
        return self._cache.paths[self._index[item.id]].stem

    def load(self, item: Item) -> Clip:
        """One clip, read back."""
        arrays = self._cache[self._index[item.id]]
        frames: Video | None = arrays.get("frames")
        audio = sound(arrays["audio"]) if "audio" in arrays else None
        return Clip(frames, self.spec.fps, audio, self.spec.sample_rate)


def _digest(describes: dict[str, object], spec: ClipSpec) -> str:
    text = json.dumps([describes, str(spec)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]
