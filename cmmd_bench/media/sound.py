"""Sound at the rate of its source, and the cut of a window out of it at any rate.

Samples are float32, one channel, nominally in [-1, 1]. Positions are whole samples from time 0 of the clip.

Channels are averaged with equal weights, whatever the layout: the convention of the tools whose scores are compared
(librosa, fadtk), and unlike a cinema downmix it needs no scaling against overload.
"""

from dataclasses import dataclass
from fractions import Fraction
from math import gcd
from pathlib import Path
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray

from cmmd_bench.errors import UserError
from cmmd_bench.types import Audio

_FILTER_REACH = 256
_OVERSHOOT = 4.0


@dataclass(frozen=True, slots=True, eq=False)
class Sound:
    """A stretch of a source. Silence lies outside of it.

    samples: the first is at position `first`
    end: where the source ends, seconds; None if it goes on beyond the stretch
    """

    samples: Audio
    first: int
    rate: int
    end: Fraction | None


def margin(source_rate: int, target_rate: int) -> Fraction:
    """How much of the source a cut needs on either side of its window, seconds."""
    # soxr's VHQ filter reaches less than 128 samples of the lower rate to each side; beyond 256 nothing changes a bit.
    return Fraction(_FILTER_REACH, min(source_rate, target_rate))


def mono(channels: NDArray[np.number[Any]]) -> Audio:
    """The mean of (T, channels)."""
    # What is no number is found later, together with its place.
    with np.errstate(invalid="ignore", over="ignore"):
        # A mean of one would turn -0.0 into 0.0, and stored clips come back bit for bit.
        mean = channels[:, 0] if channels.shape[1] == 1 else channels.mean(axis=1, dtype=np.float64)
        return np.asarray(mean, np.float32)


def cut(sound: Sound, *, first: int, count: int, rate: int) -> Audio:
    """`count` samples at `rate`, from position `first` at that rate: what resampling all and cutting then would give.

    Values are limited to [-1, 1], as any converter does; lossy decoders and resampling overshoot a little.
    """
    step = gcd(sound.rate, rate)
    source_step, target_step = sound.rate // step, rate // step
    # Source and target samples coincide every `step`-th of a second; starting there, no position is ever rounded.
    blocks = sound.first // source_step
    samples, offset = sound.samples, first - blocks * target_step
    if sound.rate != rate:
        lead = sound.first - blocks * source_step
        samples = soxr.resample(np.pad(samples, (lead, 0)), sound.rate, rate, quality="VHQ")
    out = np.zeros(count, np.float32)
    begin, end = max(0, offset), min(len(samples), offset + count)
    if begin < end:
        np.clip(samples[begin:end], -1, 1, out=out[begin - offset : end - offset])
    return out


def require_sane(path: Path, sound: Sound) -> None:
    """Refuse samples that are not numbers, or that cannot be meant as a part of full scale."""
    bad = np.flatnonzero(~np.isfinite(sound.samples))
    if len(bad):
        where = (sound.first + int(bad[0])) / sound.rate
        raise UserError(
            f"{path}: {len(bad)} samples are NaN or infinite, the first at {where:.3f} s. Render or decode it again."
        )
    peak = float(np.max(np.abs(sound.samples), initial=0.0))
    if peak > _OVERSHOOT:
        raise UserError(
            f"{path}: the sound peaks at {peak:.6g}, expected [-1, 1]. It looks like whole numbers stored as floats; "
            "divide 16-bit values by 32768 before writing them."
        )
