"""Click tracks by the recipe of the golden beats and onsets (tests/data/metrics/README.md)."""

from collections.abc import Sequence

import numpy as np


def click_track(
    times: Sequence[float],
    duration: float,
    sample_rate: int,
    *,
    frequency: float = 1000.0,
    amplitudes: Sequence[float] | None = None,
) -> np.ndarray:
    """amplitude·exp(-60u)·sin(2π·frequency·u) for 0 <= u < 0.05 s after each time, float32."""
    audio = np.zeros(round(duration * sample_rate))
    t = np.arange(len(audio)) / sample_rate
    for time, amplitude in zip(times, amplitudes or [0.8] * len(times), strict=True):
        heard = (t >= time) & (t < time + 0.05)
        u = t[heard] - time
        audio[heard] += amplitude * np.exp(-60 * u) * np.sin(2 * np.pi * frequency * u)
    return audio.astype(np.float32)
