"""The drum kit: each voice is synthesised once for a song and then placed at every hit.

All hits start at full strength with their first milliseconds and peak at about 1. `character` holds numbers in 0..1,
drawn once for a song, that make its kit a little deeper, longer or brighter than the next one.
"""

from collections.abc import Callable

import numpy as np

from cmmd_bench.datasets.synthesis import (
    Curve,
    Sound,
    band_pass,
    clock,
    decay,
    drive,
    high_pass,
    noise,
    normalise,
    sine,
    sweep,
)

Kit = Callable[[str], Sound]


def drum(voice: str, rate: int, rng: np.random.Generator) -> Sound:
    """One hit of `voice`, (T,) float32, peak 1; the next numbers of `rng` decide its character."""
    character = rng.random(3)
    return normalise(_DRUMS[voice](rate, character, rng), peak=1.0)


def _kick(rate: int, character: Curve, rng: np.random.Generator) -> Curve:
    t = clock(0.38, rate)
    low = 42 + 14 * character[0]
    body = sweep(t, low * (4 + 3 * character[1]), low, 0.022 + 0.014 * character[1]) * decay(
        t, 0.09 + 0.07 * character[2]
    )
    click = high_pass(noise(rng, len(t)) * decay(t, 0.004), 1500.0, rate)
    return high_pass(drive(body, 1.6) + 0.45 * click, 22.0, rate, order=1)


def _snare(rate: int, character: Curve, rng: np.random.Generator) -> Curve:
    t = clock(0.32, rate)
    tone = 165 + 50 * character[0]
    body = (sweep(t, 1.5 * tone, tone, 0.012) + 0.6 * sweep(t, 2.4 * tone, 1.8 * tone, 0.01)) * decay(t, 0.05)
    wires = high_pass(noise(rng, len(t)), 1200 + 900 * character[1], rate) * decay(t, 0.055 + 0.05 * character[2])
    return 0.5 * body + 0.8 * wires


def _clap(rate: int, character: Curve, rng: np.random.Generator) -> Curve:
    t = clock(0.3, rate)
    bursts: Curve = decay(t, 0.004)
    for late in (0.010, 0.019 + 0.004 * character[0]):
        bursts = bursts + np.where(t >= late, decay(t - late, 0.005), 0.0)
    last = 0.028
    tail = np.where(t >= last, decay(t - last, 0.05 + 0.05 * character[1]), 0.0)
    return band_pass(noise(rng, len(t)), 1100 + 500 * character[2], rate, quality=0.9) * (bursts + 0.8 * tail)


def _hat(rate: int, character: Curve, rng: np.random.Generator) -> Curve:
    t = clock(0.12, rate)
    return _bright(rate, len(t), 5500 + 1500 * character[0], rng) * decay(t, 0.014 + 0.014 * character[1])


def _open(rate: int, character: Curve, rng: np.random.Generator) -> Curve:
    t = clock(0.4, rate)
    return _bright(rate, len(t), 5000 + 1500 * character[0], rng) * decay(t, 0.07 + 0.06 * character[1])


def _pedal(rate: int, character: Curve, rng: np.random.Generator) -> Curve:
    t = clock(0.15, rate)
    return _bright(rate, len(t), 4000 + 1500 * character[0], rng) * decay(t, 0.03)


def _ride(rate: int, character: Curve, rng: np.random.Generator) -> Curve:
    t = clock(0.7, rate)
    stick = _bright(rate, len(t), 5000.0, rng) * decay(t, 0.02)
    return stick + 0.5 * _metal(t, 420 + 90 * character[0], rate) * decay(t, 0.16 + 0.1 * character[1])


def _triangle(rate: int, character: Curve, _: np.random.Generator) -> Curve:
    t = clock(0.8, rate)
    return _metal(t, 900 + 200 * character[0], rate) * decay(t, 0.2 + 0.1 * character[1])


def _rim(rate: int, character: Curve, rng: np.random.Generator) -> Curve:
    t = clock(0.08, rate)
    return sine(t, 1600 + 300 * character[0]) * decay(t, 0.012) + 0.4 * noise(rng, len(t)) * decay(t, 0.003)


def _clave(rate: int, character: Curve, _: np.random.Generator) -> Curve:
    t = clock(0.15, rate)
    return sine(t, 2200 + 400 * character[0]) * decay(t, 0.025)


def _cowbell(rate: int, character: Curve, _: np.random.Generator) -> Curve:
    t = clock(0.35, rate)
    low = 520 + 60 * character[0]
    pair = sine(t, low) + sine(t, 1.504 * low)
    return drive(pair, 3.0) * (0.6 * decay(t, 0.015) + 0.4 * decay(t, 0.08 + 0.04 * character[1]))


def _conga(rate: int, character: Curve, rng: np.random.Generator) -> Curve:
    t = clock(0.35, rate)
    low = 190 + 60 * character[0]
    return sweep(t, 1.3 * low, low, 0.02) * decay(t, 0.1) + 0.2 * noise(rng, len(t)) * decay(t, 0.004)


def _slap_drum(rate: int, character: Curve, rng: np.random.Generator) -> Curve:
    t = clock(0.3, rate)
    low = 330 + 80 * character[0]
    crack = band_pass(noise(rng, len(t)), 2200.0, rate, quality=0.8) * decay(t, 0.025)
    return 0.7 * sweep(t, 1.6 * low, low, 0.012) * decay(t, 0.05) + 1.2 * crack


def _tom(rate: int, character: Curve, rng: np.random.Generator) -> Curve:
    t = clock(0.45, rate)
    low = 70 + 25 * character[0]
    return sweep(t, 2.2 * low, low, 0.035) * decay(t, 0.13) + 0.3 * noise(rng, len(t)) * decay(t, 0.008)


def _shaker(rate: int, character: Curve, rng: np.random.Generator) -> Curve:
    t = clock(0.12, rate)
    grain: Curve = np.minimum(t * 250.0, 1.0) * decay(t, 0.02 + 0.012 * character[0])
    return grain * _bright(rate, len(t), 4200.0, rng)


def _bright(rate: int, samples: int, cutoff: float, rng: np.random.Generator) -> Sound:
    """Noise above `cutoff`, or above what the sample rate leaves room for."""
    return high_pass(noise(rng, samples), min(cutoff, 0.32 * rate), rate, order=3)


def _metal(t: Sound, base: float, rate: int) -> Curve:
    """Inharmonic partials of a struck plate."""
    partials = [base * ratio for ratio in (1.0, 1.48, 2.55, 3.41, 5.13, 7.27)]
    ring: Curve = np.zeros_like(t)
    for frequency in partials:
        if frequency < 0.45 * rate:
            ring = ring + 0.3 * sine(t, frequency)
    return ring


_DRUMS: dict[str, Callable[[int, Curve, np.random.Generator], Curve]] = {
    "kick": _kick,
    "snare": _snare,
    "clap": _clap,
    "hat": _hat,
    "open": _open,
    "pedal": _pedal,
    "ride": _ride,
    "triangle": _triangle,
    "rim": _rim,
    "clave": _clave,
    "cowbell": _cowbell,
    "conga": _conga,
    "slap drum": _slap_drum,
    "tom": _tom,
    "shaker": _shaker,
}
