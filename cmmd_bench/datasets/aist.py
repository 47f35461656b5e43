"""`aist`: AIST++ dance videos under their own names, with the official cross-modal splits.

Expected below `root`, at any depth: the videos `gBR_sBM_c01_d04_mBR0_ch01.mp4`, the lists
`crossmodal_train.txt`, `crossmodal_val.txt`, `crossmodal_test.txt` and, if at hand, `ignore_list.txt`.
Lists name sequences for all cameras (`..._cAll_...`) or for one. Parts of a name: genre, situation, camera, dancer,
music, choreography. The videos are under the AIST Dance Video Database's terms: each user fetches them.

Cameras film the same take with the same sound: their windows are not independent, so one camera is the default.
The group is the music: two dances to one song may match each other's sound.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from cmmd_bench.datasets.windows import (
    Window,
    Windows,
    length_of,
    make,
    require_folder,
    starts,
    videos_by_stem,
    window_name,
)
from cmmd_bench.errors import UserError
from cmmd_bench.types import ClipSpec, Item

CAMERAS = tuple(f"c{number:02d}" for number in range(1, 10))

_NAME = re.compile(
    r"g(?P<genre>[A-Z]{2})_s(?P<situation>[A-Z]{2})_(?P<camera>c\d{2}|cAll)_d(?P<dancer>\d{2})"
    r"_m(?P<music>[A-Z]{2}\d)_ch(?P<choreography>\d{2})"
)


@dataclass(frozen=True, slots=True)
class AistName:
    """The parts of an AIST++ name, without their letters: genre BR, camera c01 or cAll, dancer 04, music BR0."""

    genre: str
    situation: str
    camera: str
    dancer: str
    music: str
    choreography: str

    def __str__(self) -> str:
        return self.at(self.camera)

    def at(self, camera: str) -> str:
        """The name of the same take from another camera, or for all (`cAll`)."""
        return f"g{self.genre}_s{self.situation}_{camera}_d{self.dancer}_m{self.music}_ch{self.choreography}"


def parse_name(text: str) -> AistName:
    """Read a name, whatever folder, suffix or segment number stands around it."""
    match = _NAME.search(text)
    if match is None:
        raise UserError(f"{text!r} is not an AIST++ name; expected one like gBR_sBM_c01_d04_mBR0_ch01.")
    return AistName(**match.groupdict())


def aist(
    spec: ClipSpec,
    *,
    root: Path | None,
    split: str = "test",
    cameras: list[str] | tuple[str, ...] | str = ("c01",),
    hop: float | None = None,
) -> Windows:
    """Windows of the videos of one official split, `hop` seconds apart (default: end to end).

    `cameras`: names such as c01, or "all".
    """
    base = require_folder(root, "aist")
    views = CAMERAS if cameras == "all" else tuple(cameras)
    videos = videos_by_stem(base)
    ignored = {parse_name(line).at("cAll") for line in _lines(_find(base, "ignore_list.txt"))}
    missing: list[str] = []
    skipped: list[str] = []
    short: list[str] = []
    unreadable: list[str] = []
    cuts: list[tuple[Item, Window]] = []
    for name in [parse_name(line) for line in _lines(_split_file(base, split))]:
        if name.at("cAll") in ignored:
            skipped.append(str(name))
            continue
        for camera in views if name.camera == "cAll" else (name.camera,):
            path = videos.get(name.at(camera))
            if path is None:
                missing.append(name.at(camera))
                continue
            length = length_of(path)
            if isinstance(length, str):
                unreadable.append(length)
                continue
            begins = starts(length, spec.seconds, spec.seconds if hop is None else hop)
            if not begins:
                short.append(path.name)
            for start in begins:
                identifier = window_name(path.stem, start, only=False)
                cuts.append((Item(identifier, group=f"m{name.music}"), Window(path, start)))
    left_out = {
        "named in the split but not found": missing,
        "on the ignore list": skipped,
        f"shorter than {spec.seconds:g} s": short,
        "unreadable": unreadable,
    }
    return make("aist", spec, cuts, left_out, where=base, expected=f"videos of crossmodal_{split}.txt")


def _split_file(base: Path, split: str) -> Path:
    path = _find(base, f"crossmodal_{split}.txt")
    if path is None:
        raise UserError(
            f"aist: found no crossmodal_{split}.txt below {base}. The lists come with the AIST++ annotations "
            "(folder splits); put them beside the videos. Splits: train, val, test."
        )
    return path


def _find(base: Path, name: str) -> Path | None:
    return min(base.rglob(name), default=None)


def _lines(path: Path | None) -> list[str]:
    if path is None:
        return []
    return [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
