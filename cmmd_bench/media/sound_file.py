"""The sound of a sound file, sample by sample, through libsndfile. Time 0 is its first sample.

libsndfile passes over damage within an MP3 or Ogg; it shows as missing length, and only to a read that reaches the end.
"""

from fractions import Fraction
from math import ceil, floor
from pathlib import Path

import numpy as np
import soundfile

from cmmd_bench.media.opening import damaged, open_sound_file
from cmmd_bench.media.sound import Sound, mono
from cmmd_bench.types import Audio

_BLOCK = 1 << 20


def file_sound(path: Path, *, since: Fraction, until: Fraction | None) -> Sound:
    """The samples from `since` to `until` seconds, at the file's own rate; None means up to its end.

    Raises UserError if the file ends before the end that it declares.
    """
    file = open_sound_file(path)
    if file is None:
        raise ValueError(f"path must be a sound file, found {path}")
    with file:
        rate, frames = file.samplerate, file.frames
        first = min(frames, max(0, floor(since * rate)))
        stop = frames if until is None else max(first, min(frames, ceil(until * rate)))
        try:
            file.seek(first)
            samples = _read(file, stop - first)
        except soundfile.LibsndfileError:
            raise damaged(path, f"cannot be decoded from {first / rate:.2f} s on") from None
    if len(samples) < stop - first:
        end = (first + len(samples)) / rate
        raise damaged(path, f"breaks off at {end:.2f} s, its header promises {frames / rate:.2f} s")
    return Sound(samples, first, rate, end=Fraction(frames, rate))


def _read(file: soundfile.SoundFile, count: int) -> Audio:
    # In blocks, because a damaged header may promise more than any memory holds.
    blocks = [np.zeros(0, np.float32)]
    for begin in range(0, count, _BLOCK):
        asked = min(_BLOCK, count - begin)
        blocks.append(mono(file.read(asked, dtype="float32", always_2d=True)))
        # Reading on after a short block would close the gap that damage left.
        if len(blocks[-1]) < asked:
            break
    return np.concatenate(blocks)
