"""`Kitchen`: the procedural kitchen scenes as a data set."""

from collections.abc import Sequence
from typing import overload

import numpy as np

from cmmd_bench.datasets.kitchen.actions import KINDS, Action, plan
from cmmd_bench.datasets.kitchen.scenes import film
from cmmd_bench.datasets.kitchen.soundtrack import play
from cmmd_bench.datasets.kitchen.stage import stage
from cmmd_bench.types import Clip, ClipSpec, Item, Truth

VERSION = "1"
"""Changes whenever any clip changes; part of every fingerprint."""

SPLITS = ("train", "val", "test")
_SIZES = {"train": 100_000, "val": 1_000, "test": 1_000}
_ACTION, _LOOK, _SOUND, _ORDER = range(4)


class Kitchen:
    """Kitchen scenes painted and played on demand; nothing is read from or written to disk.

    split: "train", "val" or "test"; no scene is in two of them
    size: number of clips; by default 100,000 for train and 1,000 for val and test
    seed: another seed, other scenes

    The kinds of action (`actions.KINDS`) take turns in random order, so that any run of items is balanced.
    Raises ValueError naming the argument, the rule and the value found.
    """

    name = "kitchen"

    def __init__(self, spec: ClipSpec, *, split: str = "test", size: int | None = None, seed: int = 0) -> None:
        if split not in SPLITS:
            raise ValueError(f"split must be one of {', '.join(SPLITS)}, found {split!r}")
        if size is not None and size < 1:
            raise ValueError(f"size must be at least 1, found {size}")
        if seed < 0:
            raise ValueError(f"seed must be at least 0, found {seed}")
        self.spec = spec
        self.split = split
        self.size = _SIZES[split] if size is None else size
        self.seed = seed

    def items(self) -> Sequence[Item]:
        """All items; each is made when it is asked for, without painting or playing it."""
        return _Items(self, range(self.size))

    def fingerprint(self, item: Item) -> str:
        """Renderer's version, seed, split, index and everything in the spec."""
        spec = self.spec
        form = f"{spec.seconds!r}s-{spec.fps}fps-{spec.width}x{spec.height}-{spec.sample_rate}Hz"
        return f"{self.name}/{VERSION}/{self.seed}/{self.split}/{self._index(item)}/{form}"

    def load(self, item: Item) -> Clip:
        """Paint and play one clip; the same every time."""
        index = self._index(item)
        action = self.action(index)
        video = film(stage(self._stream(index, _LOOK), action.top), action, self.spec)
        audio = play(action, self._stream(index, _SOUND), self.spec.samples, self.spec.sample_rate)
        return Clip(video=video, fps=self.spec.fps, audio=audio, sample_rate=self.spec.sample_rate)

    def action(self, index: int) -> Action:
        """What happens in the scene of an index: kind, things and instants."""
        turn, place = divmod(index, len(KINDS))
        order = self._stream(turn, _ORDER).permutation(len(KINDS))
        return plan(KINDS[order[place]], self._stream(index, _ACTION), self.spec.seconds)

    def _stream(self, index: int, purpose: int) -> np.random.Generator:
        key = np.random.SeedSequence((self.seed, SPLITS.index(self.split), index, purpose))
        return np.random.Generator(np.random.PCG64(key))

    def _index(self, item: Item) -> int:
        head, _, digits = item.id.rpartition("-")
        if head != f"{self.name}-{self.split}" or not digits.isdecimal():
            raise ValueError(f"item must come from {self.name}'s {self.split} split, found {item.id!r}")
        return int(digits)


class _Items(Sequence[Item]):
    """Items made on access: events follow from the plan of the scene, so nothing is painted or kept."""

    def __init__(self, dataset: Kitchen, indices: range) -> None:
        self._dataset, self._indices = dataset, indices

    def __len__(self) -> int:
        return len(self._indices)

    @overload
    def __getitem__(self, place: int) -> Item: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Item]: ...
    def __getitem__(self, place: int | slice) -> Item | Sequence[Item]:
        if isinstance(place, slice):
            return _Items(self._dataset, self._indices[place])
        dataset, index = self._dataset, self._indices[place]
        return Item(
            id=f"{dataset.name}-{dataset.split}-{index:05d}",
            group=f"{dataset.name}-{dataset.seed}-{dataset.split}-{index}",
            truth=Truth(events=dataset.action(index).events),
        )
