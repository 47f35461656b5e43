"""`check_generator` passes a generator that keeps the contract and names the rule that a bad one breaks."""

import numpy as np
import pytest

from cmmd_bench import Clip
from cmmd_bench.testing import check_generator


class Good:
    """White noise from the request's seed."""

    tasks = frozenset({"v2a", "a2v", "joint"})

    def generate(self, requests):
        for request in requests:
            yield self.answer(request)

    def answer(self, request):
        rng = np.random.default_rng(request.seed)
        audio = rng.uniform(-0.5, 0.5, round(request.seconds * 16_000)).astype(np.float32)
        video = rng.integers(0, 256, (round(request.seconds * 10), 8, 8, 3), dtype=np.uint8)
        return Clip(video, 10, audio, 16_000)


def test_a_good_generator_passes():
    check_generator(Good())


class TooFew(Good):
    def generate(self, requests):
        yield from (self.answer(request) for request in requests[1:])


class SameSeed(Good):
    def answer(self, request):
        return Clip(np.zeros((16, 8, 8, 3), np.uint8), 10, np.zeros(25_600, np.float32), 16_000)


class GlobalState(Good):
    tasks = frozenset({"v2a"})

    def __init__(self):
        self.rng = np.random.default_rng(0)

    def answer(self, request):
        audio = self.rng.uniform(-0.5, 0.5, 25_600).astype(np.float32)
        return Clip(np.zeros((16, 8, 8, 3), np.uint8), 10, audio, 16_000)


class TooLong(Good):
    tasks = frozenset({"v2a"})

    def answer(self, request):
        return Clip(np.zeros((16, 8, 8, 3), np.uint8), 10, np.zeros(30_000, np.float32), 16_000)


class NoSound(Good):
    tasks = frozenset({"v2a"})

    def answer(self, request):
        return Clip(np.zeros((16, 8, 8, 3), np.uint8), 10)


class NotAClip(Good):
    def answer(self, request):
        return np.zeros(25_600)


class Meddles(Good):
    def answer(self, request):
        if request.condition is not None and request.condition.video is not None:
            request.condition.video[:] = 0
        return super().answer(request)


class BadTasks(Good):
    tasks = ("v2a",)


@pytest.mark.parametrize(
    ("generator", "rule"),
    [
        (TooFew, "4 requests, but 3 clips"),
        (SameSeed, "another seed gave the same clip"),
        (GlobalState, "gave another clip alone"),
        (TooLong, "audio must last 1.6 s within one frame"),
        (NoSound, "must generate audio"),
        (NotAClip, "expected a Clip, found ndarray"),
        (Meddles, "condition of request check-0 was modified"),
        (BadTasks, "tasks must be a non-empty frozenset"),
    ],
)
def test_each_broken_rule_is_named(generator, rule):
    with pytest.raises(AssertionError, match=rule):
        check_generator(generator())
