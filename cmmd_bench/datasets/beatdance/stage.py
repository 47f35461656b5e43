"""Where the dance happens: background, light, and the camera, drawn with the taste of the music's style.

Light and scene do not change over a clip, so nothing but the dancer moves to the beat; the camera drifts slowly.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cmmd_bench.datasets.beatdance.paint import Values, View
from cmmd_bench.datasets.beatdance.props import PROPS, Easel
from cmmd_bench.datasets.beatdance.scenery import FLOORS, WALLS, Palette
from cmmd_bench.datasets.beatdance.streams import Key, between, pick, stream
from cmmd_bench.datasets.painting import Colour, Light, hsv, mix

MARGIN = 0.16
"""The scene is larger than the picture by this share on each side, so that the camera can move."""


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """A scene: names in WALLS and FLOORS, a name in PROPS or "", colours, and light.

    side: -1 or 1, where the light comes from; the prop stands on the other side
    horizon: where the wall ends, as a share of the picture's height
    gloss: how much of the dancer the floor mirrors; pool: strength of the light on the dancer's place
    """

    wall: str
    floor: str
    prop: str
    side: float
    wall_palette: Palette
    floor_palette: Palette
    horizon: float
    light: Light
    gloss: float
    pool: float
    pool_colour: Colour
    random: Values


@dataclass(frozen=True, slots=True)
class _Taste:
    """What a style likes: surfaces, props ("" is none), limits for the wall's hue (in turns), saturation and value."""

    walls: tuple[str, ...]
    floors: tuple[str, ...]
    props: tuple[str, ...]
    hues: tuple[float, float]
    saturation: tuple[float, float]
    value: tuple[float, float]
    gloss: float


_TASTES: dict[str, _Taste] = {
    "house": _Taste(
        ("beams", "lamps", "diagonals", "panels", "bokeh"), ("discs", "plain", "checks"),
        ("speakers", "mirror_ball", ""), (0.74, 0.92), (0.5, 0.8), (0.35, 0.7), 0.35,
    ),
    "boom bap": _Taste(
        ("bricks", "bricks", "city", "rings", "diagonals"), ("slabs", "plain"), ("boombox", "street_lamp", ""),
        (0.46, 0.56), (0.3, 0.55), (0.5, 0.8), 0.0,
    ),
    "ballet": _Taste(
        ("mirrors", "mirrors", "curtain", "backdrop"), ("boards", "plain"), ("flowers", "", ""),
        (0.85, 1.10), (0.14, 0.36), (0.75, 0.95), 0.12,
    ),
    "swing": _Taste(
        ("curtain", "curtain", "rings", "panels", "bokeh"), ("boards", "checks"), ("microphone", "", "flowers"),
        (0.94, 1.02), (0.6, 0.85), (0.45, 0.75), 0.15,
    ),
    "funk": _Taste(
        ("rings", "diagonals", "lamps", "panels", "backdrop"), ("checks", "discs", "plain"),
        ("mirror_ball", "speakers", ""), (0.06, 0.15), (0.55, 0.85), (0.8, 1.0), 0.2,
    ),
    "techno": _Taste(
        ("beams", "beams", "lamps", "panels", "bokeh"), ("plain", "discs", "slabs"), ("speakers", ""),
        (0.36, 0.54), (0.6, 0.95), (0.25, 0.5), 0.35,
    ),
    "halftime": _Taste(
        ("city", "city", "backdrop", "panels", "bokeh"), ("slabs", "plain"),
        ("street_lamp", "street_lamp", "speakers"), (0.58, 0.70), (0.4, 0.75), (0.3, 0.7), 0.15,
    ),
    "salsa": _Taste(
        ("sunset", "sunset", "sunset", "backdrop", "curtain"), ("plain", "slabs", "boards"),
        ("palm", "palm", "flowers"), (0.98, 1.08), (0.5, 0.8), (0.7, 0.95), 0.05,
    ),
}  # fmt: skip


