"""Where beats come from: librosa's dynamic-programming beat tracker with its defaults, as the paper uses it.

The tracker sees the audio at the clip's own sample rate, with a hop of 512 samples, so its grid is 23 ms at 22,050 Hz
and 32 ms at 16,000 Hz. The rate changes the answer, not only the grid: a click track at 91 bpm with weak eighths is
heard at 89 bpm at 16,000 Hz and at 185 bpm at 22,050 Hz. Track reference and generated audio at one rate, and state it
with the result.

Audio without onsets (silence, a steady tone) and audio shorter than one analysis frame (2048 samples) have no beats.
Any callable of the form `BeatTracker` may take the place of `beat_times`: a function, or an object with `__call__` that
keeps its network or settings. It sees one clip at a time and must answer alike for the same samples.
"""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from cmmd_bench.metrics.checks import check_finite, describe
from cmmd_bench.types import Times

SLOWEST, FASTEST = 2_000, 96_000
"""Hz. Outside of it librosa's 128 mel bands have empty filters, or a hop holds more than one beat."""

SHORTEST = 2048
"""Samples in one analysis frame of librosa's onset strength; shorter audio has no spectrum to find an onset in."""


class BeatTracker(Protocol):
    """From mono audio (T,) in [-1, 1] and its sample rate in Hz to beat times in seconds, in increasing order."""

    def __call__(self, audio: NDArray[np.floating[Any]], sample_rate: int, /) -> Times:
        """Beat times; empty when there are none."""
        ...


def beat_times(audio: NDArray[np.floating[Any]], sample_rate: int) -> Times:
    """Beats of mono `audio` (T,) by `librosa.beat.beat_track` with its defaults (librosa >= 0.11), in seconds.

    Empty for silence and for fewer than 2048 samples. Raises ValueError for audio that is not finite mono floats.
    The first call in a process loads librosa: about 5 s, or 40 s where numba has to compile it first (empty cache).
    """
    audio = np.asarray(audio)
    if audio.ndim != 1 or audio.dtype.kind != "f":
        raise ValueError(f"audio must be mono floats of shape (T,), found {describe(audio)}")
    if not SLOWEST <= sample_rate <= FASTEST:
        raise ValueError(f"sample_rate must be from {SLOWEST} to {FASTEST} Hz to find beats, found {sample_rate!r}")
    check_finite(audio, "audio")
    if len(audio) < SHORTEST:
        return np.empty(0)
    import librosa

    _, times = librosa.beat.beat_track(y=audio, sr=sample_rate, units="time")
    return np.asarray(times, dtype=np.float64)
