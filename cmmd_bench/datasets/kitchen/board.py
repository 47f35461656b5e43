"""The scene of chopping on a board.

A scene is a pair of functions: what stands still, painted once on the backdrop, and what moves, painted at times t
(B,) over it.
"""

from typing import Any

import numpy as np

from cmmd_bench.datasets.kitchen.actions import Action
from cmmd_bench.datasets.kitchen.effects import crumbs
from cmmd_bench.datasets.kitchen.flats import coins, plate, polygon
from cmmd_bench.datasets.kitchen.hands import paint_hand, reach
from cmmd_bench.datasets.kitchen.motion import latest, since, swing
from cmmd_bench.datasets.kitchen.solids import shadow, tubes
from cmmd_bench.datasets.kitchen.stage import Stage
from cmmd_bench.datasets.kitchen.surroundings import paint_things, paint_worktop
from cmmd_bench.datasets.kitchen.view import Array, View, at, colour

_BACK = ((-0.42, 0.44), (0.02, 0.48), (0.40, 0.44))
_BOARD = 0.035
_CUT = np.array([0.05, 0.10])
_AXIS = np.array([np.cos(-0.32), np.sin(-0.32), 0.0])
_SLICE = 0.030

# skin, flesh and heart of what is cut; radius at the far end and at the cut
_FOODS: dict[
    str, tuple[tuple[float, float, float], tuple[float, float, float], tuple[float, float, float], float, float]
] = {
    "cucumber": ((0.22, 0.42, 0.16), (0.80, 0.90, 0.64), (0.70, 0.83, 0.52), 0.062, 0.068),
    "carrot": ((0.93, 0.49, 0.13), (0.98, 0.62, 0.22), (0.93, 0.72, 0.30), 0.036, 0.066),
    "leek": ((0.56, 0.72, 0.36), (0.90, 0.94, 0.74), (0.78, 0.87, 0.56), 0.066, 0.062),
    "sausage": ((0.62, 0.24, 0.18), (0.84, 0.48, 0.42), (0.88, 0.58, 0.50), 0.064, 0.066),
    "aubergine": ((0.28, 0.13, 0.28), (0.92, 0.89, 0.72), (0.84, 0.80, 0.60), 0.060, 0.084),
}


def chop_still(view: View, stage: Stage, action: Action) -> None:
    """Worktop with a chopping board."""
    paint_worktop(view, stage)
    paint_things(view, stage, _BACK)
    luck = stage.random[0]
    if action.what["board"] == "wood":
        paint = colour(*((0.80, 0.60, 0.38), (0.66, 0.44, 0.27), (0.88, 0.72, 0.50))[int(luck[0] * 3)])
    else:
        paint = colour(*((0.93, 0.94, 0.94), (0.72, 0.86, 0.70), (0.72, 0.82, 0.92))[int(luck[0] * 3)])
    turn = 0.10 * (float(luck[1]) - 0.5)
    along, across = at(0.40 * np.cos(turn), 0.40 * np.sin(turn)), at(-0.27 * np.sin(turn), 0.27 * np.cos(turn))
    middle = at(0.03, 0.03)
    lx, ly, lz = view.light
    for size, strength in ((1.0, 0.35), (1.03, 0.25)):
        cast = middle - at(0.06 * lx / lz, 0.06 * ly / lz)
        plate(view, cast, along * size, across * size, view.face(stage.shade) * 0.3, corner=0.05, alpha=strength)
    plate(view, middle, along, across, view.face(paint, (0.0, -1.0, 0.0)) * 0.7, corner=0.04)
    top = middle + at(0.0, 0.0, _BOARD)
    plate(view, top, along, across, view.face(paint), corner=0.04)
    if action.what["board"] == "wood":
        for number in range(7):
            share = (number - 3) / 3.5
            tone = 0.88 + 0.2 * float(stage.random[1 + number, 0])
            plate(
                view,
                top + across * share,
                along * 0.985,
                across * 0.125,
                view.face(paint) * tone,
                corner=0.01,
                alpha=0.8,
            )
    luck = stage.random[10:22]
    start = top + along * (1.2 * luck[:, :1] - 0.6) + across * (1.2 * luck[:, 1:2] - 0.6)
    end = start + np.stack((0.03 * luck[:, 2], 0.08 + 0.12 * luck[:, 3], 0 * luck[:, 3]), -1)
    tubes(view, np.stack((start, end), 1)[None], np.full((1, 12, 2), 0.0018), paint * 0.72, gloss=0.0)


