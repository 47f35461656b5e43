"""Scenes on the worktop with vessels: put down, tap, stir, put a lid on.

Each scene is a pair of functions: what stands still, painted once on the backdrop, and what moves, painted at times t
(B,) over it.
"""

from typing import Any

import numpy as np

from cmmd_bench.datasets.kitchen.actions import Action
from cmmd_bench.datasets.kitchen.effects import crumbs, steam
from cmmd_bench.datasets.kitchen.flats import disc
from cmmd_bench.datasets.kitchen.hands import paint_hand, reach
from cmmd_bench.datasets.kitchen.motion import latest, pulse, shake, since, swing, travel
from cmmd_bench.datasets.kitchen.solids import lathe, shadow, tubes
from cmmd_bench.datasets.kitchen.stage import Stage
from cmmd_bench.datasets.kitchen.surroundings import paint_things, paint_worktop
from cmmd_bench.datasets.kitchen.vessels import Vessel, cast_shadow, paint_vessel, vessel
from cmmd_bench.datasets.kitchen.view import Array, View, at, colour

_DRINKS = ((0.36, 0.20, 0.10), (0.62, 0.36, 0.14), (0.80, 0.86, 0.88), (0.93, 0.90, 0.84), (0.84, 0.45, 0.14))
_SOUPS = ((0.80, 0.36, 0.14), (0.62, 0.60, 0.22), (0.86, 0.72, 0.38), (0.55, 0.28, 0.16))
_BACK = ((-0.40, 0.40), (0.0, 0.47), (0.38, 0.42))


def put_still(view: View, stage: Stage, _action: Action) -> None:
    """Worktop and the things at its back."""
    paint_worktop(view, stage)
    paint_things(view, stage, _BACK)


def put_moving(view: View, stage: Stage, action: Action, t: Any) -> None:
    """A hand lifts a vessel and puts it down at another place."""
    thing = vessel(action.what["thing"], action.size, stage.random[0])
    hits = action.hits
    height = swing(t, hits, action.lifts, time=action.time, bounce=0.03)
    way = travel(t, hits, time=action.time)[:, None]
    last = latest(t, hits)
    here, there = _place(stage, last), _place(stage, last + 1)
    foot = at(0.0, 0.0, height)
    foot[:, :2] += here + way * (there - here)
    cast_shadow(view, thing, foot, strength=0.55)
    person = stage.person
    if thing.name == "bowl":
        hand = reach("pinch", foot + at(thing.radius, -0.02, thing.height), at(-0.6, 0.75, -0.15), roll=0.5)
        paint_vessel(view, thing, foot, drink=_drink(stage, 0), full=0.62, ripple=pulse(t, hits, rise=0.02, fall=0.15))
        paint_hand(view, person, hand)
        return
    hand = reach("wrap", foot + at(thing.radius, 0.0, thing.height * 0.55), at(-0.25, 0.95, -0.05), roll=1.35)
    paint_hand(view, person, hand, part="fingers", floor=None)
    drink = None if thing.name in ("can", "tub") else _drink(stage, 0)
    paint_vessel(view, thing, foot, drink=drink, full=0.7, ripple=pulse(t, hits, rise=0.02, fall=0.15))
    paint_hand(view, person, hand, part="palm")


def tap_still(view: View, stage: Stage, action: Action) -> None:
    """Worktop and the shadow of the vessel that is tapped."""
    put_still(view, stage, action)
    thing = vessel(action.what["vessel"], action.size, stage.random[0])
    cast_shadow(view, thing, _seat(thing))


