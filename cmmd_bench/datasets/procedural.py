"""Datasets without files: what `beatdance` and `kitchen` have in common as datasets.

A clip is decided by (seed, split, index). Listing renders nothing: items are made when they are asked for, so a set of
a hundred thousand costs nothing until it is used.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Literal, get_args, overload

from cmmd_bench.types import Clip, ClipSpec, Item, Truth

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)

_SIZES: dict[Split, int] = {"train": 100_000, "val": 1_000, "test": 1_000}


class Procedural(ABC):
    """Clips rendered on demand; nothing is read from or written to disk.

    split: "train", "val" or "test"; no clip is in two of them
    size: number of clips; by default 100,000 for train and 1,000 for val and test
    seed: another seed, other clips

    Raises ValueError naming the argument, the rule and the value found.
    """

    name: ClassVar[str]
    version: ClassVar[str]
    """Changes whenever any clip changes; part of every fingerprint."""

    def __init__(self, spec: ClipSpec, *, split: str = "test", size: int | None = None, seed: int = 0) -> None:
        if split not in SPLITS:
            raise ValueError(f"split must be one of {', '.join(SPLITS)}, found {split!r}")
        if size is not None and size < 1:
            raise ValueError(f"size must be at least 1, found {size}")
        if seed < 0:
            raise ValueError(f"seed must be at least 0, found {seed}")
        self.spec = spec
        self.split: Split = split
        self.size = _SIZES[self.split] if size is None else size
        self.seed = seed

    @abstractmethod
    def truth(self, index: int) -> Truth:
        """What happens in a clip within [0, spec.seconds), known without rendering it."""

    @abstractmethod
    def render(self, index: int) -> Clip:
        """One clip; the same bytes every time."""

    def items(self) -> Sequence[Item]:
        """All items; each is made when it is asked for."""
        return _Items(self, range(self.size))

    def fingerprint(self, item: Item) -> str:
        """Renderer's version, seed, split, index and everything in the spec."""
        spec = self.spec
        form = f"{spec.seconds!r}s-{spec.fps}fps-{spec.width}x{spec.height}-{spec.sample_rate}Hz"
        return f"{self.name}/{self.version}/{self.seed}/{self.split}/{self._index(item)}/{form}"

    def load(self, item: Item) -> Clip:
        """Render an item of this dataset."""
        return self.render(self._index(item))

    def _index(self, item: Item) -> int:
        prefix, _, digits = item.id.rpartition("-")
        if prefix != f"{self.name}-{self.split}" or not digits.isdecimal():
            raise ValueError(f"item must come from {self.name}'s {self.split} split, found {item.id!r}")
        return int(digits)


class _Items(Sequence[Item]):
    """Items made on access."""

    def __init__(self, dataset: Procedural, indices: range) -> None:
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
            truth=dataset.truth(index),
        )
