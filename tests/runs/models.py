"""Generators for tests, loaded by name as `models:Tone` and so on: one good, the others each broken in one way."""

import multiprocessing
import os
import time
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_info

from cmmd_bench import Clip


class Tone:
    """A tone whose pitch, or a grey whose brightness, follows the seed. Writes each request's id to `log`."""

    tasks = frozenset({"v2a", "a2v"})

    def __init__(self, log: str = "", delay: float = 0.0):
        self.log, self.delay = log, delay

    def generate(self, requests):
        for request in requests:
            if self.log:
                with Path(self.log).open("a") as stream:
                    stream.write(f"{request.id}\n")
            time.sleep(self.delay)
            yield self.answer(request)

    def answer(self, request):
        t = np.arange(round(request.seconds * 16_000)) / 16_000
        pitch = 200 + request.seed % 800
        audio = (0.3 * np.sin(2 * np.pi * pitch * t)).astype(np.float32)
        if request.task == "v2a":
            return Clip(audio=audio, sample_rate=16_000)
        frames = np.arange(round(request.seconds * 10))[:, None, None, None]
        video = np.broadcast_to((frames * 9 + request.seed % 100) % 256, (len(frames), 16, 16, 3))
        return Clip(np.ascontiguousarray(video, dtype=np.uint8), 10)


class PerCore(Tone):
    """Is copied into worker processes. `processes` says which one answered a request, on how many threads."""

    one_per_core = True

    def __init__(self, processes: str = ""):
        super().__init__()
        self.processes = processes

    def answer(self, request):
        if self.processes:
            threads = max((pool["num_threads"] for pool in threadpool_info()), default=1)
            with Path(self.processes).open("a") as stream:
                stream.write(f"{os.getpid()} {threads}\n")
        return super().answer(request)


class CopiesDie(PerCore):
    """Works in the process that runs the benchmark, and ends every other."""

    def answer(self, request):
        if multiprocessing.parent_process() is not None:
            os._exit(9)
        return super().answer(request)


class OnlySound(Tone):
    tasks = frozenset({"v2a"})


class OnlyJoint(Tone):
    tasks = frozenset({"joint"})


class TooFew(OnlySound):
    def generate(self, requests):
        yield from list(super().generate(requests))[1:]


class TooMany(OnlySound):
    def generate(self, requests):
        yield from super().generate(requests)
        yield self.answer(requests[0])


class WrongShape(OnlySound):
    def answer(self, request):
        return Clip(audio=np.zeros((2, 100), np.float32), sample_rate=16_000)


class NotAClip(OnlySound):
    def answer(self, request):
        return np.zeros(100)


class TooShort(OnlySound):
    def answer(self, request):
        return Clip(audio=np.zeros(100, np.float32), sample_rate=16_000)


class NaNs(OnlySound):
    def answer(self, request):
        return Clip(audio=np.full(12_800, np.nan, np.float32), sample_rate=16_000)


class Silent(OnlySound):
    def answer(self, request):
        return Clip(audio=np.zeros(12_800, np.float32), sample_rate=16_000)


class RaisesOnOne(OnlySound):
    """Fails for a single request, and computes whole batches before it yields the first clip."""

    def generate(self, requests):
        answers = [self.answer(request) for request in requests]
        yield from answers

    def answer(self, request):
        if request.id.endswith("-1") and request.seed % 2:
            raise RuntimeError("this request is cursed")
        return super().answer(request)


class SkipsOne(RaisesOnOne):
    """Leaves out a request that it cannot answer instead of saying so."""

    def generate(self, requests):
        for request in requests:
            try:
                yield self.answer(request)
            except RuntimeError:
                continue


class OneSlowFrame(Tone):
    """A single picture that claims to last."""

    tasks = frozenset({"a2v"})

    def answer(self, request):
        return Clip(np.full((1, 16, 16, 3), request.seed % 256, np.uint8), 1.0)


class RaisesAlways(OnlySound):
    def generate(self, requests):
        raise MemoryError("out of memory")
        yield


class Quits(OnlySound):
    def generate(self, requests):
        raise SystemExit(5)
        yield


class Meddles(OnlySound):
    """Overwrites the condition it was given."""

    def answer(self, request):
        request.condition.video[:] = 0
        return super().answer(request)


class HangsOnInterrupt(OnlySound):
    """Ignores Ctrl-C, as a model that catches everything does."""

    def generate(self, requests):
        Path(self.log).write_text(str(os.getpid()))
        while True:
            try:
                time.sleep(0.1)
            except KeyboardInterrupt:
                continue
        yield
