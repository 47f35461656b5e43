"""Levels of a clip: enough to notice silence, clipping, black and frozen pictures, which no metric forgives or reports.

Vector of five float64: audio peak, audio RMS (both 0..1, full scale 1), share of samples at full scale, mean brightness
(0..255), mean absolute change between frames (0..255). A side that is absent is NaN.
"""

from math import isnan, nan

import numpy as np
from numpy.typing import NDArray

from cmmd_bench.types import Clip

VERSION = "1"

SILENT_PEAK = 10 ** (-80 / 20)
"""-80 dBFS: below the noise of a 14-bit recording."""
FULL_SCALE = 0.999
CLIPPED_SHARE = 0.001
DARK = 2.0


def levels(clip: Clip) -> NDArray[np.float64]:
    """The five levels of a clip."""
    peak = rms = full = brightness = change = nan
    if clip.audio is not None:
        magnitude = np.abs(clip.audio)
        peak = float(magnitude.max())
        rms = float(np.sqrt(np.mean(np.square(clip.audio, dtype=np.float64))))
        full = float(np.mean(magnitude >= FULL_SCALE))
    if clip.video is not None:
        brightness = float(clip.video.mean(dtype=np.float64))
        steps = np.abs(np.diff(clip.video.astype(np.int16), axis=0))
        change = float(steps.mean(dtype=np.float64)) if len(steps) else nan
    return np.array([peak, rms, full, brightness, change])


def findings(level: NDArray[np.float64]) -> list[str]:
    """What a listener or viewer should be told about a clip with these levels; empty for an ordinary one."""
    peak, _, full, brightness, change = (float(value) for value in level)
    found = []
    if not isnan(peak) and peak < SILENT_PEAK:
        found.append("silent")
    if not isnan(full) and full > CLIPPED_SHARE:
        found.append("clipped")
    if not isnan(brightness) and brightness < DARK:
        found.append("black")
    if not isnan(change) and change == 0.0:
        found.append("frozen")
    return found
