"""The picture of a window: which source frame is on screen at each target frame, decoded, turned and fitted.

Target frame k is shown at start + k / fps. It is the source frame on screen at that time plus half of the shorter of
the two frame periods. For a source with more frames than the target this is the frame nearest in time, so that the
picture is not shifted against the sound; for one with fewer, or with varying periods, each source frame begins on the
target frame nearest to its own time. Either way timestamps may be off by anything below half a period, as those are
that were rounded to milliseconds (Matroska) or hundredths (GIF). Before the first source frame the first is held.
"""

from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from itertools import chain, repeat
from math import ceil
from pathlib import Path
from typing import TypeVar

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter

from cmmd_bench.errors import UserError
from cmmd_bench.media.decoding import video_frames
from cmmd_bench.media.header import Header, time_base
from cmmd_bench.media.opening import damaged
from cmmd_bench.media.picture import display_matrix, fitted, is_turned_sideways, rgb, turned
from cmmd_bench.media.window import Window, require_reach
from cmmd_bench.types import Video

_T = TypeVar("_T")
_FILLER = Fraction(1, 10)


def read_video(path: Path, header: Header, window: Window, *, fps: Fraction, size: tuple[int, int] | None) -> Video:
    """(F, H, W, 3) uint8 at `fps`, cut and scaled to `size` = (height, width) unless it is None.

    Raises UserError if the picture ends more than one target frame before the window, or is damaged within it.
    """
    video = header.video
    if video is None:
        raise ValueError("header must be of a file with video")

    def finish(time: Fraction, frame: VideoFrame) -> Fraction:
        lasts, period = frame.duration * time_base(frame), 1 / video.fps
        # Muxers that do not know how long the last frame lasts write a tick.
        end = time + (period if video.counted or lasts <= period * _FILLER else lasts)
        require_reach(path, "video", window, end=end, declared=video.end, tolerance=1 / fps)
        return end

    slack = on_screen_slack(video.fps, fps)
    frames = video_frames(path, header, wanted=window.start + slack)
    reformatter = VideoReformatter()
    stored = ""

    def picture(frame: VideoFrame) -> Video:
        nonlocal stored
        found = f"{frame.width}x{frame.height}"
        stored = stored or found
        if size is None and found != stored:
            raise UserError(f"{path}: the picture changes from {stored} to {found} pixels. Ask for one size.")
        try:
            pixels = rgb(frame, reformatter)
        except (av.FFmpegError, ValueError) as error:
            raise UserError(
                f"{path}: its pixels ({frame.format.name}) cannot be turned into RGB ({error}). Convert it to H.264."
            ) from None
        matrix = display_matrix(frame)
        aspect = 1 / video.pixel_aspect if is_turned_sideways(matrix) else video.pixel_aspect
        return fitted(turned(pixels, matrix), size, pixel_aspect=aspect)

    shown = frames_on_screen(frames, window, fps=fps, slack=slack, finish=finish)
    pictures = stacked(((picture(frame), times) for frame, times in shown), window, fps=fps)
    if pictures is None:
        raise damaged(path, "declares a picture but holds no frame")
    return pictures


def on_screen_slack(source: Fraction, target: Fraction) -> Fraction:
    """How far ahead of a target frame's time a source frame may begin and still be the one shown, seconds."""
    return 1 / max(source, target) / 2


def frames_on_screen(
    timed: Iterable[tuple[Fraction, _T]],
    window: Window,
    *,
    fps: Fraction,
    slack: Fraction,
    finish: Callable[[Fraction, _T], Fraction],
) -> Iterator[tuple[_T, int]]:
    """(source frame, for how many target frames it is shown), in order, from source frames with rising times.

    finish: given the last source frame and its time, says when the source ends, or refuses; called only if the source
    ends before the window is full
    """
    full = None if window.seconds is None else window.count(fps, end=window.start)
    done = 0
    last: tuple[Fraction, _T] | None = None
    for time, frame in timed:
        if last is not None:
            before = ceil((time - slack - window.start) * fps)
            until = before if full is None else min(before, full)
            if until > done:
                yield last[1], until - done
                done = until
            if done == full:
                return
        last = time, frame
    if last is not None:
        total = window.count(fps, end=finish(*last))
        if total > done:
            yield last[1], total - done


def stacked(pictures: Iterable[tuple[Video, int]], window: Window, *, fps: Fraction) -> Video | None:
    """One array from pictures of equal size and how often each is repeated; None from none."""
    iterator = iter(pictures)
    first = next(iterator, None)
    if first is None:
        return None
    frames = chain.from_iterable(repeat(pixels, times) for pixels, times in chain([first], iterator))
    # A known count lets the array be made once instead of growing by copies.
    count = -1 if window.seconds is None else window.count(fps, end=window.start)
    return np.fromiter(frames, np.dtype((np.uint8, first[0].shape)), count)
