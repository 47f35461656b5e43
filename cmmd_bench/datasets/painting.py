"""Anti-aliased drawing on float images, for datasets that paint their clips.

Conventions
    image      (H, W, 3) float32 RGB, 0 = black, 1 = full; changed in place. Values above 1 are cut by `to_bytes`.
    position   (x, y) in pixels, x to the right, y down; the centre of the first pixel is (0.5, 0.5).
               Any position is fine: what lies outside the image is not drawn.
    colour     (r, g, b), same scale as the image
    angle      radians, clockwise as seen on the screen
    opacity    0..1
    softness   width in pixels of the edge's fade; 1 = a crisp anti-aliased edge, the size of the shape = a soft shadow
    light      None paints flat; a `Light` shades the shape as if it bulged towards the viewer

Each shape is a signed distance (below 0 inside) evaluated in the shape's own bounding box only, so that the cost
follows the painted area. Draw from back to front. Distances in closed form after the usual geometry: foot of the
perpendicular for segments, first-order estimate |f| / |grad f| for the ellipse.
"""

import colorsys
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]
Plane = NDArray[np.floating[Any]]
Colour = tuple[float, float, float]
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Light:
    """One lamp and the light that comes from everywhere.

    direction: towards the lamp, (right, down, to the viewer); any length
    colour, ambient: how much of a surface's own colour is returned where the lamp shines fully, and in shadow
    rim: RGB added along the silhouette on the side away from the lamp
    """

    direction: tuple[float, float, float] = (-0.4, -0.6, 0.7)
    colour: Colour = (0.65, 0.65, 0.65)
    ambient: Colour = (0.45, 0.45, 0.45)
    rim: Colour = (0.0, 0.0, 0.0)


def hsv(hue: float, saturation: float, value: float) -> Colour:
    """RGB of a hue in turns (any real number), saturation and value in 0..1."""
    return colorsys.hsv_to_rgb(hue % 1.0, saturation, value)


def mix(a: Colour, b: Colour, share: float) -> Colour:
    """`a` where share is 0, `b` where it is 1."""
    return (a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1]), a[2] + share * (b[2] - a[2]))


def to_bytes(image: Image) -> NDArray[np.uint8]:
    """Rounded uint8 image; values outside 0..1 are cut."""
    return (np.minimum(np.maximum(image, 0.0), 1.0) * 255.0 + 0.5).astype(np.uint8)


def capsule(
    image: Image,
    start: Point,
    end: Point,
    radius: float,
    colour: Colour,
    *,
    end_radius: float | None = None,
    light: Light | None = None,
    opacity: float = 1.0,
    softness: float = 1.0,
) -> None:
    """A line with round ends, `radius` thick at the start and `end_radius` (default: the same) at the end.

    A thick short one is a limb or finger, a thin one a stroke, one with start = end a disc or ball.
    """
    tip = radius if end_radius is None else end_radius
    (ax, ay), (bx, by) = start, end
    window = _window(image, min(ax - radius, bx - tip), min(ay - radius, by - tip), max(ax + radius, bx + tip),
                     max(ay + radius, by + tip), softness)  # fmt: skip
    if window is None:
        return
    patch, x, y = window
    ux, uy = bx - ax, by - ay
    along = np.clip(((x - ax) * ux + (y - ay) * uy) / max(ux * ux + uy * uy, 1e-9), 0.0, 1.0)
    dx, dy = x - ax - along * ux, y - ay - along * uy
    thick = radius + along * (tip - radius)
    _fill(patch, np.sqrt(dx * dx + dy * dy) - thick, dx / thick, dy / thick, colour, light, opacity, softness)


