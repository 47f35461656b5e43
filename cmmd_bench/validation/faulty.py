"""Real clips with a fault: cut from a longer window, so that a shifted sound is real sound at every moment.

A faulty clip depends on its item, fault and level alone: what is random is drawn from a stream that they name.
"""

import hashlib
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil
from typing import cast

import numpy as np

from cmmd_bench.types import Clip, ClipSpec, Dataset, Item, Truth
from cmmd_bench.validation.faults import FAULTS, PictureFault, SoundFault

BY_NAME = {fault.name: fault for fault in FAULTS}


@dataclass(frozen=True, slots=True)
class Source:
    """A clip to be made: an item, the one whose sound a swap takes, and a fault (None: untouched) at a level."""

    item: Item
    other: Item
    fault: str | None = None
    level: float = 0.0

    @property
    def name(self) -> str:
        """Under which its views are found."""
        return f"{self.fault or 'untouched'}/{self.level:g}/{self.item.id}"


@dataclass(frozen=True)
class Faulty:
    """Makes clips of `spec` from those of `dataset`, which are longer by `margin` seconds at either end (`longer`)."""

    dataset: Dataset
    spec: ClipSpec
    margin: float
    _kept: dict[str, Clip] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __call__(self, source: Source) -> Clip:
        """The middle of the item's clip, with the fault."""
        whole = self._load(source.item)
        clip = self._cut(whole)
        if source.fault is None:
            return clip
        fault, level = BY_NAME[source.fault], source.level
        rng = np.random.default_rng(_seed(source))
        if fault.kind == "picture" and clip.video is not None:
            return Clip(cast(PictureFault, fault.apply)(clip.video, level, rng), clip.fps, clip.audio, clip.sample_rate)
        if fault.kind == "sound" and clip.audio is not None:
            sound = cast(SoundFault, fault.apply)(clip.audio, clip.sample_rate, level, rng)
            return Clip(clip.video, clip.fps, sound, clip.sample_rate)
        if fault.kind == "shift":
            return self._cut(whole, late=level)
        if fault.kind == "swap" and share(source.item) < level:
            other = self._cut(self._load(source.other))
            return Clip(clip.video, clip.fps, other.audio, other.sample_rate)
        return clip

    def truth(self, item: Item) -> Truth:
        """What is known of the item, in the time of the clips that are made."""
        start = float(whole_frames(self.margin, self.spec))
        end = start + self.spec.seconds
        beats, events = item.truth.beats, item.truth.events
        return Truth(
            beats=None if beats is None else tuple(t - start for t in beats if start <= t < end),
            events=None
            if events is None
            else tuple(type(e)(e.start - start, e.end - start, e.label) for e in events if start <= e.start < end),
        )

    def fingerprint(self, source: Source) -> str:
        """Identity of what is made."""
        parts = [self.dataset.fingerprint(source.item), str(self.margin)]
        if source.fault is not None:
            parts += [source.fault, BY_NAME[source.fault].version, repr(source.level)]
        if source.fault == "sound-swap":
            parts.append(self.dataset.fingerprint(source.other))
        return "\0".join(parts)

    def _load(self, item: Item) -> Clip:
        """The item's whole clip; the last two are kept, because every level of every fault asks for them again."""
        if item.id not in self._kept:
            while len(self._kept) > 1:
                del self._kept[next(iter(self._kept))]
            self._kept[item.id] = self.dataset.load(item)
        return self._kept[item.id]

    def _cut(self, whole: Clip, *, late: float = 0.0) -> Clip:
        """The middle; the sound from `late` seconds before it, so that it is heard that much later."""
        video, audio = whole.video, whole.audio
        start = whole_frames(self.margin, self.spec)
        if video is not None:
            first = round(start * self.spec.fps)
            video = video[first : first + self.spec.frames]
        if audio is not None:
            # Two rounded lengths may be a sample longer than their rounded sum.
            first = min(round((start - late) * whole.sample_rate), len(audio) - self.spec.samples)
            audio = audio[first : first + self.spec.samples]
        return Clip(video, whole.fps, audio, whole.sample_rate)


def longer(spec: ClipSpec, margin: float) -> ClipSpec:
    """The specification of the clips that `Faulty` cuts from."""
    seconds = spec.seconds + 2 * float(whole_frames(margin, spec))
    return ClipSpec(seconds, spec.fps, spec.height, spec.width, spec.sample_rate)


def whole_frames(margin: float, spec: ClipSpec) -> Fraction:
    """The margin, or the next longer one that ends with a frame: picture and sound are cut at one instant."""
    return ceil(Fraction(margin).limit_denominator(1_000_000) * spec.fps) / spec.fps


def share(item: Item) -> float:
    """A number in 0..1 that belongs to the item: those below a level are touched at that level and at all above it."""
    return int.from_bytes(hashlib.sha256(item.id.encode()).digest()[:8], "big") / 2**64


def _seed(source: Source) -> int:
    """Not of the level: a clip's fault grows in place, it does not jump about."""
    name = f"{source.fault}\0{source.item.id}"
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
