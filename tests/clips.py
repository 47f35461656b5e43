"""Small clips for tests: cheap to make, different from each other, with something to see and to hear."""

from fractions import Fraction

import numpy as np

from cmmd_bench.types import Audio, Clip, Video


def moving_square(frames: int = 10, side: int = 32, seed: int = 0) -> Video:
    """A bright square that wanders over a noisy ground."""
    rng = np.random.default_rng(seed)
    video = rng.integers(20, 60, (frames, side, side, 3), dtype=np.uint8)
    colour = rng.integers(120, 255, 3)
    x, y = rng.integers(0, side // 2, 2)
    for frame in range(frames):
        left = (x + 2 * frame) % (side // 2)
        video[frame, y : y + side // 4, left : left + side // 4] = colour
    return video


def clicks(seconds: float = 1.0, sample_rate: int = 16_000, seed: int = 0) -> Audio:
    """Clicks at a steady tempo over faint noise."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * sample_rate)) / sample_rate
    period, offset = rng.uniform(0.3, 0.5), rng.uniform(0, 0.3)
    phase = (t - offset) % period
    sound = 0.6 * np.exp(-50 * phase) * np.sin(2 * np.pi * rng.uniform(300, 1500) * phase)
    return np.clip(sound + 0.003 * rng.standard_normal(len(t)), -1, 1).astype(np.float32)


def clip(seed: int = 0, *, seconds: float = 1.0, fps: int = 10, side: int = 32, sample_rate: int = 16_000) -> Clip:
    """Both of them."""
    video = moving_square(round(seconds * fps), side, seed)
    return Clip(video, Fraction(fps), clicks(seconds, sample_rate, seed), sample_rate)
