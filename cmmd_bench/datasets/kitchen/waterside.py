"""Scenes with running water: pour a drink, open a tap over a sink.

Each scene is a pair of functions: what stands still, painted once on the backdrop, and what moves, painted at times t
(B,) over it.
"""

from itertools import pairwise
from typing import Any

import numpy as np

from cmmd_bench.datasets.kitchen.actions import Action
from cmmd_bench.datasets.kitchen.effects import rings
from cmmd_bench.datasets.kitchen.flats import coins, disc, polygon
from cmmd_bench.datasets.kitchen.flow import FALL, filling, flow
from cmmd_bench.datasets.kitchen.hands import paint_hand, reach
from cmmd_bench.datasets.kitchen.solids import lathe, shadow, tubes
from cmmd_bench.datasets.kitchen.stage import Stage
from cmmd_bench.datasets.kitchen.surroundings import paint_things, paint_worktop
from cmmd_bench.datasets.kitchen.vessels import cast_shadow, paint_vessel, vessel
from cmmd_bench.datasets.kitchen.view import Array, View, at, colour

_BACK = ((-0.42, 0.42), (-0.05, 0.47), (0.40, 0.44))
_WATER = colour(0.72, 0.86, 0.94)
_DRINKS = {
    "water": _WATER,
    "juice": colour(0.96, 0.60, 0.14),
    "milk": colour(0.96, 0.95, 0.92),
    "tea": colour(0.58, 0.28, 0.10),
}
_TAPS = {"steel": colour(0.80, 0.83, 0.86), "brass": colour(0.80, 0.62, 0.28), "black": colour(0.14, 0.14, 0.16)}
_GLASS = (-0.12, 0.04)


def pour_still(view: View, stage: Stage, action: Action) -> None:
    """Worktop and the things at its back."""
    paint_worktop(view, stage)
    paint_things(view, stage, _BACK)
    cast_shadow(view, vessel("glass", action.size, stage.random[0]), at(*_GLASS), strength=0.6)


def pour_moving(view: View, stage: Stage, action: Action, t: Any) -> None:
    """A bottle or jug is tilted, a stream falls into a glass and fills it."""
    glass = vessel("glass", action.size, stage.random[0])
    drink = _DRINKS[action.what["drink"]]
    foot = at(*_GLASS)
    full = filling(t, action)
    arriving = flow(t, action)
    leaving = flow(t + FALL, action)
    paint_vessel(view, glass, foot, drink=drink, full=full)
    level = full * glass.height
    surface = foot + at(0.0, 0.0, level)
    rim = (foot + at(0.0, 0.0, glass.height), glass.radius - 0.01)
    foam = np.minimum(view.face(drink) * 1.25 + 0.18, 1.0)
    for number in range(3):
        age = (t * 3.1 + number / 3) % 1.0
        out = (0.02 + 0.055 * age) * 1.0
        disc(view, surface, out, foam, hole=out - 0.014, alpha=0.75 * (1 - age) * arriving, within=rim)
    disc(view, surface, 0.026, foam, alpha=0.8 * arriving, soft=0.01, within=rim)
    mouth = at(_GLASS[0] + 0.045, _GLASS[1], glass.height + 0.17)
    _stream(view, t, action, mouth, surface, drink, thick=0.010)
    # The near part of the rim lies over the stream.
    disc(view, rim[0], glass.radius, colour(0.97, 0.99, 1.0), hole=glass.radius - 0.008, alpha=0.5)
    _pourer(view, stage, action, mouth, leaving, drink)