def ellipse(
    image: Image,
    centre: Point,
    radii: tuple[float, float],
    colour: Colour,
    *,
    angle: float = 0.0,
    light: Light | None = None,
    opacity: float = 1.0,
    softness: float = 1.0,
) -> None:
    """An ellipse with the half-axes `radii` (along x, along y before turning by `angle`)."""
    rx, ry = radii
    c, s = math.cos(angle), math.sin(angle)
    reach_x, reach_y = math.hypot(rx * c, ry * s), math.hypot(rx * s, ry * c)
    cx, cy = centre
    window = _window(image, cx - reach_x, cy - reach_y, cx + reach_x, cy + reach_y, softness)
    if window is None:
        return
    patch, x, y = window
    u, v = ((x - cx) * c + (y - cy) * s) / rx, ((y - cy) * c - (x - cx) * s) / ry
    k = np.sqrt(u * u + v * v)
    distance = k * (k - 1.0) / np.maximum(np.sqrt((u / rx) ** 2 + (v / ry) ** 2), 1e-6)
    # Far inside, the estimate is small near the centre of a flat ellipse; the true depth is never above the half-axis.
    distance = np.where(k < 0.5, np.minimum(distance, -0.5 * min(rx, ry)), distance)
    _fill(patch, distance, u * c - v * s, u * s + v * c, colour, light, opacity, softness)


def rectangle(
    image: Image,
    centre: Point,
    size: tuple[float, float],
    colour: Colour,
    *,
    angle: float = 0.0,
    corner: float = 0.0,
    bevel: float = 4.0,
    light: Light | None = None,
    opacity: float = 1.0,
    softness: float = 1.0,
) -> None:
    """A rectangle of `size` (width, height) with rounded corners; with a light, its edges bend over `bevel` pixels."""
    c, s = math.cos(angle), math.sin(angle)
    half_x, half_y = size[0] / 2, size[1] / 2
    reach_x, reach_y = abs(half_x * c) + abs(half_y * s), abs(half_x * s) + abs(half_y * c)
    cx, cy = centre
    window = _window(image, cx - reach_x, cy - reach_y, cx + reach_x, cy + reach_y, softness)
    if window is None:
        return
    patch, x, y = window
    u, v = (x - cx) * c + (y - cy) * s, (y - cy) * c - (x - cx) * s
    corner = min(corner, half_x, half_y)
    qx, qy = np.abs(u) - (half_x - corner), np.abs(v) - (half_y - corner)
    ox, oy = np.maximum(qx, 0.0), np.maximum(qy, 0.0)
    distance = np.sqrt(ox * ox + oy * oy) + np.minimum(np.maximum(qx, qy), 0.0) - corner
    if light is None:
        _fill(patch, distance, None, None, colour, None, opacity, softness)
        return
    outside = np.maximum(ox, oy) > 0
    length = np.maximum(np.sqrt(ox * ox + oy * oy), 1e-6)
    gu = np.where(outside, ox / length, qx > qy) * np.sign(u)
    gv = np.where(outside, oy / length, qx <= qy) * np.sign(v)
    bend = np.clip(1.0 + distance / bevel, 0.0, 1.0)
    _fill(patch, distance, (gu * c - gv * s) * bend, (gu * s + gv * c) * bend, colour, light, opacity, softness)


def polygon(
    image: Image,
    points: Sequence[Point],
    colour: Colour,
    *,
    rounding: float = 0.0,
    bevel: float = 4.0,
    light: Light | None = None,
    opacity: float = 1.0,
    softness: float = 1.0,
) -> None:
    """A closed polygon of any shape, grown by `rounding` pixels; with a light, its edges bend over `bevel` pixels."""
    xs, ys = [p[0] for p in points], [p[1] for p in points]
    window = _window(image, min(xs), min(ys), max(xs), max(ys), softness + 2 * rounding)
    if window is None:
        return
    patch, x, y = window
    distance, gx, gy = polygon_distance(x, y, [(float(px), float(py)) for px, py in points])
    distance = distance - rounding
    bend = np.clip(1.0 + distance / bevel, 0.0, 1.0)
    _fill(patch, distance, gx * bend, gy * bend, colour, light, opacity, softness)