def draw_stage(style: str, key: Key, worn: Colour) -> Stage:
    """The stage of one performance; the wall is kept lighter or darker than what is worn before it."""
    rng = stream(key, "stage")
    taste = _TASTES[style]
    wall, floor, prop = pick(rng, taste.walls), pick(rng, taste.floors), pick(rng, taste.props)
    hue, saturation, value = between(rng, taste.hues), between(rng, taste.saturation), between(rng, taste.value)
    away = (0.06 + 0.08 * rng.random()) * (1 if rng.random() < 0.5 else -1)
    accent = hsv(hue + 0.35 + 0.3 * rng.random(), 0.7, 0.95)
    palette: Palette = (hsv(hue, saturation, value), hsv(hue + away, 0.8 * saturation, min(value * 1.3, 1.0)), accent)
    if wall in ("beams", "lamps", "bokeh"):
        palette = (palette[0], hsv(hue + away, 0.75, 1.0), accent)
    elif wall == "bricks":
        palette = (hsv(0.03 * rng.random(), 0.60, 0.40 + 0.3 * rng.random()), hsv(0.06, 0.45, 0.85), accent)
    elif wall == "city":
        palette = (hsv(0.64, 0.6, 0.30), hsv(hue + 0.2, 0.5, 0.65), (1.0, 0.85, 0.5))
    elif wall == "sunset":
        palette = (
            hsv(0.66 + 0.16 * rng.random(), 0.55, 0.6),
            hsv(0.02 + 0.06 * rng.random(), 0.6, 1.0),
            (1.0, 0.6, 0.3),
        )
    elif wall == "mirrors":
        palette = (palette[0], hsv(0.58, 0.08 + 0.25 * rng.random(), 1.0), accent)
    palette = _set_off(palette, worn)
    main, second, _ = palette
    ground = hsv(hue + 0.5 * away, 0.6 * saturation, 0.55 * value + 0.15)
    if floor == "boards":
        ground = hsv(0.075, 0.5, 0.5 + 0.25 * rng.random())
    if wall == "sunset":
        ground = hsv(0.10, 0.42, 0.82)
    warm = hsv(between(rng, (0.04, 0.14)), 0.25 * rng.random(), 1.0)
    side = 1.0 if rng.random() < 0.5 else -1.0
    bright = 0.55 + 0.15 * rng.random()
    glowing = wall in ("beams", "lamps", "bokeh", "city")
    return Stage(
        wall=wall,
        floor=floor,
        prop=prop,
        side=side,
        wall_palette=palette,
        floor_palette=(ground, mix(ground, second, 0.45), accent),
        horizon=between(rng, (0.70, 0.80)),
        light=Light(
            direction=(side * between(rng, (0.35, 0.85)), -0.75, 0.75),
            colour=(bright * warm[0], bright * warm[1], bright * warm[2]),
            ambient=mix((0.54, 0.54, 0.58), main, 0.25),
            rim=mix((0.25, 0.25, 0.25), accent if glowing else second, 0.6),
        ),
        gloss=taste.gloss * (0.6 + 0.6 * rng.random()) if floor != "slabs" else 0.0,
        pool=0.10 + 0.25 * rng.random(),
        pool_colour=mix((1.0, 1.0, 1.0), accent if wall in ("beams", "lamps") else warm, 0.4),
        random=rng.random(257, dtype=np.float32),
    )


def paint_scene(stage: Stage, height: int, width: int) -> Values:
    """The empty stage, larger than the picture by MARGIN on each side, (3, H', W') float32; four places to a pixel."""
    tall, wide = _scene_size(height, width)
    fine = 2
    y = ((np.arange(tall * fine, dtype=np.float32) + 0.5) / fine - MARGIN * height)[:, None] / np.float32(height)
    x = ((np.arange(wide * fine, dtype=np.float32) + 0.5) / fine - wide / 2)[None, :] / np.float32(height)
    edge = int(np.searchsorted(y[:, 0], stage.horizon))
    image = np.empty((tall * fine, wide * fine, 3), np.float32)
    image[:edge] = WALLS[stage.wall](x, y[:edge], stage.wall_palette, stage.random)
    below = y[edge:] - np.float32(stage.horizon - 0.06)
    image[edge:] = FLOORS[stage.floor](x * 0.3 / below, 0.3 / below, stage.floor_palette, stage.random)
    image = image.reshape(tall, fine, wide, fine, 3).mean(axis=(1, 3))
    if stage.prop:
        easel = Easel(image, height, wide / 2, MARGIN * height, stage.light, stage.wall_palette[2])
        PROPS[stage.prop](easel, -stage.side * min(0.40 * width / height, 0.48), stage.horizon + 0.05)
    scene: Values = image.transpose(2, 0, 1).copy()
    x, y = x[:, ::fine], y[::fine]
    # A skirting shadow where the wall meets the floor, and more light near the dancer than in the corners.
    scene *= 1.0 - 0.35 * np.exp(-np.abs(y - np.float32(stage.horizon)) / np.float32(0.012))
    scene *= 1.08 - 0.35 * np.minimum(x * x + (y - np.float32(0.5)) ** 2, 1.0)
    pool = np.exp(-((x / np.float32(0.42)) ** 2)) * np.exp(-(((y - np.float32(0.88)) / np.float32(0.10)) ** 2))
    pool *= np.float32(stage.pool) * (y > stage.horizon)
    scene += np.array(stage.pool_colour, np.float32)[:, None, None] * pool
    return scene


