"""Walls and floors as functions of place.

x runs to the right from the middle of the picture, y down from its top, both in picture heights. A wall is a function
(x, y, palette, random) -> (..., 3) RGB; a floor is one of (u, v, palette, random), the place on the ground as seen in
perspective: u across, v into the distance. `random` is a table of numbers in 0..1 that makes bricks and planks differ.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cmmd_bench.datasets.painting import Colour

Field = NDArray[np.floating[Any]]
Palette = tuple[Colour, Colour, Colour]
"""Main colour, second colour, accent."""

Surface = Callable[[Field, Field, Palette, Field], Field]


def backdrop(x: Field, y: Field, palette: Palette, random: Field) -> Field:
    """A plain paper roll, lighter in the middle."""
    glow = np.exp(-((x - 0.5 * random[0] + 0.25) ** 2 + (y - 0.4) ** 2) / 0.25)
    return _blend(_flat(palette[0], x, y), palette[1], 0.75 * glow)


def panels(x: Field, y: Field, palette: Palette, random: Field) -> Field:
    """Tall panels with dark joints."""
    wide = 0.16 + 0.14 * random[0]
    column = x / wide + random[1]
    wall = _blend(_flat(palette[0], x, y), palette[1], 0.55 * _cell(column, 0 * column, random))
    return wall * (1.0 - 0.35 * _line(column, 0.035))[..., None]


def bricks(x: Field, y: Field, palette: Palette, random: Field) -> Field:
    """A brick wall."""
    tall = 0.045 + 0.02 * random[0]
    row = y / tall
    column = x / (2.4 * tall) + 0.5 * (np.floor(row) % 2)
    wall = _blend(_flat(palette[0], x, y), palette[1], 0.6 * _cell(column, row, random))
    joint = np.maximum(_line(column, 0.05), _line(row, 0.11))
    return _blend(wall, _scaled(palette[0], 0.55), 0.8 * joint)


def curtain(x: Field, y: Field, palette: Palette, random: Field) -> Field:
    """Heavy folds."""
    fold: Field = np.sin(x * (38.0 + 14.0 * random[0]) + 1.3 * np.sin(7.0 * x + 6.0 * random[1]) + 0.5 * y)
    return _flat(palette[0], x, y) * (0.72 + 0.28 * fold)[..., None]


def sunset(x: Field, y: Field, palette: Palette, random: Field) -> Field:
    """Evening sky with the sun low above the sea."""
    sky = _blend(_flat(palette[1], x, y), palette[0], np.clip(1.25 - 1.6 * y, 0.0, 1.0))
    distance = np.hypot(x - 0.5 * (random[0] - 0.5), y - 0.34 - 0.16 * random[1]) - 0.13 - 0.07 * random[2]
    sky = _blend(sky, palette[2], 0.5 * np.exp(-np.maximum(distance, 0.0) / 0.12))
    sky = _blend(sky, (1.0, 0.93, 0.75), np.clip(0.5 - distance * 150.0, 0.0, 1.0))
    sea = np.clip((y - 0.62) * 300.0, 0.0, 1.0)
    return _blend(sky, _scaled(palette[0], 0.75), 0.8 * sea)


def city(x: Field, y: Field, palette: Palette, random: Field) -> Field:
    """A skyline at night with lit windows."""
    sky = _blend(_flat(palette[0], x, y), palette[1], np.clip(1.4 * y - 0.2, 0.0, 1.0))
    for layer, (wide, low, dark) in enumerate(((0.09, 0.42, 0.62), (0.13, 0.52, 0.38))):
        column = x / wide + random[layer]
        roof = low - 0.24 * _cell(column, 0 * column + layer, random)
        house = np.clip((y - roof) * 200.0, 0.0, 1.0)
        lit = (_cell(x * 55.0, y * 42.0 + layer, random) > 0.72) * (
            1.0 - np.maximum(_line(x * 55.0, 0.25), _line(y * 42.0, 0.25))
        )
        sky = _blend(sky, _scaled(palette[0], dark), house)
        sky = _blend(sky, palette[2], 0.65 * house * lit)
    return sky


def beams(x: Field, y: Field, palette: Palette, random: Field) -> Field:
    """A dark hall with coloured beams of light from above."""
    wall = _flat(_scaled(palette[0], 0.45), x, y) * (0.75 + 0.35 * y)[..., None]
    for i in range(5):
        top = (i - 2) * 0.3 + 0.12 * (random[i] - 0.5)
        aim = top + 1.0 * (random[i + 8] - 0.5) * (y + 0.08)
        width = 0.015 + 0.16 * (y + 0.08)
        beam = np.exp(-(((x - aim) / width) ** 2) * 2.0) * np.clip(1.1 - 0.75 * y, 0.0, 1.0)
        wall = wall + (0.55 * beam)[..., None] * np.array(palette[1] if i % 2 else palette[2])
    return wall


def lamps(x: Field, y: Field, palette: Palette, random: Field) -> Field:
    """A wall of round lamps, some bright and some dim."""
    pitch = 0.085 + 0.05 * random[0]
    u, v = x / pitch, y / pitch
    distance = np.hypot(u - np.floor(u) - 0.5, v - np.floor(v) - 0.5)
    bright = 0.25 + 0.75 * _cell(u, v, random)
    spot = np.exp(-((distance / 0.26) ** 2)) * bright
    return _blend(_flat(_scaled(palette[0], 0.6), x, y), palette[1], 0.9 * spot)


def rings(x: Field, y: Field, palette: Palette, random: Field) -> Field:
    """One large painted disc with rings."""
    distance = np.hypot(x - 0.5 * (random[0] - 0.5), y - 0.35 - 0.15 * random[1])
    wall = _flat(palette[0], x, y)
    for i, radius in enumerate((0.46, 0.38, 0.29, 0.21)):
        wall = _blend(
            wall, palette[1] if i % 2 == 0 else palette[0], 0.8 * np.clip((radius - distance) * 200.0, 0.0, 1.0)
        )
    return wall


def diagonals(x: Field, y: Field, palette: Palette, random: Field) -> Field:
    """Broad slanted stripes."""
    slant = (x * (0.5 + 0.5 * random[0]) + y * (0.5 + 0.4 * random[1])) * (3.0 + 3.0 * random[2])
    share = slant - np.floor(slant)
    wall = _blend(_flat(palette[0], x, y), palette[1], 0.75 * (share < 0.4))
    return _blend(wall, palette[2], 0.6 * ((share > 0.55) & (share < 0.62)))


def bokeh(x: Field, y: Field, palette: Palette, random: Field) -> Field:
    """Out-of-focus lights in the dark."""
    wall = _blend(_flat(_scaled(palette[0], 0.5), x, y), _scaled(palette[0], 0.9), np.clip(y, 0.0, 1.0))
    for i in range(18):
        cx, cy, size = 1.6 * (random[3 * i] - 0.5), 0.75 * random[3 * i + 1], 0.03 + 0.05 * random[3 * i + 2]
        rows = slice(*np.searchsorted(y[:, 0], (cy - size, cy + size)))
        columns = slice(*np.searchsorted(x[0], (cx - size, cx + size)))
        distance = np.hypot(x[:, columns] - cx, y[rows] - cy)
        disc = np.clip((size - distance) * 60.0, 0.0, 1.0) * (0.18 + 0.4 * random[i + 60])
        wall[rows, columns] = _blend(wall[rows, columns], (palette[1], palette[2], (1.0, 0.9, 0.7))[i % 3], disc)
    return wall


def mirrors(x: Field, y: Field, palette: Palette, random: Field) -> Field:
    """A ballet room: pale wall, tall windows of light, and a barre."""
    wide = 0.34 + 0.12 * random[0]
    column = x / wide + random[1]
    across = column - np.floor(column)
    glass = (across > 0.14) & (across < 0.86) & (y > 0.05)
    bars = (_line((across - 0.14) / 0.36, 0.035) > 0) | (_line(y / 0.17, 0.05) > 0)
    wall = _blend(_flat(palette[0], x, y), palette[1], (0.85 - 0.5 * y) * glass * (1 - 0.7 * bars))
    return _blend(wall, _scaled(palette[2], 0.6), 0.9 * (np.abs(y - 0.58) < 0.008))


def boards(u: Field, v: Field, palette: Palette, random: Field) -> Field:
    """Floor boards that run into the distance."""
    column = u * 5.0
    row = v * 0.7 + 9.0 * _cell(column, 0 * column, random)
    floor = _blend(_flat(palette[0], u, v), palette[1], 0.55 * _cell(column, row, random))
    return floor * (1.0 - 0.3 * _line(column, 0.06))[..., None]


def checks(u: Field, v: Field, palette: Palette, random: Field) -> Field:
    """A chequered floor."""
    odd = (np.floor(u * 2.2 + random[0]) + np.floor(v * 2.2)) % 2
    return _blend(_flat(palette[0], u, v), palette[1], 0.8 * odd)


def slabs(u: Field, v: Field, palette: Palette, random: Field) -> Field:
    """Stone slabs."""
    column, row = u * 1.8 + random[0], v * 1.8
    floor = _blend(_flat(palette[0], u, v), palette[1], 0.4 * _cell(column, row, random))
    return floor * (1.0 - 0.35 * np.maximum(_line(column, 0.04), _line(row, 0.04)))[..., None]


def plain(u: Field, v: Field, palette: Palette, _: Field) -> Field:
    """One colour, paler in the distance."""
    return _blend(_flat(palette[0], u, v), palette[1], np.clip(0.1 + 0.12 * v, 0.0, 0.8))


def discs(u: Field, v: Field, palette: Palette, random: Field) -> Field:
    """A floor of lit tiles, each with its own brightness."""
    column, row = u * 2.0 + random[0], v * 2.0
    tile = _cell(column, row, random)
    floor = _blend(_flat(_scaled(palette[0], 0.7), u, v), palette[1], (tile > 0.35) * tile)
    floor = _blend(floor, palette[2], 0.9 * (tile < 0.2))
    return floor * (1.0 - 0.6 * np.maximum(_line(column, 0.05), _line(row, 0.05)))[..., None]


WALLS: dict[str, Surface] = {
    wall.__name__: wall
    for wall in (backdrop, panels, bricks, curtain, sunset, city, beams, lamps, rings, diagonals, bokeh, mirrors)
}
FLOORS: dict[str, Surface] = {floor.__name__: floor for floor in (boards, checks, slabs, plain, discs)}


def _flat(colour: Colour, x: Field, y: Field) -> Field:
    return np.broadcast_to(np.array(colour, np.float32), (*np.broadcast_shapes(x.shape, y.shape), 3))


def _blend(below: Field, colour: Colour, share: Field) -> Field:
    mixed: Field = below + np.asarray(share, np.float32)[..., None] * (np.array(colour, np.float32) - below)
    return mixed


def _scaled(colour: Colour, factor: float) -> Colour:
    return (colour[0] * factor, colour[1] * factor, colour[2] * factor)


def _cell(column: Field, row: Field, random: Field) -> Field:
    """A number in 0..1 that is constant in each unit square."""
    place = np.floor(column).astype(np.int64) * 73 + np.floor(row).astype(np.int64) * 151
    values: Field = random[place % len(random)]
    return values


def _line(place: Field, width: float) -> Field:
    """1 within `width` of a whole number, else 0."""
    near = np.abs(place - np.round(place))
    return (near < width).astype(np.float32)
