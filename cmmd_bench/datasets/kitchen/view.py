"""The camera: where a point of the kitchen lands in the picture, and how light falls on it.

World: x to the right, y away from the viewer, z up, in units of half a metre; the worktop is z = 0.
Camera: parallel projection from above and in front. One unit spans the shorter side of the picture.
Pixels: x to the right, y down, pixel centres at half-integers. Depth grows towards the viewer, in pixels.
Colours are linear light (display value squared), float32.
Several frames are painted at once: B is their number, and every array of world points starts with B or 1.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float32]
Box = tuple[slice, slice]


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """B canvases and the camera that fills them.

    canvas: (3, B, H, W) linear colour; scale: pixels a unit; centre: (B, 2) pixels of the world's origin
    tall, rise: height on the screen of a unit of y and of z (sine and cosine of the camera's elevation)
    light: unit vector towards the lamp, world axes; lamp, sky: (3,) colours of direct and of scattered light
    """

    canvas: Array
    scale: float
    centre: Array
    tall: float
    rise: float
    light: tuple[float, float, float]
    lamp: Array
    sky: Array

    def project(self, points: ArrayLike) -> tuple[Array, Array]:
        """Pixels (B, ..., 2) and depths (B or 1, ...) of world points (B or 1, ..., 3)."""
        p = np.asarray(points, np.float32)
        y, z = p[..., 1], p[..., 2]
        flat = np.empty((*p.shape[:-1], 2), np.float32)
        np.multiply(p[..., 0], self.scale, out=flat[..., 0])
        flat[..., 1] = y * (-self.scale * self.tall) + z * (-self.scale * self.rise)
        middle = self.centre.reshape(-1, *(1,) * (p.ndim - 2), 2)
        return flat + middle, z * (self.scale * self.tall) - y * (self.scale * self.rise)

    def box(self, low: Array, high: Array) -> Box | None:
        """Rows and columns of the canvas between two pixel corners (2,), None when they miss the canvas."""
        height, width = self.canvas.shape[2:]
        (x0, y0), (x1, y1) = low.tolist(), high.tolist()
        top, bottom = max(int(y0) - 1, 0), min(int(y1) + 2, height)
        left, right = max(int(x0) - 1, 0), min(int(x1) + 2, width)
        if top >= bottom or left >= right:
            return None
        return slice(top, bottom), slice(left, right)

    def grid(self, box: Box) -> tuple[Array, Array]:
        """Pixel centres of a box: x of shape (1, w) and y of shape (h, 1)."""
        rows, columns = box
        x = np.arange(columns.start, columns.stop, dtype=np.float32) + np.float32(0.5)
        y = np.arange(rows.start, rows.stop, dtype=np.float32) + np.float32(0.5)
        return x[None, :], y[:, None]

    def toward_light(self) -> tuple[float, float, float]:
        """The unit vector to the lamp on screen axes: right, up, towards the viewer."""
        x, y, z = self.light
        return x, y * self.tall + z * self.rise, z * self.tall - y * self.rise

    def face(self, paint: ArrayLike, normal: tuple[float, float, float] = (0.0, 0.0, 1.0)) -> Array:
        """Colours (3,) or (3, ...) of a flat surface with a world `normal`."""
        x, y, z = normal
        up = y * self.tall + z * self.rise
        facing = max(x * self.light[0] + y * self.light[1] + z * self.light[2], 0.0)
        light = facing * self.lamp + (0.7 + 0.3 * up + 0.25 * (z * self.tall - y * self.rise)) * self.sky
        albedo = np.asarray(paint, np.float32)
        lit: Array = albedo * light.reshape(3, *(1,) * (albedo.ndim - 1))
        return lit


def colour(red: float, green: float, blue: float) -> Array:
    """Linear colour of display values 0..1."""
    return np.square(np.array([red, green, blue], np.float32))


def at(x: ArrayLike, y: ArrayLike, z: ArrayLike = 0.0) -> Array:
    """World points (B, 3) from coordinates that are numbers or (B,)."""
    points = np.stack(np.broadcast_arrays(*(np.asarray(k, np.float32).reshape(-1) for k in (x, y, z))), -1)
    return points.astype(np.float32)


def tint(paint: Any) -> Any:
    """One colour (3,) made ready to fill patches (3, B, h, w); patches stay as they are."""
    return paint[:, None, None, None] if paint.ndim == 1 else paint


def blend(view: View, box: Box, cover: Any, paint: Any) -> None:
    """Lay `paint` (3, B, h, w) or (3,) over a box of the canvases, `cover` (B, h, w) of it in 0..1."""
    patch = view.canvas[:, :, *box]
    patch += cover * (tint(paint) - patch)


def darken(view: View, box: Box, cover: Any, strength: float) -> None:
    """Take `strength` (0..1) of the direct light from where `cover` (B, h, w) is 1; shadows keep the sky's tint."""
    # Shadows lose warm lamp light first, so they turn slightly blue.
    view.canvas[:, :, *box] *= 1.0 - np.float32(strength) * _SHADOW * cover


_SHADOW = np.array([1.0, 0.98, 0.88], np.float32)[:, None, None, None]
