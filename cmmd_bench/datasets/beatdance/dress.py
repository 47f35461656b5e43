"""Painting the dancer: which rounded parts make up body, clothes, hair and face. Sizes in body heights."""

from itertools import pairwise

import numpy as np

from cmmd_bench.datasets.beatdance.body import Joint
from cmmd_bench.datasets.beatdance.paint import Brush
from cmmd_bench.datasets.beatdance.wardrobe import Look
from cmmd_bench.datasets.painting import Colour, mix

_SIDES = ("right", "left")
_HAIR = {
    "crop": 0.98,
    "short": 1.05,
    "bun": 1.0,
    "ponytail": 1.02,
    "long": 1.06,
    "bob": 1.08,
    "curls": 1.04,
    "afro": 1.1,
}
"""Radius of the cap of hair, in head radii."""
_BRIM = ((-1.5, 0.0), (-0.8, 1.2), (0.8, 1.2), (1.5, 0.0), (0.8, -1.1), (-0.8, -1.1))
"""Outline of a hat's brim seen from above, across and ahead, in head radii."""
_DARK: Colour = (0.10, 0.08, 0.08)
_WHITE: Colour = (0.97, 0.97, 0.97)


def paint_dancer(brush: Brush, body: dict[str, Joint], trail: Joint, look: Look) -> None:
    """Paint the dancer of all frames, roughly from back to front.

    trail: (n, 3), how far the head was from where it is now a moment ago; loose hair follows it.
    """
    _paint_legs(brush, body, look)
    _paint_trunk(brush, body, trail, look)
    _paint_head(brush, body, trail, look)
    _paint_arms(brush, body, look)


def _paint_legs(brush: Brush, body: dict[str, Joint], look: Look) -> None:
    cloth = look.girth * look.wide
    for side in _SIDES:
        hip, knee, ankle, toe = (body[f"{side} {joint}"] for joint in ("hip", "knee", "ankle", "toe"))
        brush.limb(ankle + 0.2 * (ankle - toe) - (0, 0.008, 0), toe, 0.026, 0.020, look.shoes)
        shin = 0.036 * (cloth if look.trousers > 1 else look.girth)
        if look.trousers > 1:
            hem = 0.026 * cloth * (0.6 + 0.4 * look.wide)
            brush.limb(knee, ankle, shin, hem, look.bottom, end_colour=look.skin, split=look.trousers - 1.0)
        else:
            brush.limb(knee, ankle, shin, 0.023 * look.girth, look.skin, end_colour=look.socks, split=look.sock)
        covered = 2.0 if look.trousers > 1 else look.trousers
        brush.limb(hip, knee, 0.050 * look.girth, shin, look.bottom, end_colour=look.skin, split=covered)


def _paint_trunk(brush: Brush, body: dict[str, Joint], trail: Joint, look: Look) -> None:
    pelvis, neck, across = body["pelvis"], body["neck"], body["across"]
    up = neck - pelvis
    hips = body["left hip"] - pelvis
    hips = hips / np.linalg.norm(hips, axis=1, keepdims=True)
    soft = 0.036 * look.girth
    brush.limb(pelvis - (look.hip - soft) * hips, pelvis + (look.hip - soft) * hips, 0.05, 0.05, look.bottom)
    left = [
        neck + 0.025 * across + 0.01 * up,
        neck + (look.chest - soft) * across - 0.11 * up,
        pelvis + (look.waist - soft * 0.5) * across + 0.42 * up,
        pelvis + (look.hip - soft) * hips + 0.1 * up,
    ]
    right = [
        neck - 0.025 * across + 0.01 * up,
        neck - (look.chest - soft) * across - 0.11 * up,
        pelvis - (look.waist - soft * 0.5) * across + 0.42 * up,
        pelvis - (look.hip - soft) * hips + 0.1 * up,
    ]
    stripe = look.trim if look.stripes else None
    brush.panel(left + right[::-1], soft, look.top, stripe=stripe, stripes=look.stripes, upright=look.upright)
    if look.skirt:
        _paint_skirt(brush, body, trail, look)


