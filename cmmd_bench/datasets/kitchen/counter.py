"""Scenes of rubbing and shutting: scrape a pan, push a drawer shut.

Each scene is a pair of functions: what stands still, painted once on the backdrop, and what moves, painted at times t
(B,) over it.
"""

from typing import Any

import numpy as np

from cmmd_bench.datasets.kitchen.actions import Action
from cmmd_bench.datasets.kitchen.flats import disc, plate, polygon
from cmmd_bench.datasets.kitchen.hands import paint_hand, reach
from cmmd_bench.datasets.kitchen.motion import shake, stroke, swing
from cmmd_bench.datasets.kitchen.solids import lathe, shadow, tubes
from cmmd_bench.datasets.kitchen.stage import Stage
from cmmd_bench.datasets.kitchen.surroundings import paint_things, paint_worktop
from cmmd_bench.datasets.kitchen.view import Array, View, at, colour

_BACK = ((-0.42, 0.46), (0.0, 0.50), (0.40, 0.46))
_PAN = (-0.03, 0.07)
_RADIUS = 0.31
_FROM, _TO = np.array([-0.15, 0.13, 0.03]), np.array([0.13, -0.01, 0.03])


def scrape_still(view: View, stage: Stage, action: Action) -> None:
    """A frying pan on the worktop."""
    paint_worktop(view, stage)
    paint_things(view, stage, _BACK)
    foot = at(*_PAN)
    shadow(view, np.stack((foot, foot + at(0, 0, 0.09)), 1)[:, None], np.full((1, 1, 2), _RADIUS), strength=0.55)
    iron = action.what["pan"] == "iron"
    outside = colour(0.16, 0.16, 0.18) if iron else colour(0.72, 0.74, 0.77)
    inside = colour(0.11, 0.11, 0.12) if iron else colour(0.66, 0.68, 0.71)
    turn = -2.35
    out = np.array([np.cos(turn), np.sin(turn), 0.0])
    grip = np.array([*_PAN, 0.09]) + out * _RADIUS
    ends = np.stack((grip, grip + out * 0.4 + (0, 0, 0.04)))[None, None]
    shadow(view, ends, np.full((1, 1, 2), 0.03), strength=0.4)
    tubes(view, ends, np.full((1, 1, 2), 0.028), colour(0.10, 0.10, 0.11), gloss=0.3)
    lathe(view, foot, [(0.0, _RADIUS * 0.86), (0.09, _RADIUS)], outside, gloss=0.5)
    rim = foot + at(0, 0, 0.09)
    disc(view, rim, _RADIUS, view.face(outside) * 1.5 + 0.02)
    disc(view, rim, _RADIUS - 0.012, view.face(inside) * 0.9, bowl=0.35)
    disc(
        view,
        foot + at(0, 0, 0.02),
        _RADIUS * 0.84,
        view.face(inside) * 1.25,
        soft=0.01,
        bowl=0.15,
        within=(rim, _RADIUS - 0.014),
    )
    disc(view, foot + at(-0.06, 0.05, 0.02), _RADIUS * 0.35, view.face(inside) * 1.9 + 0.01, soft=0.14, alpha=0.5)


