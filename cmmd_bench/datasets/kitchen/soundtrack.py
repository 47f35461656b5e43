"""From a plan to a sound: which model plays which kind of action, the room it is in and the hum of the kitchen."""

from collections.abc import Callable

import numpy as np

from cmmd_bench.datasets.kitchen.actions import Action
from cmmd_bench.datasets.kitchen.flow import filling, flow
from cmmd_bench.datasets.kitchen.friction import grate, scrape, slide
from cmmd_bench.datasets.kitchen.impacts import crunch, strike
from cmmd_bench.datasets.kitchen.liquid import column_pitch, pour, tap
from cmmd_bench.datasets.kitchen.motion import speeds, stroke, swing
from cmmd_bench.datasets.synthesis import Sound, convolve, high_pass, limit, low_pass, noise, room


def play(action: Action, rng: np.random.Generator, samples: int, rate: int) -> Sound:
    """The sound of a clip, (samples,) float32 within -0.9..0.9, at `rate` samples a second."""
    things, place = rng.spawn(2)
    # Filters are not exact at the very end of a track: play a little more than is asked for.
    wanted, samples = samples, samples + rate // 20
    track = np.zeros(samples, np.float32)
    _PLAYERS[action.kind](track, rate, action, things)
    echo, tone, draws = *place.spawn(2), place.random(4)
    walls = room(echo, rate, seconds=0.16 + 0.24 * draws[0], brightness=3000.0 + 4000.0 * draws[1])
    wet = np.float32(0.10 + 0.14 * draws[2])
    sound = track + wet * convolve(track, walls)
    sound = high_pass(sound + _room_tone(tone, samples, rate), 35.0, rate)
    return limit(sound[:wanted] * np.float32(0.85 + 0.25 * draws[3]), knee=0.55, ceiling=0.9)


def _blows(action: Action) -> tuple[np.ndarray, np.ndarray]:
    """Instants and speeds (1 = medium) of an action's hits."""
    fast = speeds(action.hits, action.lifts, time=action.time)
    return action.hits, fast / _MEDIUM[action.kind]


_MEDIUM = {"chop": 2.4, "tap": 2.2, "stir": 9.0, "lid": 2.2, "put": 1.8, "pound": 3.0, "drawer": 2.2}
"""Speed of a medium blow of each kind, units a second."""


_CRISP = {
    "aubergine": (0.12, 1500.0),
    "carrot": (0.40, 2800.0),
    "cucumber": (0.28, 2200.0),
    "leek": (0.30, 3600.0),
    "sausage": (0.05, 900.0),
}
"""How loud each food cracks under the knife, and around which frequency (Hz)."""


def _chop(track: Sound, rate: int, action: Action, rng: np.random.Generator) -> None:
    names = [f"board {action.what['board']}", f"top {action.top}", "knife"]
    times, speed = _blows(action)
    crisp = rng.spawn(1)[0]
    strike(track, rate, names, action.size, rng, times, speed, level=0.45)
    firm, centre = _CRISP[action.what["food"]]
    crunch(track, rate, crisp, times, speed, level=firm, centre=centre)


def _tap(track: Sound, rate: int, action: Action, rng: np.random.Generator) -> None:
    names = [action.what["vessel"], f"spoon {action.what['tool']}"]
    strike(track, rate, names, action.size, rng, *_blows(action), level=0.45)


def _stir(track: Sound, rate: int, action: Action, rng: np.random.Generator) -> None:
    times, speed = _blows(action)
    swirl = rng.spawn(1)[0]
    strike(track, rate, [action.what["vessel"], "spoon metal"], action.size, rng, times, speed, level=0.4)
    # The liquid's soft rush.
    track += np.float32(0.035) * low_pass(noise(swirl, len(track)), 700.0, rate)


def _lid(track: Sound, rate: int, action: Action, rng: np.random.Generator) -> None:
    times, speed = _blows(action)
    luck = rng.spawn(1)[0].random((len(times), 2))
    names = [f"lid {action.what['lid']}", "pot"]
    # A lid never lands flat: its rim drops a second and third time, faster and weaker.
    second = times + 0.055 + 0.035 * luck[:, 0]
    third = second + 0.030 + 0.02 * luck[:, 1]
    order = np.stack((times, second, third), -1).ravel()
    force = np.stack((speed, 0.38 * speed, 0.16 * speed), -1).ravel()
    strike(track, rate, names, action.size, rng, order, force, level=0.5)


