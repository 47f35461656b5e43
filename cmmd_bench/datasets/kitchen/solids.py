"""Solids painted onto a `View`, anti-aliased by signed distance, shaded as if round.

Every function changes `view.canvas` inside the shape's bounding box and paints nothing outside the picture.
Points are world points (x, y, z); lengths are world units; colours are linear. B is the number of frames of the view;
an axis B may always be 1 instead, and a number stands for all frames.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from cmmd_bench.datasets.kitchen.view import Array, Box, View, blend, darken, tint


def tubes(
    view: View, ends: ArrayLike, radii: ArrayLike, colours: ArrayLike, *, gloss: float = 0.1, blunt: bool = False
) -> None:
    """Round-ended tubes that hide each other as they would in space.

    ends: (B, K, 2, 3) world points; radii: (B, K, 2) at both ends, below 0 to leave a tube out
    colours: (K, 3) or (3,); gloss: strength of the highlight
    blunt: the second end of the first tube is cut off square instead of round
    """
    pixels, depth = view.project(ends)
    r = np.asarray(radii, np.float32) * np.float32(view.scale)
    box = around(view, pixels, r)
    if box is None:
        return
    u, v, t, square = _feet(view, box, pixels)
    r0, d0 = r[..., 0, None, None], depth[..., 0, None, None]
    radius = t * (r[..., 1, None, None] - r0)
    radius += r0
    outside = np.sqrt(square)
    outside -= radius
    if blunt:
        x, y = view.grid(box)
        along = pixels[:, 0, 1] - pixels[:, 0, 0]
        along = (along / np.maximum(np.sqrt((along * along).sum(-1, keepdims=True)), 1e-3))[..., None, None]
        beyond = (x - pixels[:, 0, 1, 0, None, None]) * along[:, 0] + (y - pixels[:, 0, 1, 1, None, None]) * along[:, 1]
        np.maximum(outside[:, 0], beyond, out=outside[:, 0])
    np.subtract(radius * radius, square, out=square)
    np.maximum(square, 0.0, out=square)
    height = np.sqrt(square, out=square)
    t *= depth[..., 1, None, None] - d0
    height += t
    height += d0
    height[outside >= 0.5] = -1e9
    front = height.argmax(1)
    cover = np.clip(0.5 - outside.min(1), 0.0, 1.0)
    size = np.maximum(_pick(radius, front), 1e-3)
    nx = _pick(u, front) / size
    ny = _pick(v, front) / -size
    paint = np.asarray(colours, np.float32)
    if paint.ndim == 2:
        paint = paint.T.take(front, 1)
    blend(view, box, cover, lit(view, nx, ny, paint, gloss=gloss))


def lathe(
    view: View,
    foot: ArrayLike,
    profile: ArrayLike,
    colours: ArrayLike,
    *,
    gloss: float = 0.3,
    alpha: ArrayLike = 1.0,
    levels: int = 14,
) -> None:
    """The outside of a vessel turned about an upright axis, seen from above its rim.

    foot: (B, 3) middle of its base; profile: (P, 2) or (B, P, 2) heights and radii from the base up
    colours: (3,), or (n, 3) for n bands of equal height; alpha: (B,) opacity
    """
    shape = np.asarray(profile, np.float32)
    shape = shape[None] if shape.ndim == 2 else shape
    at = np.linspace(0.0, 1.0, levels, dtype=np.float32)
    low, high = shape[:, :1, 0], shape[:, -1:, 0]
    heights = low + at * (high - low)
    radii = np.stack([np.interp(h, p[:, 0], p[:, 1]) for h, p in zip(heights, shape, strict=True)])
    radius = radii.astype(np.float32) * view.scale
    base = np.asarray(foot, np.float32)
    points = np.zeros((max(len(base), len(heights)), levels, 3), np.float32)
    points += base[:, None]
    points[..., 2] += heights
    pixels, _ = view.project(points)
    box = around(view, pixels, radius)
    if box is None:
        return
    x, y = view.grid(box)
    u = (x - pixels[..., 0, None, None]) / radius[..., None, None]
    v = (y - pixels[..., 1, None, None]) / (radius * view.tall)[..., None, None]
    outside = np.sqrt(u * u + v * v)
    outside -= 1.0
    outside *= (radius * (0.5 + 0.5 * view.tall))[..., None, None]
    cover = np.clip(0.5 - outside.min(1), 0.0, 1.0) * each(alpha)
    # The highest level that holds the pixel is the one in front.
    level = levels - 1 - (outside[:, ::-1] < 0.5).argmax(1)
    size = np.broadcast_to(radius, pixels.shape[:2])[np.arange(len(pixels))[:, None, None], level]
    nx = np.clip((x - pixels[:, :1, 0, None]) / size, -1.0, 1.0)
    paint = np.asarray(colours, np.float32)
    if paint.ndim == 2:
        paint = paint.T.take(level * len(paint) // levels, 1)
    # A wall's normal is level: on the screen it points down by as much as it faces the viewer.
    facing = np.sqrt(1.0 - nx * nx)
    blend(view, box, cover, lit(view, nx, facing * np.float32(-view.tall), paint, gloss=gloss))


def dome(
    view: View, middle: ArrayLike, radius: ArrayLike, height: ArrayLike, paint: ArrayLike, *, gloss: float = 0.05
) -> None:
    """A ball pressed flat or drawn tall: level half axis `radius`, upright half axis `height`, both (B,)."""
    pixels, _ = view.project(middle)
    r, h = each(radius) * view.scale, each(height) * view.scale
    tall = np.sqrt(np.square(r * view.tall) + np.square(h * view.rise))
    box = around(view, pixels, np.maximum(r, tall)[:, 0, 0])
    if box is None:
        return
    x, y = view.grid(box)
    u, v = x - pixels[:, 0, None, None], pixels[:, 1, None, None] - y
    # The quadric u^2/r^2 + ... = 1 on screen axes; solved for the depth w in front.
    level, upright = 1.0 / np.square(r), 1.0 / np.square(h)
    up2, cross = level * view.tall**2 + upright * view.rise**2, (upright - level) * (view.tall * view.rise)
    deep2 = level * view.rise**2 + upright * view.tall**2
    rest = 1.0 - u * u * level - v * v * up2
    w = (np.sqrt(np.maximum(np.square(v * cross) + deep2 * rest, 0.0)) - v * cross) / deep2
    nx, ny, nz = u * level, v * up2 + w * cross, w * deep2 + v * cross
    length = np.sqrt(nx * nx + ny * ny + nz * nz)
    away = np.sqrt(np.square(u / r) + np.square(v / tall))
    outside = (away - 1.0) * np.minimum(r, tall)
    colours = lit(view, nx / length, ny / length, np.asarray(paint, np.float32), gloss=gloss)
    blend(view, box, np.clip(0.5 - outside, 0.0, 1.0), colours)


def shadow(
    view: View, ends: ArrayLike, radii: ArrayLike, *, floor: float = 0.0, strength: float = 0.5, blur: float = 0.25
) -> None:
    """The shadow that tubes (as in `tubes`) cast on the level `floor`; the higher they are, the softer it is."""
    points = np.array(ends, np.float32)
    up = np.maximum(points[..., 2] - floor, 0.0)
    lx, ly, lz = view.light
    points[..., 0] -= up * (lx / lz)
    points[..., 1] -= up * (ly / lz)
    points[..., 2] = floor
    pixels, _ = view.project(points)
    wide = np.asarray(radii, np.float32) * np.float32(view.scale)
    soft = 1.0 + up * np.float32(blur * view.scale)
    box = around(view, pixels, wide + soft)
    if box is None:
        return
    _, _, t, square = _feet(view, box, pixels)
    away = np.sqrt(square, out=square)
    size = wide[..., 0, None, None] + t * (wide[..., 1] - wide[..., 0])[..., None, None]
    edge = soft[..., 0, None, None] + t * (soft[..., 1] - soft[..., 0])[..., None, None]
    depth = size - away
    depth /= edge
    depth += 0.5
    np.maximum(depth, 0.0, out=depth)
    np.minimum(depth, 1.0, out=depth)
    # A shadow wider than its object is also fainter.
    depth *= np.minimum(np.float32(1.6) * size / edge, 1.0)
    darken(view, box, depth.max(1), strength)


def lit(view: View, nx: Any, ny: Any, paint: Any, *, gloss: float) -> Array:
    """Colour of a surface with screen normal (nx, ny) under the lamp and the sky, with a highlight."""
    lx, ly, lz = view.toward_light()
    nz = np.sqrt(np.maximum(1.0 - nx * nx - ny * ny, 0.0))
    facing = np.maximum(nx * np.float32(lx) + ny * np.float32(ly) + nz * np.float32(lz), 0.0)
    ambient = 0.7 + 0.3 * ny + 0.25 * nz
    light: Array = facing * tint(view.lamp)
    light += ambient * tint(view.sky)
    light *= tint(paint)
    if gloss:
        # Halfway between the lamp and the viewer; the eighth power makes a small bright spot.
        hx, hy, hz = (np.array([lx, ly, lz + 1.0]) / np.sqrt(2.0 + 2.0 * lz)).astype(np.float32)
        spot = np.maximum(nx * hx + ny * hy + nz * hz, 0.0)
        light += np.float32(gloss) * np.square(np.square(np.square(spot)))
    return light


def each(value: ArrayLike) -> Array:
    """One number for each frame, ready for patches (B, h, w)."""
    return np.asarray(value, np.float32).reshape(-1, 1, 1)


def around(view: View, pixels: Array, reach: Array) -> Box | None:
    """The part of the canvas that holds points (B, ..., 2) with `reach` pixels about each in any frame."""
    flat = pixels.reshape(-1, 2)
    most = np.broadcast_to(reach, pixels.shape[:-1]).reshape(-1, 1)
    return view.box((flat - most).min(0), (flat + most).max(0))


def _pick(values: Array, front: Any) -> Array:
    """values (B, K, h, w) at the index `front` (B, h, w) of the second axis."""
    frames, count = values.shape[:2]
    area = front[0].size
    first = (np.arange(frames) * (count * area))[:, None] + np.arange(area)
    picked: Array = values.take(first + front.reshape(frames, area) * area).reshape(front.shape)
    return picked


def _feet(view: View, box: Box, pixels: Array) -> tuple[Array, Array, Array, Array]:
    """From each pixel of a box to the nearest point of segments (B, K, 2, 2): offset x, y, share along, square."""
    x, y = view.grid(box)
    start, along = pixels[..., 0, :, None, None], (pixels[..., 1, :] - pixels[..., 0, :])[..., None, None]
    ax, ay = along[:, :, 0], along[:, :, 1]
    length = np.maximum(ax * ax + ay * ay, np.float32(1e-6))
    u, v = x - start[:, :, 0], y - start[:, :, 1]
    t = u * (ax / length) + v * (ay / length)
    np.maximum(t, 0.0, out=t)
    np.minimum(t, 1.0, out=t)
    u = u - t * ax
    v = v - t * ay
    square = u * u
    square += v * v
    return u, v, t, square
