"""`folder`: any tree of clips; files (mp4, mkv, webm, avi, gif, wav, ...), or folders of numbered frames with a wav.

Each file is cut into windows of the suite's length, `hop` seconds apart (default: end to end); `windows = 1` takes only
the first. A subfolder named like the split ("test") is taken when there is one. A folder made by `data prepare` brings
what its dataset knew (groups, beat times, events) in `items.jsonl`.
"""

from fractions import Fraction
from pathlib import Path

from cmmd_bench.datasets.prepared import read_index
from cmmd_bench.datasets.windows import (
    Window,
    Windows,
    make,
    media_files,
    require_folder,
    starts,
    tree,
    truth_within,
    window_name,
)
from cmmd_bench.errors import UserError
from cmmd_bench.media import is_frame_folder, probe
from cmmd_bench.types import ClipSpec, Item, exact_rate


def folder(
    spec: ClipSpec,
    *,
    root: Path | None,
    split: str = "test",
    name: str = "folder",
    hop: float | None = None,
    windows: int | None = None,
    frame_rate: float | str | None = None,
) -> Windows:
    """Every window of every clip below `root`. `frame_rate` is that of frame folders, which do not know their own."""
    base = require_folder(root, name)
    base = base / split if (base / split).is_dir() else base
    known = read_index(base)
    rate = None if frame_rate is None else exact_rate(frame_rate)
    short: list[str] = []
    unreadable: list[str] = []
    cuts: list[tuple[Item, Window]] = []
    for path in clips_below(base):
        stem = path.relative_to(base).with_suffix("" if path.is_file() else path.suffix).as_posix()
        try:
            seconds = _seconds(path, rate)
        except UserError as error:
            unreadable.append(str(error))
            continue
        begins = starts(seconds, spec.seconds, spec.seconds if hop is None else hop)[:windows]
        if not begins:
            short.append(f"{path} ({seconds:.2f} s)")
        for start in begins:
            identifier = window_name(stem, start, only=len(begins) == 1)
            item = Item(identifier, group=window_name(stem, 0.0, only=True))
            if stem in known:
                truth = truth_within(known[stem].truth, start, spec.seconds)
                item = Item(identifier, group=known[stem].group, truth=truth)
            cuts.append((item, Window(path, start, rate if path.is_dir() else None)))
    left_out = {f"shorter than {spec.seconds:g} s": short, "unreadable": unreadable}
    return make(name, spec, cuts, left_out, where=base, expected="video or audio files, or folders of frames")


def clips_below(root: Path) -> list[Path]:
    """Media files and folders of frames below `root`, sorted; the sound that goes with frames is no clip of its own."""
    frames = {path for path in tree(root) if path.is_dir() and is_frame_folder(path)}
    files = (
        path
        for path in media_files(root)
        if not (path.suffix.lower() in {".wav", ".flac"} and frames & {path.parent, path.with_suffix("")})
    )
    return sorted([*files, *frames])


def _seconds(path: Path, rate: Fraction | None) -> float:
    return probe(path, frame_rate=rate).seconds
