"""What stands still around a scene: worktop, wall with tiles, and things at the back of the worktop."""

from typing import Any

import numpy as np

from cmmd_bench.datasets.kitchen.flats import disc
from cmmd_bench.datasets.kitchen.solids import lathe, shadow, tubes
from cmmd_bench.datasets.kitchen.stage import Stage, noise, plane
from cmmd_bench.datasets.kitchen.view import Array, View, colour


def paint_worktop(view: View, stage: Stage) -> None:
    """Fill the canvas with the worktop's material and, where the wall is near, its tiles."""
    x, y = plane(view)
    view.canvas[:, 0] = view.face(_MATERIALS[stage.top](stage, x, y))
    if stage.wall < 2.0:
        _paint_wall(view, stage)


def paint_things(view: View, stage: Stage, spots: tuple[tuple[float, float], ...]) -> None:
    """Still things (jars, bottles, fruit, a plant) at some of the `spots` (x, y)."""
    for number, (x, y) in enumerate(spots):
        draws = stage.random[50 + number]
        if draws[0] < 0.75 and y + 0.08 < stage.wall:
            kind = int(draws[1] * len(_THINGS))
            _THINGS[kind](view, x + 0.04 * float(draws[2]), y, draws)


def _wood(stage: Stage, x: Any, y: Any) -> Array:
    plank = np.floor(y * 5.5 + 20.0)
    shift = noise(stage, plank * 5.0, 0.0, 3)
    fibre = (
        noise(stage, x * 3.0 + shift * 40.0, y * 60.0) * 0.5 + noise(stage, x * 9.0 + shift * 20.0, y * 150.0, 5) * 0.3
    )
    wave = noise(stage, x * 2.0 + shift * 30.0, y * 9.0, 9)
    grain = 0.5 + 0.5 * np.sin(2 * np.pi * (y * 16.0 + 2.2 * wave + shift * 8.0))
    value = 0.60 + 0.22 * fibre + 0.12 * wave + 0.10 * grain + 0.22 * (shift - 0.5)
    joint = np.abs(y * 5.5 + 20.0 - plank - 0.5) > 0.485
    value = np.where(joint, value * 0.72, value)
    tinted: Array = stage.shade[:, None, None] * np.stack((value, value**1.15, value**1.35))
    return tinted


def _stone(stage: Stage, x: Any, y: Any) -> Array:
    warp = noise(stage, x * 3.0, y * 3.0) + 0.5 * noise(stage, x * 7.0, y * 7.0, 5)
    vein = np.abs(noise(stage, x * 2.2 + warp * 1.7, y * 3.0 - warp, 11) - 0.5)
    # Veins come and go: a second noise fades them.
    thin = np.exp(-vein * 26.0) * np.clip(2.4 * noise(stage, x * 3.1, y * 2.7, 37) - 0.6, 0.0, 1.0)
    cloud = noise(stage, x * 4.0 + warp, y * 4.0, 17)
    speck = noise(stage, x * 55.0, y * 55.0, 23)
    dark = float(stage.shade[1]) < 0.3
    value = 0.86 + 0.12 * cloud + 0.06 * (speck - 0.5) + (0.5 if dark else -0.30) * thin
    tinted: Array = stage.shade[:, None, None] * np.stack((value, value, value))
    return tinted


def _steel(stage: Stage, x: Any, y: Any) -> Array:
    brushed = noise(stage, x * 2.0, y * 130.0) * 0.6 + noise(stage, x * 5.0, y * 60.0, 7) * 0.4
    sheen = noise(stage, x * 1.3 + 5.0, y * 0.7 + 3.0, 13)
    value = 0.62 + 0.16 * brushed + 0.45 * sheen * sheen
    tinted: Array = stage.shade[:, None, None] * np.stack((value, value, value))
    return tinted


_MATERIALS = {"wood": _wood, "stone": _stone, "metal": _steel}


def _paint_wall(view: View, stage: Stage) -> None:
    x, z = plane(view, y=stage.wall)
    row = np.floor(z / 0.15)
    along = x / 0.3 + 0.5 * (row % 2)
    column = np.floor(along)
    from_edge = np.minimum(0.5 - np.abs(z / 0.15 - row - 0.5), 2.0 * (0.5 - np.abs(along - column - 0.5)))
    joint = np.clip(from_edge * 0.15 * view.scale - 0.3, 0.0, 1.0)
    each = 0.86 + 0.2 * noise(stage, column * 3.0 + 0.0 * row, row * 5.0 + 0.0 * column, 29)
    bevel = 1.0 - 0.10 * np.exp(-from_edge * 14.0)
    glazed = stage.tile[:, None, None] * (each * bevel)
    grout = np.full((3, 1, 1), 0.52, np.float32)
    # The lamp hangs a little behind the wall's plane; light that the worktop throws back makes up for it.
    wall = view.face(grout + joint * (glazed - grout), (0.0, -1.0, 0.35)) * 1.7
    near = np.clip(z * view.scale * view.rise + 0.5, 0.0, 1.0)
    corner = 1.0 - 0.45 * np.exp(-np.abs(z) * 16.0)
    canvas = view.canvas[:, 0]
    canvas *= 1.0 - 0.5 * np.exp(np.minimum(z, 0.0) * 14.0) * (z < 0.02)
    canvas += near * (wall * corner - canvas)