def polygon_distance(x: Plane, y: Plane, points: Sequence[tuple[Any, Any]]) -> tuple[Plane, Plane, Plane]:
    """Signed distance of the pixels (x, y) to a polygon, and its outward gradient (x part, y part).

    The corners may be arrays that broadcast against x and y (for example one polygon for each of F frames).
    """
    best: Plane | None = None
    inside: NDArray[np.bool_] | None = None
    for i, (px, py) in enumerate(points):
        ax, ay = np.float32(points[i - 1][0]), np.float32(points[i - 1][1])
        ex, ey = np.float32(px) - ax, np.float32(py) - ay
        rx, ry = x - ax, y - ay
        along = np.clip((rx * ex + ry * ey) / np.maximum(ex * ex + ey * ey, 1e-9), 0.0, 1.0)
        dx, dy = rx - along * ex, ry - along * ey
        square = dx * dx + dy * dy
        # Even-odd rule: a ray to the right crosses the edge where one end is above the pixel and the other is not.
        above = ry < 0
        crosses = (above != (ry < ey)) & ((rx * ey < ry * ex) != (ey < 0))
        if best is None or inside is None:
            best, near_x, near_y, inside = square, dx, dy, crosses
        else:
            closer = square < best
            best = np.minimum(best, square)
            near_x, near_y = np.where(closer, dx, near_x), np.where(closer, dy, near_y)
            inside = inside ^ crosses
    if best is None or inside is None:
        raise ValueError("points must hold at least 3 corners, found none")
    sign = np.where(inside, np.float32(-1.0), np.float32(1.0))
    distance = np.sqrt(best)
    scale = sign / np.maximum(distance, 1e-6)
    return sign * distance, near_x * scale, near_y * scale


def _window(
    image: Image, left: float, top: float, right: float, bottom: float, margin: float
) -> tuple[Image, Plane, Plane] | None:
    height, width = image.shape[:2]
    pad = margin / 2 + 1
    x0, x1 = max(int(left - pad), 0), min(int(right + pad) + 1, width)
    y0, y1 = max(int(top - pad), 0), min(int(bottom + pad) + 1, height)
    if x0 >= x1 or y0 >= y1:
        return None
    x = np.arange(x0, x1, dtype=np.float32)[None, :] + np.float32(0.5)
    y = np.arange(y0, y1, dtype=np.float32)[:, None] + np.float32(0.5)
    return image[y0:y1, x0:x1], x, y


def _fill(
    patch: Image,
    distance: Plane,
    nx: Plane | None,
    ny: Plane | None,
    colour: Colour,
    light: Light | None,
    opacity: float,
    softness: float,
) -> None:
    cover = np.minimum(np.maximum(0.5 - distance / max(softness, 1.0), 0.0), 1.0)
    if softness > 2.0:
        cover = cover * cover * (3.0 - 2.0 * cover)
    paint: Plane = _rgb(colour)
    if light is not None and nx is not None and ny is not None:
        paint = _shade(nx, ny, colour, light)
    patch += (opacity * cover)[..., None] * (paint - patch)


def _shade(nx: Plane, ny: Plane, colour: Colour, light: Light) -> Plane:
    length = math.hypot(*light.direction)
    lx, ly, lz = (part / length for part in light.direction)
    edge = np.minimum(nx * nx + ny * ny, 1.0)
    facing = np.maximum(nx * lx + ny * ly + np.sqrt(1.0 - edge) * lz, 0.0)[..., None]
    shaded: Plane = _rgb(colour) * (_rgb(light.ambient) + facing * _rgb(light.colour))
    if any(light.rim):
        away = np.maximum(-(nx * lx + ny * ly), 0.0) * edge * edge
        shaded = shaded + away[..., None] * _rgb(light.rim)
    return shaded


def _rgb(colour: Colour) -> Image:
    return np.array(colour, np.float32)
