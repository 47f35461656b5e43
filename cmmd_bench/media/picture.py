"""From a decoded frame to RGB pixels as a viewer sees them, at the size asked for.

Pixels are (H, W, 3) uint8 RGB, full range. Frames of unstated colour space are taken for BT.601, as FFmpeg does.
Transparency is ignored. Display rotations are exact quarter turns and mirrorings. A new size means: cut the largest
centred rectangle of the wanted proportions out of the picture as displayed (pixels need not be square), then scale it
with Pillow's bicubic filter, which widens with the reduction and therefore does not alias.
"""

from fractions import Fraction
from math import cos, radians, sin
from typing import Any

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter
from PIL import Image

from cmmd_bench.types import Video

Matrix = tuple[float, float, float, float]
"""a, b, c, d: stored (x, y) is displayed at (ax + cy, bx + dy), x to the right and y down, but for shift and scale."""

# The fast paths of swscale darken by a grey level and differ between processors; these flags do neither.
_EXACT = int(
    Interpolation.BILINEAR | Interpolation.FULL_CHR_H_INT | Interpolation.ACCURATE_RND | Interpolation.BITEXACT
)


def rgb(frame: VideoFrame, reformatter: VideoReformatter) -> Video:
    """The stored pixels of a frame; a reformatter reused for a stream saves its tables."""
    return np.asarray(reformatter.reformat(frame, format="rgb24", interpolation=_EXACT, threads=1).to_ndarray())


def display_matrix(frame: VideoFrame) -> Matrix | None:
    """The transform from pixels as stored to pixels as displayed; None for a frame without one."""
    try:
        sides: Any = frame.side_data
        data = next((bytes(side) for side in sides if side.type.name == "DISPLAYMATRIX"), None)
    except ValueError:
        # PyAV refuses frames with a kind of side data that it does not know; the angle it gives all the same.
        angle = radians(frame.rotation)
        return (cos(angle), -sin(angle), sin(angle), cos(angle)) if frame.rotation else None
    if data is None:
        return None
    a, b, _, c, d = np.frombuffer(data, np.int32)[:5].tolist()
    return a, b, c, d


def turned(pixels: Video, matrix: Matrix | None) -> Video:
    """The picture as displayed; an angle that is no quarter turn counts as the nearest one."""
    if matrix is None:
        return pixels
    a, b, c, d = matrix
    if is_turned_sideways(matrix):
        a, d = c, b
        pixels = pixels.transpose(1, 0, 2)
    return pixels[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1]


def is_turned_sideways(matrix: Matrix | None) -> bool:
    """Whether width and height change places."""
    if matrix is None:
        return False
    a, b, c, d = matrix
    return abs(b) + abs(c) > abs(a) + abs(d)


def fitted(pixels: Video, size: tuple[int, int] | None, *, pixel_aspect: Fraction = Fraction(1)) -> Video:
    """Cut and scaled to `size` = (height, width), unchanged for None. pixel_aspect: a pixel's width over its height."""
    if size is None:
        return pixels
    (H, W, _), (height, width) = pixels.shape, size
    if (height, width) == (H, W) and pixel_aspect == 1:
        return pixels
    box = _centred(H, W, size, pixel_aspect)
    image = Image.fromarray(np.ascontiguousarray(pixels))
    return np.asarray(image.resize((width, height), Image.Resampling.BICUBIC, box=box))


def _centred(H: int, W: int, size: tuple[int, int], pixel_aspect: Fraction) -> tuple[float, float, float, float]:
    wanted = Fraction(size[1], size[0]) / pixel_aspect
    width = min(Fraction(W), H * wanted)
    height = min(Fraction(H), W / wanted)
    left, top = (W - width) / 2, (H - height) / 2
    return float(left), float(top), float(left + width), float(top + height)
