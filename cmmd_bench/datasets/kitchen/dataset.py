"""`Kitchen`: the procedural kitchen scenes as a data set."""

import numpy as np

from cmmd_bench.datasets.kitchen.actions import KINDS, Action, plan
from cmmd_bench.datasets.kitchen.scenes import film
from cmmd_bench.datasets.kitchen.soundtrack import play
from cmmd_bench.datasets.kitchen.stage import stage
from cmmd_bench.datasets.procedural import SPLITS, Procedural
from cmmd_bench.types import Clip, Truth

_ACTION, _LOOK, _SOUND, _ORDER = range(4)


class Kitchen(Procedural):
    """Hands and objects; the truth is the contacts, pours and scrapes. Options and errors as `Procedural`.

    The kinds of action (`actions.KINDS`) take turns in random order, so that any run of items is balanced.
    """

    name = "kitchen"
    version = "2"

    def truth(self, index: int) -> Truth:
        """Events: they follow from the plan of the scene."""
        return Truth(events=self.action(index).events)

    def render(self, index: int) -> Clip:
        """Picture and sound of one scene."""
        action = self.action(index)
        video = film(stage(self._stream(index, _LOOK), action.top), action, self.spec)
        audio = play(action, self._stream(index, _SOUND), self.spec.samples, self.spec.sample_rate)
        return Clip(video=video, fps=self.spec.fps, audio=audio, sample_rate=self.spec.sample_rate)

    def action(self, index: int) -> Action:
        """What happens in the scene of an index: kind, things and instants."""
        turn, place = divmod(index, len(KINDS))
        order = self._stream(turn, _ORDER).permutation(len(KINDS))
        return plan(KINDS[order[place]], self._stream(index, _ACTION), self.spec.seconds)

    def _stream(self, index: int, purpose: int) -> np.random.Generator:
        key = np.random.SeedSequence((self.seed, SPLITS.index(self.split), index, purpose))
        return np.random.Generator(np.random.PCG64(key))
