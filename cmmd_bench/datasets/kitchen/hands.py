"""Hands and forearms as groups of tubes: poses, and how a hand sits at the end of an arm.

A hand's own axes: forward (wrist to fingers), inward (towards the thumb), out (out of the back of the hand).
Lengths of a hand are in palms (wrist to knuckles); `PALM` turns them into world units. B frames at once, as in `view`.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike

from cmmd_bench.datasets.kitchen.solids import shadow, tubes
from cmmd_bench.datasets.kitchen.view import Array, View

PALM = 0.2
_KNUCKLES = np.array([(1.0, 0.33, 0.0), (1.05, 0.11, 0.03), (1.0, -0.11, 0.02), (0.92, -0.31, -0.03)])
_BONES = np.array([(0.46, 0.31, 0.26), (0.52, 0.34, 0.27), (0.47, 0.31, 0.26), (0.36, 0.24, 0.22)])
_WIDE = (0.128, 0.132, 0.125, 0.108)

# Bend of the three joints of every finger in degrees, spread, and the thumb's two outer joints.
_POSES: dict[str, tuple[tuple[float, float, float], float, tuple[tuple[float, float, float], ...]]] = {
    "fist": ((78, 95, 60), 0.0, ((0.62, 0.55, -0.28), (0.98, 0.28, -0.46))),
    "grip": ((52, 80, 55), 0.0, ((0.66, 0.62, -0.22), (1.08, 0.44, -0.40))),
    "pinch": ((38, 34, 20), -0.05, ((0.72, 0.56, -0.34), (1.22, 0.38, -0.62))),
    "claw": ((2, 48, 38), 0.03, ((0.60, 0.70, -0.22), (0.98, 0.62, -0.46))),
    "wrap": ((22, 32, 26), 0.0, ((0.55, 0.78, -0.30), (1.02, 0.80, -0.62))),
    "flat": ((6, 8, 6), 0.06, ((0.55, 0.78, -0.12), (0.90, 0.92, -0.18))),
}

# The point of each pose that touches or holds something.
_HOLDS = {
    "fist": (0.85, 0.0, -0.55),
    "grip": (1.12, 0.0, -0.32),
    "pinch": (1.66, 0.18, -0.62),
    "claw": (1.66, 0.0, -0.58),
    "wrap": (0.85, 0.05, -0.2),
    "flat": (1.2, 0.0, -0.12),
}


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """Whose hands: linear colours of skin, nails, sleeve and cuff; how far the sleeve reaches (0 elbow .. 1 wrist)."""

    skin: Array
    nail: Array
    sleeve: Array
    cuff: Array
    reach: float
    size: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Hand:
    """One hand in B frames.

    wrist, elbow: (B, 3); forward: (B, 3) from wrist to knuckles; roll: (B,) radians that turn the thumb up from a palm
    facing down; side: +1 for the right hand (thumb to the left), -1 for the left hand
    """

    pose: str
    wrist: Array
    forward: Array
    roll: ArrayLike = 0.0
    side: int = 1
    elbow: Array | None = None


def reach(
    pose: str, target: ArrayLike, forward: ArrayLike, *, roll: ArrayLike = 0.0, side: int = 1, size: float = 1.0
) -> Hand:
    """The hand that holds (or strikes with) `target` (B, 3), its knuckles `forward` (B, 3) of its wrist."""
    goal = np.asarray(target, np.float32)
    way = np.broadcast_to(np.asarray(forward, np.float32), goal.shape)
    offset = np.array(_HOLDS[pose]) @ _axes(way, roll, side)
    return Hand(pose, (goal - offset * (PALM * size)).astype(np.float32), way, roll, side)


def paint_hand(view: View, person: Person, hand: Hand, *, floor: float | None = 0.0, part: str = "all") -> None:
    """A hand with its forearm and, unless `floor` is None, their shadow on that level.

    part: "all", or "fingers" (behind what is held) and then "palm" (in front of it, with the arm)
    """
    ends, radii, colours = hand_tubes(person, hand)
    if part == "fingers":
        tubes(view, ends[:, _FINGERS:_PLAIN], radii[None, _FINGERS:_PLAIN], colours[_FINGERS:_PLAIN], gloss=0.03)
        return
    paint_arm(view, person, hand, floor=floor)
    if part == "palm":
        shown = _FINGERS
    else:
        if floor is not None:
            shadow(view, ends[:, _SHADING], radii[_SHADING][None], floor=floor, strength=0.45)
        # Below some size nails are smaller than a pixel.
        shown = _PLAIN if view.scale < 120 else len(colours)
    # A piece of the forearm goes with the hand, so that one grows out of the other.
    share = min(0.07, 0.5 * (1.0 - person.reach))
    stub = np.stack((hand.wrist, hand.wrist + np.float32(share) * (_elbow(hand) - hand.wrist)), 1)[:, None]
    thick = np.array([[0.25, 0.25 + 0.11 * share]]) * (PALM * person.size)
    ends = np.concatenate((stub.astype(np.float32), ends[:, :shown]), 1)
    radii = np.concatenate((thick, radii[:shown]))
    tubes(view, ends, radii[None], np.concatenate((person.skin[None], colours[:shown])), gloss=0.02, blunt=True)


def paint_arm(view: View, person: Person, hand: Hand, *, floor: float | None = 0.0) -> None:
    """The forearm alone, from the wrist to the elbow (by default below the picture on the hand's side)."""
    w = np.asarray(hand.wrist, np.float32)
    e = _elbow(hand)
    hem = e + (w - e) * np.float32(person.reach)
    near = e + (w - e) * np.float32(max(person.reach - 0.05, 0.0))
    ends = np.stack([np.stack(np.broadcast_arrays(a, b), 1) for a, b in ((w, e), (hem, e), (hem, near))], 1)
    thick = 0.25 + (1.0 - person.reach) * 0.16
    radii = np.array([(0.25, 0.36), (thick + 0.07, 0.48), (thick + 0.10, thick + 0.10)]) * (PALM * person.size)
    if floor is not None:
        shadow(view, ends[:, 1:2], radii[None, 1:2], floor=floor, strength=0.4)
    tubes(view, ends, radii[None], np.stack((person.skin, person.sleeve, person.cuff)), gloss=0.02)


def hand_tubes(person: Person, hand: Hand) -> tuple[Array, Array, Array]:
    """Tubes of the hand alone: ends (B, K, 2, 3), radii (K, 2), colours (K, 3)."""
    ends, radii, nails = _shape(hand.pose)
    axes = _axes(hand.forward, hand.roll, hand.side)
    scale = PALM * person.size
    colours = np.repeat(person.skin[None], len(ends), 0)
    colours[nails] = person.nail
    placed = hand.wrist[:, None] + (ends.reshape(-1, 3) * scale) @ axes
    return placed.reshape(-1, len(ends), 2, 3).astype(np.float32), radii * scale, colours


def _elbow(hand: Hand) -> Array:
    return np.array([[0.52 * hand.side, -1.0, 0.35]], np.float32) if hand.elbow is None else hand.elbow


def _axes(forward: Array, roll: ArrayLike, side: int) -> Array:
    """The hand's own axes forward, inward and out as rows (B, 3, 3)."""
    f = forward / np.sqrt((forward * forward).sum(-1, keepdims=True))
    level = np.stack((-f[:, 1], f[:, 0], np.zeros(len(f))), -1) * side
    inward = level / np.sqrt((level * level).sum(-1, keepdims=True))
    out = np.cross(f, inward) * side
    c, s = np.cos(roll).reshape(-1, 1), np.sin(roll).reshape(-1, 1)
    axes: Array = np.stack(np.broadcast_arrays(f, c * inward + s * out, c * out - s * inward), 1)
    return axes


@cache
def _shape(pose: str) -> tuple[Array, Array, list[int]]:
    """Ends (K, 2, 3) and radii (K, 2) of a hand's tubes in palms on its own axes, and which of them are nails."""
    bends, spread, thumb = _POSES[pose]
    ends = [[np.array([0.04, 0.0, 0.0]), np.array([0.55, 0.0, 0.0])]]
    ends += [[np.array([0.12, knuckle[1] * 0.4, 0.02]), knuckle] for knuckle in _KNUCKLES]
    radii = [(0.235, 0.21)] + [(0.20, 0.155)] * 4
    base, first, last = np.array([0.18, 0.26, -0.08]), *np.asarray(thumb)
    ends += [[base, first], [first, last]]
    radii += [(0.19, 0.15), (0.145, 0.12)]
    nails = []
    for number, knuckle in enumerate(_KNUCKLES):
        joint, angle = knuckle, 0.0
        # The outer fingers curl a little more, as they do at rest.
        for bone, bend in zip(_BONES[number], np.radians(bends) * (1.0 + 0.05 * number), strict=True):
            angle += float(bend)
            step = np.array([np.cos(angle), spread * (1.5 - number), -np.sin(angle)]) * bone
            ends.append([joint, joint + step])
            radii.append((_WIDE[number], _WIDE[number] * 0.92))
            joint = joint + step
        top = joint + np.array([np.sin(angle), 0.0, np.cos(angle)]) * 0.062
        nails.append([top - step * 0.1, top + step * 0.12])
    marked = list(range(len(ends), len(ends) + len(nails)))
    return np.array(ends + nails), np.array(radii + [(0.068, 0.062)] * len(nails)), marked


_PLAIN = len(_shape("flat")[0]) - 4
_FINGERS = 7
_SHADING = [0, 1, 4, 6, 7, 9, 10, 12, 13, 15, 16, 18]
