"""Clips as pictures: the spectrogram of a sound, and frames of a video side by side."""

import numpy as np
import soxr
from numpy.typing import NDArray
from PIL import Image

from cmmd_bench.embedders.logmel_stats import FLOOR_DB, RATE, log_mel
from cmmd_bench.types import Audio, Video

BANDS, HOP, LOUDEST_DB = 64, 128, -10.0
"""Of the spectrogram: finer than what an embedder hears, because a person looks at it."""
GUTTER = 3
"""White pixels between frames."""


def spectrogram(audio: Audio, sample_rate: int) -> NDArray[np.float64]:
    """Loudness (BANDS, frames) from 0, the floor, to 1, `LOUDEST_DB`; low bands first, a frame every 8 ms."""
    sound = audio if sample_rate == RATE else soxr.resample(audio, sample_rate, RATE)
    level = (log_mel(sound, bands=BANDS, hop=HOP) - FLOOR_DB) / (LOUDEST_DB - FLOOR_DB)
    clipped: NDArray[np.float64] = np.clip(level.T, 0, 1)
    return clipped


def strip(video: Video, count: int, height: int) -> NDArray[np.uint8]:
    """`count` frames, evenly spread from first to last, (height, W, 3), larger ones made smaller."""
    places = np.linspace(0, len(video) - 1, min(count, len(video))).round().astype(int)
    frames = [_smaller(video[place], height) for place in places]
    framed = np.pad(np.stack(frames), ((0, 0), (0, 0), (0, GUTTER), (0, 0)), constant_values=255)
    return np.concatenate(list(framed), axis=1)


def _smaller(frame: NDArray[np.uint8], height: int) -> NDArray[np.uint8]:
    if len(frame) <= height:
        return frame
    width = max(1, round(frame.shape[1] * height / len(frame)))
    return np.asarray(Image.fromarray(frame).resize((width, height), Image.Resampling.BOX))
