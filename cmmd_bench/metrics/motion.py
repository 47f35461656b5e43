"""Motion of a video: the mean magnitude of the optical flow at each frame, in pixels a frame.

Farnebäck's dense flow between neighbouring frames at full resolution (pyramid scale 0.5, 3 levels, window 15, 3
iterations, polynomials of 5 pixels with sigma 1.2), magnitude averaged over the picture: as AV-Align (TempoTokens) and
JavisBench compute it. Value f is the motion from frame f - 1 to frame f; frame 0, which has none before it, repeats
frame 1. Sizes are in pixels, so the same clip at half the size moves about half as much, and at another frame rate by
another amount: state both with the result.

Frames are RGB. OpenCV reads files as BGR, and grey is 0.299 R + 0.587 G + 0.114 B either way; frames in the wrong
order give another grey and other peaks.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cmmd_bench.metrics.checks import describe

Motion = NDArray[np.float64]
"""(F,): mean flow magnitude at each frame, >= 0."""

_FARNEBACK = {
    "pyr_scale": 0.5,
    "levels": 3,
    "winsize": 15,
    "iterations": 3,
    "poly_n": 5,
    "poly_sigma": 1.2,
    "flags": 0,
}


def flow_motion(frames: Iterable[NDArray[np.uint8]]) -> Motion:
    """Motion (F,) of `frames`: an array (F, H, W, 3) of uint8 RGB, or any iterable of such frames, two held at a time.

    A single frame does not move: [0.0]. Runs on one thread, so that results do not depend on the machine's cores; the
    process's own setting is restored. Raises ValueError for no frame, frames of unequal size or of another form.
    """
    magnitudes: list[float] = []
    before: NDArray[np.uint8] | None = None
    with _one_thread():
        for frame in frames:
            grey = _grey(frame)
            if before is not None:
                if grey.shape != before.shape:
                    raise ValueError(f"frames must have one size, found {before.shape} and then {grey.shape}")
                magnitudes.append(_mean_flow(before, grey))
            before = grey
    if before is None:
        raise ValueError("frames must hold at least one frame, found none")
    return np.array([magnitudes[0], *magnitudes] if magnitudes else [0.0])


def _grey(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    import cv2

    picture = np.asarray(frame)
    if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8 or 0 in picture.shape:
        raise ValueError(f"frames must be uint8 RGB of shape (H, W, 3), found {describe(picture)}")
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(picture), cv2.COLOR_RGB2GRAY), dtype=np.uint8)


def _mean_flow(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> float:
    import cv2

    # OpenCV's stubs do not know that the flow to start from may be missing.
    farneback: Any = cv2.calcOpticalFlowFarneback
    flow = np.asarray(farneback(before, after, None, **_FARNEBACK), dtype=np.float64)
    # Not cv2.magnitude: its last bits depend on where in memory the flow lies, and so change from run to run.
    return float(np.sqrt(np.square(flow).sum(axis=-1)).mean())


@contextmanager
def _one_thread() -> Iterator[None]:
    import cv2

    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)
