"""Pitched instruments: one synthesiser, and a table of settings for each name a groove may ask for.

A tone crossfades from a bright to a dull waveform while it fades, as plucked, struck and filtered sounds do. Both
waveforms are sums of harmonics k with amplitudes k ** -slope, read from a table that holds one period.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from cmmd_bench.datasets.synthesis import Curve, Sound, clock, decay, harmonics, oscillate, ramp, sweep

_COUNTS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 48, 64)
"""How many harmonics a waveform may have: few enough numbers that waveforms are made once and kept."""


@dataclass(frozen=True, slots=True)
class Timbre:
    """Settings of one instrument; times in seconds.

    bright, dull: slopes of the spectrum at the attack and afterwards; glow: time constant from one to the other
    fade: time constant of the loudness while held, 0 = does not fade; attack and release of the envelope
    detune: in cents, between two voices; 0 = one voice. vibrato: depth in cents
    odd: only odd harmonics (hollow). resonance: lifts harmonics around a formant that falls with the glow
    """

    bright: float
    dull: float
    glow: float = 0.15
    fade: float = 0.0
    attack: float = 0.003
    release: float = 0.04
    detune: float = 0.0
    vibrato: float = 0.0
    odd: bool = False
    resonance: float = 0.0
    strike: float = 0.0


TIMBRES: dict[str, Timbre] = {
    "saw bass": Timbre(1.1, 2.2, glow=0.09, fade=0.5),
    "sub": Timbre(2.2, 3.2, glow=0.05, fade=0.9, release=0.06),
    "upright": Timbre(1.6, 2.6, glow=0.06, fade=0.35, strike=0.15),
    "slap": Timbre(0.9, 2.0, glow=0.035, fade=0.28, strike=0.12),
    "acid": Timbre(1.2, 2.0, glow=0.07, fade=0.3, resonance=2.5),
    "reese": Timbre(1.3, 1.7, glow=0.3, fade=1.5, attack=0.01, release=0.08, detune=22.0),
    "piano": Timbre(1.3, 2.4, glow=0.09, fade=0.45, release=0.12, detune=2.0, strike=0.08),
    "electric piano": Timbre(1.7, 3.2, glow=0.18, fade=0.8, release=0.10, detune=4.0, strike=0.05),
    "organ": Timbre(1.3, 1.5, glow=0.02, attack=0.004, release=0.05, detune=6.0, odd=True),
    "stab": Timbre(0.9, 2.3, glow=0.08, fade=0.22, release=0.06, detune=14.0),
    "pad": Timbre(1.8, 2.2, glow=0.6, attack=0.03, release=0.35, detune=16.0),
    "strings": Timbre(1.6, 2.0, glow=0.4, attack=0.025, release=0.20, detune=9.0, vibrato=9.0),
    "clavinet": Timbre(0.7, 1.6, glow=0.05, fade=0.16, release=0.03, odd=True),
    "guitar": Timbre(1.0, 2.0, glow=0.05, fade=0.2, release=0.03, strike=0.15),
    "pluck": Timbre(1.2, 2.6, glow=0.06, fade=0.16, release=0.08, detune=6.0),
    "bell": Timbre(2.0, 4.0, glow=0.05, fade=0.5, release=0.3, strike=0.04),
    "flute": Timbre(2.4, 2.8, glow=0.1, attack=0.03, release=0.07, vibrato=14.0),
    "clarinet": Timbre(1.3, 1.6, glow=0.1, attack=0.02, release=0.05, vibrato=8.0, odd=True),
    "brass": Timbre(1.2, 1.9, glow=0.12, attack=0.010, release=0.06, detune=7.0, vibrato=5.0),
}


def tone(voice: str, pitch: float, length: float, rate: int) -> Sound:
    """One note of MIDI `pitch`, held for `length` seconds and released; RMS about 0.3 at its start."""
    timbre = TIMBRES[voice]
    frequency = 440.0 * 2.0 ** ((pitch - 69.0) / 12.0)
    t = clock(min(length, 6.0 * timbre.fade if timbre.fade else length) + timbre.release, rate)
    bright = _period(timbre, timbre.bright, frequency, rate, formant=9.0)
    dull = _period(timbre, timbre.dull, frequency, rate, formant=3.0)
    glow = decay(t, timbre.glow)
    wave: Curve = np.zeros(len(t), np.float32)
    for cents in (-timbre.detune / 2, timbre.detune / 2) if timbre.detune else (0.0,):
        pitched: float | Curve = frequency * 2.0 ** (cents / 1200.0)
        if timbre.vibrato:
            late = np.minimum(t * 4.0, 1.0)
            pitched = pitched * (1.0 + late * np.sin(33.0 * t) * (timbre.vibrato / 1731.0))
        # Voices that start together would cancel at first; a fixed offset keeps a note the same wherever it is cut.
        phase = 0.29 if cents > 0 else 0.0
        soft = oscillate(dull, pitched, len(t), rate, phase=phase)
        wave = wave + soft + glow * (oscillate(bright, pitched, len(t), rate, phase=phase) - soft)
    if timbre.strike:
        wave = wave + timbre.strike * sweep(t, 1900.0, 1400.0, 0.01) * decay(t, 0.008)
    envelope = ramp(t, timbre.attack, float(t[-1]) - timbre.release, timbre.release)
    if timbre.fade:
        envelope = envelope * decay(t, timbre.fade)
    return (wave * envelope * (0.7 if timbre.detune else 1.0)).astype(np.float32)


def _period(timbre: Timbre, slope: float, frequency: float, rate: int, *, formant: float) -> Sound:
    room = 0.48 * rate / frequency
    return _waveform(timbre, slope, max((count for count in _COUNTS if count <= room), default=1), formant)


@lru_cache(maxsize=512)
def _waveform(timbre: Timbre, slope: float, count: int, formant: float) -> Sound:
    k = np.arange(1, count + 1, dtype=np.float64)
    amplitudes = k**-slope
    if timbre.odd:
        amplitudes[1::2] *= 0.15
    if timbre.resonance:
        amplitudes *= 1.0 + timbre.resonance * np.exp(-(((k - formant) / 1.6) ** 2))
    amplitudes *= 0.42 / np.sqrt(0.5 * np.sum(amplitudes**2))
    return harmonics(amplitudes)
