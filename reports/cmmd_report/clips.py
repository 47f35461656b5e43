"""What the page plays: for each condition the real clip and every row's answer, small, with a picture of the sound.

Copies for people only: MP4 for players, WebP for a first frame and for spectrograms. Nothing is ever measured on them.
"""

import base64
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cmmd_bench.atomic import write_bytes
from cmmd_bench.errors import UserError
from cmmd_bench.media.preview import preview_bytes
from cmmd_bench.media.probe import probe
from cmmd_bench.media.read import read_clip
from cmmd_bench.plugins import RESERVED
from cmmd_bench.progress import Progress, silent
from cmmd_bench.types import Audio, Task
from cmmd_report.pictures import spectrogram
from cmmd_report.types import Run, Sample

LONGEST_SIDE = 256
"""Pixels; larger pictures are made smaller, smaller ones are left as they are."""


@dataclass(frozen=True, slots=True)
class Player:
    """One clip of a row of players. media, poster, spectrogram: addresses, None where the clip lacks that side; why:
    the reason where the clip itself cannot be played, else None."""

    model: str
    media: str | None = None
    poster: str | None = None
    spectrogram: str | None = None
    has_picture: bool = False
    values: Sequence[tuple[str, str]] = ()
    why: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """All answers to one condition, the real clip first."""

    task: Task
    condition: str
    index: int
    players: Sequence[Player]


def chosen(run: Run, task: Task, count: int, wanted: Sequence[str] = ()) -> list[tuple[str, int]]:
    """Conditions and answers that are shown: those in `wanted` first, then evenly over the run; none without files."""
    playable = [sample for sample in run.samples if sample.file is not None]
    of_task = {sample.condition: 0 for sample in playable if sample.task == task and sample.index == 0}
    names = sorted(of_task)
    first = [name for name in dict.fromkeys(wanted) if name in of_task]
    rest = [name for name in names if name not in first]
    left = max(0, min(count, len(names)) - len(first))
    places = [round(place) for place in np.linspace(0, len(rest) - 1, left)]
    return [(name, 0) for name in [*first, *(rest[place] for place in places)][:count]]


def players(
    run: Run, rows: Sequence[tuple[Task, str, int]], assets: Path | None, progress: Progress = silent
) -> list[Row]:
    """Players of (task, condition, index). assets: folder for the files beside the page; None puts them into it."""
    with progress("clips", len(rows)) as advance, ThreadPoolExecutor(2) as pool:
        made = []
        for row in pool.map(partial(_row, run, assets), rows):
            made.append(row)
            advance()
    return made


def _row(run: Run, assets: Path | None, place: tuple[Task, str, int]) -> Row:
    task, condition, index = place
    answers = {
        sample.model: sample
        for sample in run.samples
        if sample.task == task and sample.condition == condition and sample.index == index
    }
    models = [m for m in dict.fromkeys(s.model for s in run.samples) if m not in RESERVED]
    shown = [m for m in ("ground-truth", *models, "shuffled", "noise") if m in answers]
    return Row(task, condition, index, [_player(run, answers[model], assets) for model in shown])


def _player(run: Run, sample: Sample, assets: Path | None) -> Player:
    values = _values(run, sample)
    if sample.file is None:
        return Player(sample.model, values=values, why="the folder does not hold its clips")
    try:
        clip = read_clip(sample.file, size=_size(sample.file))
    except UserError as error:
        return Player(sample.model, values=values, why=str(error))
    return Player(
        model=sample.model,
        media=_address(assets, ".mp4", preview_bytes(clip), "video/mp4"),
        poster=None if clip.video is None else _address(assets, ".webp", _webp(clip.video[0], 80), "image/webp"),
        spectrogram=None
        if clip.audio is None
        else _address(assets, ".webp", _spectrogram(clip.audio, clip.sample_rate), "image/webp"),
        has_picture=clip.video is not None,
        values=values,
    )


def _size(path: Path) -> tuple[int, int] | None:
    found = probe(path)
    height, width = found.height, found.width
    if not height or not width or max(height, width) <= LONGEST_SIDE:
        return None
    scale = LONGEST_SIDE / max(height, width)
    return max(2, 2 * round(height * scale / 2)), max(2, 2 * round(width * scale / 2))


def _values(run: Run, sample: Sample) -> list[tuple[str, str]]:
    return [
        (value.metric, f"{value.value:.3g}")
        for value in run.scores.per_clip
        if value.model == sample.model and value.id == sample.id and value.value is not None
    ]


def _webp(pixels: NDArray[np.uint8], quality: int) -> bytes:
    out = BytesIO()
    Image.fromarray(pixels).save(out, "WEBP", quality=quality, method=4)
    return out.getvalue()


def _spectrogram(audio: Audio, sample_rate: int) -> bytes:
    from matplotlib import colormaps

    colours = colormaps["cividis"](spectrogram(audio, sample_rate)[::-1], bytes=True)[..., :3]
    return _webp(np.ascontiguousarray(colours), 85)


def _address(assets: Path | None, suffix: str, content: bytes, kind: str) -> str:
    if assets is None:
        return f"data:{kind};base64,{base64.b64encode(content).decode()}"
    # Named by content: models and clips may be called anything, and the given side of many rows is one file.
    path = assets / f"{sha256(content).hexdigest()[:20]}{suffix}"
    if not path.exists():
        write_bytes(path, content)
    return f"{assets.name}/{path.name}"
