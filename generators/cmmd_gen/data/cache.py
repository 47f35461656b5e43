"""Training clips as arrays on disk: decoded, resized and encoded once, then read at random by every step.

<folder>/cache.json     what the arrays were made from; another content is refused
<folder>/items.jsonl    one line per clip: id, group, and why it was left out, if so; append-only
<folder>/DIGEST.safetensors  the arrays of one clip, named by a digest of its fingerprint: a clip that was renamed is
                             found again, one whose file was replaced is made anew

Filling it again goes on where it stopped. Folders of earlier versions name arrays by the clip's id; these are read.
"""

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save

from cmmd_bench.atomic import write_bytes
from cmmd_bench.claims import claim
from cmmd_bench.errors import UserError
from cmmd_bench.ledger import JsonLines, read_lines
from cmmd_bench.levels import findings, levels
from cmmd_bench.parallel import in_order, workers_for
from cmmd_bench.progress import Progress, silent
from cmmd_bench.types import Clip, Dataset, Item

Arrays = dict[str, NDArray[Any]]
Encode = Callable[[Clip], Arrays]
"""From a clip to what a training reads of it. Picklable, so that worker processes can do it."""

UNUSABLE = ("silent", "black", "frozen")
"""What a model would learn nothing from, or the wrong thing."""

Side = Literal["frames", "audio"]
_MISSING: Mapping[Side, str] = {"frames": "no picture", "audio": "no sound"}

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Cache:
    """Clips ready for training. items and paths correspond; left_out: reason -> ids of the clips that are missing."""

    items: tuple[Item, ...]
    paths: tuple[Path, ...]
    left_out: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Arrays:
        """The arrays of one clip."""
        return load_file(self.paths[index])

    def __add__(self, other: "Cache") -> "Cache":
        """The clips of both."""
        reasons = [*self.left_out, *(reason for reason in other.left_out if reason not in self.left_out)]
        left_out = {reason: [*self.left_out.get(reason, ()), *other.left_out.get(reason, ())] for reason in reasons}
        return Cache(self.items + other.items, self.paths + other.paths, left_out)


def prepare(
    dataset: Dataset,
    items: Sequence[Item],
    encode: Encode,
    folder: Path,
    *,
    describes: Mapping[str, Any],
    needs: Sequence[Side] = (),
    workers: int = 1,
    progress: Progress = silent,
) -> Cache:
    """Encode `items` of `dataset` into `folder`, those that are not there yet.

    describes: what decides the arrays besides the dataset's clips, such as the digest of an autoencoder; JSON.
    needs: arrays that this training reads; clips stored without them stay there for trainings that do not
    Clips that cannot be read or lack a side, and silent, black and frozen ones, are left out and named. Raises
    UserError if none is left, or if the folder holds arrays of other content.
    """
    content = {**describes, "dataset": dataset.name, "spec": str(dataset.spec)}
    claim(folder / "cache.json", content, instead="choose another --cache")
    path = folder / "items.jsonl"
    fingerprints = [dataset.fingerprint(item) for item in items]
    known = _known(path)
    if not known.keys() >= set(fingerprints):
        # Only who adds clips holds the file: trainings that find all of theirs start side by side.
        with JsonLines(path) as index, progress(f"cache {dataset.name}", len(items)) as advance:
            known = _known(path)
            # Files of equal content are one clip to the cache, and several to the training.
            todo = {fp: item for fp, item in zip(fingerprints, items, strict=True) if fp not in known}
            for _ in range(len(items) - len(todo)):
                advance()
            store = partial(_store, dataset, encode, folder)
            stored = in_order(store, list(todo.values()), workers_for(len(todo), workers))
            for (fp, item), (arrays, fault) in zip(todo.items(), stored, strict=True):
                line = {"id": item.id, "group": item.group, "fingerprint": fp, "left_out": fault}
                known[fp] = {**line, "file": _name(fp), "arrays": arrays}
                index.append(known[fp])
                advance()
    cache = _cache(folder, items, [known[fp] for fp in fingerprints], needs)
    for reason, ids in cache.left_out.items():
        _log.warning("%d clips of %s are left out (%s), such as %s", len(ids), dataset.name, reason, ids[0])
    if not cache.items:
        raise UserError(f"no clip of {dataset.name} can be trained on: {dict(cache.left_out)}. Choose other data.")
    return cache


def _known(path: Path) -> dict[str, dict[str, Any]]:
    return {line["fingerprint"]: line for line in read_lines(path)}


def _name(fingerprint: str) -> str:
    return f"{hashlib.sha256(fingerprint.encode()).hexdigest()[:32]}.safetensors"


def _cache(folder: Path, items: Sequence[Item], lines: Sequence[Mapping[str, Any]], needs: Sequence[Side]) -> Cache:
    left_out: dict[str, list[str]] = {}
    kept, paths = [], []
    for item, line in zip(items, lines, strict=True):
        missing = (_MISSING[side] for side in needs if side not in line.get("arrays", needs))
        fault = line["left_out"] or next(missing, None)
        if fault is None:
            kept.append(item)
            # By the line, not by the item's id: the source may have another name by now.
            paths.append(folder / line.get("file", f"{line['id']}.safetensors"))
        else:
            left_out.setdefault(fault, []).append(item.id)
    return Cache(tuple(kept), tuple(paths), left_out)


def _store(dataset: Dataset, encode: Encode, folder: Path, item: Item) -> tuple[list[str], str | None]:
    """Names of the arrays that were stored, and why none were."""
    try:
        clip = dataset.load(item)
    except (UserError, ValueError) as error:
        return [], str(error)
    fault = next((finding for finding in findings(levels(clip)) if finding in UNUSABLE), None)
    if fault is not None:
        return [], fault
    arrays = {name: np.ascontiguousarray(array) for name, array in encode(clip).items()}
    write_bytes(folder / _name(dataset.fingerprint(item)), save(arrays))
    return sorted(arrays), None
