"""Things that hold food and drink: their measures and how they are painted.

Measures are world units (half a metre); `size` 0 is a small one, 1 a large one of its kind.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from cmmd_bench.datasets.kitchen.flats import disc, polygon
from cmmd_bench.datasets.kitchen.solids import lathe, shadow, tubes
from cmmd_bench.datasets.kitchen.view import Array, View, at, colour

_MEASURES = {
    # name: (radius, height, share of the radius at the foot)
    "mug": (0.095, 0.19, 0.92),
    "cup": (0.085, 0.18, 0.86),
    "glass": (0.10, 0.30, 0.84),
    "can": (0.085, 0.23, 1.0),
    "tub": (0.105, 0.16, 0.82),
    "bowl": (0.17, 0.13, 0.55),
    "pot": (0.23, 0.21, 0.97),
}


@dataclass(frozen=True, slots=True)
class Vessel:
    """One vessel.

    radius: of the rim; taper: share of it at the foot; outside, inside: colours
    """

    name: str
    radius: float
    height: float
    taper: float
    outside: Array
    inside: Array


def vessel(name: str, size: float, draws: Array) -> Vessel:
    """A vessel of `size` with colours from four random numbers."""
    radius, height, taper = _MEASURES[name]
    grow = 0.9 + 0.25 * size
    palette = _COLOURS.get(name, _GLAZES)
    outside = colour(*palette[int(draws[0] * len(palette))])
    inside = colour(0.93, 0.91, 0.87) if name in ("mug", "bowl") and draws[1] < 0.7 else outside * 0.8
    return Vessel(name, radius * grow, height * grow * (0.94 + 0.12 * float(draws[2])), taper, outside, inside)


def cast_shadow(view: View, thing: Vessel, foot: ArrayLike, *, strength: float = 0.5, floor: float = 0.0) -> None:
    """The shadow of a vessel whose foot is at (B, 3)."""
    low = np.asarray(foot, np.float32)
    high = low + np.array([0.0, 0.0, thing.height], np.float32)
    light = 0.45 if thing.name == "glass" else 1.0
    radii = [[[thing.radius * thing.taper, thing.radius]]]
    shadow(view, np.stack((low, high), 1)[:, None], radii, floor=floor, strength=strength * light)


def paint_vessel(
    view: View,
    thing: Vessel,
    foot: ArrayLike,
    *,
    drink: Array | None = None,
    full: ArrayLike = 0.8,
    ripple: ArrayLike = 0.0,
    handle: float | None = 2.9,
) -> None:
    """A vessel at `foot` (B, 3), with a `drink` of that colour up to the share `full` (B,) of its height.

    ripple: (B,) strength 0..1 of rings on the drink; handle: angle of a mug's or pot's handle, None for none
    """
    low = np.asarray(foot, np.float32)
    rim = low + np.array([0.0, 0.0, thing.height], np.float32)
    if handle is not None and thing.name in ("mug", "pot"):
        _handles(view, thing, low, handle)
    if thing.name == "glass":
        _glass(view, thing, low, rim, drink, full, ripple)
        return
    gloss = {"pot": 0.9, "can": 0.7, "tub": 0.25, "cup": 0.15}.get(thing.name, 0.5)
    lathe(view, low, _profile(thing), _bands(thing), gloss=gloss)
    edge = 0.007 if thing.name in ("pot", "can") else 0.013
    disc(view, rim, thing.radius, view.face(np.minimum(thing.outside * 1.25 + 0.03, 1.0)))
    inner = thing.radius - edge
    disc(view, rim, inner, view.face(thing.inside) * 0.62, bowl=0.55)
    if drink is not None:
        _surface(view, thing, low, rim, inner, drink, full, ripple)


def _glass(
    view: View, thing: Vessel, low: Array, rim: Array, drink: Array | None, full: ArrayLike, ripple: ArrayLike
) -> None:
    """A drinking glass: back wall, drink, front wall, rim and highlights, each partly transparent."""
    tint = colour(0.86, 0.93, 0.94)
    lathe(view, low, _profile(thing), tint, gloss=0.5, alpha=0.28)
    if drink is not None:
        level = np.maximum(np.asarray(full, np.float32).reshape(-1) * thing.height, 0.012)
        ends = np.array([0.012, 1.0], np.float32)
        heights = ends * level[:, None]
        heights[:, 0] = 0.010
        share = thing.taper + (1.0 - thing.taper) * heights / thing.height
        body = np.stack((heights, share * (thing.radius - 0.010)), -1)
        lathe(view, low, body, drink * 1.9, gloss=0.5, alpha=0.82 * (level > 0.013), levels=10)
        _surface(view, thing, low, rim, thing.radius - 0.009, drink, full, ripple)
    disc(
        view,
        low + np.array([0, 0, 0.004], np.float32),
        thing.radius * thing.taper,
        tint,
        hole=thing.radius * thing.taper * 0.8,
        alpha=0.35,
    )
    for side, strong in ((-0.8, 0.55), (0.72, 0.3)):
        foot = low + np.array([side * thing.radius * thing.taper, -0.5 * thing.radius * thing.taper, 0.03], np.float32)
        top = rim + np.array([side * thing.radius, -0.5 * thing.radius, -0.03], np.float32)
        corners = np.stack((foot, foot + at(0.012, 0.0), top + at(0.014, 0.0), top), 1)
        # Streaks of light along the wall are what tells glass from air.
        polygon(view, corners, colour(1.0, 1.0, 1.0), alpha=strong)
    disc(view, rim, thing.radius, colour(0.97, 0.99, 1.0), hole=thing.radius - 0.009, alpha=0.8)


def _surface(
    view: View, thing: Vessel, low: Array, rim: Array, inner: float, drink: Array, full: ArrayLike, ripple: ArrayLike
) -> None:
    level = np.asarray(full, np.float32).reshape(-1) * thing.height
    share = thing.taper + (1.0 - thing.taper) * level / thing.height
    middle = low + np.stack((0 * level, 0 * level, level), -1)
    radius = inner * share
    window = (rim, inner)
    shown = (level > 0.01).astype(np.float32)
    disc(view, middle, radius, view.face(drink), bowl=0.12, within=window, alpha=shown)
    strong = np.asarray(ripple, np.float32).reshape(-1)
    if np.any(strong > 0.02):
        bright = np.minimum(view.face(drink) * 1.5 + 0.12, 1.0)
        for share_out in (0.35, 0.75):
            out = radius * (share_out + 0.2 * (1.0 - strong))
            disc(view, middle, out, bright, hole=out - 0.016, alpha=0.7 * strong * shown, within=window)


def _handles(view: View, thing: Vessel, low: Array, angle: float) -> None:
    """The ear of a mug, or the two ears of a pot."""
    ends: list[Any] = []
    if thing.name == "mug":
        out = np.array([np.cos(angle), np.sin(angle), 0.0])
        heights, reach = (0.86, 0.90, 0.72, 0.42, 0.22, 0.2), (0.95, 1.42, 1.82, 1.80, 1.40, 0.93)
        points = [out * thing.radius * r + [0, 0, thing.height * h] for h, r in zip(heights, reach, strict=True)]
        ends = [[a, b] for a, b in pairwise(points)]
        thick = 0.015
    else:
        thick = 0.016
        for turn in (0.0, np.pi):
            around = np.array([turn - 0.3, turn - 0.22, turn + 0.22, turn + 0.3])
            away = thing.radius * np.array([1.0, 1.22, 1.22, 1.0])
            points = list(np.stack((np.cos(around) * away, np.sin(around) * away, np.full(4, thing.height * 0.8)), -1))
            ends += [[a, b] for a, b in pairwise(points)]
    shape = np.array(ends, np.float32)
    placed = shape[None] + low[:, None, None]
    tubes(view, placed, np.full((1, len(shape), 2), thick), thing.outside * 0.95, gloss=0.4)


def _profile(thing: Vessel) -> list[tuple[float, float]]:
    if thing.name == "bowl":
        shares = ((0.0, 0.5), (0.15, 0.68), (0.4, 0.86), (0.7, 0.96), (1.0, 1.0))
        return [(h * thing.height, r * thing.radius) for h, r in shares]
    foot = thing.radius * thing.taper
    return [(0.0, foot * 0.95), (0.04 * thing.height, foot), (thing.height, thing.radius)]


def _bands(thing: Vessel) -> Array:
    """Colours from foot to rim: a label on a can, a stripe on some mugs and bowls."""
    rows = np.repeat(thing.outside[None], 12, 0)
    if thing.name == "can":
        rows[2:10] = np.array([thing.outside[2], thing.outside[0], thing.outside[1]]) * 0.8
        rows[5:7] = colour(0.93, 0.9, 0.82)
    elif thing.name in ("mug", "bowl") and float(thing.outside.sum()) % 0.1 < 0.05:
        rows[8:10] = np.maximum(thing.outside[::-1] * 0.6, 0.02)
    return rows


_GLAZES = (
    (0.90, 0.88, 0.84),
    (0.30, 0.48, 0.66),
    (0.82, 0.34, 0.26),
    (0.93, 0.74, 0.32),
    (0.36, 0.56, 0.46),
    (0.52, 0.38, 0.52),
    (0.24, 0.26, 0.30),
)
_COLOURS = {
    "pot": ((0.76, 0.77, 0.79), (0.70, 0.72, 0.75), (0.74, 0.26, 0.20), (0.24, 0.26, 0.29)),
    "can": ((0.80, 0.75, 0.72), (0.72, 0.78, 0.80), (0.76, 0.80, 0.72)),
    "cup": ((0.66, 0.45, 0.28), (0.78, 0.58, 0.38)),
    "tub": ((0.95, 0.45, 0.40), (0.30, 0.68, 0.82), (0.98, 0.82, 0.35), (0.55, 0.80, 0.45), (0.92, 0.92, 0.94)),
    "glass": ((0.86, 0.93, 0.94),),
}
