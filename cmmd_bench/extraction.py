"""The embed stage: every clip is decoded once and looked at by every extractor that needs it; results are cached.

What is cached is keyed by content, extractor and clip specification, so nothing is computed twice and nothing is stale.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np

from cmmd_bench.embedders.cache import FeatureCache
from cmmd_bench.embedders.device import CPU, device
from cmmd_bench.errors import UserError
from cmmd_bench.extractors import Array, get_extractor
from cmmd_bench.media import read_clip
from cmmd_bench.parallel import ITEMS_PER_WORKER, in_order, read_ahead, workers_for
from cmmd_bench.types import Clip, ClipSpec

S = TypeVar("S")


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

    def __init__(self, store: FeatureCache, keys: Mapping[str, Mapping[str, str]] | None = None) -> None:
        """An empty table, or one whose entries are known: name -> extractor -> key in the store."""
        self._store = store
        known = {} if keys is None else keys
        self._keys = {(name, x): key for name, by_extractor in known.items() for x, key in by_extractor.items()}
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
            raise UserError(
                f"the feature cache no longer holds what {extractor} saw of {name}. Run the command that scored these "
                "clips again: it looks at them anew."
            )
        return array

    def keys(self) -> dict[str, dict[str, str]]:
        """Where the arrays lie: name -> extractor -> key in the store."""
        table: dict[str, dict[str, str]] = {}
        for (name, extractor), key in sorted(self._keys.items()):
            table.setdefault(name, {})[extractor] = key
        return table

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
        slow = any(get_extractor(x).slow for _, missing in todo[:1] for x in missing)
        # One process owns an accelerator; a thread decodes ahead for it.
        workers = workers_for(len(todo), workers, each=2 if slow else ITEMS_PER_WORKER) if device() == CPU else 1
        if workers == 1:
            clips = read_ahead(partial(_load, load), (entry.source for entry, _ in todo))
            outcomes = in_order(partial(_see, self._store), zip(clips, (m for _, m in todo), strict=True), 1)
        else:
            work = ((entry.source, missing) for entry, missing in todo)
            outcomes = in_order(partial(_look, load, self._store), work, workers)
        for (entry, missing), failures in zip(todo, outcomes, strict=True):
            for x, key in missing.items():
                if x in failures:
                    self._reasons[entry.name, x] = failures[x]
                else:
                    self._keys[entry.name, x] = key
            advance()


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


def _look(load: Callable[[S], Clip], store: FeatureCache, work: tuple[S, dict[str, str]]) -> dict[str, str]:
    source, missing = work
    return _see(store, (_load(load, source), missing))


def _load(load: Callable[[S], Clip], source: S) -> Clip | str:
    """The clip, or the reason why there is none."""
    try:
        return load(source)
    except Exception as error:
        return _reason(error)


def _see(store: FeatureCache, work: tuple[Clip | str, dict[str, str]]) -> dict[str, str]:
    """Look at one clip with every missing extractor and store what they see; returns the failures."""
    clip, missing = work
    if isinstance(clip, str):
        return dict.fromkeys(missing, clip)
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
