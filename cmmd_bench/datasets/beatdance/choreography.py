"""What the dancer does: one pose for each beat of the song's loop, and the way from pose to pose.

A phrase is one bar; it is danced and then danced mirrored, and a loop of four bars holds two phrases. Poses change
around the beat, fast and symmetric in time, so that the motion has its accent exactly there; between beats the body
holds, drifts a little and recovers from the knee dip that every beat brings.

A pose is a row of numbers, one for each name in `CHANNELS`; angles in radians, lengths in body heights.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cmmd_bench.datasets.beatdance.moves import ARMS, MANNERS, STEPS, Manner
from cmmd_bench.datasets.beatdance.score import BARS, Song
from cmmd_bench.datasets.beatdance.streams import Key, pick, stream

CHANNELS = (
    *("left raise", "left front", "left bend", "left reach", "right raise", "right front", "right bend", "right reach"),
    *("left foot x", "left foot z", "left lift", "right foot x", "right foot z", "right lift"),
    *("hips x", "crouch", "turn", "lean", "bow", "twist", "tilt", "nod", "look"),
)
CHANNEL = {name: place for place, name in enumerate(CHANNELS)}

Poses = NDArray[np.floating[Any]]

_SIGNED = ("hips x", "turn", "lean", "twist", "tilt", "look")
_ARMS, _LIMBS = 8, 14
_SWAY = (("hips x", 0.008, 0.5), ("lean", 0.02, 0.25), ("turn", 0.06, 0.125), ("tilt", 0.03, 0.25))
"""Slow movements between the poses: channel, depth, and turns a beat."""
_USUAL_WAY = 3.0
"""How far elbows and hands go from beat to beat, in arm lengths, all coordinates added up."""


@dataclass(frozen=True, slots=True, eq=False)
class Dance:
    """Poses (beats in the loop, channels), how they change, and personal traits.

    snap: seconds of a pose change; bounce: depth of the dip; turnout: 0..1; overshoot: share by which a change swings
    past its goal; lag: seconds by which forearms and head trail the body; drift: phases of the slow sway, in turns
    """

    poses: Poses
    snap: float
    bounce: float
    turnout: float
    overshoot: float
    lag: float
    drift: Poses


def draw_dance(song: Song, key: Key) -> Dance:
    """The choreography of a song's loop."""
    rng = stream(key, "dance")
    manner = MANNERS[song.style]
    size = 0.9 + 0.15 * rng.random()
    phrases: list[Poses] = []
    for _ in range(BARS // 2):
        phrase = _phrase(manner, rng, song.meter, size, phrases[-1][-1] if phrases else None)
        phrases += [phrase, mirror(phrase)]
    poses = np.concatenate(phrases)
    if rng.random() < 0.5:
        poses = mirror(poses)
    return Dance(
        poses=poses,
        snap=manner.snap * (0.9 + 0.2 * rng.random()),
        bounce=manner.bounce * (0.8 + 0.4 * rng.random()),
        turnout=manner.turnout,
        overshoot=0.04 + 0.06 * rng.random(),
        lag=0.012 + 0.010 * rng.random(),
        drift=rng.random(4),
    )


def pose_at(dance: Dance, song: Song, times: Poses) -> Poses:
    """Poses at any times in seconds: (n,) -> (n, channels)."""
    beats = (times - song.first) / song.period
    lags = np.zeros(len(CHANNELS))
    for side in ("left", "right"):
        lags[[CHANNEL[f"{side} bend"], CHANNEL[f"{side} reach"]]] = dance.lag
    lags[[CHANNEL["nod"], CHANNEL["tilt"], CHANNEL["look"]]] = dance.lag
    late = beats[:, None] - lags / song.period
    nearest = np.round(late)
    share = _change((late - nearest) * song.period, dance.snap, 0.5 * song.period, dance.overshoot)
    columns = np.arange(len(CHANNELS))
    before = dance.poses[(nearest.astype(int) - 1 + song.count) % len(dance.poses), columns]
    after = dance.poses[(nearest.astype(int) + song.count) % len(dance.poses), columns]
    pose: Poses = before + share * (after - before)
    _swing_feet(pose, before, after, (late - nearest) * song.period, dance.snap)
    _groove(pose, dance, beats, song.period)
    return pose


def mirror(poses: Poses) -> Poses:
    """The same poses with left and right exchanged."""
    swapped = poses.copy()
    for place, name in enumerate(CHANNELS):
        if name.startswith(("left", "right")):
            other = name.replace("left", "right") if name.startswith("left") else name.replace("right", "left")
            sign = -1.0 if name.endswith("foot x") else 1.0
            swapped[:, place] = sign * poses[:, CHANNEL[other]]
        elif name in _SIGNED:
            swapped[:, place] = -poses[:, place]
    return swapped


def _phrase(manner: Manner, rng: np.random.Generator, counts: int, size: float, before: Poses | None) -> Poses:
    """One bar; `before` is the pose it follows."""
    steps = STEPS[pick(rng, manner.steps)]
    facing = np.radians(24.0) * (2.0 * rng.random() - 1.0)
    poses = np.zeros((counts, len(CHANNELS)))
    for count in range(counts):
        # The last pose is followed by the mirrored first one.
        after = mirror(poses[:1])[0] if count == counts - 1 else None
        poses[count, :_ARMS] = _choose_arms(manner, rng, size, before, after)
        *feet, hips, crouch, turn = steps[count]
        poses[count, _ARMS:_LIMBS] = feet
        draws = rng.random(6)
        sign = 1.0 if hips >= 0 else -1.0
        lean, twist, tilt = np.radians([manner.lean, manner.twist, 9.0]) * (0.4 + 0.6 * draws[:3])
        poses[count, _LIMBS:] = (
            *(hips, crouch, np.radians(turn) + facing, sign * lean, np.radians(8.0) * draws[3]),
            *(twist * (1.0 if count % 2 else -1.0), sign * tilt, np.radians(10.0) * (draws[4] - 0.3)),
            np.radians(26.0) * (draws[5] - 0.5) - 0.6 * facing,
        )
        before = poses[count]
    return poses


def _choose_arms(
    manner: Manner, rng: np.random.Generator, size: float, before: Poses | None, after: Poses | None
) -> Poses:
    """Of a few random arm shapes the one whose way from the pose before is most nearly the usual one.

    Beats on which the arms hardly move would go unseen, and one huge move would hide the others.
    """
    choices = []
    for _ in range(5):
        pair = pick(rng, manner.arms)
        left, right = pair if rng.random() < 0.5 else pair[::-1]
        choices.append(ARMS[left] + ARMS[right])
    arms: Poses = np.radians(choices) * size
    oddness = np.zeros(len(arms))
    for other in (before, after):
        if other is not None:
            ways = np.sum(np.abs(_hands(arms) - _hands(other[None, :_ARMS])), axis=1)
            oddness += np.abs(ways - _USUAL_WAY)
    chosen: Poses = arms[np.argmin(oddness)]
    return chosen


def _hands(arms: Poses) -> Poses:
    """Places of both elbows and hands in the picture relative to the shoulders, in arm lengths: (n, 8) to (n, 8)."""
    raised, fore, bend, reach = arms.reshape(-1, 2, 4).transpose(2, 0, 1)
    elbow = np.stack([np.sin(raised), -np.cos(raised)]) * np.cos(fore)
    hand = elbow + np.stack([np.sin(raised + bend), -np.cos(raised + bend)]) * np.cos(reach)
    return 0.5 * np.concatenate([elbow, hand]).transpose(1, 0, 2).reshape(len(arms), -1)


def _change(since: Poses, snap: float, reach: float, overshoot: float) -> Poses:
    """Share of a pose change done at `since` seconds from the beat: 0 long before, 0.5 on the beat, 1 long after."""
    fast = _ease(since / snap + 0.5)
    slow = _ease(since / (2.0 * reach) + 0.5)
    after = np.maximum(since / reach, 0.0)
    swing = overshoot * np.sin(np.pi * np.minimum(after, 1.0)) * np.exp(-2.0 * after)
    share: Poses = 0.88 * fast + 0.12 * slow + swing
    return share


def _ease(share: Poses) -> Poses:
    """From 0 to 1 with zero speed at both ends."""
    s = np.clip(share, 0.0, 1.0)
    eased: Poses = s * s * (3.0 - 2.0 * s)
    return eased


def _swing_feet(pose: Poses, before: Poses, after: Poses, since: Poses, snap: float) -> None:
    """A foot that goes to another place leaves the ground, arrives on the beat and then stands still."""
    for side in ("left", "right"):
        x, z, lift = (CHANNEL[f"{side} {part}"] for part in ("foot x", "foot z", "lift"))
        share = _ease(since[:, x] / snap + 0.6)
        for place in (x, z, lift):
            pose[:, place] = before[:, place] + share * (after[:, place] - before[:, place])
        way = np.hypot(after[:, x] - before[:, x], after[:, z] - before[:, z])
        pose[:, lift] += 4.0 * share * (1.0 - share) * np.minimum(0.25 * way, 0.05)


def _groove(pose: Poses, dance: Dance, beats: Poses, period: float) -> None:
    """The dip on every beat, the nod with it, and a slow sway."""
    phase = beats - np.floor(beats)
    dip = _dip(phase, period, dance.snap)
    pose[:, CHANNEL["crouch"]] += dance.bounce * dip
    pose[:, CHANNEL["nod"]] += 0.16 * dip
    swing = np.sin(2.0 * np.pi * beats)
    for side, sign in (("left", 1.0), ("right", -1.0)):
        pose[:, CHANNEL[f"{side} bend"]] += 0.05 * swing
        pose[:, CHANNEL[f"{side} raise"]] += 0.03 * swing + 0.03 * sign * np.sin(np.pi * beats)
    for (name, depth, rate), turn in zip(_SWAY, dance.drift, strict=True):
        pose[:, CHANNEL[name]] += depth * np.sin(2.0 * np.pi * (rate * beats + turn))


def _dip(phase: Poses, period: float, snap: float) -> Poses:
    """Depth of the knee dip over a beat: down around the beat, slowly up until the next; 0..1, continuous."""
    half = 0.5 * snap / period
    down = _ease(0.5 + 0.5 * np.where(phase < 0.5, phase, phase - 1.0) / half)
    up = 1.0 - _ease((phase - half) / (1.0 - 2.0 * half))
    depth: Poses = np.where(phase > 1.0 - half, down, np.where(phase < half, down, up))
    return depth
