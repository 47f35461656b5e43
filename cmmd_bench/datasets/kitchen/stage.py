"""Where a scene takes place: worktop, wall, light, camera and whose hands, all drawn from the look's random stream."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from cmmd_bench.datasets.kitchen.hands import Person
from cmmd_bench.datasets.kitchen.view import Array, View, colour

_MARGIN = 0.06
_CELLS = 64


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """Everything about the look that does not belong to one thing.

    top: worktop material; shade: its lightest colour; lattice: (64, 64) random values that textures read
    wall: y of the wall behind the worktop (beyond the picture if far); tile: colour of its tiles
    elevation: camera angle above the horizon; sway: (6,) phases of the camera's drift; mirrored: left and right swapped
    light, lamp, sky: as in `View`; random: (64, 4) numbers for things that need some of their own
    """

    top: str
    shade: Array
    lattice: Array
    wall: float
    tile: Array
    elevation: float
    sway: Array
    mirrored: bool
    light: tuple[float, float, float]
    lamp: Array
    sky: Array
    person: Person
    random: Array


@dataclass(frozen=True, slots=True)
class Frame:
    """Size of the picture in pixels, how close the camera is, and the point of the worktop in its middle."""

    height: int
    width: int
    zoom: float = 1.0
    look: tuple[float, float] = (0.0, 0.0)

    def aim(self, scale: float, elevation: float) -> tuple[float, float]:
        """Pixels by which the world's origin lies right of and below the middle of the picture."""
        return -scale * self.look[0], scale * self.look[1] * float(np.sin(elevation))


_SKINS = (
    (0.96, 0.80, 0.70),
    (0.91, 0.72, 0.60),
    (0.82, 0.61, 0.47),
    (0.66, 0.46, 0.33),
    (0.48, 0.32, 0.23),
    (0.36, 0.24, 0.18),
)
_SHADES = {
    "wood": ((0.86, 0.68, 0.47), (0.74, 0.53, 0.34), (0.56, 0.38, 0.25), (0.90, 0.77, 0.58)),
    "stone": ((0.93, 0.92, 0.90), (0.85, 0.84, 0.83), (0.36, 0.37, 0.40), (0.80, 0.84, 0.83), (0.90, 0.86, 0.80)),
    "metal": ((0.78, 0.80, 0.82), (0.72, 0.74, 0.77)),
}
_TILES = (
    (0.93, 0.93, 0.90),
    (0.62, 0.76, 0.76),
    (0.48, 0.60, 0.52),
    (0.85, 0.72, 0.62),
    (0.36, 0.46, 0.60),
    (0.90, 0.80, 0.55),
)


def stage(rng: np.random.Generator, top: str) -> Stage:
    """A stage with a worktop of `top` (wood, stone or metal)."""
    draws = rng.random(24)
    warmth, angle = draws[0], draws[1] * 1.4 - 0.7
    side = 1.0 if draws[2] < 0.5 else -1.0
    direction = np.array([side * np.cos(angle) * 0.55, 0.30 - 0.65 * draws[3], 0.85])
    direction /= np.sqrt(direction @ direction)
    power = 0.95 + 0.25 * draws[4]
    lamp = colour(1.0, 0.97 - 0.05 * warmth, 0.94 - 0.16 * warmth) * power
    sky = colour(0.86, 0.93, 1.0) * (0.34 + 0.1 * draws[5])
    shades = _SHADES[top]
    shade = colour(*shades[int(draws[6] * len(shades))]) * (0.9 + 0.2 * draws[7])
    wall = 0.38 + 0.22 * draws[8] if draws[9] < 0.65 else 9.0
    return Stage(
        top=top,
        shade=shade.astype(np.float32),
        lattice=rng.random((_CELLS, _CELLS), dtype=np.float32),
        wall=wall,
        tile=colour(*_TILES[int(draws[10] * len(_TILES))]),
        elevation=np.radians(47.0 + 10.0 * draws[11]),
        sway=(rng.random(6) * 2 * np.pi).astype(np.float32),
        mirrored=bool(draws[12] < 0.3),
        light=(float(direction[0]), float(direction[1]), float(direction[2])),
        lamp=lamp,
        sky=sky,
        person=_person(draws[13:20]),
        random=rng.random((64, 4), dtype=np.float32),
    )


def camera(stage: Stage, frame: Frame, t: Any, jolt: Any) -> View:
    """B empty canvases with the camera at times t (B,); `jolt` (B,) units of vertical shake."""
    scale = float(min(frame.height, frame.width)) * frame.zoom
    w = stage.sway
    x = 0.012 * np.sin(0.9 * t + w[0]) + 0.006 * np.sin(2.3 * t + w[1])
    y = 0.010 * np.sin(1.1 * t + w[2]) + 0.005 * np.sin(2.7 * t + w[3]) + jolt
    right, down = frame.aim(scale, stage.elevation)
    centre = np.stack((frame.width / 2 + right + scale * x, frame.height / 2 + down + scale * y), -1)
    return _view(stage, frame.height, frame.width, scale, centre.astype(np.float32))


