"""The dancer's skeleton: from poses to the positions of the joints.

Space: x to the viewer's right, y up, z to the viewer, in body heights; the floor is y = 0. `left` is the dancer's left,
x > 0 when the dancer faces the viewer.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cmmd_bench.datasets.beatdance.choreography import CHANNEL, Poses

Joint = NDArray[np.floating[Any]]
"""(n, 3) positions, one row a moment."""


@dataclass(frozen=True, slots=True)
class Proportions:
    """Lengths of the bones in body heights."""

    shin: float = 0.235
    thigh: float = 0.235
    hips: float = 0.052
    spine: float = 0.275
    shoulders: float = 0.10
    upper_arm: float = 0.165
    forearm: float = 0.15
    hand: float = 0.035
    neck: float = 0.07
    head: float = 0.068
    foot: float = 0.085


ANKLE = 0.035


def joints(pose: Poses, bones: Proportions, turnout: float) -> dict[str, Joint]:
    """Positions of all joints, each (n, 3): hips, knees, ankles, toes, pelvis, neck, shoulders, elbows, wrists, hands,
    head (its middle), and the unit vectors across (right to left shoulder), crown (up the head), face (its front).
    """
    get = {name: pose[:, place] for name, place in CHANNEL.items()}
    body: dict[str, Joint] = {}
    yaw = get["turn"]
    ankles = {
        side: np.stack([get[f"{side} foot x"], ANKLE + get[f"{side} lift"], get[f"{side} foot z"]], axis=1)
        for side in ("left", "right")
    }
    pelvis = np.stack([get["hips x"], np.zeros(len(pose)), 0.3 * (ankles["left"] + ankles["right"])[:, 2]], axis=1)
    across = _turn(yaw, 1.0, 0.0, 0.0)
    leg = bones.thigh + bones.shin
    standing = []
    for side, sign in _SIDES:
        foot = ankles[side] - pelvis - sign * bones.hips * across
        level = np.maximum(leg**2 * 0.985 - foot[:, 0] ** 2 - foot[:, 2] ** 2, 0.01)
        # A standing leg cannot be longer than it is: a wide stance lowers the hips.
        standing.append(np.sqrt(level) + ANKLE + 3.0 * get[f"{side} lift"])
    pelvis[:, 1] = _smooth_minimum(ANKLE + 0.975 * leg - get["crouch"], _smooth_minimum(*standing))
    body["pelvis"] = pelvis
    for side, sign in _SIDES:
        hip = pelvis + sign * bones.hips * across
        ankle = _within(hip, ankles[side], 0.992 * leg)
        pole = _turn(yaw + sign * turnout, 0.15 * sign, 0.0, 1.0)
        body[f"{side} hip"], body[f"{side} ankle"] = hip, ankle
        body[f"{side} knee"] = _bend(hip, ankle, bones.thigh, bones.shin, pole)
        point = np.minimum(2.2 * get[f"{side} lift"], 0.9)[:, None]
        toe = _turn(yaw + sign * 0.9 * turnout, 0.12 * sign, 0.0, 1.0) * (1.0 - 0.5 * point)
        body[f"{side} toe"] = ankle + bones.foot * (
            toe + np.array([0.0, -0.22, 0.0]) - point * np.array([0.0, 0.75, 0.0])
        )
    _upper_body(body, get, bones)
    return body


def _upper_body(body: dict[str, Joint], get: dict[str, Poses], bones: Proportions) -> None:
    yaw = get["turn"] + get["twist"]
    lean, bow = get["lean"], get["bow"]
    up = _unit(np.stack([np.sin(lean), np.cos(lean) * np.cos(bow), np.sin(bow) * np.cos(lean)], axis=1))
    side_way = _turn(yaw, 1.0, 0.0, 0.0)
    side_way = _unit(side_way - np.sum(side_way * up, axis=1, keepdims=True) * up)
    front = np.cross(side_way, up)
    body["neck"] = body["pelvis"] + bones.spine * up
    body["across"] = side_way
    for side, sign in _SIDES:
        raised = get[f"{side} raise"]
        lifted = np.clip(raised - np.pi / 2, 0.0, 1.5)[:, None]
        shoulder = body["neck"] + sign * bones.shoulders * side_way + (0.022 * lifted - 0.022) * up
        elbow = shoulder + bones.upper_arm * _arm(raised, get[f"{side} front"], sign, side_way, up, front)
        lower = _arm(raised + get[f"{side} bend"], get[f"{side} reach"], sign, side_way, up, front)
        body[f"{side} shoulder"], body[f"{side} elbow"] = shoulder, elbow
        body[f"{side} wrist"] = elbow + bones.forearm * lower
        body[f"{side} hand"] = elbow + (bones.forearm + bones.hand) * lower
    look, tilt, nod = get["turn"] + 0.7 * get["twist"] + get["look"], lean * 0.4 + get["tilt"], bow * 0.5 + get["nod"]
    crown = _unit(np.stack([np.sin(tilt), np.cos(tilt), 0.6 * np.sin(nod)], axis=1))
    face = _turn(look, 0.0, 0.0, 1.0) + np.stack([0 * nod, -np.sin(nod), 0 * nod], axis=1)
    body["crown"] = crown
    body["face"] = _unit(face - np.sum(face * crown, axis=1, keepdims=True) * crown)
    body["head"] = body["neck"] + (bones.neck + 0.55 * bones.head) * _unit(0.5 * up + crown)


_SIDES = (("left", 1.0), ("right", -1.0))


def _arm(raised: Poses, fore: Poses, sign: float, side_way: Joint, up: Joint, front: Joint) -> Joint:
    """Unit vector of an arm bone raised sideways from hanging and pointing to the front by `fore`."""
    out, level = np.sin(raised) * np.cos(fore), -np.cos(raised) * np.cos(fore)
    bone: Joint = sign * out[:, None] * side_way + level[:, None] * up + np.sin(fore)[:, None] * front
    return bone


def _turn(yaw: Poses, x: float, y: float, z: float) -> Joint:
    """The vector (x, y, z) turned about the vertical; a positive yaw brings the dancer's face to the viewer's right."""
    c, s = np.cos(yaw), np.sin(yaw)
    return np.stack([x * c + z * s, np.full_like(c, y), z * c - x * s], axis=1)


def _bend(start: Joint, end: Joint, first: float, second: float, pole: Joint) -> Joint:
    """The middle joint of two bones between `start` and `end`, on the side of `pole`."""
    way = end - start
    length = np.linalg.norm(way, axis=1, keepdims=True)
    along = way / length
    part = (length**2 + first**2 - second**2) / (2.0 * length)
    away = np.sqrt(np.maximum(first**2 - part**2, 0.0))
    joint: Joint = start + part * along + away * _unit(pole - np.sum(pole * along, axis=1, keepdims=True) * along)
    return joint


def _within(centre: Joint, point: Joint, reach: float) -> Joint:
    """`point`, or the nearest place to it that is not farther than `reach` from `centre`."""
    way = point - centre
    length = np.linalg.norm(way, axis=1, keepdims=True)
    near: Joint = centre + way * np.minimum(1.0, reach / length)
    return near


def _unit(vector: Joint) -> Joint:
    scaled: Joint = vector / np.maximum(np.linalg.norm(vector, axis=1, keepdims=True), 1e-9)
    return scaled


def _smooth_minimum(a: Poses, b: Poses) -> Poses:
    """Never above either, and without a corner where they meet."""
    near = np.maximum(0.03 - np.abs(a - b), 0.0)
    least: Poses = np.minimum(a, b) - near * near / 0.12
    return least
