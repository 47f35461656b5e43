"""Sounds of things that hit each other.

Each blow excites the modes of both bodies with a force pulse: the faster, the louder and (shorter pulse) the brighter.
Sounds start exactly at the sample at or after the instant of the blow.
"""

from collections.abc import Sequence

import numpy as np

from cmmd_bench.datasets.kitchen.materials import BODIES, MATERIALS, Curve, modes
from cmmd_bench.datasets.synthesis import Sound, band_pass, clock, decay, noise

_LONGEST = 1.0


def strike(
    track: Sound,
    rate: int,
    names: Sequence[str],
    size: float,
    rng: np.random.Generator,
    times: Curve,
    speeds: Curve,
    *,
    level: float = 0.5,
    soften: float = 1.0,
) -> None:
    """Add the blows between two (or more) bodies, named as in `BODIES`, to a track.

    times: instants (s), those before 0 are not heard; speeds: 1 = medium; level: peak of a medium blow
    soften: factor on the contact time
    """
    draws = rng.random((len(names), 24, 2))
    burst = noise(rng, round(0.05 * rate))
    luck = rng.random((len(times), 64))
    parts = [modes(BODIES[name], size, draw, rate) for name, draw in zip(names, draws, strict=True)]
    frequency = np.concatenate([p[0] for p in parts])
    tau = np.concatenate([p[1] for p in parts])
    loudness = [
        BODIES[n].level / max(float(np.sqrt(np.sum(np.square(p[2])))), 1e-9) for n, p in zip(names, parts, strict=True)
    ]
    amplitude = np.concatenate([p[2] * k for p, k in zip(parts, loudness, strict=True)])
    contact = soften * max(MATERIALS[BODIES[name].material].contact for name in names)
    click = max(MATERIALS[BODIES[name].material].click for name in names)
    waves = _waves(frequency, tau, rate)
    hiss = burst * decay(clock(len(burst) / rate, rate), 1.5 * contact + 0.0012)
    # The pulse's length shapes the click too: a two-point average a contact time apart is a crude low-pass.
    span = max(round(contact * rate), 1)
    total = np.cumsum(np.concatenate((np.zeros(span, np.float32), hiss)))
    hiss = (total[span:] - total[:-span])[: len(burst)] / span

    def blow(speed: float, weights: Curve) -> Sound:
        # Hertz: a faster blow is shorter (here a little more so than v^-0.2, as surfaces give way).
        pulse = contact * max(speed, 0.05) ** -0.35
        gain = amplitude * weights / (1.0 + np.square(frequency * pulse * 2.0))
        sound: Sound = gain.astype(np.float32) @ waves
        sound[: len(hiss)] += np.float32(click * 2.5) * hiss
        return sound * np.float32(speed)

    scale = level / max(float(np.abs(blow(1.0, np.ones(len(frequency)))).max()), 1e-6)
    for time, speed, chance in zip(times, speeds, luck, strict=True):
        first = int(np.ceil(time * rate - 1e-6))
        if 0 <= first < len(track):
            sound = blow(float(speed), 0.65 + 0.7 * chance[: len(frequency)])[: len(track) - first]
            track[first : first + len(sound)] += np.float32(scale) * sound


def crunch(
    track: Sound, rate: int, rng: np.random.Generator, times: Curve, speeds: Curve, *, level: float, centre: float
) -> None:
    """Add the crackle of something crisp that gives way at each blow; level: peak of a medium one, centre: Hz."""
    length = round(0.06 * rate)
    white = noise(rng, 4 * length)
    # A few sharp cracks within the first hundredth of a second, then a short hiss.
    cracks = np.where(rng.random(4 * length) < 60.0 / rate, 6.0, 0.5).astype(np.float32)
    bed = band_pass(white * cracks, centre, rate, quality=0.8)
    fade = decay(clock(length / rate, rate), 0.011)
    bed = bed / max(float(np.abs(bed).max(initial=0.0)), 1e-6)
    which = rng.random(len(times))
    for time, speed, chance in zip(times, speeds, which, strict=True):
        first = int(np.ceil(time * rate - 1e-6))
        if 0 <= first < len(track):
            start = int(chance * 3 * length)
            piece = (bed[start : start + length] * fade)[: len(track) - first]
            track[first : first + len(piece)] += np.float32(level * speed) * piece


def response(names: Sequence[str], size: float, rng: np.random.Generator, rate: int, *, seconds: float) -> Sound:
    """The sum of the bodies' modes as an impulse response of energy 1, to be excited by noise."""
    total = np.zeros(round(seconds * rate), np.float32)
    draws = rng.random((len(names), 24, 2))
    for name, draw in zip(names, draws, strict=True):
        frequency, tau, amplitude = modes(BODIES[name], size, draw, rate)
        waves = _waves(frequency, np.minimum(tau, seconds / 4), rate)[:, : len(total)]
        total[: waves.shape[1]] += amplitude.astype(np.float32) @ waves
    scaled: Sound = total / max(float(np.sqrt(np.sum(total * total))), 1e-9)
    return scaled


def _waves(frequency: Curve, tau: Curve, rate: int) -> Sound:
    """Fading sines (K, T) that start at 0, as powers of one complex number each; T covers 60 dB of the longest."""
    length = round(min(float(tau.max(initial=0.01)) * 6.9, _LONGEST) * rate)
    step = (2j * np.pi * frequency - 1.0 / tau) / rate
    block = 64
    fine = np.exp(step[:, None] * np.arange(block))
    coarse = np.exp(step[:, None] * (np.arange(-(-length // block)) * block))
    waves: Sound = (
        (coarse[:, :, None] * fine[:, None, :]).imag.reshape(len(frequency), coarse.shape[1] * block).astype(np.float32)
    )
    return waves[:, :length]