def backdrop_camera(stage: Stage, frame: Frame) -> View:
    """One still canvas, finer and wider than the picture, for all that never moves; read it with `show`."""
    fine = 2 if min(frame.height, frame.width) <= 128 else 1
    scale = float(min(frame.height, frame.width)) * frame.zoom
    margin = int(np.ceil(_MARGIN * scale))
    h, w = (frame.height + 2 * margin) * fine, (frame.width + 2 * margin) * fine
    right, down = frame.aim(scale * fine, stage.elevation)
    return _view(stage, h, w, scale * fine, np.array([[w / 2 + right, h / 2 + down]], np.float32))


def show(view: View, backdrop: View) -> None:
    """Fill the canvases of `view` with the part of the backdrop that its camera sees."""
    fine = round(backdrop.scale / view.scale)
    height, width = view.canvas.shape[2:]
    source = backdrop.canvas[:, 0]
    for number, middle in enumerate(view.centre):
        corner = backdrop.centre[0] - middle * fine
        x, y = int(np.floor(corner[0])), int(np.floor(corner[1]))
        fx, fy = np.float32(corner[0] - x), np.float32(corner[1] - y)
        # A box of `fine` source pixels, shifted by a fraction of one.
        wx, wy = _taps(fine, fx), _taps(fine, fy)
        rows = wy[0] * source[:, y : y + height * fine : fine]
        for i in range(1, fine + 1):
            rows += wy[i] * source[:, y + i : y + i + height * fine : fine]
        image = view.canvas[:, number]
        for i in range(fine + 1):
            image += wx[i] * rows[:, :, x + i : x + i + width * fine : fine]


def noise(stage: Stage, x: Any, y: Any, offset: int = 0) -> Array:
    """Smooth noise 0..1 with one random value at each whole number of x and y."""
    x, y = np.broadcast_arrays(x, y)
    fx, fy = np.floor(x), np.floor(y)
    u, v = (x - fx).astype(np.float32), (y - fy).astype(np.float32)
    u, v = u * u * (3 - 2 * u), v * v * (3 - 2 * v)
    column, row = (fx.astype(np.int32) + offset) % _CELLS, (fy.astype(np.int32) + 7 * offset) % _CELLS
    flat = stage.lattice.ravel()
    here = row * _CELLS + column
    right = row * _CELLS + (column + 1) % _CELLS
    below, both = (here + _CELLS) % (_CELLS * _CELLS), (right + _CELLS) % (_CELLS * _CELLS)
    first = flat.take(here) * (1 - u) + flat.take(right) * u
    second = flat.take(below) * (1 - u) + flat.take(both) * u
    mixed: Array = first + v * (second - first)
    return mixed


def plane(view: View, *, y: float | None = None, z: float = 0.0) -> tuple[Array, Array]:
    """World coordinates of every pixel of the first canvas: (x, y) on the level z, or (x, z) on the wall at y."""
    height, width = view.canvas.shape[2:]
    px, py = view.grid((slice(0, height), slice(0, width)))
    x = (px - view.centre[0, 0]) / view.scale
    up = (view.centre[0, 1] - py) / view.scale
    if y is None:
        return x, (up - z * view.rise) / view.tall
    return x, (up - y * view.tall) / view.rise


def _taps(fine: int, share: np.float32) -> list[np.float32]:
    """Weights of fine + 1 neighbouring source pixels."""
    return [np.float32(k / fine) for k in (1.0 - share, *[np.float32(1.0)] * (fine - 1), share)]


def _person(draws: Any) -> Person:
    skin = colour(*_SKINS[int(draws[0] * len(_SKINS))]) * (0.94 + 0.12 * draws[1])
    hue = draws[2]
    sleeve = colour(*(0.52 + 0.36 * np.cos(2 * np.pi * (hue + np.array([0.0, 1 / 3, 2 / 3])))))
    sleeve = sleeve * (0.35 + 0.65 * draws[3]) + (0.25 * draws[4]) ** 2
    reach = (0.0, 0.42, 0.66, 0.9)[int(draws[5] * 4)]
    light = colour(1.0, 0.86, 0.84)
    return Person(
        skin=skin.astype(np.float32),
        nail=(skin * 0.72 + light * 0.28).astype(np.float32),
        sleeve=sleeve.astype(np.float32),
        cuff=(sleeve * 1.3 + 0.02).astype(np.float32),
        reach=reach,
        size=0.95 + 0.12 * draws[6],
    )


def _view(stage: Stage, height: int, width: int, scale: float, centre: Array) -> View:
    return View(
        canvas=np.zeros((3, len(centre), height, width), np.float32),
        scale=scale,
        centre=centre,
        tall=float(np.sin(stage.elevation)),
        rise=float(np.cos(stage.elevation)),
        light=stage.light,
        lamp=stage.lamp,
        sky=stage.sky,
    )