def _put(track: Sound, rate: int, action: Action, rng: np.random.Generator) -> None:
    names = [action.what["thing"], f"top {action.top}"]
    strike(track, rate, names, action.size, rng, *_blows(action), level=0.5, soften=1.5)


def _pound(track: Sound, rate: int, action: Action, rng: np.random.Generator) -> None:
    times, speed = _blows(action)
    strike(track, rate, ["dough", f"top {action.top}"], action.size, rng, times, speed, level=0.6)


def _drawer(track: Sound, rate: int, action: Action, rng: np.random.Generator) -> None:
    times, speed = _blows(action)
    runners, jingle, moments = rng.spawn(3)
    strike(track, rate, ["drawer"], action.size, rng, times, speed, level=0.55, soften=4.0)
    luck = moments.random((len(times), 5, 2))
    after = (times[:, None] + 0.004 + 0.16 * luck[:, :, 0] ** 1.5).ravel()
    force = (speed[:, None] * (0.2 + 0.8 * luck[:, :, 1]) * np.exp(-3.0 * luck[:, :, 0])).ravel()
    strike(track, rate, ["cutlery"], action.size, jingle, after, force, level=0.10)
    t = np.arange(len(track)) / rate
    out = swing(t, action.hits, action.lifts, time=action.time)
    track += np.float32(0.03) * slide(rate, np.abs(np.gradient(out, 1.0 / rate)) / 2.0, runners)


def _pour(track: Sound, rate: int, action: Action, rng: np.random.Generator) -> None:
    t = np.arange(len(track)) / rate
    pitch = column_pitch(filling(t, action), height=0.27 + 0.075 * action.size, radius=0.09 + 0.025 * action.size)
    track += np.float32(0.9) * pour(rate, flow(t, action), pitch, rng)


def _faucet(track: Sound, rate: int, action: Action, rng: np.random.Generator) -> None:
    t = np.arange(len(track)) / rate
    track += np.float32(0.75) * tap(rate, flow(t, action), rng, size=action.size)


def _scrape(track: Sound, rate: int, action: Action, rng: np.random.Generator) -> None:
    _, speed = stroke(np.arange(len(track)) / rate, action.strokes)
    metal = action.what["tool"] == "metal"
    track += np.float32(0.5) * scrape(
        rate, speed / 4.0, rng, body=f"pan {action.what['pan']}", size=action.size, metal=metal
    )


def _grate(track: Sound, rate: int, action: Action, rng: np.random.Generator) -> None:
    way, speed = stroke(np.arange(len(track)) / rate, action.strokes)
    hard = {"cheese": 0.36, "carrot": 0.56, "courgette": 0.44}[action.what["food"]]
    track += np.float32(hard) * grate(rate, way, speed / 4.5, rng, size=action.size)


_PLAYERS: dict[str, Callable[[Sound, int, Action, np.random.Generator], None]] = {
    "chop": _chop,
    "drawer": _drawer,
    "faucet": _faucet,
    "grate": _grate,
    "lid": _lid,
    "pound": _pound,
    "pour": _pour,
    "put": _put,
    "scrape": _scrape,
    "stir": _stir,
    "tap": _tap,
}


def _room_tone(rng: np.random.Generator, samples: int, rate: int) -> Sound:
    """A quiet kitchen: air, and the hum of a refrigerator at mains frequency."""
    draws = rng.random(4)
    air = low_pass(noise(rng, samples), 350.0 + 500.0 * draws[0], rate, order=1)
    t = np.arange(samples) / rate
    hum = np.zeros(samples)
    for order, level in ((1, 0.5), (2, 1.0), (3, 0.25), (4, 0.3)):
        hum += level * np.sin(2 * np.pi * (50.0 * order * t + draws[1]))
    sound: Sound = (0.006 * (0.5 + draws[2]) * air + 0.0012 * draws[3] * hum).astype(np.float32)
    return sound
