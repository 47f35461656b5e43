"""The vocabulary of the dance as data: arm shapes, steps, and what each style picks from them.

Angles in degrees, lengths in body heights. `left` is the dancer's left, the viewer's right (x > 0). A mirrored phrase
swaps the sides, so everything is written for one side only.
"""

from dataclasses import dataclass

ARMS: dict[str, tuple[float, float, float, float]] = {
    "down": (10, 0, 8, 8),
    "low": (40, 0, 6, 4),
    "side": (86, 0, 5, 0),
    "high": (136, 0, 8, 0),
    "up": (166, 0, 8, 0),
    "hip": (54, -8, -118, 0),
    "chest": (42, 20, -132, 25),
    "cactus": (82, 0, 88, 0),
    "hang": (84, 0, -84, 0),
    "punch": (58, 45, 0, 62),
    "cross": (-14, 30, -22, 35),
    "across": (22, 25, -102, 20),
    "crown": (148, 8, 50, 5),
    "round": (32, 22, -52, 32),
    "second": (74, 8, -10, 5),
    "head": (126, 0, 114, 0),
    "strut": (108, 5, -116, 8),
    "guard": (28, 15, 108, 22),
    "flare": (58, 0, 52, 0),
    "forth": (14, 36, 30, 50),
    "back": (26, -28, 12, -20),
}
"""One arm: how far the upper arm is raised sideways from hanging (180 = straight up), how far it points to the front,
by how much the forearm is raised further (below 0: bends inwards), and how far the forearm points to the front."""

Count = tuple[float, float, float, float, float, float, float, float, float]