def scrape_moving(view: View, stage: Stage, action: Action, t: Any) -> None:
    """A spatula goes to and fro in the pan and drives the food before it."""
    way, _ = stroke(t, action.strokes)
    spot = (_FROM + way[:, None] * (_TO - _FROM)).astype(np.float32)
    luck = stage.random[20:38]
    paint = {
        "rice": (colour(0.97, 0.95, 0.88), 0.012, 0.022),
        "peas": (colour(0.42, 0.66, 0.22), 0.022, 0.0),
        "onion": (colour(0.93, 0.88, 0.80), 0.014, 0.035),
        "egg": (colour(0.98, 0.84, 0.36), 0.030, 0.02),
    }
    food, round_, long_ = paint[action.what["food"]]
    share = luck[:, 0] * 1.1 - 0.05
    side = (luck[:, 1] - 0.5) * 0.34
    # Food is swept along by what passes it and stays where it was left.
    swept = 0.14 * np.tanh((way[:, None] - share) / 0.16)
    axis, across = _TO - _FROM, np.array([0.30, 0.60, 0.0])
    near = np.exp(-((side / 0.10) ** 2))
    middle = _FROM + (share + swept * near)[..., None] * axis + side[:, None] * across
    middle[..., 2] = 0.035
    turn = 2 * np.pi * luck[:, 2] + 2.0 * swept
    tip = middle + long_ * np.stack((np.cos(turn), np.sin(turn), 0 * turn), -1)
    ends = np.stack((middle, tip), 2)
    radii = np.full((1, len(luck), 2), round_)
    shadow(view, ends, radii, floor=0.02, strength=0.6)
    tones = food * (0.82 + 0.3 * luck[:, 3:4])
    tubes(view, ends, radii, tones, gloss=0.25)
    tool = colour(0.72, 0.52, 0.33) if action.what["tool"] == "wood" else colour(0.80, 0.82, 0.85)
    hand_at = spot + at(0.20, -0.20, 0.22)
    neck = spot + at(0.03, -0.03, 0.05)
    stick = np.stack((neck, hand_at + at(0.03, -0.03, 0.035)), 1)[:, None]
    shadow(view, stick, np.full((1, 1, 2), 0.016), floor=0.02, strength=0.4)
    along, across_blade = at(0.028, 0.055, 0.0), at(0.045, -0.035, 0.045)
    plate(
        view,
        spot + at(0.015, -0.015, 0.022),
        along * 1.15,
        across_blade,
        view.face(tool, (-0.5, 0.3, 0.8)) * 1.05,
        corner=0.015,
    )
    tubes(view, stick, np.full((1, 1, 2), 0.016), tool, gloss=0.4)
    paint_hand(view, stage.person, reach("grip", hand_at, at(-0.45, 0.85, -0.2), roll=0.5), floor=None)
    hold = at(_PAN[0] - 0.38, _PAN[1] - 0.39, 0.125)
    paint_hand(view, stage.person, reach("grip", hold, at(0.45, 0.85, -0.05), roll=0.3, side=-1))


_EDGE = 0.16
_DEEP = -0.16
_FRONTS = {
    "wood": (0.70, 0.50, 0.32),
    "white": (0.93, 0.93, 0.92),
    "green": (0.42, 0.52, 0.42),
    "blue": (0.30, 0.40, 0.52),
}


def drawer_still(view: View, stage: Stage, action: Action) -> None:
    """The front edge of a worktop, the cupboards below it and the floor."""
    paint_worktop(view, stage)
    paint_things(view, stage, ((-0.36, 0.42), (0.02, 0.46), (0.36, 0.42)))
    floor = colour(0.62, 0.55, 0.47) * (0.7 + 0.5 * float(stage.random[5, 0]))
    far, low = -3.0, -1.6
    polygon(view, [[(-3, _EDGE, 0), (3, _EDGE, 0), (3, far, 0), (-3, far, 0)]], view.face(floor) * 0.5)
    front = view.face(_paint(action), (0.0, -1.0, 0.1)) * 1.6
    polygon(view, [[(-3, _EDGE, -0.05), (3, _EDGE, -0.05), (3, _EDGE, low), (-3, _EDGE, low)]], front * 0.8)
    for x in (-0.40, 0.40):
        polygon(
            view,
            [[(x - 0.004, _EDGE, -0.05), (x + 0.004, _EDGE, -0.05), (x + 0.004, _EDGE, low), (x - 0.004, _EDGE, low)]],
            front * 0.35,
        )
    polygon(view, [[(-3, _EDGE, -0.38), (3, _EDGE, -0.38), (3, _EDGE, -0.39), (-3, _EDGE, -0.39)]], front * 0.35)
    polygon(
        view,
        [[(-3, _EDGE, 0), (3, _EDGE, 0), (3, _EDGE, -0.05), (-3, _EDGE, -0.05)]],
        view.face(stage.shade, (0, -1, 0.2)) * 1.1,
    )


