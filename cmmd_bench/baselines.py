"""The ceiling and the floors of every table, as generators: `ground-truth`, `shuffled` and `noise`.

ground-truth   the real clip of the condition: what a perfect model would score
shuffled       the real clip of another condition: perfect as a set, wrong for its condition
noise          white Gaussian noise at -20 dBFS RMS, or uniformly random pixels: right for nothing

They need to know the real clips, so a run builds them itself instead of finding them by entry point.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from cmmd_bench.errors import UserError
from cmmd_bench.types import TASKS, Audio, Clip, ClipSpec, Modality, Request, Task, Video

Lookup = Callable[[Request], Clip]
"""From a request to the real clip that a baseline answers with."""


class Replay:
    """Answers each request with a real clip: the condition's own (`ground-truth`) or another's (`shuffled`)."""

    tasks: frozenset[Task] = frozenset(TASKS)

    def __init__(self, video: Lookup, audio: Lookup) -> None:
        self._video, self._audio = video, audio

    def generate(self, requests: Sequence[Request]) -> Iterator[Clip]:
        """Yield the sides that the request's task generates."""
        for request in requests:
            if request.task == "v2a":
                yield _with("audio", self._audio(request)).only_audio()
            elif request.task == "a2v":
                yield _with("video", self._video(request)).only_video()
            else:
                video, audio = _with("video", self._video(request)), _with("audio", self._audio(request))
                yield Clip(video.video, video.fps, audio.audio, audio.sample_rate)


class Noise:
    """White noise in sound and picture."""

    tasks: frozenset[Task] = frozenset(TASKS)

    def __init__(self, spec: ClipSpec) -> None:
        self.spec = spec

    def generate(self, requests: Sequence[Request]) -> Iterator[Clip]:
        """Yield noise of the requested length, drawn from the request's seed."""
        for request in requests:
            rng = np.random.default_rng(request.seed)
            # Both are always drawn, so that a task does not change the noise of the other side.
            audio, video = self._sound(rng), self._picture(rng)
            if request.task == "v2a":
                yield Clip(audio=audio, sample_rate=self.spec.sample_rate)
            elif request.task == "a2v":
                yield Clip(video, self.spec.fps)
            else:
                yield Clip(video, self.spec.fps, audio, self.spec.sample_rate)

    def _sound(self, rng: np.random.Generator) -> Audio:
        return np.clip(0.1 * rng.standard_normal(self.spec.samples), -1.0, 1.0).astype(np.float32)

    def _picture(self, rng: np.random.Generator) -> Video:
        shape = (self.spec.frames, self.spec.height, self.spec.width, 3)
        return rng.integers(0, 256, shape, dtype=np.uint8)


def _with(side: Modality, clip: Clip) -> Clip:
    if getattr(clip, side) is None:
        raise UserError(f"the real clip that this row answers with has no {side}")
    return clip
