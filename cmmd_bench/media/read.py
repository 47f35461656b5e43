"""Read a window of any media file, or of a folder of frames, as a `Clip`.

Time 0 is the moment at which the first of the file's streams is presented. Every frame and sample lies where its
timestamp puts it: a picture that starts late holds its first frame until then, a sound that starts late is silent.
How the picture is sampled: `video_stream`; how sound is placed and mixed: `sound_stream`, `sound`; scaled: `picture`.
Only what the window needs is decoded and kept.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from math import inf
from os import PathLike
from pathlib import Path
from typing import get_args

import numpy as np

from cmmd_bench.errors import UserError
from cmmd_bench.media.audio import read_audio
from cmmd_bench.media.frame_folder import list_frames, rate_of, read_frames, sound_of
from cmmd_bench.media.header import read_header
from cmmd_bench.media.video_stream import read_video
from cmmd_bench.media.window import Window, exact_seconds
from cmmd_bench.types import Audio, Clip, Modality, Video, exact_rate

_SOUND_TOLERANCE = Fraction(1, 10)


def read_clip(
    path: str | PathLike[str],
    *,
    start: float | Fraction = 0.0,
    seconds: float | Fraction | None = None,
    fps: Fraction | float | str | None = None,
    size: tuple[int, int] | None = None,
    sample_rate: int | None = None,
    video: bool = True,
    audio: bool = True,
    need: Collection[Modality] = (),
    frame_rate: Fraction | float | str | None = None,
) -> Clip:
    """The window of `seconds` from `start`: exactly round(seconds * fps) frames, round(seconds * sample_rate) samples.

    path: a media file, recognised by its content, or a folder of numbered images (see `frame_folder`)
    seconds: None means to the end, each side to its own
    fps, sample_rate: None means the file's own; of a varying frame rate that is the mean
    size: (height, width) in pixels, cut from the centre and scaled; None means as stored
    video, audio: read this side if there is one
    need: sides without which the file is refused
    frame_rate: images a second of a folder, which does not know it; a file knows its own

    Raises UserError, which names the file, if it is missing, no media, damaged within the window, lacks a needed side,
    or ends more than a frame (sound alone: 0.1 s) before the window does; within that the last frame is held and
    silence appended. Raises ValueError for arguments out of range.
    """
    path = Path(path)
    _check(start, seconds, size, sample_rate, need)
    window = Window(exact_seconds(start), seconds)
    sides = _of_folder(path, frame_rate) if path.is_dir() else _of_file(path)
    picture = sides.picture if video else None
    sound = sides.sound if audio else None
    _require(path, picture=picture is not None, sound=sound is not None, video=video, audio=audio, need=need)

    pictures, rate, tolerance = None, Fraction(0), _SOUND_TOLERANCE
    if picture is not None:
        rate = sides.fps if fps is None else exact_rate(fps)
        _require_one(window, rate, "fps")
        pictures, tolerance = picture(window, fps=rate, size=size), min(1 / rate, _SOUND_TOLERANCE)
    samples, samples_per_second = None, int(sample_rate or sides.sample_rate)
    if sound is not None:
        _require_one(window, samples_per_second, "sample_rate")
        samples = sound(window, sample_rate=samples_per_second, tolerance=tolerance)
    return Clip(pictures, rate, samples, samples_per_second)


@dataclass(frozen=True, slots=True)
class _Sides:
    """How to read the picture and the sound of a path, None where there is none, and the rates that are their own."""

    picture: Callable[..., Video] | None
    sound: Callable[..., Audio] | None
    fps: Fraction
    sample_rate: int


def _of_file(path: Path) -> _Sides:
    header = read_header(path)
    return _Sides(
        picture=None if header.video is None else partial(read_video, path, header),
        sound=None if header.audio is None else partial(read_audio, path, header),
        fps=Fraction(0) if header.video is None else header.video.fps,
        sample_rate=0 if header.audio is None else header.audio.sample_rate,
    )


def _of_folder(path: Path, frame_rate: Fraction | float | str | None) -> _Sides:
    images, sound, rate = list_frames(path), sound_of(path), rate_of(path, frame_rate)
    beside = _Sides(None, None, Fraction(0), 0) if sound is None else _of_file(sound)
    return replace(beside, picture=partial(read_frames, images, rate=rate), fps=rate)


def _require(path: Path, *, picture: bool, sound: bool, video: bool, audio: bool, need: Collection[Modality]) -> None:
    missing = [name for name, there in (("video", picture), ("audio", sound)) if name in need and not there]
    if missing:
        raise UserError(f"{path} has no {missing[0]} stream, which is needed here. Choose files that have one.")
    if not picture and not sound:
        wanted = "neither a video nor an audio" if video and audio else f"no {'video' if video else 'audio'}"
        raise UserError(f"{path} has {wanted} stream. Choose files that have one.")


def _require_one(window: Window, rate: Fraction | int, name: str) -> None:
    if not rate > 0:
        raise ValueError(f"{name} must be above 0, found {rate}")
    if window.seconds is not None and window.count(rate, end=window.start) < 1:
        raise ValueError(f"{name} times seconds must be 1 or more, found {rate} times {window.seconds}")


def _check(
    start: float | Fraction,
    seconds: float | Fraction | None,
    size: tuple[int, int] | None,
    sample_rate: int | None,
    need: Collection[Modality],
) -> None:
    if not 0 <= start < inf:
        raise ValueError(f"start must be 0 s or later, found {start}")
    if seconds is not None and not 0 < seconds < inf:
        raise ValueError(f"seconds must be above 0, found {seconds}")
    if size is not None and (
        len(size) != 2 or any(not isinstance(side, int | np.integer) or side < 1 for side in size)
    ):
        raise ValueError(f"size must be (height, width) in whole pixels above 0, found {size}")
    if sample_rate is not None and (not isinstance(sample_rate, int | np.integer) or sample_rate < 1):
        raise ValueError(f"sample_rate must be a whole number of Hz above 0, found {sample_rate}")
    unknown = [side for side in need if side not in get_args(Modality)]
    if unknown or isinstance(need, str):
        raise ValueError(f"need must hold 'video' and 'audio' at most, found {need!r}")
