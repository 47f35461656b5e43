"""Scenes of work with bare hands: pound dough, grate food.

Each scene is a pair of functions: what stands still, painted once on the backdrop, and what moves, painted at times t
(B,) over it.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from cmmd_bench.datasets.kitchen.actions import Action
from cmmd_bench.datasets.kitchen.effects import crumbs, puff
from cmmd_bench.datasets.kitchen.flats import coins, disc, polygon
from cmmd_bench.datasets.kitchen.hands import paint_hand, reach
from cmmd_bench.datasets.kitchen.motion import pulse, stroke, swing
from cmmd_bench.datasets.kitchen.solids import dome, shadow, tubes
from cmmd_bench.datasets.kitchen.stage import Stage
from cmmd_bench.datasets.kitchen.surroundings import paint_things, paint_worktop
from cmmd_bench.datasets.kitchen.view import Array, View, at, colour

_BACK = ((-0.42, 0.44), (0.02, 0.48), (0.40, 0.44))


def pound_still(view: View, stage: Stage, _action: Action) -> None:
    """Worktop dusted with flour, and a rolling pin."""
    paint_worktop(view, stage)
    paint_things(view, stage, _BACK)
    a, b = at(-0.34, 0.22, 0.045), at(-0.12, 0.40, 0.045)
    way = (b - a) * np.float32(0.22)
    pin = np.stack((np.stack((a, b), 1), np.stack((a - way, b + way), 1)), 1)
    thick = np.array([[(0.045, 0.045), (0.018, 0.018)]])
    shadow(view, pin, thick)
    tubes(view, pin, thick, np.stack((colour(0.80, 0.60, 0.40), colour(0.66, 0.44, 0.28))), gloss=0.15)
    flour = view.face(colour(0.97, 0.95, 0.91))
    for number in range(12):
        x, y, r, a = stage.random[10 + number]
        spot = at(0.5 * (x - 0.5), 0.05 + 0.5 * (y - 0.5))
        disc(view, spot, 0.06 + 0.10 * float(r), flour, alpha=0.12 + 0.25 * float(a), soft=0.10)


def pound_moving(view: View, stage: Stage, action: Action, t: Any) -> None:
    """A fist comes down on dough, which gives way and slowly rises again."""
    hits = action.hits
    squash = pulse(t, hits, rise=0.04, fall=0.55)
    up = swing(t, hits, action.lifts, time=action.time)
    radius = (0.21 + 0.04 * action.size) * (1.0 + 0.16 * squash)
    tall = 0.115 * (1.0 - 0.42 * squash)
    foot = at(-0.02, 0.08)
    middle = foot + at(0.0, 0.0, 0.6 * tall)
    spread = np.stack((radius, radius), -1)[:, None] * 0.97
    shadow(view, np.stack((middle, middle), 1)[:, None], spread, strength=0.5)
    dough = colour(0.97, 0.89, 0.74)
    dome(view, middle, radius, tall, dough)
    top = middle + at(0.01, -0.02, tall * 0.92)
    disc(view, top, 0.10, view.face(dough) * 0.74, alpha=0.8 * squash, soft=0.05, bowl=0.35)
    puff(view, t, hits, foot + at(0.0, 0.0, 0.02), view.face(colour(0.98, 0.97, 0.94)), reach=0.34)
    hand = reach("fist", top + at(0.0, -0.01, up + 0.01), at(-0.3, 0.9, -0.12), roll=0.1)
    shaded = np.stack((top + at(0.0, 0.0, up), top + at(0.05, -0.06, up)), 1)[:, None]
    shadow(view, shaded, np.full((1, 1, 2), 0.09), floor=0.12, strength=0.5)
    paint_hand(view, stage.person, hand, floor=None)
    crumbs(view, stage, t, hits, foot + at(0.0, -0.14, 0.03), colour(0.98, 0.96, 0.92), speed=1.3, size=0.010)


def grate_still(view: View, stage: Stage, _action: Action) -> None:
    """A box grater on the worktop."""
    paint_worktop(view, stage)
    paint_things(view, stage, _BACK)
    foot = np.array([[(-0.04, 0.10, 0.0), (-0.04, 0.10, 0.42)]], np.float32)
    shadow(view, foot[:, None], np.array([[(0.20, 0.12)]]), strength=0.5)
    steel = colour(0.82, 0.84, 0.86)
    low, high = _grater()
    front = np.concatenate((low[:2], high[1::-1]))[None]
    right = np.stack((low[1], low[2], high[2], high[1]))[None]
    left = np.stack((low[0], low[3], high[3], high[0]))[None]
    polygon(view, left, view.face(steel, (-0.9, 0.0, 0.3)))
    polygon(view, right, view.face(steel, (0.9, 0.0, 0.3)) * 0.8)
    polygon(view, high[None], view.face(steel) * 0.75)
    polygon(view, front, view.face(steel, (0.0, -0.9, 0.4)) * 1.25, fade=view.face(steel, (0.0, -0.9, 0.4)) * 0.95)
    rows = np.linspace(0.12, 0.88, 8)
    for number, share in enumerate(rows):
        edge0, edge1 = low[0] + share * (high[0] - low[0]), low[1] + share * (high[1] - low[1])
        across = (np.arange(5) + (0.25 if number % 2 else 0.75)) / 5.0
        spots = edge0 + across[:, None] * (edge1 - edge0) + np.array([0.0, -0.004, 0.0])
        coins(view, spots[None], np.full((1, 5), 0.014), steel * 1.1)
        coins(view, spots[None] - np.array([0, 0, 0.006]), np.full((1, 5), 0.011), colour(0.14, 0.15, 0.17))
    tip = high.mean(0)
    arch = tip + np.array([(-0.08, 0, 0), (-0.06, 0, 0.06), (0.06, 0, 0.06), (0.08, 0, 0)])
    ends = np.stack((arch[:-1], arch[1:]), 1)[None]
    tubes(view, ends, np.full((1, 3, 2), 0.02), colour(0.13, 0.13, 0.15), gloss=0.3)


def grate_moving(view: View, stage: Stage, action: Action, t: Any) -> None:
    """Food rubbed up and down on the grater; shreds gather at its foot."""
    way, _ = stroke(t, action.strokes)
    done = np.clip(np.searchsorted(action.strokes[:, 0], t), 0, None)
    paint = {
        "cheese": colour(0.97, 0.80, 0.34),
        "carrot": colour(0.95, 0.50, 0.14),
        "courgette": colour(0.72, 0.82, 0.46),
    }
    food = paint[action.what["food"]]
    low, high = _grater()
    bottom, top = low[:2].mean(0), high[:2].mean(0)
    number = np.arange(26)
    luck = stage.random[number + 20]
    shown = number < 9 + 1.5 * done[:, None]
    start = np.stack((-0.05 + 0.30 * (luck[:, 0] - 0.5), -0.06 - 0.10 * luck[:, 1], 0.01 + 0.03 * luck[:, 2]), -1)
    turn = 2 * np.pi * luck[:, 3]
    end = start + 0.05 * np.stack((np.cos(turn), np.sin(turn), 0.2 + 0 * turn), -1)
    shreds = np.broadcast_to(np.stack((start, end), 1)[None], (len(t), 26, 2, 3))
    thick = np.where(shown, 0.008, -1.0)[..., None] * np.ones(2)
    shadow(view, np.stack((start, end), 1)[None], np.full((1, 26, 2), 0.008), strength=0.4)
    tubes(view, shreds, thick, food, gloss=0.1)
    tip = high.mean(0) + np.array([0.0, 0.0, 0.07])
    other = reach("grip", at(*(tip - (0.03, 0.0, 0.0))), at(0.9, 0.45, -0.12), roll=0.2, side=-1)
    other = replace(other, elbow=at(-1.2, -0.35, 0.4))
    paint_hand(view, stage.person, other, floor=None)
    spot = bottom + (0.22 + 0.62 * way)[:, None] * (top - bottom) + np.array([0.01, -0.05, 0.0])
    block = np.stack((spot + at(0.0, 0.055, 0.0), spot + at(0.0, -0.05, 0.01)), 1)[:, None]
    shadow(view, block, np.full((1, 1, 2), 0.05), strength=0.35)
    tubes(view, block, np.full((1, 1, 2), 0.06), food, gloss=0.15)
    hand = reach("pinch", spot + at(0.01, -0.05, 0.0), at(-0.35, 0.85, 0.1), roll=0.3)
    paint_hand(view, stage.person, hand, floor=None)


def _grater() -> tuple[Array, Array]:
    """Lower and upper corners (4, 3) of the grater: front left, front right, back right, back left."""
    low = np.array([(-0.23, 0.0, 0.0), (0.15, 0.0, 0.0), (0.15, 0.20, 0.0), (-0.23, 0.20, 0.0)])
    high = np.array([(-0.16, 0.06, 0.44), (0.08, 0.06, 0.44), (0.08, 0.14, 0.44), (-0.16, 0.14, 0.44)])
    return low.astype(np.float32), high.astype(np.float32)
