"""Folders of clips: which files they hold, what their headers say, and which were left out and why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from cmmd_bench.datasets.folder import clips_below
from cmmd_bench.errors import UserError
from cmmd_bench.media import MediaInfo, probe
from cmmd_bench.progress import Progress
from cmmd_bench.scoring.pairing import unique_names


@dataclass(frozen=True, slots=True)
class ClipFolder:
    """Readable clips by their path below the folder without suffix, their headers, and (file, reason) of the others."""

    clips: Mapping[str, Path]
    infos: Mapping[str, MediaInfo]
    left_out: Sequence[tuple[str, str]]


NO_CLIPS = ClipFolder({}, {}, ())


def read_folder(root: Path, fps: Fraction | None, progress: Progress) -> ClipFolder:
    """What `root` holds; fps: the rate of folders of frames. UserError if no clip in it can be read."""
    if not root.is_dir():
        raise UserError(f"{root} is not a folder. Give a folder of clips.")
    found: dict[str, list[Path]] = {}
    for path in clips_below(root):
        below = path.relative_to(root)
        found.setdefault((below if path.is_dir() else below.with_suffix("")).as_posix(), []).append(path)
    clips, left_out = unique_names(found, root)
    infos: dict[str, MediaInfo] = {}
    with progress(f"read {root.name}", len(clips)) as advance:
        for name, path in clips.items():
            try:
                infos[name] = probe(path, frame_rate=fps)
            except UserError as error:
                left_out.append((path.relative_to(root).as_posix(), str(error)))
            advance()
    if not infos:
        reasons = "".join(f" {what}: {reason}" for what, reason in left_out[:3])
        raise UserError(f"{root} has no clip that can be read.{reasons}")
    return ClipFolder({name: clips[name] for name in infos}, infos, left_out)
