"""Beat trackers by name: librosa's, those that packages register, and `module:object` for code that is not packaged.

A tracker is any callable from mono audio (T,) float32 in [-1, 1] and its sample rate in Hz to beat times in seconds, in
increasing order (`BeatTracker`). A class is built once, without arguments, and its instance is called: the place for a
network or settings. A package registers one in its pyproject.toml:

    [project.entry-points."cmmd_bench.beat_trackers"]
    mine = "mypackage.beats:track"

What a tracker heard is cached under its source (distribution and version, or the digest of the module's file) and its
own attribute `version`, if it has one: the place for a digest of its weights.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cmmd_bench.errors import ENVIRONMENT, UserError
from cmmd_bench.metrics import beat_times
from cmmd_bench.metrics.beat_tracking import BeatTracker
from cmmd_bench.metrics.checks import event_times
from cmmd_bench.metrics.events import check_within
from cmmd_bench.plugins import Slot, describe, failure, find, imported, source

TRACKERS: dict[str, BeatTracker] = {"librosa": beat_times}
"""Those that are built in."""

SLOT = Slot("cmmd_bench.beat_trackers", "beat tracker", tuple(TRACKERS))


@dataclass(frozen=True, slots=True)
class Tracker:
    """A tracker whose answers are checked, and what names them in caches: `source` says which code it is."""

    name: str
    source: str
    _track: Callable[[NDArray[np.float32], int], Any]

    def __call__(self, audio: NDArray[np.float32], sample_rate: int) -> NDArray[np.float64]:
        """Beat times in seconds, (n,); ValueError for an answer that is no list of increasing times within the clip."""
        label = f"what the beat tracker {self.name!r} answered"
        answer = np.asarray(self._track(audio, sample_rate))
        if answer.dtype.kind not in "fiu":
            raise ValueError(f"{label} must be times in seconds, found {answer.dtype}")
        times = event_times(answer, label)
        check_within(times, label, len(audio) / sample_rate)
        return np.array(times)


@cache
def get_tracker(name: str) -> Tracker:
    """The tracker called `name`, built once per process.

    Raises UserError with the nearest name if there is none, and (environment) with the cause if it does not load.
    """
    if name in TRACKERS:
        return Tracker(name, version("librosa"), TRACKERS[name])
    entry = find(name, SLOT)
    label = f"beat tracker {describe(entry)}"
    found = imported(entry, SLOT)
    if isinstance(found, type):
        try:
            found = found()
        except UserError:
            raise
        except Exception as error:
            raise failure(f"{label} could not be built", error) from error
    if not callable(found):
        raise UserError(f"{label} is a {type(found).__name__}, which cannot be called.", exit_code=ENVIRONMENT)
    own = getattr(found, "version", "")
    return Tracker(name, source(name, SLOT) + (f" {own}" if own else ""), found)