def _jar(view: View, x: float, y: float, draws: Array) -> None:
    fill = (colour(0.75, 0.30, 0.18), colour(0.85, 0.65, 0.25), colour(0.35, 0.22, 0.15), colour(0.88, 0.82, 0.70))
    body = fill[int(draws[3] * 4)]
    shadow(view, [[[(x, y, 0.0), (x, y, 0.2)]]], [[[0.075, 0.07]]])
    lathe(view, [(x, y, 0.0)], [(0.0, 0.068), (0.17, 0.07), (0.21, 0.055)], body, gloss=0.6)
    lathe(view, [(x, y, 0.2)], [(0.0, 0.06), (0.04, 0.06)], colour(0.82, 0.80, 0.74), gloss=0.4)
    disc(view, [(x, y, 0.24)], 0.06, view.face(colour(0.86, 0.84, 0.78)))


def _bottle(view: View, x: float, y: float, draws: Array) -> None:
    glass = colour(0.30, 0.38, 0.14) if draws[3] < 0.5 else colour(0.62, 0.48, 0.16)
    shadow(view, [[[(x, y, 0.0), (x, y, 0.4)]]], [[[0.06, 0.03]]])
    profile = [(0.0, 0.055), (0.24, 0.058), (0.32, 0.024), (0.40, 0.022)]
    lathe(view, [(x, y, 0.0)], profile, glass, gloss=0.9, levels=22)
    lathe(view, [(x, y, 0.08)], [(0.0, 0.0585), (0.11, 0.0585)], colour(0.93, 0.90, 0.80), gloss=0.1)
    disc(view, [(x, y, 0.4)], 0.022, view.face(colour(0.25, 0.2, 0.1)))


def _fruit(view: View, x: float, y: float, draws: Array) -> None:
    skins = (colour(0.95, 0.80, 0.20), colour(0.86, 0.25, 0.16), colour(0.96, 0.58, 0.15), colour(0.55, 0.72, 0.25))
    skin = skins[int(draws[3] * 4)]
    middles = np.array([(x, y, 0.055), (x + 0.11, y - 0.03, 0.05), (x + 0.05, y + 0.08, 0.055)], np.float32)
    ends = np.stack((middles, middles + np.array([0.015, 0.01, 0.0], np.float32)), 1)[None]
    radii = np.array([(0.055, 0.055), (0.052, 0.05), (0.054, 0.052)])[None]
    shadow(view, ends, radii, strength=0.55)
    tubes(view, ends, radii, np.stack((skin, skin * 0.93, skin * 0.97)), gloss=0.35)


def _plant(view: View, x: float, y: float, draws: Array) -> None:
    pot = colour(0.80, 0.45, 0.32) if draws[3] < 0.6 else colour(0.90, 0.90, 0.88)
    shadow(view, [[[(x, y, 0.0), (x, y, 0.28)]]], [[[0.08, 0.13]]])
    lathe(view, [(x, y, 0.0)], [(0.0, 0.06), (0.12, 0.08)], pot, gloss=0.1)
    disc(view, [(x, y, 0.12)], 0.075, view.face(colour(0.25, 0.18, 0.12)))
    turn = np.arange(14) * 2.4 + 6.0 * draws[3]
    out = 0.03 + 0.007 * np.arange(14)
    tip = np.stack((x + out * np.cos(turn), y + out * np.sin(turn), 0.24 - 0.9 * out), -1)
    heart = np.stack((x + 0.5 * out * np.cos(turn), y + 0.5 * out * np.sin(turn), 0.25 - 0.9 * out), -1)
    leaf = colour(0.28, 0.52, 0.20) * (0.75 + 0.5 * ((np.arange(14) * 0.37) % 1.0))[:, None]
    radii = np.broadcast_to(np.array([0.032, 0.018]), (1, 14, 2))
    tubes(view, np.stack((heart, tip), 1)[None], radii, leaf, gloss=0.08)


def _crock(view: View, x: float, y: float, draws: Array) -> None:
    glaze = (colour(0.90, 0.88, 0.82), colour(0.25, 0.38, 0.50), colour(0.55, 0.62, 0.52))[int(draws[3] * 3)]
    shadow(view, [[[(x, y, 0.0), (x, y, 0.18)]]], [[[0.09, 0.09]]])
    lathe(view, [(x, y, 0.0)], [(0.0, 0.075), (0.08, 0.088), (0.18, 0.078)], glaze, gloss=0.5)
    disc(view, [(x, y, 0.18)], 0.078, view.face(glaze))
    disc(view, [(x, y, 0.18)], 0.066, colour(0.12, 0.1, 0.09))
    foot = np.array([(x, y, 0.12)] * 3)
    top = foot + np.array([(-0.07, 0.02, 0.28), (0.02, 0.05, 0.32), (0.08, 0.0, 0.27)])
    wood = np.stack((colour(0.70, 0.48, 0.30), colour(0.55, 0.36, 0.22), colour(0.75, 0.56, 0.36)))
    tubes(view, np.stack((foot, top), 1)[None], np.array([[(0.011, 0.012)] * 3]), wood, gloss=0.1)
    head = np.stack((top, top + (top - foot) * 0.16), 1)[None]
    tubes(view, head, np.array([[(0.026, 0.03)] * 3]), wood, gloss=0.1)


_THINGS = (_jar, _bottle, _fruit, _plant, _crock)