STEPS: dict[str, tuple[Count, ...]] = {
    "step touch": (
        (0.27, 0, 0, -0.09, 0, 0, 0.17, 0.02, 0),
        (0.27, 0, 0, 0.12, 0.03, 0, 0.20, 0.04, 14),
        (0.27, 0, 0, -0.09, 0, 0, 0.02, 0.02, 0),
        (0.09, 0.03, 0, -0.09, 0, 0, -0.04, 0.04, -14),
    ),
    "grapevine": (
        (-0.17, 0.10, 0, -0.09, 0, 0, -0.08, 0.03, -25),
        (-0.14, 0, 0, -0.32, 0, 0, -0.23, 0.02, 0),
        (0.09, 0, 0, -0.30, 0, 0, -0.08, 0.03, 20),
        (0.09, 0, 0, -0.09, 0, 0, 0, 0.01, 0),
    ),
    "bounce": (
        (0.15, 0, 0, -0.15, 0, 0.02, 0.09, 0.05, 8),
        (0.15, 0, 0.02, -0.15, 0, 0, -0.09, 0.05, -8),
        (0.15, 0, 0, -0.15, 0, 0.02, 0.09, 0.06, 12),
        (0.15, 0, 0.02, -0.15, 0, 0, -0.09, 0.03, -12),
    ),
    "lunge": (
        (0.34, 0, 0, -0.10, 0, 0, 0.20, 0.10, 12),
        (0.10, 0, 0, -0.10, 0, 0, 0, 0, 0),
        (0.10, 0, 0, -0.34, 0, 0, -0.20, 0.10, -12),
        (0.10, 0, 0, -0.10, 0, 0, 0, 0, 0),
    ),
    "kick": (
        (0.26, 0.24, 0.26, -0.07, 0, 0, -0.06, 0.01, -8),
        (0.09, 0, 0, -0.09, 0, 0, 0.03, 0.05, 0),
        (0.07, 0, 0, -0.26, 0.24, 0.26, 0.06, 0.01, 8),
        (0.09, 0, 0, -0.09, 0, 0, -0.03, 0.05, 0),
    ),
    "knee": (
        (0.12, 0.16, 0.24, -0.09, 0, 0, -0.05, 0.01, -10),
        (0.12, 0, 0, -0.09, 0, 0, 0.02, 0.06, 0),
        (0.09, 0, 0, -0.12, 0.16, 0.24, 0.05, 0.01, 10),
        (0.09, 0, 0, -0.12, 0, 0, -0.02, 0.06, 0),
    ),
    "march": (
        (0.10, -0.06, 0.14, -0.09, 0.05, 0, -0.05, 0.03, -16),
        (0.09, 0.05, 0, -0.10, -0.06, 0.14, 0.05, 0.03, 16),
        (0.10, -0.06, 0.14, -0.09, 0.05, 0, -0.05, 0.03, -16),
        (0.09, 0.05, 0, -0.10, -0.06, 0.14, 0.05, 0.03, 16),
    ),
    "jack": (
        (0.24, 0, 0, -0.24, 0, 0, 0, 0.05, 0),
        (0.07, 0, 0, -0.07, 0, 0, 0, 0.03, 0),
        (0.24, 0, 0, -0.24, 0, 0, 0, 0.06, 18),
        (0.07, 0, 0, -0.07, 0, 0, 0, 0.02, 0),
    ),
    "twist": (
        (0.12, 0.02, 0, -0.12, -0.02, 0.02, 0.06, 0.06, 34),
        (0.12, -0.02, 0.02, -0.12, 0.02, 0, -0.06, 0.06, -34),
        (0.12, 0.02, 0, -0.12, -0.02, 0.02, 0.06, 0.09, 34),
        (0.12, -0.02, 0.02, -0.12, 0.02, 0, -0.06, 0.02, -34),
    ),
    "rock": (
        (0.14, 0.18, 0, -0.11, 0, 0, 0.06, 0.06, -18),
        (0.14, 0.18, 0.02, -0.11, 0, 0, -0.05, 0.01, -6),
        (0.13, -0.14, 0, -0.11, 0, 0, 0.05, 0.06, 22),
        (0.11, 0, 0, -0.11, 0, 0.02, 0.02, 0.02, 0),
    ),
    "mambo": (
        (0.08, 0.17, 0, -0.08, 0, 0, 0.05, 0.03, -16),
        (0.08, 0.17, 0.02, -0.08, 0, 0, -0.07, 0.02, 10),
        (0.08, 0, 0, -0.08, 0, 0.02, 0.07, 0.03, 16),
        (0.08, 0, 0.02, -0.08, 0, 0, -0.07, 0.02, -16),
    ),
    "side mambo": (
        (0.28, 0, 0, -0.08, 0, 0, 0.14, 0.04, 14),
        (0.28, 0, 0.02, -0.08, 0, 0, -0.04, 0.02, -10),
        (0.09, 0, 0, -0.08, 0, 0.02, 0.06, 0.02, 16),
        (0.09, 0, 0.02, -0.08, 0, 0, -0.06, 0.03, -16),
    ),
    "waltz": (
        (0.28, 0, 0, -0.09, 0, 0, 0.20, 0.05, 12),
        (0.28, 0, 0, 0.16, -0.06, 0, 0.21, -0.02, 0),
        (0.10, 0, 0, -0.08, 0, 0, 0.03, 0, -8),
    ),
    "tendu": (
        (0.34, 0.02, 0, -0.05, 0, 0, -0.03, 0.01, -6),
        (0.10, 0, 0, -0.10, 0, 0, 0, 0.12, 0),
        (0.06, 0, 0, -0.06, 0, 0, 0, -0.03, 6),
    ),
    "passe": (
        (0.06, 0.05, 0.24, -0.03, 0, 0, -0.02, -0.02, -10),
        (0.32, 0, 0, -0.05, 0, 0, 0.06, 0.06, 0),
        (0.07, 0, 0, -0.07, 0, 0, 0, -0.02, 8),
    ),
    "arabesque": (
        (0.44, -0.12, 0.30, -0.03, 0, 0, -0.05, 0, -14),
        (0.12, 0, 0, -0.10, 0, 0, 0, 0.08, 0),
        (0.06, 0, 0, -0.06, 0, 0, 0, -0.03, 8),
    ),
}
"""Counts of a phrase: left foot (x, z to the viewer, lift), right foot (same), hips x, crouch, turn of the body."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How a style moves.

    arms: pairs (left, right) of names in ARMS; steps: names in STEPS, all as long as a bar
    snap: seconds a pose change takes; bounce: depth of the knee dip on every beat, in body heights
    lean, twist: how far, in degrees, the torso joins in; turnout: how far knees and toes point outwards, 0..1
    """

    arms: tuple[tuple[str, str], ...]
    steps: tuple[str, ...]
    snap: float
    bounce: float
    lean: float
    twist: float
    turnout: float