def draw_camera(key: Key, times: Values, height: int, width: int) -> View:
    """Where the camera looks at the given times, (n,) seconds: a slow drift around a place of its own."""
    rng = stream(key, "camera")
    reach = min(height, 1.05 * width)
    size = (0.66 + 0.11 * rng.random()) * reach
    strength = 0.0 if rng.random() < 0.35 else 0.5 + 0.5 * rng.random()
    places = rng.random(6)
    periods = 7.0 + 9.0 * rng.random(3)

    def drift(i: int) -> Values:
        wave: Values = strength * np.sin(2 * math.pi * (times / periods[i] + places[i]))
        return wave

    scale = size * (1.0 + 0.03 * drift(0))
    x = 0.5 * width + reach * (0.05 * (places[3] - 0.5) + 0.03 * drift(1))
    # In a tall picture the dancer is small and stands a little higher, but still in front of the wall.
    y = height * (0.78 + 0.02 * (places[4] - 0.5)) + reach * (0.12 + 0.01 * drift(2))
    return View(scale, x, y, elevation=0.11 + 0.10 * places[5])


def film_scene(scene: Values, view: View, height: int, width: int) -> Values:
    """The scene as the camera sees it at each moment: (n, 3, H, W) float32."""
    tall, wide = _scene_size(height, width)
    base = 0.7 * min(height, 1.05 * width)
    frames = np.empty((len(view.scale), 3, height, width), np.float32)
    for i, zoom in enumerate(base / view.scale):
        column, share_x = _between_pixels(wide / 2 - zoom * view.x[i], zoom, width, wide)
        row, share_y = _between_pixels((MARGIN + 0.9) * height - zoom * view.y[i], zoom, height, tall)
        rows = scene[:, row] + share_y[:, None] * (scene[:, row + 1] - scene[:, row])
        frames[i] = rows[:, :, column] + share_x * (rows[:, :, column + 1] - rows[:, :, column])
    return frames


def _between_pixels(start: float, step: float, count: int, size: int) -> tuple[NDArray[np.intp], Values]:
    """The pixel before each of `count` places, `step` apart, and how far the place is on the way to the next one."""
    place = np.clip(start + step * (np.arange(count) + 0.5) - 0.5, 0.0, size - 1.001)
    before = place.astype(np.intp)
    return before, (place - before).astype(np.float32)


def _scene_size(height: int, width: int) -> tuple[int, int]:
    return math.ceil((1 + 2 * MARGIN) * height), math.ceil((1 + 2 * MARGIN) * width)


def _set_off(palette: Palette, worn: Colour) -> Palette:
    """Darken or lighten a wall that is about as bright as the clothes before it."""
    bright, dress = (0.3 * c[0] + 0.6 * c[1] + 0.1 * c[2] for c in (palette[0], worn))
    if abs(bright - dress) > 0.18:
        return palette
    if dress > 0.38:
        return (_deepen(palette[0]), _deepen(palette[1]), palette[2])
    return (mix(palette[0], (1.0, 1.0, 1.0), 0.35), mix(palette[1], (1.0, 1.0, 1.0), 0.35), palette[2])


def _deepen(colour: Colour) -> Colour:
    grey = sum(colour) / 3
    red, green, blue = (max(0.55 * (grey + 1.5 * (part - grey)), 0.0) for part in colour)
    return mix((red, green, blue), (0.24, 0.10, 0.34), 0.35)
