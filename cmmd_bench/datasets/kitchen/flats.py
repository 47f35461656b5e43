"""Flat shapes painted onto a `View`, anti-aliased by signed distance: discs, plates, polygons, many small coins.

As in `solids`: points are world points, lengths world units, B frames at once. Colours are taken as they are, not lit;
`View.face` lights them.
"""

import numpy as np
from numpy.typing import ArrayLike

from cmmd_bench.datasets.kitchen.solids import around, each
from cmmd_bench.datasets.kitchen.view import Array, View, blend, tint


def disc(
    view: View,
    middle: ArrayLike,
    radius: ArrayLike,
    paint: ArrayLike,
    *,
    hole: ArrayLike = 0.0,
    alpha: ArrayLike = 1.0,
    soft: float = 0.0,
    bowl: float = 0.0,
    within: tuple[ArrayLike, float] | None = None,
) -> None:
    """A level disc or ring, edges blurred by `soft` units; its colour is taken as it is, not lit.

    middle: (B, 3); radius, hole (radius of the ring's hole), alpha: (B,)
    bowl: hollow (above 0: dark towards the lamp) or domed (below 0)
    within: middle (B, 3) and radius of another level disc through which this one is seen, such as a rim above it
    """
    pixels, _ = view.project(middle)
    size = np.asarray(radius, np.float32).reshape(-1)
    box = around(view, pixels, (size + soft) * view.scale)
    if box is None:
        return
    x, y = view.grid(box)
    u = (x - pixels[:, 0, None, None]) * np.float32(1.0 / view.scale)
    v = (pixels[:, 1, None, None] - y) * np.float32(1.0 / (view.scale * view.tall))
    away = np.sqrt(u * u + v * v)
    gain = np.float32(1.0 / (1.0 / (view.scale * 0.9) + soft))
    cover = np.minimum(np.maximum(0.5 + (each(size) - away) * gain, 0.0), 1.0)
    if np.any(np.asarray(hole) > 0):
        cover = np.minimum(cover, np.maximum(0.5 + (away - each(hole)) * gain, 0.0))
    if within is not None:
        rim, _ = view.project(within[0])
        wide, tall = np.float32(1.0 / view.scale), np.float32(1.0 / (view.scale * view.tall))
        beyond = np.hypot((x - rim[:, 0, None, None]) * wide, (rim[:, 1, None, None] - y) * tall)
        cover = np.minimum(cover, np.maximum(0.5 + (within[1] - beyond) / wide, 0.0))
    cover = cover * each(alpha)
    paint = np.asarray(paint, np.float32)
    if bowl:
        slope = (u * np.float32(view.light[0]) + v * np.float32(view.light[1])) / np.maximum(each(size), 1e-3)
        paint = tint(paint) * (1.0 - np.float32(bowl) * slope)
    blend(view, box, cover, paint)


def plate(
    view: View,
    middle: ArrayLike,
    along: ArrayLike,
    across: ArrayLike,
    paint: ArrayLike,
    *,
    corner: float | None = None,
    alpha: ArrayLike = 1.0,
) -> None:
    """A flat ellipse, or a rectangle with corners of radius `corner`, lying anyhow in space; its colour is not lit.

    middle: (B, 3); along, across: (B, 3) its half axes
    """
    half = np.stack(np.broadcast_arrays(np.asarray(along, np.float32), np.asarray(across, np.float32)), 1)
    whole = np.asarray(middle, np.float32)[:, None] + np.concatenate((np.zeros_like(half[:, :1]), half), 1)
    pixels, _ = view.project(whole)
    a, b = pixels[:, 1] - pixels[:, 0], pixels[:, 2] - pixels[:, 0]
    box = around(view, pixels[:, 0], (np.abs(a) + np.abs(b)).max(-1))
    if box is None:
        return
    x, y = view.grid(box)
    u, v = x - pixels[:, 0, 0, None, None], y - pixels[:, 0, 1, None, None]
    area = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
    # Seen from its edge a plate still shows a line.
    area = np.where(np.abs(area) < 1e-2, 1e-2, area)[:, None, None]
    ux, uy = b[:, 1, None, None] / area, -b[:, 0, None, None] / area
    vx, vy = -a[:, 1, None, None] / area, a[:, 0, None, None] / area
    p, q = u * ux + v * uy, u * vx + v * vy
    if corner is None:
        away = np.sqrt(p * p + q * q)
        steep = np.hypot(p * ux + q * vx, p * uy + q * vy) / np.maximum(away, 1e-3)
        outside = (away - 1.0) / np.maximum(steep, 1e-4)
    else:
        r = np.float32(corner * view.scale)
        du = (np.abs(p) - 1.0) / np.hypot(ux, uy) + r
        dv = (np.abs(q) - 1.0) / np.hypot(vx, vy) + r
        outside = np.hypot(np.maximum(du, 0.0), np.maximum(dv, 0.0)) + np.minimum(np.maximum(du, dv), 0.0) - r
    blend(view, box, np.clip(0.5 - outside, 0.0, 1.0) * each(alpha), np.asarray(paint, np.float32))