def drawer_moving(view: View, stage: Stage, action: Action, t: Any) -> None:
    """A drawer of cutlery is pulled open and pushed shut."""
    hits = action.hits
    ground = view.canvas.copy()
    out = swing(t, hits, action.lifts * 1.3, time=action.time, bounce=0.02) + 0.03
    rattle = 0.012 * shake(t, hits, hertz=9.0, fade=0.10)
    y = _EDGE - out
    wide = 0.37
    wood = colour(0.78, 0.62, 0.43)
    inner = np.stack(
        (at(-wide, _EDGE + 0 * y, _DEEP), at(wide, _EDGE + 0 * y, _DEEP), at(wide, y, _DEEP), at(-wide, y, _DEEP)), 1
    )
    polygon(view, inner, view.face(wood) * 0.62, fade=view.face(wood) * 0.75)
    metal = colour(0.82, 0.84, 0.87)
    luck = stage.random[20:27]
    x = np.linspace(-0.29, 0.29, 7) + 0.03 * (luck[:, 0] - 0.5)
    head = (y + 0.06)[:, None] + 0.04 * luck[:, 1] + rattle[:, None] * np.where(np.arange(7) % 2, 1.0, -0.6)
    start = np.stack((x + 0 * head, head, 0 * head + _DEEP + 0.02), -1)
    end = start + np.stack((0.03 * (luck[:, 2] - 0.5), np.full(7, 0.30), np.zeros(7)), -1)
    near = start + np.array([0.0, 0.05, 0.0])
    ends = np.concatenate((np.stack((start, near), 2), np.stack((near, end), 2)), 1)
    bowl = np.array([0.030, 0.022, 0.013, 0.028, 0.021, 0.012, 0.030])
    radii = np.concatenate((np.stack((bowl, 0.8 * bowl), -1), np.full((7, 2), 0.010)), 0)[None]
    shadow(view, ends, radii, floor=_DEEP, strength=0.55)
    tubes(view, ends, radii, np.concatenate((metal[None],) * 14), gloss=0.8)
    for side in (-wide, wide):
        wall = np.stack(
            (
                at(side, _EDGE + 0 * y, 0.0 + 0 * y - 0.06),
                at(side, y, -0.06),
                at(side, y, _DEEP),
                at(side, _EDGE + 0 * y, _DEEP),
            ),
            1,
        )
        polygon(view, wall, view.face(wood, (0.6, -0.3, 0.6)) * 0.8)
        top = np.stack((at(side, _EDGE + 0 * y, -0.06), at(side, y, -0.06)), 1)[:, None]
        tubes(view, top, np.full((1, 1, 2), 0.013), wood, gloss=0.05)
    # The worktop hides what is still under it.
    _, edge = view.project(at(0.0, _EDGE, -0.05))[0].T
    row = np.arange(view.canvas.shape[2], dtype=np.float32)[:, None] + 0.5
    under = np.clip(edge[:, None, None] - row + 0.5, 0.0, 1.0)
    view.canvas[:] += under * (ground - view.canvas)
    front = view.face(_paint(action), (0.0, -0.9, 0.25)) * 1.5
    face = np.stack(
        (
            at(-0.39, y - 0.03, -0.055),
            at(0.39, y - 0.03, -0.055),
            at(0.39, y - 0.03, -0.37),
            at(-0.39, y - 0.03, -0.37),
        ),
        1,
    )
    polygon(view, face, front)
    lip = np.stack(
        (
            at(-0.39, y + 0.005, -0.055),
            at(0.39, y + 0.005, -0.055),
            at(0.39, y - 0.03, -0.055),
            at(-0.39, y - 0.03, -0.055),
        ),
        1,
    )
    polygon(view, lip, view.face(_paint(action)) * 1.15)
    bar = np.stack((at(-0.11, y - 0.075, -0.16), at(0.11, y - 0.075, -0.16)), 1)
    posts = [np.stack((at(k, y - 0.03, -0.16), at(k, y - 0.075, -0.16)), 1) for k in (-0.1, 0.1)]
    handle = np.stack((bar, *posts), 1)
    tubes(view, handle, np.full((1, 3, 2), 0.016), colour(0.75, 0.75, 0.78), gloss=0.8)
    hand = reach("grip", at(0.03, y - 0.075, -0.155), at(-0.12, 0.95, 0.05), roll=0.0)
    paint_hand(view, stage.person, hand, floor=None)


def _paint(action: Action) -> Array:
    return colour(*_FRONTS[action.what["front"]])
