"""Conformance tests that generator plugins run in their own test suite: `check_generator(MyModel())`."""

from collections.abc import Iterable
from fractions import Fraction
from typing import cast

import numpy as np

from cmmd_bench.contract import tasks_violation, violation
from cmmd_bench.types import Clip, Generator, Request, Task


def check_generator(generator: Generator, *, seconds: float = 1.6, size: int = 64, requests: int = 4) -> None:
    """Assert that `generator` keeps the contract of `cmmd_bench.Generator` on each of its tasks.

    Checked: the task set; one clip per request, in order, of the requested length and with the generated side
    present; the same seed gives the same clip and another seed another clip; a batch of `requests` equals that many
    batches of one; the condition is not modified. Conditions are moving pictures of `size` x `size` pixels at 10 fps
    and sound at 16 kHz. Raises AssertionError that names the rule.
    """
    tasks = getattr(generator, "tasks", None)
    wrong = tasks_violation(tasks)
    _require(wrong is None, str(wrong))
    for task in sorted(cast(frozenset[Task], tasks)):
        batch = [_request(task, index, seconds, size) for index in range(requests)]
        before = [_bytes(request.condition) for request in batch]
        together = _generate(generator, batch)
        for request, content in zip(batch, before, strict=True):
            _require(
                _bytes(request.condition) == content, f"{task}: the condition of request {request.id} was modified"
            )
        for request, clip in zip(batch, together, strict=True):
            _check_clip(task, request, clip)
        one_by_one = [_generate(generator, [request])[0] for request in batch]
        for request, first, second in zip(batch, together, one_by_one, strict=True):
            _require(
                _same(task, first, second),
                f"{task}: request {request.id} gave another clip alone than in a batch of {requests}, or when asked "
                "twice; a clip may depend on its own request only",
            )
        again = Request("reseeded", task, batch[0].seed + 1, seconds, batch[0].condition)
        other = _generate(generator, [again])[0]
        _require(not _same(task, together[0], other), f"{task}: another seed gave the same clip")


def _require(kept: bool, rule: str) -> None:
    # Not `assert`: a check must not vanish under `python -O`.
    if not kept:
        raise AssertionError(rule)


def _check_clip(task: Task, request: Request, clip: object) -> None:
    broken = violation(request, clip)
    _require(broken is None, f"{task}: request {request.id}: {broken}")


def _generate(generator: Generator, batch: list[Request]) -> list[Clip]:
    clips = list(cast(Iterable[Clip], generator.generate(batch)))
    _require(len(clips) == len(batch), f"{batch[0].task}: {len(batch)} requests, but {len(clips)} clips came back")
    return clips


def _request(task: Task, index: int, seconds: float, size: int) -> Request:
    condition = None
    if task == "v2a":
        condition = _moving_square(seconds, size, index)
    elif task == "a2v":
        condition = _clicks(seconds, index)
    return Request(f"check-{index}", task, 1000 + 7 * index, seconds, condition)


def _moving_square(seconds: float, size: int, index: int) -> Clip:
    frames = round(seconds * 10)
    video = np.full((frames, size, size, 3), 30 + 10 * index, np.uint8)
    side = max(size // 4, 1)
    for frame in range(frames):
        x = (frame * (3 + index)) % max(size - side, 1)
        video[frame, x : x + side, x : x + side] = (220, 180 - 20 * index, 90)
    return Clip(video=video, fps=Fraction(10))


def _clicks(seconds: float, index: int) -> Clip:
    time = np.arange(round(seconds * 16_000)) / 16_000
    phase = (time + 0.1 * index) % 0.5
    return Clip(
        audio=(0.5 * np.exp(-40 * phase) * np.sin(2 * np.pi * 440 * phase)).astype(np.float32), sample_rate=16_000
    )


def _same(task: Task, a: Clip, b: Clip) -> bool:
    video_equal = task == "v2a" or np.array_equal(cast(np.ndarray, a.video), cast(np.ndarray, b.video))
    audio_equal = task == "a2v" or np.array_equal(cast(np.ndarray, a.audio), cast(np.ndarray, b.audio))
    return video_equal and audio_equal


def _bytes(clip: Clip | None) -> bytes:
    if clip is None:
        return b""
    return b"".join(side.tobytes() for side in (clip.video, clip.audio) if side is not None)
