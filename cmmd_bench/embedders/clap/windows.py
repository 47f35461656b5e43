"""Windows as fadtk 1.1.0 cuts them: one starts at every whole second below the end, the last ones are part silence.

A sound of s seconds gives ceil(s) windows, so a clip of 10 s is heard ten times, nine of them with a silent end.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray


def windows(samples: NDArray[np.float32], *, length: int, step: int) -> Iterator[NDArray[np.float32]]:
    """Windows of `length` samples from (T,), one every `step` samples, zero-padded at the end; T >= 1."""
    if samples.ndim != 1 or len(samples) == 0:
        raise ValueError(f"samples must have shape (T,) with T >= 1, found {samples.shape}")
    for start in range(0, len(samples), step):
        piece = samples[start : start + length]
        yield np.pad(piece, (0, length - len(piece)))


def unit_scale(pcm: NDArray[np.int16]) -> NDArray[np.float32]:
    """16-bit samples read from a file: divided by 32768."""
    return (pcm / 32768.0).astype(np.float32)


def laion_scale(pcm: NDArray[np.int16]) -> NDArray[np.float32]:
    """16-bit samples as fadtk hands them to LAION's networks: /32768, times 32767 cut to a whole number, /32767.

    The second rounding is part of how LAION trained; leaving it out moves an embedding by 4e-6.
    """
    steps = np.trunc(np.clip(pcm / 32768.0, -1.0, 1.0) * 32767.0)
    return (steps / 32767.0).astype(np.float32)