def _pourer(view: View, stage: Stage, action: Action, mouth: Array, leaving: Any, drink: Array) -> None:
    """The bottle or jug in the right hand; it tips over while `leaving` (B,) is above 0."""
    tilt = np.radians(50.0 + 40.0 * np.clip(leaving, 0.0, 1.0))
    # The body points from the mouth up and to the right when it pours, and hangs lower when it rests.
    body = at(np.sin(tilt) * 0.96, -0.12 + 0 * tilt, -np.cos(tilt) * 0.9 + 0.22)
    body = body / np.sqrt((body * body).sum(-1, keepdims=True))
    back = mouth + at(0.05 * (1 - np.clip(leaving, 0, 1)), 0.0, 0.03 * (1 - np.clip(leaving, 0, 1)))
    luck = stage.random[4]
    tones = ((0.55, 0.72, 0.60), (0.62, 0.78, 0.88), (0.36, 0.50, 0.24), (0.88, 0.90, 0.90))
    glass = colour(*tones[int(luck[0] * 4)])
    slim = action.what["from"] == "bottle"
    neck, thick, tall = (0.10, 0.070, 0.42) if slim else (0.06, 0.090, 0.34)
    points = [back, back + body * neck, back + body * (neck + 0.09), back + body * tall]
    ends = np.stack([np.stack((a, b), 1) for a, b in pairwise(points)], 1)
    radii = np.array([(0.026, 0.028), (0.028, thick), (thick, thick)])
    shadow(view, ends, radii[None], strength=0.4)
    tubes(view, ends, radii[None], glass, gloss=0.8)
    inner = np.stack((points[2] - body * 0.02, points[3] - body * 0.02), 1)[:, None]
    tubes(view, inner, np.full((1, 1, 2), thick * 0.78), drink * 0.5 + glass * 0.5, gloss=0.4)
    hold = points[2] + body * np.float32(0.09) + at(0.0, -0.075, 0.02)
    forward = at(-0.15, 0.95, 0.12)
    paint_hand(view, stage.person, reach("grip", hold, forward, roll=0.25), floor=None)


def _stream(view: View, t: Any, action: Action, mouth: Array, surface: Array, drink: Array, *, thick: float) -> None:
    """Falling liquid between a mouth and a surface: whole, just beginning or just ending.

    A stream is at the surface from the start of a stroke to its end, and at the mouth `FALL` seconds earlier.
    """
    arriving, leaving = flow(t, action), flow(t + FALL, action)
    tail = np.where(leaving > 0.02, 0.0, np.where(arriving > 0.02, _fallen(t, action.strokes[:, 1]), 1.0))
    head = np.where(arriving > 0.02, 1.0, np.where(leaving > 0.02, _fallen(t, action.strokes[:, 0]), 0.0))
    share = np.stack((tail, head), -1)
    ends = (mouth[:, None] + (surface - mouth)[:, None] * share[..., None])[:, None]
    # Falling faster, it grows thinner; it shivers.
    width = thick * (0.9 + 0.8 * np.maximum(arriving, leaving) + 0.12 * np.sin(41.0 * t))
    radii = np.where((head > tail)[:, None], width[:, None] * (1.15 - 0.4 * share), -1.0)[:, None]
    tubes(view, ends, radii, drink * 1.05, gloss=0.7)


def _fallen(t: Any, arrivals: Any) -> Any:
    """How far down (0..1) is what will reach the surface at the next of the `arrivals`."""
    coming = arrivals[np.minimum(np.searchsorted(arrivals, t), len(arrivals) - 1)]
    return np.square(np.clip(1.0 - (coming - t) / FALL, 0.0, 1.0))


def faucet_still(view: View, stage: Stage, action: Action) -> None:
    """A steel sink let into the worktop, with its tap."""
    paint_worktop(view, stage)
    steel = colour(0.74, 0.77, 0.80)
    back, front, wide, deep = 0.30, -0.30, 0.42, -0.24
    border = [
        (-wide - 0.03, back + 0.03, 0),
        (wide + 0.03, back + 0.03, 0),
        (wide + 0.03, front - 0.03, 0),
        (-wide - 0.03, front - 0.03, 0),
    ]
    polygon(view, [border], view.face(steel) * 1.1)
    polygon(view, [[(-wide, back, 0), (wide, back, 0), (wide, front, 0), (-wide, front, 0)]], view.face(steel) * 0.42)
    low_back = back - 0.05
    floor = [
        (-wide + 0.06, low_back, deep),
        (wide - 0.06, low_back, deep),
        (wide - 0.02, front, 0),
        (-wide + 0.02, front, 0),
    ]
    polygon(view, [[(-wide, back, 0), (wide, back, 0), floor[1], floor[0]]], view.face(steel, (0, -0.9, 0.3)) * 0.85)
    polygon(view, [[(-wide, back, 0), floor[0], floor[3], (-wide, front, 0)]], view.face(steel, (0.9, 0, 0.3)) * 0.75)
    polygon(view, [[(wide, back, 0), floor[1], floor[2], (wide, front, 0)]], view.face(steel, (-0.9, 0, 0.3)) * 0.75)
    polygon(view, [floor], view.face(steel) * 0.8, fade=view.face(steel) * 0.66)
    drain = at(0.0, 0.02, deep)
    disc(view, drain, 0.055, view.face(steel) * 1.05)
    disc(view, drain, 0.042, colour(0.16, 0.17, 0.19))
    _washing(view, stage, deep)
    metal = _TAPS[action.what["tap"]]
    lathe(view, at(0.0, 0.40), [(0.0, 0.055), (0.02, 0.05), (0.03, 0.03)], metal, gloss=0.8)
    arch = np.array(
        [
            (0, 0.40, 0.0),
            (0, 0.40, 0.24),
            (0, 0.37, 0.32),
            (0, 0.30, 0.36),
            (0, 0.20, 0.36),
            (0, 0.14, 0.32),
            (0, 0.13, 0.26),
        ]
    )
    ends = np.stack((arch[:-1], arch[1:]), 1)[None]
    shadow(view, ends, np.full((1, 6, 2), 0.024), strength=0.35)
    tubes(view, ends, np.full((1, 6, 2), 0.026), metal, gloss=0.9)