def tap_moving(view: View, stage: Stage, action: Action, t: Any) -> None:
    """A spoon taps the rim of a vessel, which trembles."""
    thing = vessel(action.what["vessel"], action.size, stage.random[0])
    hits = action.hits
    trembling = 0.012 * shake(t, hits)
    foot = _seat(thing) + at(trembling, 0.0, 0.0)
    drink = _drink(stage, 0, soups=thing.name in ("pot", "bowl"))
    paint_vessel(view, thing, foot, drink=drink, full=0.72, ripple=pulse(t, hits, rise=0.02, fall=0.2))
    height = swing(t, hits, action.lifts, time=action.time, bounce=0.10)
    turn = -0.35 - 0.3 * float(stage.random[1, 0])
    rim = _seat(thing) + at(thing.radius * np.cos(turn), thing.radius * np.sin(turn), thing.height + 0.014)
    head = rim + at(-0.02, 0.02, height)
    grip = rim + at(0.17, -0.15, 0.10 + 0.45 * height)
    _spoon(view, head, grip, _spoon_paint(action), bowl=0.036)
    paint_hand(view, stage.person, reach("pinch", grip, at(-0.35, 0.9, -0.1), roll=0.35))
    if drink is not None:
        crumbs(view, stage, t, hits, rim, drink, speed=0.9)


def stir_moving(view: View, stage: Stage, action: Action, t: Any) -> None:
    """A spoon goes round in a drink or a soup and knocks against the wall."""
    thing = vessel(action.what["vessel"], action.size, stage.random[0])
    hits = action.hits
    foot = _seat(thing) + at(0.010 * shake(t, hits), 0.0, 0.0)
    drink = _drink(stage, 0, soups=thing.name in ("pot", "bowl"))
    full = 0.74
    paint_vessel(view, thing, foot, drink=drink, full=full, ripple=pulse(t, hits, rise=0.02, fall=0.22))
    # From wall to wall in an arc, ever faster until it knocks; the arc begins where the last one ended.
    last = latest(t, hits)
    gap = hits[np.minimum(last + 1, len(hits) - 1)] - hits[last]
    way = np.clip(since(t, hits) / np.maximum(gap, 1e-6), 0.0, 1.0) ** 3
    turns = 6.0 * stage.random[1, 0] + 2.2 * (last + way)
    radius = (thing.radius - 0.03) * (0.95 - 0.40 * np.sin(np.pi * way))
    level = foot + at(radius * np.cos(turns), radius * np.sin(turns), thing.height * full)
    middle = foot + at(0.0, 0.0, thing.height * full)
    rim = (foot + at(0.0, 0.0, thing.height), thing.radius - 0.013)
    foam = view.face(np.minimum(drink * 1.3 + 0.06, 1.0))
    for number in range(3):
        lag = turns - 0.7 - 0.9 * number
        spot = middle + at(0.55 * thing.radius * np.cos(lag), 0.55 * thing.radius * np.sin(lag), 0.0)
        disc(view, spot, 0.02 * (thing.radius / 0.1), foam, alpha=0.5, soft=0.012, within=rim)
    grip = foot + at(
        0.13 + 1.5 * (level[:, 0] - foot[:, 0]), -0.10 + 1.5 * (level[:, 1] - foot[:, 1]), thing.height + 0.16
    )
    spoon = np.stack((level, grip + (grip - level) * np.float32(0.15)), 1)[:, None]
    tubes(view, spoon, np.full((1, 1, 2), 0.014), _spoon_paint(action), gloss=0.7)
    disc(view, level, 0.026, foam, hole=0.014, alpha=0.8, within=rim)
    paint_hand(view, stage.person, reach("pinch", grip, at(-0.35, 0.9, -0.15), roll=0.5))
    crumbs(view, stage, t, hits, level, drink, speed=0.7, size=0.009)


def lid_still(view: View, stage: Stage, action: Action) -> None:
    """A pot of food on the worktop."""
    put_still(view, stage, action)
    thing = vessel("pot", action.size, stage.random[0])
    foot = _seat(thing)
    cast_shadow(view, thing, foot)
    paint_vessel(view, thing, foot, drink=_drink(stage, 0, soups=True), full=0.66)
    luck = stage.random[2:12]
    out, turn = thing.radius * 0.55 * np.sqrt(luck[:, 0]), 2 * np.pi * luck[:, 1]
    spots = foot[:, None] + np.stack(
        (out * np.cos(turn), out * np.sin(turn) + 0.035, 0 * out + thing.height * 0.66), -1
    )
    lumps = np.stack((colour(0.88, 0.45, 0.16), colour(0.45, 0.58, 0.22), colour(0.90, 0.80, 0.55)))
    tubes(view, np.stack((spots, spots), 2), np.full((1, 10, 2), 0.022), lumps[np.arange(10) % 3], gloss=0.2)