MANNERS: dict[str, Manner] = {
    "house": Manner(
        arms=(("cactus", "low"), ("flare", "flare"), ("high", "hip"), ("across", "side"), ("up", "up"),
              ("side", "side"), ("low", "low"), ("guard", "guard"), ("chest", "high"), ("cross", "cross")),
        steps=("step touch", "grapevine", "jack", "bounce", "knee"),
        snap=0.15, bounce=0.030, lean=7, twist=12, turnout=0.35,
    ),
    "boom bap": Manner(
        arms=(("guard", "low"), ("cross", "cross"), ("side", "chest"), ("strut", "low"), ("punch", "hip"),
              ("cactus", "hang"), ("across", "flare"), ("low", "high"), ("side", "hang"), ("head", "low")),
        steps=("bounce", "rock", "knee", "lunge", "step touch"),
        snap=0.15, bounce=0.045, lean=10, twist=16, turnout=0.5,
    ),
    "ballet": Manner(
        arms=(("crown", "crown"), ("second", "second"), ("round", "round"), ("crown", "second"), ("second", "crown"),
              ("high", "second"), ("round", "high"), ("high", "low"), ("down", "crown")),
        steps=("waltz", "tendu", "passe", "arabesque"),
        snap=0.16, bounce=0.016, lean=7, twist=6, turnout=0.9,
    ),
    "swing": Manner(
        arms=(("flare", "across"), ("forth", "back"), ("side", "flare"), ("cactus", "cactus"), ("low", "guard"),
              ("head", "hip"), ("high", "low"), ("across", "side"), ("flare", "high")),
        steps=("kick", "step touch", "twist", "march", "knee"),
        snap=0.14, bounce=0.030, lean=9, twist=14, turnout=0.45,
    ),
    "funk": Manner(
        arms=(("high", "hip"), ("cross", "hip"), ("strut", "strut"), ("chest", "side"), ("up", "low"),
              ("guard", "guard"), ("flare", "hip"), ("cactus", "hang"), ("head", "side")),
        steps=("twist", "lunge", "step touch", "bounce", "kick"),
        snap=0.14, bounce=0.035, lean=11, twist=18, turnout=0.5,
    ),
    "techno": Manner(
        arms=(("up", "low"), ("cactus", "hang"), ("punch", "guard"), ("hang", "cactus"), ("side", "cactus"),
              ("high", "high"), ("guard", "up"), ("side", "hang"), ("low", "low")),
        steps=("march", "bounce", "jack", "knee"),
        snap=0.12, bounce=0.035, lean=5, twist=10, turnout=0.3,
    ),
    "halftime": Manner(
        arms=(("strut", "low"), ("side", "low"), ("up", "chest"), ("cross", "cross"), ("high", "low"), ("head", "side"),
              ("hang", "hang"), ("flare", "strut"), ("punch", "back"), ("side", "up")),
        steps=("lunge", "bounce", "rock", "grapevine"),
        snap=0.16, bounce=0.050, lean=13, twist=20, turnout=0.55,
    ),
    "salsa": Manner(
        arms=(("guard", "across"), ("up", "hip"), ("high", "chest"), ("across", "guard"), ("head", "flare"),
              ("flare", "low"), ("crown", "hip"), ("side", "across"), ("guard", "side")),
        steps=("mambo", "side mambo", "grapevine", "twist"),
        snap=0.14, bounce=0.018, lean=8, twist=22, turnout=0.35,
    ),
}  # fmt: skip
