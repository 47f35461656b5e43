"""Painting a body of rounded parts, all frames of a clip at once.

A layer is (n, 5, H, W) float32: premultiplied red, green, blue, coverage, and depth in pixels (larger is nearer). Each
part is the picture of a solid: a pixel's distance to the part's outline gives its coverage, its place across the part a
normal for the light, and the bulge towards the viewer a depth, so that parts hide one another as solids do, whatever
the order of painting. Painting roughly from back to front keeps the edges clean.

Positions are (n, 3) in pixels: x right, y down, z to the viewer; radii (n,) in pixels; see `View.project`.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from cmmd_bench.datasets.beatdance.body import Joint
from cmmd_bench.datasets.painting import Colour, Light, polygon_distance

Layer = NDArray[np.float32]
Values = NDArray[np.floating[Any]]

_NOTHING = -1e4
_OVERLAP = 1.5
"""Pixels of depth over which one part gives way to another where they meet."""
_SPECK = 0.4
"""Radius in pixels below which a detail is left out."""
_BEVEL = np.float32(1.6)
"""How far from its edge a panel is bent, in roundings."""


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """The camera at n moments: pixels per body height, and where in the picture the floor's origin is; each (n,).

    elevation: how far a step towards the viewer moves down the picture, as a share of its length
    """

    scale: Values
    x: Values
    y: Values
    elevation: float

    def project(self, point: Joint) -> Layer:
        """Body space to pixels, (n, 3) to (n, 3)."""
        turn = np.array([[1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, self.elevation, 1.0]])
        place = (point @ turn) * self.scale[:, None]
        place[:, 0] += self.x
        place[:, 1] += self.y
        pixels: Layer = place.astype(np.float32)
        return pixels


def empty_layer(frames: int, height: int, width: int) -> Layer:
    """A layer without anything on it."""
    layer = np.zeros((frames, 5, height, width), np.float32)
    layer[:, 4] = _NOTHING
    return layer


@dataclass(frozen=True, slots=True, eq=False)
class Brush:
    """Paints solids given in body space onto a layer, seen from `view` and lit by `light`."""

    layer: Layer
    view: View
    light: Light

    def shows(self, radius: float) -> bool:
        """Whether something of this radius, in body heights, is large enough to be worth painting."""
        return float(self.view.scale[0]) * radius > _SPECK

    def limb(
        self,
        start: Joint,
        end: Joint,
        radius: float,
        end_radius: float,
        colour: Colour,
        *,
        end_colour: Colour | None = None,
        split: float = 1.0,
    ) -> None:
        """A limb with round ends from `start` to `end`; beyond the share `split` of its length it has `end_colour`."""
        a, b = self.view.project(start), self.view.project(end)
        first, last = (self.view.scale * radius).astype(np.float32), (self.view.scale * end_radius).astype(np.float32)
        low = np.minimum(a[:, :2] - first[:, None], b[:, :2] - last[:, None])
        high = np.maximum(a[:, :2] + first[:, None], b[:, :2] + last[:, None])
        patch = _Patch(self.layer, low, high)
        ax, ay, az = _planes(a)
        ux, uy, uz = _planes(b - a)
        dx, dy = patch.x - ax, patch.y - ay
        flat = np.maximum(ux * ux + uy * uy, np.float32(1e-4))
        along = (dx * ux + dy * uy) / flat
        nearest = np.minimum(np.maximum(along, 0), 1)
        ex, ey = dx - nearest * ux, dy - nearest * uy
        thick = _plane(first) + nearest * _plane(last - first)
        distance = np.sqrt(ex * ex + ey * ey) - thick
        # The surface is that of balls strung along the axis. A pixel sees the ball whose surface faces it, which on a
        # slanting axis is not the ball behind the pixel but one further towards the viewer.
        across = (dx * uy - dy * ux) ** 2 / flat
        towards = uz / np.sqrt(flat * (flat + uz * uz))
        along = along + towards * np.sqrt(np.maximum(thick * thick - across, 0))
        along = np.minimum(np.maximum(along, 0), 1)
        thick = _plane(first) + along * _plane(last - first)
        nx, ny = (dx - along * ux) / thick, (dy - along * uy) / thick
        bulge = np.sqrt(np.maximum(1 - nx * nx - ny * ny, 0))
        tint = None
        if end_colour is not None:
            tint = np.minimum(np.maximum((along - np.float32(split)) * np.sqrt(flat) + np.float32(0.5), 0), 1)
        depth = az + along * uz + bulge * thick
        patch.fill(distance, (nx, ny, bulge), depth, self.light, colour, end_colour, tint)

    def ball(self, centre: Joint, radius: float, colour: Colour) -> None:
        """A ball."""
        self.limb(centre, centre, radius, radius, colour)

    def panel(
        self,
        corners: list[Joint],
        rounding: float,
        colour: Colour,
        *,
        stripe: Colour | None = None,
        stripes: float = 0.0,
        upright: bool = False,
    ) -> None:
        """A cushion with straight sides between the `corners`, grown by `rounding`, which is also how far it bulges.

        The corners go around from the upper left to the upper right, as many on either side. `stripes` says how many
        stripes there are from top to bottom, or from side to side of the lower edge if `upright`.
        """
        points = np.stack([self.view.project(corner) for corner in corners])
        soft = (self.view.scale * rounding).astype(np.float32)
        low = points[:, :, :2].min(axis=0) - soft[:, None]
        high = points[:, :, :2].max(axis=0) + soft[:, None]
        patch = _Patch(self.layer, low, high)
        distance, gx, gy = polygon_distance(patch.x, patch.y, [(_plane(p[:, 0]), _plane(p[:, 1])) for p in points])
        distance = distance - _plane(soft)
        bend = np.minimum(np.maximum(1 + distance / (_BEVEL * _plane(soft)), 0), 1)
        bulge = np.sqrt(np.maximum(1 - bend * bend, 0))
        tint = None
        if stripe is not None:
            half = len(points) // 2
            first = points[half - 1] if upright else 0.5 * (points[0] + points[-1])
            last = points[half] if upright else 0.5 * (points[half - 1] + points[half])
            ax, ay, _ = _planes(first)
            ux, uy, _ = _planes(last - first)
            square = np.maximum(ux * ux + uy * uy, np.float32(1e-6))
            share = ((patch.x - ax) * ux + (patch.y - ay) * uy) / square
            sharp = np.sqrt(square) / np.float32(2 * np.pi * stripes)
            tint = np.minimum(
                np.maximum(np.float32(0.5) + sharp * np.sin(np.float32(2 * np.pi * stripes) * share), 0), 1
            )
        depth = _plane(points[:, :, 2].mean(axis=0)) + bulge * _plane(soft)
        patch.fill(distance, (gx * bend, gy * bend, bulge), depth, self.light, colour, stripe, tint)


class _Patch:
    """The part of each frame that a shape touches, as a copy, with its pixel centres."""

    def __init__(self, layer: Layer, low: Values, high: Values) -> None:
        frames, channels, height, width = layer.shape
        corner = np.floor(low - 1.0).astype(np.intp)
        size = (np.ceil(high + 1.0).astype(np.intp) - corner).max(axis=0)
        w, h = min(int(size[0]), width), min(int(size[1]), height)
        left, top = np.minimum(np.maximum(corner, 0), (width - w, height - h)).T
        # Every possible window of h x w pixels as a view, so that one index per frame reads or writes them all.
        shape = (frames, channels, height - h + 1, width - w + 1, h, w)
        self._windows = as_strided(layer, shape, layer.strides + layer.strides[2:])
        self._place = (np.arange(frames), slice(None), top, left)
        self.x = left.astype(np.float32)[:, None, None] + np.arange(0.5, w, dtype=np.float32)
        self.y = top.astype(np.float32)[:, None, None] + np.arange(0.5, h, dtype=np.float32)[:, None]

    def fill(
        self,
        distance: Values,
        normal: tuple[Values, Values, Values],
        depth: Values,
        light: Light,
        colour: Colour,
        other: Colour | None,
        tint: Values | None,
    ) -> None:
        """Lay the shaded shape over what is there, where it is nearer; `other` replaces the colour where tint is 1."""
        nx, ny, nz = normal
        there = self._windows[self._place]
        cover = np.minimum(np.maximum(np.float32(0.5) - distance, 0), 1)
        front = (depth - there[:, 4]) * np.float32(1.0 / _OVERLAP) + np.float32(0.5)
        cover *= np.minimum(np.maximum(front, 0), 1)
        lx, ly, lz = _unit(light.direction)
        slant = nx * lx + ny * ly
        facing = np.maximum(slant + nz * lz, 0)[:, None]
        edge = 1 - nz
        glow = (edge * edge * np.maximum(np.float32(0.3) - slant, 0))[:, None]
        # The fourth channel is coverage, which is 1 whatever the light.
        ambient, lamp, rim = _rgb(light.ambient, 1), _rgb(light.colour, 0), _rgb(light.rim, 0)
        paint: Values = _rgb(colour, 1)
        if other is not None and tint is not None:
            paint = paint + tint[:, None] * (_rgb(other, 1) - paint)
            lit = paint * (ambient + facing * lamp) + glow * rim
        else:
            lit = paint * ambient + facing * (paint * lamp) + glow * rim
        lit -= there[:, :4]
        lit *= cover[:, None]
        there[:, :4] += lit
        there[:, 4] = np.where(cover > 0.5, np.maximum(depth, there[:, 4]), there[:, 4])
        self._windows[self._place] = there


def _unit(vector: tuple[float, float, float]) -> tuple[np.float32, np.float32, np.float32]:
    length = math.hypot(*vector)
    return np.float32(vector[0] / length), np.float32(vector[1] / length), np.float32(vector[2] / length)


def _rgb(colour: Colour, last: float) -> Values:
    return np.array((*colour, last), np.float32)[:, None, None]


def _plane(values: Values) -> Layer:
    return np.asarray(values, np.float32)[:, None, None]


def _planes(points: Layer) -> tuple[Layer, Layer, Layer]:
    return _plane(points[:, 0]), _plane(points[:, 1]), _plane(points[:, 2])