def chop_moving(view: View, stage: Stage, action: Action, t: Any) -> None:
    """A knife cuts slices off a vegetable that the other hand pushes forward."""
    skin, flesh, heart, thin, thick = _FOODS[action.what["food"]]
    hits = action.hits
    dt, count = since(t, hits), latest(t, hits) + int(7 * stage.random[2, 1])
    slices = 8 + int(3 * action.size)
    # After a cut the food is pushed under the knife again; a used up one makes way for a new one.
    pushed = np.clip(dt / 0.2, 0.0, 1.0)
    whole = 0.24 + _SLICE * slices
    fresh = (count % slices == 0) & (count > 0)
    length = whole - _SLICE * (count % slices)
    nudge = np.where(fresh, (pushed - 1.0) * 0.5, (pushed - 1.0) * _SLICE)
    height = np.float32(_BOARD + thick)
    cut = at(_CUT[0] + nudge * _AXIS[0], _CUT[1] + nudge * _AXIS[1], height)
    back = cut - at(length * _AXIS[0], length * _AXIS[1])
    back[:, 2] += thin - thick
    body = np.stack((back, cut), 1)[:, None]
    radii = np.array([[(thin, thick)]])
    shadow(view, body, radii, floor=_BOARD, strength=0.55)
    _slices(
        view, stage, count, dt, thick, np.stack((colour(*heart), colour(*flesh), colour(*flesh), colour(*skin) * 1.1))
    )
    tubes(view, body, radii, colour(*skin), gloss=0.3, blunt=True)
    side = at(0.0, 0.0, thick), at(-_AXIS[1] * thick, _AXIS[0] * thick, 0.0)
    plate(view, cut, *side, view.face(colour(*skin), (0.6, -0.6, 0.3)))
    plate(view, cut, side[0] * 0.9, side[1] * 0.9, view.face(colour(*flesh), (0.6, -0.6, 0.3)) * 1.1)
    plate(view, cut, side[0] * 0.5, side[1] * 0.5, view.face(colour(*heart), (0.6, -0.6, 0.3)) * 1.05)
    hold = cut + at(-0.19, 0.02, thick * 0.75)
    paint_hand(view, stage.person, reach("claw", hold, at(0.22, 0.95, -0.15), side=-1), floor=_BOARD)
    up = swing(t, hits, action.lifts, time=action.time, bounce=0.02)
    _knife(view, stage, at(_CUT[0] + 0.012, _CUT[1], _BOARD), up)
    splash = at(_CUT[0] + 0.03, _CUT[1], _BOARD + 0.02)
    crumbs(view, stage, t, hits, splash, colour(*flesh), speed=1.0, size=0.010)


def _slices(view: View, stage: Stage, count: Any, dt: Any, radius: float, paint: Array) -> None:
    """The last slices, lying on the board; the newest one is still falling over."""
    number = count[:, None] - np.arange(9)[::-1]
    luck = stage.random[number % 64]
    turn = 2 * np.pi * luck[..., 0]
    x = 0.13 + 0.035 * (number % 4) + 0.02 * np.cos(turn)
    y = 0.075 - 0.06 * (number % 4) / 2 + 0.10 * ((number * 3 % 5) / 4 - 0.3) + 0.02 * np.sin(turn)
    z = _BOARD + 0.008 + 0.004 * (number % 3)
    newest = np.clip(dt / 0.14, 0.0, 1.0)[:, None] * np.ones((1, 9))
    newest[:, :-1] = 1.0
    start = np.array([_CUT[0] + 0.04, _CUT[1]])
    spots = np.stack(
        (start[0] + (x - start[0]) * newest, start[1] + (y - start[1]) * newest, z + 0.05 * (1 - newest)), -1
    )
    radii = np.where(number > 0, radius * 0.96, -1.0)
    coins(view, spots - np.array([0, 0, 0.014]), radii, view.face(paint[-1]) * 0.35, alpha=0.5)
    coins(view, spots, radii, view.face(paint[-1]) * 0.7)
    coins(view, spots + np.array([0, 0, 0.012]), radii, view.face(paint.T).T)


def _knife(view: View, stage: Stage, edge: Array, up: Any) -> None:
    """A cook's knife whose edge touches `edge` (B, 3) when `up` (B,) is 0; the handle rises more than the tip."""
    lean = np.array([0.075, -0.01, 0.080], np.float32)
    heel = edge + at(0.0, -0.17, up)
    tip = edge + at(-0.03, 0.27, 0.5 * up)
    front = edge + at(-0.02, 0.13, 0.65 * up) + lean
    outline = np.stack((heel, tip, front, heel + lean), 1)
    lower = np.stack((heel, tip), 1)[:, None]
    shadow(view, lower, np.full((1, 1, 2), 0.02), floor=_BOARD, strength=0.5)
    steel = colour(0.80, 0.83, 0.86)
    polygon(view, outline, view.face(steel, (0.7, -0.3, 0.6)) * 1.15, fade=view.face(steel, (0.5, 0.2, 0.5)) * 0.62)
    bright = np.stack((heel, tip), 1)[:, None]
    tubes(view, bright, np.full((1, 1, 2), 0.004), colour(0.97, 0.98, 1.0), gloss=0.5)
    grip = heel + lean * np.float32(0.75)
    end = grip + at(0.05, -0.24, 0.25 * up)
    wood = colour(*((0.12, 0.11, 0.12), (0.45, 0.27, 0.16), (0.65, 0.14, 0.12))[int(stage.random[3, 0] * 3)])
    tubes(view, np.stack((grip, end), 1)[:, None], np.full((1, 1, 2), 0.024), wood, gloss=0.3)
    hold = grip + (end - grip) * np.float32(0.4)
    paint_hand(view, stage.person, reach("grip", hold, at(-0.3, 0.95, -0.1), roll=0.55), floor=_BOARD)
