"""The files of a section made alike: one canvas, frame rate, length, loudness and container, whatever they came from.

Pictures are scaled to fit the canvas by Pillow's bicubic filter and centred on black. Frames are repeated, never
blended. What is longer than the shortest is cut at its end. Sound is at 48 kHz in one channel. Nothing of a source but
pictures and sound is carried over. In the end files are padded to one size.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import floor
from pathlib import Path

import numpy as np

from cmmd_bench.errors import UserError
from cmmd_bench.media import probe, read_clip, write_preview
from cmmd_bench.media.header import read_header
from cmmd_bench.types import Clip, Modality, Video
from cmmd_study.creation.loudness import amplified, gain_to, loudness

INTERPOLATION = "bicubic"
SAMPLE_RATE = 48_000
_LEAST_HEIGHT, _MOST_HEIGHT = 480, 720
_SMALL = (16, 16)
_BOX = 8
# Where there is no picture, lengths are whole hundredths of a second.
_WITHOUT_PICTURE = Fraction(100)


@dataclass(frozen=True, slots=True)
class Seen:
    """A source as it is, with what raters shall not see left out.

    width, height: pixels as stored, turned upright; aspect: width over height as displayed; 0 without a picture
    seconds: of the shorter side. loudness: LUFS, None if silent. sample_rate: 0 without sound
    """

    path: Path
    width: int
    height: int
    aspect: Fraction
    fps: Fraction
    sample_rate: int
    seconds: Fraction
    loudness: float | None


@dataclass(frozen=True, slots=True)
class Common:
    """What all files of a section share. loudness: LUFS, None to leave it. width, height: of the canvas, even."""

    sides: frozenset[Modality]
    width: int
    height: int
    fps: Fraction
    seconds: Fraction
    loudness: float | None


@dataclass(frozen=True, slots=True)
class Written:
    """What was done to one file. drawn: pixels that its picture takes on the canvas; gain: dB."""

    drawn: tuple[int, int]
    gain: float


def look_at(path: Path, sides: frozenset[Modality]) -> Seen:
    """Measure a source; UserError that names it if it lacks one of `sides`, or cannot be decoded to its end."""
    info, header = probe(path), read_header(path)
    # Every frame is decoded and counted, but only a few pixels of each are kept.
    clip = read_clip(path, size=_SMALL, video="video" in sides, audio="audio" in sides, need=sides)
    lengths, aspect = [], Fraction(0)
    if clip.video is not None and header.video is not None and info.width and info.height:
        lengths.append(len(clip.video) / clip.fps)
        sideways = info.width != header.video.width
        pixel = 1 / header.video.pixel_aspect if sideways else header.video.pixel_aspect
        aspect = Fraction(info.width, info.height) * pixel
    if clip.audio is not None:
        lengths.append(Fraction(len(clip.audio), clip.sample_rate))
    level = None if clip.audio is None else loudness(clip.audio, clip.sample_rate)
    width, height = (info.width or 0, info.height or 0) if aspect else (0, 0)
    return Seen(path, width, height, aspect, clip.fps, clip.sample_rate, min(lengths), level)


def common(sources: Sequence[Seen], sides: frozenset[Modality], *, height: int | None, target: float | None) -> Common:
    """What suits all `sources` of a section, at least one.

    height: rows of the canvas; None for 480, or those of the largest source up to 720. target: LUFS, None to leave it
    """
    if "video" in sides:
        rows = height or min(max(_LEAST_HEIGHT, *(source.height for source in sources)), _MOST_HEIGHT)
        rows += rows % 2
        counts = Counter(source.aspect for source in sources)
        aspect = max(counts, key=lambda each: (counts[each], each))
        columns, fps = 2 * max(1, round(rows * aspect / 2)), max(source.fps for source in sources)
    else:
        rows, columns, fps = 0, 0, Fraction(0)
    shortest = min(sources, key=lambda source: source.seconds)
    rate = fps or _WITHOUT_PICTURE
    seconds = floor(shortest.seconds * rate) / rate
    if not seconds > 0:
        raise UserError(f"{shortest.path} is shorter than one frame at {rate} fps. Leave it out.")
    return Common(sides, columns, rows, fps, seconds, target if "audio" in sides else None)


def transcode(source: Seen, target: Path, shared: Common) -> Written:
    """Write `source` to `target`, an .mp4 file, as `shared` says."""
    drawn = (0, 0)
    if "video" in shared.sides:
        scale = min(Fraction(shared.height), shared.width / source.aspect)
        drawn = _within(scale * source.aspect, shared.width), _within(scale, shared.height)
    clip = read_clip(
        source.path,
        seconds=shared.seconds,
        fps=shared.fps or None,
        size=drawn[::-1] if all(drawn) else None,
        sample_rate=SAMPLE_RATE if "audio" in shared.sides else None,
        video="video" in shared.sides,
        audio="audio" in shared.sides,
        need=shared.sides,
    )
    gain, audio = 0.0, clip.audio
    if audio is not None and shared.loudness is not None:
        gain = gain_to(shared.loudness, audio, clip.sample_rate)
        audio = amplified(audio, gain)
    picture = None if clip.video is None else _centred(clip.video, shared.width, shared.height)
    write_preview(target, Clip(picture, clip.fps, audio, clip.sample_rate))
    return Written(drawn, gain)


def pad(paths: Sequence[Path], largest: int) -> None:
    """Bring .mp4 files up to one size: that of a file of `largest` bytes, and a little more; larger ones are left.

    How well a picture can be compressed differs between models, often enough to tell them by file size alone.
    """
    for path in paths:
        missing = largest + _BOX - path.stat().st_size
        if missing >= _BOX:
            with path.open("ab") as stream:
                # An empty box, which players pass over.
                stream.write(missing.to_bytes(4, "big") + b"free" + bytes(missing - _BOX))


def _within(length: Fraction, most: int) -> int:
    return min(max(1, round(length)), most)


def _centred(video: Video, width: int, height: int) -> Video:
    F, H, W, _ = video.shape
    if (height, width) == (H, W):
        return video
    canvas = np.zeros((F, height, width, 3), np.uint8)
    top, left = (height - H) // 2, (width - W) // 2
    canvas[:, top : top + H, left : left + W] = video
    return canvas
