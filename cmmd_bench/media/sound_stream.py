"""The sound of a container, every sample where its timestamp puts it.

A stream counts as continuous as long as the timestamps of its packets stay within 10 ms of the count of its samples:
wider than the rounding of any container (1 ms) and the jitter of recorders that stamp by the clock, narrower than a
packet that is lost (20 ms and more) and than any shift that shows against a picture. What follows a larger jump is
placed anew by its timestamp; what is left open between is silence. A continuous stretch begins at the middle of what
its timestamps say, so that their rounding averages out instead of moving the sound.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, floor, inf
from pathlib import Path
from typing import Any

import numpy as np
from av.audio.frame import AudioFrame
from numpy.typing import NDArray

from cmmd_bench.errors import UserError
from cmmd_bench.media.decoding import audio_frames
from cmmd_bench.media.header import Header
from cmmd_bench.media.opening import damaged
from cmmd_bench.media.sound import Sound, mono
from cmmd_bench.types import Audio

_JUMP = 0.010
_FULL_SCALE = {"s16": 2.0**15, "s32": 2.0**31, "s64": 2.0**63}


def stream_sound(path: Path, header: Header, *, since: Fraction, until: Fraction | None) -> Sound:
    """At least the samples from `since` to `until` seconds, at the stream's own rate; None means up to its end.

    Never holds much more than these. Raises UserError for damage within them and for a sample rate that changes.
    """
    runs: list[_Run] = []
    rate, length, end, goes_on = 0, 0, 0, False
    for time, frame in audio_frames(path, header, wanted=since):
        rate = rate or frame.sample_rate
        if frame.sample_rate != rate:
            raise UserError(
                f"{path}: the sample rate changes from {rate} to {frame.sample_rate} Hz at {float(time):.2f} s. "
                "Convert it to one rate."
            )
        at, length = float(time * rate), frame.samples
        if until is not None and at > (until + _JUMP) * rate:
            goes_on = True
            break
        end = max(end, round(at) + length)
        if at + length < (since - _JUMP) * rate:
            continue
        if not runs or abs(at - runs[-1].next) > _JUMP * rate:
            runs.append(_Run())
        runs[-1].add(at, mono(_channels(frame)))
    if not rate:
        raise damaged(path, "declares a sound but holds no sample")
    if runs:
        end = max(run.first + run.length for run in runs)
    if not goes_on:
        end = _trimmed(end, header, rate, last=length)
    first = max(0, floor(since * rate))
    stop = end if until is None else min(end, ceil(until * rate))
    samples = np.zeros(max(0, stop - first), np.float32)
    for run in runs:
        run.copy_into(samples, first)
    return Sound(samples, first, rate, end=None if goes_on else Fraction(end, rate))


@dataclass(slots=True)
class _Run:
    """A continuous stretch; `low` and `high` bound where its packets say that it begins, in samples from time 0."""

    chunks: list[Audio] = field(default_factory=list)
    length: int = 0
    low: float = inf
    high: float = -inf

    @property
    def first(self) -> int:
        return round((self.low + self.high) / 2)

    @property
    def next(self) -> int:
        return self.first + self.length

    def add(self, at: float, samples: Audio) -> None:
        self.low, self.high = min(self.low, at - self.length), max(self.high, at - self.length)
        self.length += len(samples)
        self.chunks.append(samples)

    def copy_into(self, samples: Audio, first: int) -> None:
        at = self.first - first
        for chunk in self.chunks:
            begin, end = max(0, at), min(len(samples), at + len(chunk))
            if begin < end:
                samples[begin:end] = chunk[begin - at : end - at]
            at += len(chunk)


def _channels(frame: AudioFrame) -> NDArray[np.number[Any]]:
    """(T, channels), full scale 1.0."""
    stored = frame.to_ndarray()
    channels = stored.T if frame.format.is_planar else stored.reshape(-1, frame.layout.nb_channels)
    kind = frame.format.name.removesuffix("p")
    if kind == "u8":
        return (channels - 128.0) / 128.0
    return channels / _FULL_SCALE[kind] if kind in _FULL_SCALE else channels


def _trimmed(end: int, header: Header, rate: int, *, last: int) -> int:
    """The end without what pads the last packet of an MP4, which no player presents."""
    audio = header.audio
    if audio is None or not audio.trims or audio.end is None:
        return end
    declared = round(audio.end * rate)
    return declared if 0 < end - declared <= last else end