def lid_moving(view: View, stage: Stage, action: Action, t: Any) -> None:
    """A hand lifts the lid by its knob and drops it onto the pot."""
    thing = vessel("pot", action.size, stage.random[0])
    hits = action.hits
    height = swing(t, hits, action.lifts, time=action.time, bounce=0.06)
    seat = _seat(thing) + at(0.0, 0.0, thing.height)
    steam(view, t, seat, np.clip(height * 8.0, 0.0, 1.0))
    base = seat + at(0.75 * height, -0.35 * height, height)
    radius = thing.radius + 0.008
    shadow(view, np.stack((base, base), 1)[:, None], np.full((1, 1, 2), radius), floor=thing.height, strength=0.45)
    glass = action.what["lid"] == "glass"
    steel = colour(0.80, 0.82, 0.84) if not glass else colour(0.80, 0.88, 0.90)
    dome = [(0.0, radius), (0.025, radius * 0.96), (0.05, radius * 0.72), (0.065, radius * 0.4), (0.07, radius * 0.1)]
    alpha = 0.45 if glass else 1.0
    lathe(view, base, dome, steel, gloss=0.8, alpha=alpha, levels=18)
    top = base + at(0.0, 0.0, 0.045)
    disc(view, top, radius * 0.86, view.face(steel), bowl=-0.35, alpha=alpha * 0.85, soft=0.03)
    disc(view, base + at(0, 0, 0.004), radius, view.face(colour(0.9, 0.91, 0.93)), hole=radius - 0.02, alpha=0.9)
    knob = base + at(0.0, 0.0, 0.10)
    stem = np.stack((np.stack((top, knob), 1), np.stack((knob + at(-0.02, 0, 0), knob + at(0.02, 0, 0)), 1)), 1)
    tubes(view, stem, np.array([[(0.012, 0.012), (0.022, 0.022)]]), colour(0.10, 0.10, 0.11), gloss=0.5)
    paint_hand(view, stage.person, reach("pinch", knob, at(-0.3, 0.9, -0.25), roll=0.25), floor=None)


def _place(stage: Stage, number: Any) -> Array:
    """Where the thing stands after a hit: in turn left and right, a little off each time."""
    luck = stage.random[(number * 3 + 5) % 64]
    side = np.where(number % 2 == 0, -0.08, 0.04)
    spots: Array = np.stack((side + 0.06 * (luck[:, 0] - 0.5), 0.02 + 0.12 * (luck[:, 1] - 0.5)), -1)
    return spots.astype(np.float32)


def _seat(thing: Vessel) -> Array:
    return at(-0.11, 0.07, 0.0) if thing.radius > 0.14 else at(-0.06, 0.02, 0.0)


def _drink(stage: Stage, row: int, *, soups: bool = False) -> Array:
    palette = _SOUPS if soups else _DRINKS
    return colour(*palette[int(stage.random[row, 3] * len(palette))])


def _spoon_paint(action: Action) -> Array:
    return colour(0.72, 0.50, 0.31) if action.what["tool"] == "wood" else colour(0.80, 0.82, 0.85)


def _spoon(view: View, head: Array, grip: Array, paint: Array, *, bowl: float) -> None:
    """A spoon from the middle of its bowl to just beyond where it is held."""
    along = (grip - head) / np.sqrt(((grip - head) ** 2).sum(-1, keepdims=True))
    neck = head + along * np.float32(0.06)
    end = grip + along * np.float32(0.05)
    ends = np.stack((np.stack((neck, end), 1), np.stack((head - along * 0.015, head + along * 0.03), 1)), 1)
    radii = np.array([[(0.012, 0.015), (bowl, bowl * 0.85)]])
    shadow(view, ends, radii, strength=0.4)
    tubes(view, ends, radii, paint, gloss=0.6)
    disc(view, head + along * np.float32(0.004) + at(0, 0, bowl * 0.6), bowl * 0.68, paint * 0.55, alpha=0.6, bowl=0.5)
