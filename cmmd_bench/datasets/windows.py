"""Clips cut from files: the one Dataset behind `folder`, `aist`, `epic-sounds` and `landscape`.

Those modules decide which windows of which files make the set and what is known about them; this one decodes.
What they leave out is kept with its reason, so that a set can say what it is not.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from cmmd_bench.content import content_digest
from cmmd_bench.errors import UserError
from cmmd_bench.media import MEDIA_SUFFIXES, VIDEO_SUFFIXES, probe, read_clip
from cmmd_bench.types import Clip, ClipSpec, Event, Item, Truth


@dataclass(frozen=True, slots=True)
class Window:
    """The part of a file that starts at `start` seconds; `frame_rate` for folders of frames, which know none."""

    path: Path
    start: float
    frame_rate: Fraction | None = None


@dataclass(frozen=True)
class Windows:
    """A dataset of windows. `left_out` maps a reason to the names it holds for."""

    name: str
    spec: ClipSpec
    cuts: Mapping[Item, Window]
    left_out: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def items(self) -> Sequence[Item]:
        """Items in the order in which their files sort."""
        return tuple(self.cuts)

    def fingerprint(self, item: Item) -> str:
        """Digest of the file's content, and the window."""
        window = self.cuts[item]
        return f"{content_digest(window.path)}@{window.start:.6f}+{self.spec}"

    def load(self, item: Item) -> Clip:
        """Decode the window at the dataset's specification; both sides if the file has both."""
        window, spec = self.cuts[item], self.spec
        return read_clip(
            window.path,
            start=window.start,
            seconds=spec.seconds,
            fps=spec.fps,
            size=(spec.height, spec.width),
            sample_rate=spec.sample_rate,
            frame_rate=window.frame_rate,
        )


def make(
    name: str,
    spec: ClipSpec,
    cuts: Iterable[tuple[Item, Window]],
    left_out: Mapping[str, Sequence[str]],
    *,
    where: Path,
    expected: str,
) -> Windows:
    """A `Windows`, or a UserError when nothing is in it or two windows would share a name."""
    table: dict[Item, Window] = {}
    owner: dict[str, Path] = {}
    for item, window in cuts:
        if item.id in owner:
            raise UserError(
                f"{owner[item.id]} and {window.path} would both be called {item.id!r}. Rename or move one of them."
            )
        owner[item.id] = window.path
        table[item] = window
    if not table:
        reasons = "".join(
            f" {len(names)} {reason} (such as {names[0]})." for reason, names in left_out.items() if names
        )
        raise UserError(f"found no clips for dataset {name!r} in {where}; expected {expected}.{reasons}")
    return Windows(name, spec, table, dict(left_out))


def starts(seconds: float, window: float, hop: float) -> list[float]:
    """Where windows of `window` seconds begin in `seconds` of media, `hop` apart; empty if not even one fits."""
    if not hop > 0:
        raise UserError(f"hop must be above 0 s, found {hop}.")
    # Containers round durations to their time base: a 1.8 s clip may declare 1.799 s.
    slack = 0.01
    count = int((seconds - window + slack) // hop) + 1 if seconds + slack >= window else 0
    return [round(index * hop, 6) for index in range(count)]


def safe_name(name: str) -> str:
    """`name` with everything that is awkward in a file name replaced by a hyphen."""
    return re.sub(r"[^A-Za-z0-9._=+-]+", "-", name).strip("-.") or "clip"


def window_name(stem: str, start: float, *, only: bool) -> str:
    """`stem` for a file with a single window, `stem-t0003.600` for one of several."""
    return safe_name(stem) if only else f"{safe_name(stem)}-t{start:08.3f}"


def require_folder(root: Path | None, dataset: str) -> Path:
    """`root` if it is a folder; a UserError that says how to give one otherwise."""
    if root is None:
        raise UserError(f"dataset {dataset!r} needs its files: say where they are with --data DIR.")
    if not root.is_dir():
        raise UserError(f"dataset {dataset!r}: {root} is not a folder. Give the folder that holds its files to --data.")
    return root


def videos_by_stem(root: Path) -> dict[str, Path]:
    """Every video file below `root` by its name without suffix; of equal names, the first in sorted order."""
    found: dict[str, Path] = {}
    for path in sorted(media_files(root)):
        if path.suffix.lower() in VIDEO_SUFFIXES:
            found.setdefault(path.stem, path)
    return found


def length_of(path: Path) -> float | str:
    """Seconds of a file, or why it cannot be read."""
    try:
        return probe(path).seconds
    except UserError as error:
        return str(error)


def media_files(root: Path) -> Iterator[Path]:
    """Every file below `root` with a media suffix, hidden ones left out."""
    for path in tree(root):
        if path.suffix.lower() in MEDIA_SUFFIXES and path.is_file():
            yield path


def tree(root: Path) -> Iterator[Path]:
    """Everything below `root`, links to folders followed once, hidden names left out."""
    seen: set[Path] = set()
    for place, folders, files in os.walk(root, followlinks=True):
        real = Path(place).resolve()
        # A link may lead back up: a folder that was walked before is not walked again.
        folders[:] = sorted(name for name in folders if not name.startswith(".")) if real not in seen else []
        if real not in seen:
            yield from (Path(place) / name for name in [*folders, *sorted(files)] if not name.startswith("."))
        seen.add(real)


def truth_within(truth: Truth, start: float, seconds: float) -> Truth:
    """What is known of a window, in seconds of the window: beats inside it, events that overlap it, cut to it."""
    beats = truth.beats and tuple(beat - start for beat in truth.beats if 0 <= beat - start < seconds)
    return Truth(beats, truth.events and events_within(truth.events, start, seconds))


def events_within(events: Iterable[Event], start: float, seconds: float) -> tuple[Event, ...]:
    """The events that overlap a window, in seconds of the window, cut to it."""
    cut = (Event(max(e.start - start, 0.0), min(e.end - start, seconds), e.label) for e in events)
    return tuple(sorted((e for e in cut if e.end > 0 and e.start < seconds), key=lambda e: (e.start, e.end, e.label)))
