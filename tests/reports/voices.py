"""Generators for tests of reports, loaded as `voices:High` and `voices:Low`: both make tones and greys."""

import numpy as np

from cmmd_bench import Clip


class High:
    tasks = frozenset({"v2a", "a2v"})
    pitch, grey = 900.0, 200

    def generate(self, requests):
        for request in requests:
            t = np.arange(round(request.seconds * 16_000)) / 16_000
            if request.task == "v2a":
                audio = 0.3 * np.sin(2 * np.pi * (self.pitch + request.seed % 50) * t)
                yield Clip(audio=audio.astype(np.float32), sample_rate=16_000)
            else:
                frames = round(request.seconds * 10)
                yield Clip(np.full((frames, 24, 32, 3), self.grey - request.seed % 20, np.uint8), 10)


class Low(High):
    pitch, grey = 200.0, 60


class Silenced(High):
    tasks = frozenset({"a2v"})


class Failing(High):
    def generate(self, requests):
        for request, clip in zip(requests, super().generate(requests), strict=True):
            if request.seed % 2:
                raise RuntimeError("<b>no luck</b> & 50 % of $x_1$")
            yield clip


class Pitched(High):
    """A voice at any pitch: what a sweep goes along."""

    def __init__(self, pitch: float) -> None:
        self.pitch = pitch
