"""Sounds of things that rub: scraping, grating, sliding. They follow the speed of the motion."""

import numpy as np

from cmmd_bench.datasets.kitchen.impacts import response
from cmmd_bench.datasets.kitchen.materials import Curve
from cmmd_bench.datasets.synthesis import Sound, band_pass, convolve, high_pass, low_pass, noise


def scrape(rate: int, speed: Curve, rng: np.random.Generator, *, body: str, size: float, metal: bool) -> Sound:
    """A tool drawn over a pan; speed (T,), 1 = medium: faster is louder and brighter."""
    white, grains = noise(rng.spawn(1)[0], len(speed)), rng.spawn(1)[0].random(len(speed), dtype=np.float32)
    pan = response([body], size, rng, rate, seconds=0.25)
    v = speed.astype(np.float32)
    # Little slips, more of them the faster it goes, make the pan ring.
    slips = np.where(grains < v * (240.0 / rate), white * 4.0, 0.0).astype(np.float32)
    low, high = (900.0, 4200.0) if metal else (480.0, 1700.0)
    dull = band_pass(white * v, low, rate, quality=1.2)
    bright = band_pass(white * v * v, high, rate, quality=1.4)
    ring = convolve((slips + 0.15 * white) * v, pan)
    sound: Sound = (0.7 * dull + (0.5 if metal else 0.35) * bright + (0.5 if metal else 0.3) * ring).astype(np.float32)
    return sound


def grate(rate: int, way: Curve, speed: Curve, rng: np.random.Generator, *, size: float) -> Sound:
    """Food over the teeth of a grater: a tick for each row of teeth passed; way (T,) 0..1, speed 1 = medium."""
    white = noise(rng.spawn(1)[0], len(speed))
    box = response(["grater"], size, rng, rate, seconds=0.12)
    v = speed.astype(np.float32)
    rows = np.floor(way * 26.0)
    tick = np.diff(rows, prepend=rows[:1]) != 0
    ticks = np.where(tick, (1.0 + 0.5 * white) * v, 0.0).astype(np.float32)
    rasp = band_pass(white * v, 2600.0, rate, quality=0.7)
    # Teeth cut in turn: the rasp swells with each row.
    swell = (0.55 + 0.45 * np.cos(2 * np.pi * way * 26.0)).astype(np.float32)
    sound: Sound = (0.6 * convolve(ticks, box) * 1.6 + 0.55 * rasp * swell).astype(np.float32)
    return sound


def slide(rate: int, speed: Curve, rng: np.random.Generator) -> Sound:
    """A drawer on its runners: a low rumble with a little rattle; speed (T,), 1 = medium."""
    white = noise(rng, len(speed))
    v = np.minimum(speed, 2.0).astype(np.float32)
    rumble = low_pass(white * v, 260.0, rate)
    rattle = high_pass(white * v * v, 2500.0, rate)
    sound: Sound = (2.0 * rumble + 0.06 * rattle).astype(np.float32)
    return sound
