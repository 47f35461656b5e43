"""Curves of motion over continuous time, shared by what is seen and what is heard.

Times are seconds and may be arrays of any shape; `hits` are increasing instants of contact, the first at or before
every time asked for and the last after it. Lengths are world units (half a metre).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Curve = NDArray[np.float64]
GRAVITY = 19.6
_RISE = 0.68
_FALL = 2.2


def latest(t: Any, hits: Curve) -> NDArray[np.intp]:
    """Index of the last hit at or before each time."""
    index: NDArray[np.intp] = np.clip(np.searchsorted(hits, t, "right") - 1, 0, len(hits) - 1)
    return index


def since(t: Any, hits: Curve) -> Curve:
    """Seconds since the last hit."""
    passed: Curve = t - hits[latest(t, hits)]
    return passed


def swing(t: Any, hits: Curve, lifts: Curve, *, time: float, bounce: float = 0.0) -> Curve:
    """Height of a tool above what it strikes: at rest after a hit, raised slowly, brought down ever faster.

    lifts: height before each hit; time: longest duration of raising and striking; bounce: recoil as a share of the lift
    """
    last = latest(t, hits)
    coming = np.minimum(last + 1, len(hits) - 1)
    length = _swing_time(hits, time)[coming]
    share = 1.0 - (hits[coming] - t) / length
    rise = np.clip(share / _RISE, 0.0, 1.0)
    fall = np.clip((share - _RISE) / (1.0 - _RISE), 0.0, 1.0)
    height: Curve = lifts[coming] * (rise * rise * (3.0 - 2.0 * rise) - fall**_FALL)
    if bounce:
        dt = t - hits[last]
        height = height + bounce * lifts[last] * np.abs(np.sin(dt * (np.pi / 0.08))) * np.exp(dt * (-1 / 0.04))
    return height


def speeds(hits: Curve, lifts: Curve, *, time: float) -> Curve:
    """Speed of a `swing` at the instant of each hit, units a second."""
    speed: Curve = lifts * _FALL / ((1.0 - _RISE) * _swing_time(hits, time))
    return speed


def travel(t: Any, hits: Curve, *, time: float) -> Curve:
    """Share 0..1 of the way from the place of the last hit to that of the next one, during the swing between them."""
    last = latest(t, hits)
    coming = np.minimum(last + 1, len(hits) - 1)
    length = _swing_time(hits, time)[coming]
    # Over before the tool comes down, so that the last stretch is straight.
    share = np.clip((1.0 - (hits[coming] - t) / length) / (_RISE + 0.1), 0.0, 1.0)
    eased: Curve = share * share * (3.0 - 2.0 * share)
    return eased


def pulse(t: Any, hits: Curve, *, rise: float, fall: float) -> Curve:
    """1 just after each hit (reached within `rise`), then fading with the time constant `fall`."""
    dt = since(t, hits)
    strength: Curve = np.minimum(dt / rise, 1.0) * np.exp(np.minimum(-(dt - rise) / fall, 0.0))
    return strength


def shake(t: Any, hits: Curve, *, hertz: float = 11.0, fade: float = 0.07) -> Curve:
    """A damped oscillation set off by each hit, between -1 and 1."""
    dt = since(t, hits)
    wave: Curve = np.sin(dt * (2 * np.pi * hertz)) * np.exp(dt * (-1.0 / fade))
    return wave


def stroke(t: Any, strokes: Curve) -> tuple[Curve, Curve]:
    """Progress of strokes (M, 2) of start and end: position that goes 0 to 1 and back in turn, and speed (per second).

    Each stroke starts and ends at rest and is fastest in its middle.
    """
    number = np.clip(np.searchsorted(strokes[:, 0], t, "right") - 1, 0, len(strokes) - 1)
    start, end = strokes[number, 0], strokes[number, 1]
    share = np.clip((t - start) / (end - start), 0.0, 1.0)
    way = 0.5 - 0.5 * np.cos(np.pi * share)
    speed = np.sin(np.pi * share) * (0.5 * np.pi) / (end - start)
    return np.where(number % 2 == 0, way, 1.0 - way), speed


def opening(t: Any, spans: Curve, *, rise: float, fall: float) -> Curve:
    """How far something is open, 0..1: rises smoothly from each start (M, 2), closes so as to be shut at each end."""
    number = np.clip(np.searchsorted(spans[:, 0], t, "right") - 1, 0, len(spans) - 1)
    start, end = spans[number, 0], spans[number, 1]
    share = np.clip(np.minimum((t - start) / rise, (end - t) / fall), 0.0, 1.0)
    eased: Curve = share * share * (3.0 - 2.0 * share)
    return eased


def _swing_time(hits: Curve, time: float) -> Curve:
    """Duration of the swing that ends in each hit."""
    return np.minimum(np.diff(hits, prepend=hits[0] - 2.0) * 0.92, time)
