"""The sound of a sound file, sample by sample, through libsndfile. Time 0 is its first sample."""

from fractions import Fraction
from math import ceil, floor
from pathlib import Path

import soundfile

from cmmd_bench.media.opening import damaged, open_sound_file
from cmmd_bench.media.sound import Sound, mono


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
            channels = file.read(stop - first, dtype="float32", always_2d=True)
        except soundfile.LibsndfileError:
            raise damaged(path, f"cannot be decoded from {first / rate:.2f} s on") from None
    if len(channels) < stop - first:
        end = (first + len(channels)) / rate
        raise damaged(path, f"breaks off at {end:.2f} s, its header promises {frames / rate:.2f} s")
    return Sound(mono(channels), first, rate, end=Fraction(frames, rate))
