"""The procedural dataset `kitchen`: first-person kitchen scenes whose sounds follow from what is seen.

Everything is computed from (seed, split, index) when an item is loaded: no files, any length, size, frame rate and
sample rate. The same item at another size, frame rate or sample rate shows the same action; a longer one begins with
the shorter one's content. Labels of the events follow EPIC-Sounds (`CLASSES`).
"""

from collections.abc import Sequence
from typing import overload

import numpy as np

from cmmd_bench.datasets.kitchen.actions import CLASSES as CLASSES
from cmmd_bench.datasets.kitchen.actions import KINDS, Action, plan
from cmmd_bench.types import Clip, ClipSpec, Item, Truth

VERSION = "1"
"""Raised whenever any clip would look or sound different."""

SPLITS = ("train", "val", "test")
_SIZES = {"train": 20_000, "val": 1_000, "test": 1_000}


class Kitchen:
    """Kitchen scenes as a `Dataset`; kinds of action take turns in random order, so that they are balanced."""

    name = "kitchen"

    def __init__(self, spec: ClipSpec, *, split: str = "test", size: int | None = None, seed: int = 0) -> None:
        if split not in SPLITS:
            raise ValueError(f"split must be one of {', '.join(SPLITS)}, found {split!r}")
        if size is None:
            size = _SIZES[split]
        if size < 1:
            raise ValueError(f"size must be at least 1, found {size}")
        if seed < 0:
            raise ValueError(f"seed must be at least 0, found {seed}")
        self.spec = spec
        self.split = split
        self.size = size
        self.seed = seed

    def items(self) -> Sequence[Item]:
        """All items; each is made when it is asked for."""
        return _Items(self)

    def fingerprint(self, item: Item) -> str:
        """Identity of an item's content: version of the painter, seed, split, index and spec."""
        return f"kitchen-{VERSION}-{self.seed}-{self.split}-{self._index(item)}-{self.spec}"

    def load(self, item: Item) -> Clip:
        """Paint and play one item."""
        # Painting and playing are needed only here; listing items should not wait for their imports.
        from cmmd_bench.datasets.kitchen.scenes import film
        from cmmd_bench.datasets.kitchen.soundtrack import play
        from cmmd_bench.datasets.kitchen.stage import stage

        index = self._index(item)
        action = self._plan(index)
        video = film(stage(self._stream(index, _LOOK), action.top), action, self.spec)
        audio = play(action, self._stream(index, _SOUND), self.spec.samples, self.spec.sample_rate)
        return Clip(video=video, fps=self.spec.fps, audio=audio, sample_rate=self.spec.sample_rate)

    def item(self, index: int) -> Item:
        """The item at a position 0 <= index < size."""
        name = f"kitchen-{self.split}-{index:05d}"
        return Item(id=name, group=name, truth=Truth(events=self._plan(index).events))

    def _plan(self, index: int) -> Action:
        turn, place = divmod(index, len(KINDS))
        order = self._stream(turn, _ORDER).permutation(len(KINDS))
        return plan(KINDS[order[place]], self._stream(index, _ACTION), self.spec.seconds)

    def _stream(self, index: int, purpose: int) -> np.random.Generator:
        key = np.random.SeedSequence((self.seed, SPLITS.index(self.split), index, purpose))
        return np.random.Generator(np.random.PCG64(key))

    def _index(self, item: Item) -> int:
        head, _, digits = item.id.rpartition("-")
        if head != f"kitchen-{self.split}" or not digits.isdecimal() or int(digits) >= self.size:
            raise ValueError(
                f"item must be one of kitchen-{self.split}-00000 to {self.size - 1:05d}, found {item.id!r}"
            )
        return int(digits)


_ACTION, _LOOK, _SOUND, _ORDER = range(4)


class _Items(Sequence[Item]):
    """The items of a `Kitchen`, computed one by one."""

    def __init__(self, dataset: Kitchen) -> None:
        self._dataset = dataset

    def __len__(self) -> int:
        return self._dataset.size

    @overload
    def __getitem__(self, index: int) -> Item: ...

    @overload
    def __getitem__(self, index: slice) -> list[Item]: ...

    def __getitem__(self, index: int | slice) -> Item | list[Item]:
        if isinstance(index, slice):
            return [self._dataset.item(k) for k in range(*index.indices(len(self)))]
        position = index + len(self) if index < 0 else index
        if not 0 <= position < len(self):
            raise IndexError(f"index must be below {len(self)}, found {index}")
        return self._dataset.item(position)