def _washing(view: View, stage: Stage, floor: float) -> None:
    """Vegetables that wait in the sink."""
    skins = (colour(0.84, 0.22, 0.15), colour(0.42, 0.62, 0.24), colour(0.93, 0.76, 0.25), colour(0.55, 0.20, 0.36))
    luck = stage.random[40:43]
    side = -1.0 if luck[0, 3] < 0.5 else 1.0
    level = floor + 0.06
    middles = np.array([(0.25 * side, 0.02, level), (0.30 * side, 0.14, level), (0.18 * side, 0.13, level)])
    ends = np.stack((middles, middles + 0.02 * (luck[:, :3] - 0.5)), 1)[None]
    radii = (0.048 + 0.018 * luck[:, :1])[None] * np.ones(2)
    tone = skins[int(luck[0, 0] * len(skins))]
    shadow(view, ends, radii, floor=floor, strength=0.5)
    tubes(view, ends, radii, np.stack((tone, tone * 0.92, tone * 1.05)), gloss=0.45)


def faucet_moving(view: View, stage: Stage, action: Action, t: Any) -> None:
    """A hand turns the lever of the tap; water falls into the sink and stops again."""
    deep = -0.24
    arriving, leaving = flow(t, action), flow(t + FALL, action)
    spout, ground = at(0.0, 0.13, 0.25), at(0.0, 0.13, deep)
    wet = np.minimum(view.face(_WATER) * 1.1 + 0.05, 1.0)
    disc(view, ground, 0.05 + 0.12 * arriving, wet, alpha=0.45 * arriving, soft=0.08)
    rings(view, t, ground, arriving, wet, reach=0.20)
    number = np.arange(10)
    luck = stage.random[number + 30]
    age = (t[:, None] * 4.0 + luck[:, 0]) % 1.0
    turn = 2 * np.pi * luck[:, 1] + np.floor(t[:, None] * 4.0 + luck[:, 0]) * 2.4
    out = 0.14 * age * (0.4 + luck[:, 2])
    hop = 0.16 * age * (1 - age)
    drops = np.stack((out * np.cos(turn), 0.13 + out * np.sin(turn), deep + hop), -1)
    coins(view, drops, np.where(arriving[:, None] > 0.1, 0.011 * (1 - 0.5 * age), -1.0), wet, alpha=0.9)
    _stream(view, t, action, spout, ground, _WATER, thick=0.013)
    lever = 0.9 * leaving
    pivot = at(0.035, 0.40, 0.20)
    knob = pivot + at(0.13 * np.cos(0.2 + lever), -0.13 * np.sin(0.2 + lever), 0.03 + 0.02 * lever)
    arm = np.stack((np.broadcast_to(pivot, knob.shape), knob), 1)[:, None]
    tubes(view, arm, np.array([[(0.022, 0.014)]]), _TAPS[action.what["tap"]], gloss=0.8)
    paint_hand(
        view, stage.person, reach("pinch", knob + at(0.01, -0.01, 0.0), at(-0.3, 0.9, 0.0), roll=0.4), floor=None
    )
