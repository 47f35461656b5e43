"""A folder of numbered images as the picture of a clip, with a sound file in it or beside it.

Images are PNG, JPEG or WebP, of one size, with evenly spaced numbers at the end of their names: 7.png or frame-0007.jpg
(a gap is a lost frame, which would shift all that follows). Frame n is shown at n / rate; the folder does not know its
rate. The sound is the only WAV or FLAC in the folder, or the one beside it that bears its name.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from itertools import pairwise
from math import floor
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from cmmd_bench.errors import UserError
from cmmd_bench.media.opening import damaged
from cmmd_bench.media.picture import fitted
from cmmd_bench.media.suffixes import IMAGE_SUFFIXES, VIDEO_SUFFIXES
from cmmd_bench.media.video_stream import frames_on_screen, on_screen_slack, stacked
from cmmd_bench.media.window import Window, require_reach
from cmmd_bench.types import Video, exact_rate

_SOUND_SUFFIXES = (".wav", ".flac")
_EXIF_ORIENTATION = 0x0112
_SIDEWAYS = 5


def is_frame_folder(path: Path) -> bool:
    """Whether `path` is a folder with numbered images and no video, for walks through folders."""
    if not path.is_dir():
        return False
    visible = [child for child in path.iterdir() if child.name[0] != "."]
    # Stills beside videos of the same names are previews.
    return any(_is_numbered_image(child) for child in visible) and not any(
        child.suffix.lower() in VIDEO_SUFFIXES for child in visible
    )


def list_frames(folder: Path) -> list[Path]:
    """The images in the order of their numbers; UserError if there are none, or one is missing or double."""
    images = [child for child in folder.iterdir() if child.suffix.lower() in IMAGE_SUFFIXES and child.name[0] != "."]
    numbered = sorted((_number(image), image.name) for image in images if _is_numbered_image(image))
    if not numbered:
        raise UserError(f"{folder} is a folder without numbered images. Give a media file, or images such as 0001.png.")
    if len(numbered) < len(images):
        other = next(image for image in images if not _is_numbered_image(image))
        raise UserError(f"{folder}: {other.name} has no number, so its place is unknown. Number or remove it.")
    step = max(1, min((later - earlier for (earlier, _), (later, _) in pairwise(numbered)), default=1))
    for (earlier, name), (later, next_name) in pairwise(numbered):
        if later - earlier != step:
            raise UserError(
                f"{folder}: {next_name} follows {name}, expected number {earlier + step}; "
                "a frame is missing or double. Export the frames again."
            )
    return [folder / name for _, name in numbered]


def rate_of(folder: Path, frame_rate: Fraction | float | str | None) -> Fraction:
    """The frame rate given for a folder; UserError if it was not."""
    if frame_rate is None:
        raise UserError(f"{folder} is a folder of frames, which does not know their rate. Give frame_rate.")
    rate = exact_rate(frame_rate)
    if rate <= 0:
        raise ValueError(f"frame_rate must be above 0, found {frame_rate}")
    return rate


def sound_of(folder: Path) -> Path | None:
    """The folder's sound file, None without one; UserError if there are several."""
    inside = sorted(c for c in folder.iterdir() if c.suffix.lower() in _SOUND_SUFFIXES and c.name[0] != ".")
    beside = [folder.parent / (folder.name + suffix) for suffix in _SOUND_SUFFIXES]
    found = inside or [path for path in beside if path.is_file()]
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise UserError(f"{folder} has several sound files ({names}). Leave the one that belongs to the frames.")
    return found[0] if found else None


def frame_size(image: Path) -> tuple[int, int]:
    """(height, width) of an image as displayed, from its header."""
    with _opened(image) as opened:
        sideways = opened.getexif().get(_EXIF_ORIENTATION, 1) >= _SIDEWAYS
        return (opened.width, opened.height) if sideways else (opened.height, opened.width)


def read_frames(
    images: list[Path], window: Window, *, rate: Fraction, fps: Fraction, size: tuple[int, int] | None
) -> Video:
    """(F, H, W, 3) uint8 at `fps` from images shown at `rate` a second, as `video_stream.read_video` does it."""
    folder, slack = images[0].parent, on_screen_slack(rate, fps)

    def finish(time: Fraction, _: Path) -> Fraction:
        end = time + 1 / rate
        require_reach(folder, "video", window, end=end, declared=None, tolerance=1 / fps)
        return end

    begin = min(len(images) - 1, floor((window.start + slack) * rate))
    timed = ((number / rate, images[number]) for number in range(begin, len(images)))
    shown = frames_on_screen(timed, window, fps=fps, slack=slack, finish=finish)
    stored: list[tuple[int, ...]] = []

    def picture(image: Path) -> Video:
        pixels = _pixels(image)
        stored.append(pixels.shape)
        if pixels.shape != stored[0]:
            raise UserError(
                f"{image} is {_size(pixels.shape)}, {images[begin].name} is {_size(stored[0])} pixels. "
                "All frames of a clip must have one size."
            )
        return fitted(pixels, size)

    video = stacked(((picture(image), times) for image, times in shown), window, fps=fps)
    if video is None:
        raise ValueError("images must hold at least one")
    return video


def _pixels(image: Path) -> Video:
    with _opened(image) as opened:
        if opened.mode[0] in "IF":
            raise UserError(f"{image} has pixels of more than 8 bits ({opened.mode}). Convert it to 8 bits a channel.")
        return np.asarray(ImageOps.exif_transpose(opened).convert("RGB"))


@contextmanager
def _opened(image: Path) -> Iterator[Image.Image]:
    try:
        with Image.open(image) as opened:
            yield opened
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise damaged(image, f"cannot be read as an image ({error})") from None


def _is_numbered_image(path: Path) -> bool:
    return path.suffix.lower() in IMAGE_SUFFIXES and path.stem[-1].isdecimal()


def _number(path: Path) -> int:
    return int(re.findall(r"\d+", path.stem)[-1])


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[1]}x{shape[0]}"
