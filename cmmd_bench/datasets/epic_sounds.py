"""`epic-sounds`: EPIC-Sounds annotations as they are published, on the user's EPIC-KITCHENS-100 videos.

Expected below `root`, at any depth: `EPIC_Sounds_train.csv` or `EPIC_Sounds_validation.csv` and the videos, named by
video id (`P01_11.MP4`). Columns used: annotation_id, video_id, start_timestamp, stop_timestamp (HH:MM:SS.sss),
description, class (absent in the file of uncategorised sounds, where the description stands in).

Each event becomes one window of the suite's length, centred on the event and moved inside the video; a window
that does not fit into its video is left out. The truth of a window is every annotated event that overlaps it.
The group is the video: two moments of one kitchen may match.
"""

import csv
import math
import re
from dataclasses import dataclass
from pathlib import Path

from cmmd_bench.datasets.windows import Window, Windows, events_within, length_of, make, require_folder, videos_by_stem
from cmmd_bench.errors import UserError
from cmmd_bench.types import ClipSpec, Event, Item, Truth

_REQUIRED = ("annotation_id", "video_id", "start_timestamp", "stop_timestamp", "description")
_CLOCK = re.compile(r"(\d+):([0-5]?\d):([0-5]?\d(?:\.\d+)?)")


@dataclass(frozen=True, slots=True)
class Annotation:
    """One row: an event of a video, in seconds of that video."""

    id: str
    video: str
    event: Event


def epic_sounds(spec: ClipSpec, *, root: Path | None, split: str = "validation") -> Windows:
    """One window for each annotated event of `split` whose video is below `root`."""
    base = require_folder(root, "epic-sounds")
    name = f"EPIC_Sounds_{split}.csv"
    path = min(base.rglob(name), default=None)
    if path is None:
        raise UserError(f"epic-sounds: found no {name} below {base}. Put the published CSV beside the videos.")
    annotations, malformed = read_annotations(path)
    videos = videos_by_stem(base)
    events: dict[str, list[Event]] = {}
    for row in annotations:
        events.setdefault(row.video, []).append(row.event)
    lengths = {video: length_of(videos[video]) for video in sorted(events) if video in videos}
    unreadable = [length for length in lengths.values() if isinstance(length, str)]
    missing: list[str] = []
    outside: list[str] = []
    cuts: list[tuple[Item, Window]] = []
    for row in annotations:
        length = lengths.get(row.video, "")
        if isinstance(length, str):
            missing.append(row.id)
            continue
        start = window_start(row.event, spec.seconds, length)
        if start is None:
            outside.append(row.id)
            continue
        truth = Truth(events=events_within(events[row.video], start, spec.seconds))
        cuts.append((Item(row.id, group=row.video, truth=truth), Window(videos[row.video], start)))
    left_out = {
        "events without a readable video": missing,
        "unreadable videos": unreadable,
        f"events too near the end for {spec.seconds:g} s": outside,
        "malformed rows": malformed,
    }
    return make("epic-sounds", spec, cuts, left_out, where=base, expected=f"the videos named in {name}")


def read_annotations(path: Path) -> tuple[list[Annotation], list[str]]:
    """The rows of a published CSV, and what is wrong with those that cannot be read ("line 7: ...")."""
    rows: list[Annotation] = []
    malformed: list[str] = []
    with path.open(newline="", encoding="utf-8-sig") as stream:
        reader = csv.DictReader(stream)
        lacking = [column for column in _REQUIRED if column not in (reader.fieldnames or ())]
        if lacking:
            raise UserError(
                f"{path} has no column {', '.join(lacking)}; found {', '.join(reader.fieldnames or ('none',))}."
            )
        for row in reader:
            try:
                label = row.get("class") or row["description"]
                event = Event(seconds(row["start_timestamp"] or ""), seconds(row["stop_timestamp"] or ""), label)
                if event.end < event.start:
                    raise ValueError(f"stops at {event.end} s before it starts at {event.start} s")
                rows.append(Annotation(row["annotation_id"], row["video_id"], event))
            except (ValueError, TypeError) as error:
                malformed.append(f"line {reader.line_num}: {error}")
    return rows, malformed


def seconds(clock: str) -> float:
    """Seconds of HH:MM:SS.sss."""
    match = _CLOCK.fullmatch(clock.strip())
    if match is None:
        raise ValueError(f"{clock!r} is not a time of the form HH:MM:SS.sss")
    hours, minutes, rest = match.groups()
    return int(hours) * 3600 + int(minutes) * 60 + float(rest)


def window_start(event: Event, window: float, length: float) -> float | None:
    """Start of the window centred on `event`, moved to lie within [0, length]; None if the video is too short.

    An event that itself lies beyond the end of the video belongs to another file: None as well.
    """
    if window > length or event.start >= length:
        return None
    centred = (event.start + event.end) / 2 - window / 2
    # Down to the millisecond of the annotations, so that rounding cannot push the end past the video's.
    return math.floor(min(max(centred, 0.0), length - window) * 1000) / 1000
