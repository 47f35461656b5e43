"""`BeatDance`: the procedural dance clips as a data set."""

import numpy as np

from cmmd_bench.datasets.beatdance.film import render_film
from cmmd_bench.datasets.beatdance.music import render_music
from cmmd_bench.datasets.beatdance.score import beat_times, compose, draw_song
from cmmd_bench.datasets.beatdance.streams import Key
from cmmd_bench.datasets.procedural import Procedural
from cmmd_bench.types import Clip, Truth


class BeatDance(Procedural):
    """A dancer and music; the truth is the beats. Options and errors as `Procedural`."""

    name = "beatdance"
    version = "2"

    def truth(self, index: int) -> Truth:
        """Beat times: they follow from the song."""
        return Truth(beats=beat_times(draw_song(self._key(index)), self.spec.seconds))

    def render(self, index: int) -> Clip:
        """Dance and music of one performance."""
        spec, key = self.spec, self._key(index)
        song = draw_song(key)
        times = np.arange(spec.frames) / float(spec.fps)
        video = render_film(song, key, times, spec.height, spec.width)
        audio = render_music(song, compose(song, key), key, spec.samples, spec.sample_rate)
        return Clip(video=video, fps=spec.fps, audio=audio, sample_rate=spec.sample_rate)

    def _key(self, index: int) -> Key:
        return Key(self.seed, self.split, index)