def _paint_skirt(brush: Brush, body: dict[str, Joint], trail: Joint, look: Look) -> None:
    pelvis, up = body["pelvis"], body["neck"] - body["pelvis"]
    reach = min(look.skirt / 0.235, 1.0)
    legs = {side: body[f"{side} hip"] + (body[f"{side} knee"] - body[f"{side} hip"]) * reach for side in _SIDES}
    ahead = np.maximum(legs["left"][:, 2], legs["right"][:, 2]) + 0.05
    sides = []
    for side, sign in (("left", 1.0), ("right", -1.0)):
        hip = body[f"{side} hip"]
        way = hip - pelvis
        outward = way / np.linalg.norm(way, axis=1, keepdims=True)
        hanging = pelvis - (0, look.skirt, 0) + look.flare * outward + 0.5 * trail * (1, 0, 1)
        over_leg = legs[side] + 0.06 * look.girth * outward
        hem = 0.55 * hanging + 0.45 * over_leg
        # The hem lies neither beside nor behind the leg that it covers.
        hem[:, 0] = sign * np.maximum(sign * hem[:, 0], sign * over_leg[:, 0])
        hem[:, 2] = ahead
        waist = pelvis + (look.waist - 0.02) * outward + 0.32 * up
        front = (0, 0, 0.045)
        sides.append([waist + front, pelvis + (look.hip + 0.01) * outward + 0.05 * up + front, hem])
    fold = mix(look.bottom, _DARK, 0.16)
    brush.panel(sides[0] + sides[1][::-1], 0.018, look.bottom, stripe=fold, stripes=5.0, upright=True)


def _paint_head(brush: Brush, body: dict[str, Joint], trail: Joint, look: Look) -> None:
    head, crown, face, neck = body["head"], body["crown"], body["face"], body["neck"]
    cheek = np.cross(crown, face)
    r = look.bones.head
    brush.limb(neck - 0.01 * crown, head - 0.5 * r * crown, 0.027 * look.girth, 0.025, mix(look.skin, _DARK, 0.12))
    _paint_hair_behind(brush, head, crown, face, trail, look)
    brush.limb(head + 0.12 * r * crown, head - 0.62 * r * crown + 0.15 * r * face, r * 0.95, r * 0.64, look.skin)
    _paint_face(brush, head, crown, face, cheek, look)
    _paint_hair(brush, head, crown, face, cheek, trail, look)
    _paint_hat(brush, head, crown, face, cheek, look)


def _paint_face(brush: Brush, head: Joint, crown: Joint, face: Joint, cheek: Joint, look: Look) -> None:
    r = look.bones.head
    fine = brush.shows(0.08 * r)
    for side in (-1.0, 1.0):
        eye = head + side * 0.37 * r * cheek - 0.08 * r * crown + 0.83 * r * face
        if not fine:
            brush.ball(eye + 0.05 * r * face, 0.15 * r, _DARK)
            continue
        brush.limb(eye + 0.05 * r * crown, eye - 0.07 * r * crown, 0.155 * r, 0.155 * r, _WHITE)
        brush.limb(eye + 0.07 * r * (face + crown), eye + 0.07 * r * (face - crown), 0.11 * r, 0.11 * r, _DARK)
        brush.ball(head + side * 0.93 * r * cheek - 0.15 * r * crown, 0.2 * r, look.skin)
    if fine:
        brush.ball(head - 0.34 * r * crown + 0.92 * r * face, 0.13 * r, mix(look.skin, _WHITE, 0.1))
        mouth = head - 0.68 * r * crown + 0.70 * r * face
        lips = mix(look.skin, (0.6, 0.1, 0.15), 0.6)
        for side in (-1.0, 1.0):
            brush.limb(mouth, mouth + r * (0.25 * side * cheek + 0.08 * crown), 0.08 * r, 0.06 * r, lips)


def _paint_hair_behind(brush: Brush, head: Joint, crown: Joint, face: Joint, trail: Joint, look: Look) -> None:
    r, hair, style = look.bones.head, look.hair, look.hairdo
    behind = head - 0.45 * r * face
    if style in ("bob", "long"):
        length, tip = (1.1, 0.95) if style == "bob" else (2.6, 0.75)
        tips = behind - (0, length * r, 0) - (0.3 if style == "bob" else 0.8) * r * face + 0.6 * trail
        brush.limb(behind + 0.2 * r * crown, tips, 1.08 * r, tip * r, hair)
    elif style == "ponytail":
        root = head + 0.5 * r * crown - 0.9 * r * face
        bend = root - (0, 0.9 * r, 0) - 0.5 * r * face + 0.8 * trail
        brush.limb(root, bend, 0.32 * r, 0.36 * r, hair)
        brush.limb(bend, bend - (0, 1.4 * r, 0) + 0.7 * trail, 0.36 * r, 0.12 * r, hair)


