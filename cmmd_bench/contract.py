"""What a generator owes for a request, checked once, at the boundary, on every clip of every run."""

from typing import cast

import numpy as np

from cmmd_bench.types import TASKS, Clip, Modality, Request, Task

GENERATED: dict[Task, tuple[Modality, ...]] = {"v2a": ("audio",), "a2v": ("video",), "joint": ("video", "audio")}
"""The sides that each task generates."""


def violation(request: Request, clip: object) -> str | None:
    """The first rule that `clip` breaks as an answer to `request`, or None."""
    if not isinstance(clip, Clip):
        return f"expected a Clip, found {type(clip).__name__}"
    for side in GENERATED[request.task]:
        if getattr(clip, side) is None:
            return f"{request.task} must generate {side}, found a clip without {side}"
        length = clip.video_seconds if side == "video" else clip.audio_seconds
        tolerance = _frame(request, clip)
        if abs(length - request.seconds) > tolerance + 1e-9:
            return (
                f"{side} must last {request.seconds:g} s within one frame ({tolerance:g} s), found {length:.4g} s "
                f"({_extent(clip, side)})"
            )
    return None


def tasks_violation(tasks: object) -> str | None:
    """What is wrong with a generator's `tasks`, or None."""
    if isinstance(tasks, set | frozenset) and tasks and tasks <= set(TASKS):
        return None
    return f"tasks must be a non-empty frozenset of {', '.join(TASKS)}; found {tasks!r}"


def _frame(request: Request, clip: Clip) -> float:
    """One frame of the pictures at hand, at most 0.1 s: a frame at the field's usual 10 fps."""
    frames = [float(1 / side.fps) for side in (clip, request.condition) if side is not None and side.video is not None]
    return min([0.1, *frames])


def _extent(clip: Clip, side: str) -> str:
    if side == "video":
        return f"{len(cast(np.ndarray, clip.video))} frames at {clip.fps} fps"
    return f"{len(cast(np.ndarray, clip.audio))} samples at {clip.sample_rate} Hz"
