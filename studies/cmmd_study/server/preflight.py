"""The clip that raters see first: a disc that flashes each time it beeps, so that both can be checked.

Flash and beep begin at the same instant. A player, screen or loudspeaker that sets them apart is noticed before it
spoils answers about being in time.
"""

from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from cmmd_bench.media import write_preview
from cmmd_bench.types import Clip

FPS, SIDE, RATE = 25, 240, 48_000
EVERY, LENGTH = 0.8, 0.12
"""Seconds from beep to beep, and of each."""
TONE, LEVEL = 880.0, 0.25


def preflight_clip(count: int) -> bytes:
    """An MP4 that flashes and beeps `count` times."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "preflight.mp4"
        write_preview(path, flashes_and_beeps(count))
        return path.read_bytes()


def flashes_and_beeps(count: int) -> Clip:
    """The clip itself: the first flash after one interval, the last followed by one."""
    seconds = EVERY * (count + 1)
    times = EVERY * np.arange(1, count + 1)
    frames = np.arange(round(seconds * FPS)) / FPS
    lit = ((frames[:, None] >= times - 1e-9) & (frames[:, None] < times + LENGTH - 1e-9)).any(axis=1)
    y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    disc = np.hypot(x, y) < SIDE / 4
    video = np.full((len(frames), SIDE, SIDE, 3), 24, np.uint8)
    video[:, disc] = 60
    video[np.ix_(lit)] = np.where(disc[..., None], np.uint8(245), np.uint8(24))
    clock = np.arange(round(seconds * RATE)) / RATE
    audio = np.zeros(len(clock), np.float32)
    for start in times:
        inside = (clock >= start) & (clock < start + LENGTH)
        local = clock[inside] - start
        # 5 ms of rise and fall: a click would be heard sooner than the tone.
        edge = np.minimum(1, np.minimum(local, LENGTH - local) / 0.005)
        audio[inside] = LEVEL * edge * np.sin(2 * np.pi * TONE * local)
    return Clip(video, Fraction(FPS), audio, RATE)