def _paint_hair(brush: Brush, head: Joint, crown: Joint, face: Joint, cheek: Joint, trail: Joint, look: Look) -> None:
    r, hair, style, free = look.bones.head, look.hair, look.hairdo, look.hat == "none"
    if style == "bald":
        return
    top = head + 0.30 * r * crown - 0.26 * r * face
    if style == "mohawk":
        brush.ball(top - 0.06 * r * face, 0.98 * r, mix(look.skin, hair, 0.45))
        if free:
            comb = head + 1.12 * r * crown
            brush.limb(comb + 0.15 * r * face, comb - 0.8 * r * face, 0.22 * r, 0.32 * r, hair)
        return
    brush.ball(top, _HAIR[style] * r, hair)
    if style == "afro" and free:
        brush.ball(head + 0.5 * r * crown - 0.45 * r * face, 1.5 * r, hair)
    elif style == "curls":
        for angle in (-1.9, -1.4, -0.7, 0.0, 0.7, 1.4, 1.9) if free else (-2.0, 2.0):
            curl = head + 0.92 * r * (np.cos(angle) * crown + np.sin(angle) * cheek) - 0.2 * r * face
            brush.ball(curl, 0.42 * r, hair)
    elif style == "bun" and free:
        brush.ball(head + 1.25 * r * crown - 0.45 * r * face, 0.45 * r, hair)
    elif style in ("bob", "long"):
        for side in (-1.0, 1.0):
            lock = head + side * 0.86 * r * cheek - 0.15 * r * face
            brush.limb(
                lock + (0.4 if free else 0.0) * r * crown,
                lock - 0.7 * r * crown + 0.2 * trail,
                0.26 * r,
                0.18 * r,
                hair,
            )


def _paint_hat(brush: Brush, head: Joint, crown: Joint, face: Joint, cheek: Joint, look: Look) -> None:
    r, cloth, band = look.bones.head, look.trim, mix(look.trim, _DARK, 0.3)
    if look.hat == "cap":
        brush.ball(head + 0.38 * r * crown - 0.12 * r * face, 1.08 * r, cloth)
        tip = head + 0.42 * r * crown + 1.55 * r * face
        for side in (-1.0, 1.0):
            brush.limb(head + 0.5 * r * crown + r * (0.62 * side * cheek + 0.7 * face), tip, 0.16 * r, 0.2 * r, band)
    elif look.hat == "beanie":
        brush.ball(head + 0.42 * r * crown - 0.12 * r * face, 1.08 * r, cloth)
        edge = head + 0.42 * r * crown + 0.25 * r * face
        brush.limb(edge - 0.8 * r * cheek, edge + 0.8 * r * cheek, 0.27 * r, 0.27 * r, band)
        brush.ball(head + 1.55 * r * crown - 0.1 * r * face, 0.28 * r, look.top)
    elif look.hat == "hat":
        edge = head + 0.55 * r * crown + 0.1 * r * face
        brush.limb(edge + 0.1 * r * crown, edge + 0.75 * r * crown, 0.98 * r, 0.72 * r, cloth)
        corners = [edge + r * (across * cheek + ahead * face) for across, ahead in _BRIM]
        brush.panel(corners, 0.1 * r, band)
        # The panel lies level with the middle of the head; the part before the forehead is a bent bar of its own.
        for start, end in pairwise(corners[:4]):
            brush.limb(start, end, 0.12 * r, 0.12 * r, band)


def _paint_arms(brush: Brush, body: dict[str, Joint], look: Look) -> None:
    thick = 0.029 * look.girth
    brush.limb(body["right shoulder"], body["left shoulder"], 1.05 * thick, 1.05 * thick, look.top)
    for side in _SIDES:
        shoulder, elbow, wrist, hand = (body[f"{side} {joint}"] for joint in ("shoulder", "elbow", "wrist", "hand"))
        covered = look.sleeve
        upper = thick * (1.15 if covered > 0 else 1.0)
        middle, lower = (0.95 * thick, 0.80 * thick) if covered > 1 else (0.86 * thick, 0.62 * thick)
        brush.limb(wrist, hand, 0.7 * thick, 0.024, look.skin)
        brush.limb(elbow, wrist, middle, lower, look.top if covered > 1 else look.skin,
                   end_colour=look.skin, split=max(covered - 1.0, 0.0))  # fmt: skip
        brush.limb(shoulder, elbow, upper, middle, look.top if covered > 0 else look.skin,
                   end_colour=look.skin, split=covered if covered < 1 else 2.0)  # fmt: skip
