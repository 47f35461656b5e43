"""Sounds of running water: a stream in a filling glass, a tap over a sink.

A stream sounds by the bubbles it carries under: each rings at Minnaert's frequency, 3.26 m/s over its radius (1 to 4 mm
give 3.3 to 0.8 kHz), fades within some hundredths of a second and rises a little as it nears the surface. The air above
the water in a glass resonates as a tube closed at one end: c / 4 (L + 0.6 r), rising as the air column L shortens.
"""

import numpy as np

from cmmd_bench.datasets.kitchen.impacts import response
from cmmd_bench.datasets.kitchen.materials import Curve
from cmmd_bench.datasets.synthesis import Sound, band_pass, convolve, high_pass, low_pass, noise

_SPEED_OF_SOUND = 343.0
_METRE = 0.5
"""A world unit in metres."""


def column_pitch(full: Curve, *, height: float, radius: float) -> Curve:
    """Resonance (Hz) of the air in a glass filled to the share `full`; height and radius in world units."""
    length = height * _METRE * (1.0 - full)
    pitch: Curve = _SPEED_OF_SOUND / (4.0 * (length + 0.6 * radius * _METRE))
    return pitch


def pour(rate: int, strength: Curve, pitch: Curve, rng: np.random.Generator) -> Sound:
    """A stream that falls into a vessel: strength (T,) 0..1 and resonance (T,) Hz of the air above the liquid."""
    streams = rng.spawn(4)
    s = strength.astype(np.float32)
    white = noise(streams[0], len(s))
    # Noise of about 90 Hz width, shifted to the (moving) resonance and its odd overtones.
    slow = low_pass(noise(streams[1], len(s)), 45.0, rate) + 1j * low_pass(noise(streams[2], len(s)), 45.0, rate)
    turns = 2 * np.pi * np.cumsum(pitch) / rate
    tone = np.zeros(len(s))
    for order, level in ((1, 1.0), (3, 0.35), (5, 0.12)):
        audible = np.clip(4.0 - order * pitch / (0.11 * rate), 0.0, 1.0)
        tone += level * audible * (slow * np.exp(1j * order * turns)).real
    hiss = band_pass(white * s, 3000.0, rate, quality=0.6)
    drops = bubbles(rate, s, streams[3], per_second=170.0, smallest=0.9e-3, largest=3.2e-3)
    sound: Sound = (3.0 * tone * s + 0.08 * hiss + 0.30 * drops).astype(np.float32)
    return sound


def tap(rate: int, strength: Curve, rng: np.random.Generator, *, size: float) -> Sound:
    """A tap that runs into a steel sink: strength (T,) 0..1."""
    streams = rng.spawn(3)
    s = strength.astype(np.float32)
    white = noise(streams[0], len(s))
    drum = convolve(white * s, response(["sink"], size, streams[1], rate, seconds=0.2))
    wash = band_pass(white * s, 1500.0 - 500.0 * size, rate, quality=0.35)
    drops = bubbles(rate, s, streams[2], per_second=260.0, smallest=0.6e-3, largest=2.4e-3)
    sound: Sound = 0.45 * wash + 0.25 * high_pass(drum, 90.0, rate) + 0.22 * drops
    return sound.astype(np.float32)


def bubbles(
    rate: int, strength: Sound, rng: np.random.Generator, *, per_second: float, smallest: float, largest: float
) -> Sound:
    """Ringing bubbles, as many and as loud as `strength` (T,) lets through; radii in metres."""
    track = np.zeros(len(strength), np.float32)
    count = int(len(track) / rate * per_second)
    draws = rng.random((count, 5))
    first = ((np.arange(count) + draws[:, 0]) * (rate / per_second)).astype(np.intp)
    # Small bubbles are far more frequent than large ones.
    radius = smallest * (largest / smallest) ** (draws[:, 1] ** 1.6)
    pitch = 3.26 / radius
    heard = (first < len(track)) & (draws[:, 2] < strength[np.minimum(first, len(track) - 1)]) & (pitch < 0.45 * rate)
    t = np.arange(round(0.04 * rate)) / rate
    for start, f, r, luck, rise in zip(
        first[heard], pitch[heard], radius[heard], draws[heard, 3], draws[heard, 4], strict=True
    ):
        fade = 0.13 * f + 0.0072 * f**1.5
        n = min(int(5.0 / fade * rate) + 1, len(t), len(track) - start)
        u = t[:n]
        turns = f * u * (1.0 + 0.5 * rise * fade * 0.1 * u)
        # Loudness grows with size, and every bubble is hit differently hard.
        loud = strength[start] * (0.2 + luck**3) * (r / largest) ** 0.8
        track[start : start + n] += (loud * np.exp(-fade * u) * np.sin(2 * np.pi * turns)).astype(np.float32)
    return track
