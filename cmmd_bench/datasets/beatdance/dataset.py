"""`BeatDance`: the procedural dance clips as a data set."""

from collections.abc import Sequence
from typing import overload

import numpy as np

from cmmd_bench.datasets.beatdance.film import render_film
from cmmd_bench.datasets.beatdance.music import render_music
from cmmd_bench.datasets.beatdance.score import beat_times, compose, draw_song
from cmmd_bench.datasets.beatdance.streams import SPLITS, Key, Split
from cmmd_bench.types import Clip, ClipSpec, Item, Truth

VERSION = "1"
"""Changes whenever any clip changes; part of every fingerprint."""

_SIZES: dict[Split, int] = {"train": 100_000, "val": 1_000, "test": 1_000}


class BeatDance:
    """Dance clips rendered on demand; nothing is read from or written to disk.

    split: "train", "val" or "test"; no performance is in two of them
    size: number of clips; by default 100,000 for train and 1,000 for val and test
    seed: another seed, other performances

    Raises ValueError naming the argument, the rule and the value found.
    """

    name = "beatdance"

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

    def items(self) -> Sequence[Item]:
        """All items; each is made when it is asked for."""
        return _Items(self.spec, self.seed, self.split, range(self.size))

    def fingerprint(self, item: Item) -> str:
        """Renderer's version, seed, split, index and everything in the spec."""
        spec = self.spec
        form = f"{spec.seconds!r}s-{spec.fps}fps-{spec.width}x{spec.height}-{spec.sample_rate}Hz"
        return f"{self.name}/{VERSION}/{self.seed}/{self.split}/{self._index(item)}/{form}"

    def load(self, item: Item) -> Clip:
        """Render one clip; the same bytes every time."""
        key = Key(self.seed, self.split, self._index(item))
        spec = self.spec
        song = draw_song(key)
        times = np.arange(spec.frames) / float(spec.fps)
        video = render_film(song, key, times, spec.height, spec.width)
        audio = render_music(song, compose(song, key), key, spec.samples, spec.sample_rate)
        return Clip(video=video, fps=spec.fps, audio=audio, sample_rate=spec.sample_rate)

    def _index(self, item: Item) -> int:
        prefix, _, digits = item.id.rpartition("-")
        if prefix != f"{self.name}-{self.split}" or not digits.isdecimal():
            raise ValueError(f"item must come from {self.name}'s {self.split} split, found {item.id!r}")
        return int(digits)


class _Items(Sequence[Item]):
    """Items made on access: beat times follow from the score, so nothing is rendered or kept."""

    def __init__(self, spec: ClipSpec, seed: int, split: Split, indices: range) -> None:
        self._spec, self._seed, self._split, self._indices = spec, seed, split, indices

    def __len__(self) -> int:
        return len(self._indices)

    @overload
    def __getitem__(self, place: int) -> Item: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Item]: ...
    def __getitem__(self, place: int | slice) -> Item | Sequence[Item]:
        if isinstance(place, slice):
            return _Items(self._spec, self._seed, self._split, self._indices[place])
        index = self._indices[place]
        song = draw_song(Key(self._seed, self._split, index))
        return Item(
            id=f"beatdance-{self._split}-{index:05d}",
            group=f"beatdance-{self._seed}-{self._split}-{index}",
            truth=Truth(beats=beat_times(song, self._spec.seconds)),
        )
