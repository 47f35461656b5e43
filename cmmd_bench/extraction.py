"""The embed stage: every clip is decoded once and looked at by every extractor that needs it; results are cached.

An extractor is an embedder, a beat tracker ("beats:librosa") or the levels ("levels"): from a clip to an array. What
is cached is keyed by content, extractor and clip specification, so nothing is computed twice and nothing is stale.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from cmmd_bench import levels
from cmmd_bench.embedders import get_embedder, identity
from cmmd_bench.embedders.cache import FeatureCache
from cmmd_bench.errors import UserError, unknown_name
from cmmd_bench.media import read_clip
from cmmd_bench.metrics import beat_times
from cmmd_bench.parallel import in_order, workers_for
from cmmd_bench.types import Clip, ClipSpec, Modality, Times

S = TypeVar("S")
Array = NDArray[Any]

TRACKERS = {"librosa": beat_times}


@dataclass(frozen=True, slots=True)
class Extractor:
    """From a clip to an array; `modality` is the side it needs, None if it takes what there is."""

    identity: str
    modality: Modality | None
    see: Callable[[Clip], Array]


@dataclass(frozen=True, slots=True)
class Entry(Generic[S]):
    """A clip to be looked at, and by whom.

    name: under which its views are found; fingerprint: identity of its content; source: what `load` makes a clip from
    """

    name: str
    fingerprint: str
    source: S
    extractors: tuple[str, ...]


class Views:
    """What extractors saw: (clip name, extractor) -> array, or the reason why there is none. Arrays stay on disk."""

    def __init__(self, store: FeatureCache) -> None:
        self._store = store
        self._keys: dict[tuple[str, str], str] = {}
        self._reasons: dict[tuple[str, str], str] = {}

    def has(self, name: str, extractor: str) -> bool:
        """Whether there is an array."""
        return (name, extractor) in self._keys

    def get(self, name: str, extractor: str) -> Array | None:
        """The array, or None if the extractor has not seen the clip (`why` then says why)."""
        key = self._keys.get((name, extractor))
        if key is None:
            return None
        array = self._store.get(key)
        if array is None:
            raise UserError("the feature cache was changed while it was in use. Run the same command again.")
        return array

    def why(self, name: str, extractor: str) -> str:
        """Why there is no array."""
        return self._reasons.get((name, extractor), "not extracted")

    def extract(
        self,
        load: Callable[[S], Clip],
        entries: Sequence[Entry[S]],
        spec: str,
        *,
        workers: int = 1,
        advance: Callable[[], None] = lambda: None,
    ) -> None:
        """Show every entry, at clip specification `spec`, to its extractors. `advance` is called for each entry."""
        todo: list[tuple[Entry[S], dict[str, str]]] = []
        for entry in entries:
            keys = {x: self._store.key(entry.fingerprint, get_extractor(x).identity, spec) for x in entry.extractors}
            missing = {x: key for x, key in keys.items() if not self._store.path(key).is_file()}
            for x in keys.keys() - missing.keys():
                self._keys[entry.name, x] = keys[x]
            if missing:
                todo.append((entry, missing))
            else:
                advance()
        work = ((entry.source, missing) for entry, missing in todo)
        outcomes = in_order(partial(_look, load, self._store), work, workers_for(len(todo), workers))
        for (entry, missing), failures in zip(todo, outcomes, strict=True):
            for x, key in missing.items():
                if x in failures:
                    self._reasons[entry.name, x] = failures[x]
                else:
                    self._keys[entry.name, x] = key
            advance()


@cache
def get_extractor(name: str) -> Extractor:
    """The extractor called `name`; UserError with the nearest name if there is none."""
    if name == "levels":
        return Extractor(f"levels/{levels.VERSION}", None, levels.levels)
    if name.startswith("beats:"):
        tracker = name.removeprefix("beats:")
        if tracker not in TRACKERS:
            raise unknown_name("beat tracker", tracker, TRACKERS)
        return Extractor(f"{name}/{version('librosa')}", "audio", partial(_track, TRACKERS[tracker]))
    embedder = get_embedder(name)
    return Extractor(identity(embedder), embedder.modality, embedder.embed)


def read_at(path: Path, spec: ClipSpec) -> Clip:
    """The beginning of a file as a clip of `spec`; UserError if it is shorter. Folders of frames play at its rate."""
    return read_clip(
        path,
        seconds=spec.seconds,
        fps=spec.fps,
        size=(spec.height, spec.width),
        sample_rate=spec.sample_rate,
        frame_rate=spec.fps if path.is_dir() else None,
    )


def _track(tracker: Callable[[Array, int], Times], clip: Clip) -> Array:
    if clip.audio is None:
        raise ValueError("beats need audio, found a clip without it")
    return tracker(clip.audio, clip.sample_rate)


def _look(load: Callable[[S], Clip], store: FeatureCache, work: tuple[S, dict[str, str]]) -> dict[str, str]:
    """Look at one clip with every missing extractor and store what they see; returns the failures."""
    source, missing = work
    try:
        clip = load(source)
    except Exception as error:
        return dict.fromkeys(missing, _reason(error))
    failures = {}
    for name, key in missing.items():
        try:
            array = get_extractor(name).see(clip)
            _check_finite(name, array)
        except Exception as error:
            failures[name] = _reason(error)
            continue
        store.put(key, array)
    return failures


def _reason(error: Exception) -> str:
    """What happened to one clip; it must not end the scoring of all others, whatever it was."""
    return str(error) if isinstance(error, UserError | ValueError) else f"{type(error).__name__}: {error}"


def _check_finite(name: str, array: Array) -> None:
    # The levels of a missing side are NaN by definition; anywhere else NaN would poison a whole set.
    if name != "levels" and not np.all(np.isfinite(array)):
        raise ValueError(f"{name} gave values that are not finite")