def polygon(
    view: View, corners: ArrayLike, paint: ArrayLike, *, alpha: ArrayLike = 1.0, fade: ArrayLike | None = None
) -> None:
    """A convex polygon through world points (B, K, 3); `fade` is its colour at the last corner (the first has `paint`).

    Colours are taken as they are, not lit.
    """
    pixels, _ = view.project(corners)
    box = around(view, pixels, np.zeros((1, 1), np.float32))
    if box is None:
        return
    x, y = view.grid(box)
    cover = np.clip(0.5 - _convex(pixels, x, y), 0.0, 1.0) * each(alpha)
    paint = np.asarray(paint, np.float32)
    if fade is not None:
        along = pixels[:, -1] - pixels[:, 0]
        along = (along / np.maximum((along * along).sum(-1, keepdims=True), 1e-6))[..., None, None]
        t = (x - pixels[:, 0, 0, None, None]) * along[:, 0] + (y - pixels[:, 0, 1, None, None]) * along[:, 1]
        paint = tint(paint) + np.clip(t, 0.0, 1.0) * tint(np.asarray(fade, np.float32) - paint)
    blend(view, box, cover, paint)


def coins(view: View, middles: ArrayLike, radii: ArrayLike, colours: ArrayLike, *, alpha: ArrayLike = 1.0) -> None:
    """Many level discs with rings of colour; later ones lie on top of earlier ones.

    middles: (B, K, 3); radii: (B, K), below 0 to leave one out; colours: (3,) or (R, 3) from the middle to the edge
    alpha: (B,)
    """
    pixels, _ = view.project(middles)
    size = np.asarray(radii, np.float32)[..., None, None]
    box = around(view, pixels, np.abs(size[..., 0, 0]) * np.float32(view.scale))
    if box is None:
        return
    x, y = view.grid(box)
    u = (x - pixels[..., 0, None, None]) * np.float32(1.0 / view.scale)
    v = (pixels[..., 1, None, None] - y) * np.float32(1.0 / (view.scale * view.tall))
    away = np.sqrt(u * u + v * v)
    cover = np.clip(0.5 + (size - away) * np.float32(view.scale * 0.9), 0.0, 1.0)
    paint = np.asarray(colours, np.float32)
    if paint.ndim == 2:
        top = cover.shape[1] - 1 - (cover[:, ::-1] > 0.5).argmax(1)
        share = np.take_along_axis(away / np.maximum(size, 1e-3), top[:, None], 1)[:, 0]
        paint = paint.T.take(np.minimum((share * len(paint)).astype(np.intp), len(paint) - 1), 1)
    blend(view, box, cover.max(1) * each(alpha), paint)


def _convex(pixels: Array, x: Array, y: Array) -> Array:
    """Signed distance in pixels to convex polygons (B, K, 2), below 0 inside (too short beyond corners).

    The sides of a sliver, seen nearly edge on, run on side by side beyond its corners: its own bounds end them.
    """
    following = np.roll(pixels, -1, 1)
    edges = following - pixels
    turn = pixels[..., 0] * following[..., 1] - following[..., 0] * pixels[..., 1]
    normals = np.stack((edges[..., 1], -edges[..., 0]), -1) * np.sign(turn.sum(1))[:, None, None]
    normals = normals / np.maximum(np.sqrt((normals * normals).sum(-1, keepdims=True)), 1e-6)
    offset = (pixels * normals).sum(-1)[..., None, None]
    away = x * normals[..., 0, None, None] + y * normals[..., 1, None, None] - offset
    low, high = pixels.min(1)[..., None, None], pixels.max(1)[..., None, None]
    across, down = np.maximum(low[:, 0] - x, x - high[:, 0]), np.maximum(low[:, 1] - y, y - high[:, 1])
    distance: Array = np.maximum(away.max(1), np.maximum(across, down))
    return distance
