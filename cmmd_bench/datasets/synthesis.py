"""Sound synthesis for datasets that compose their clips.

Conventions
    sound      (T,) float32, mono, full scale 1; `rate` samples a second
    time       seconds; frequency in Hz; phase in turns
    randomness a `numpy.random.Generator` given by the caller, never a global one

Filters work on the whole sound in the frequency domain with the responses of analogue filters (1 / (1 + jf/fc) and
kin), zero-padded so that a tail does not wrap around to the start. They are causal: nothing rings before an onset.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Sound = NDArray[np.float32]
Curve = NDArray[np.floating[Any]]

_TABLE = 4096


def clock(seconds: float, rate: int) -> Sound:
    """Sample times from 0 up to `seconds`, at least one."""
    return np.arange(max(round(seconds * rate), 1), dtype=np.float32) / np.float32(rate)


def decay(t: Curve, time: float) -> Curve:
    """Exponential envelope, 1 at t = 0 and 1/e at t = `time`."""
    envelope: Curve = np.exp(t * (-1.0 / time))
    return envelope


def ramp(t: Curve, attack: float, length: float, release: float) -> Curve:
    """Envelope of a held note: rises over `attack`, stays 1, falls smoothly over the `release` after `length`."""
    up = np.minimum(t * (1.0 / max(attack, 1e-4)), 1.0)
    down = np.minimum(np.maximum((length + release - t) * (1.0 / max(release, 1e-4)), 0.0), 1.0)
    envelope: Curve = up * down * down * (3.0 - 2.0 * down)
    return envelope


def sweep(t: Curve, start: float, end: float, time: float) -> Curve:
    """Sine whose frequency falls (or rises) exponentially from `start` to `end` with the time constant `time`."""
    turns = end * t + (start - end) * time * (1.0 - np.exp(t * (-1.0 / time)))
    wave: Curve = np.sin(turns * (2.0 * math.pi))
    return wave


def harmonics(amplitudes: Sequence[float] | Curve, *, frequency: float, rate: int) -> Sound:
    """One period of a sum of sine harmonics 1, 2, 3, ..., without those above the Nyquist frequency."""
    kept = np.asarray(amplitudes, np.float64)[: max(int(0.48 * rate / frequency), 1)]
    spectrum = np.zeros(_TABLE // 2 + 1, np.complex128)
    spectrum[1 : len(kept) + 1] = kept * (-0.5j * _TABLE)
    return np.fft.irfft(spectrum, _TABLE).astype(np.float32)


def oscillate(table: Sound, frequency: float | Curve, samples: int, rate: int, *, phase: float = 0.0) -> Sound:
    """Repeat one period at `frequency`: a number, or one value for each sample (glides, vibrato)."""
    if isinstance(frequency, np.ndarray):
        turns: Curve = np.cumsum(frequency, dtype=np.float64) / rate + phase
    else:
        turns = np.arange(samples) * (frequency / rate) + phase
    index = (turns * len(table)).astype(np.int64) % len(table)
    return table[index]


def noise(rng: np.random.Generator, samples: int) -> Sound:
    """White noise, uniform in -1..1."""
    return rng.random(samples, dtype=np.float32) * np.float32(2.0) - np.float32(1.0)


def low_pass(sound: Curve, cutoff: float, rate: int, *, order: int = 2) -> Sound:
    """Dampen what lies above `cutoff` by 6 dB an octave for each order."""
    return respond(sound, lambda f: (1.0 / (1.0 + 1j * f / cutoff)) ** order, rate)


def high_pass(sound: Curve, cutoff: float, rate: int, *, order: int = 2) -> Sound:
    """Dampen what lies below `cutoff` by 6 dB an octave for each order; removes any offset."""
    return respond(sound, lambda f: (1j * f / (cutoff + 1j * f)) ** order, rate)


def band_pass(sound: Curve, centre: float, rate: int, *, quality: float = 1.0) -> Sound:
    """Keep a band around `centre`, `centre / quality` wide; gain 1 in its middle."""
    return respond(sound, lambda f: 1.0 / (1.0 + 1j * quality * (f / centre - centre / np.maximum(f, 1e-3))), rate)


def respond(sound: Curve, response: Callable[[Curve], NDArray[np.complexfloating[Any]]], rate: int) -> Sound:
    """Apply any complex frequency response (a function of Hz); the sound keeps its length."""
    size = _fast_size(len(sound) + rate // 8)
    spectrum = np.fft.rfft(sound, size) * response(np.fft.rfftfreq(size, 1.0 / rate))
    return np.fft.irfft(spectrum, size)[: len(sound)].astype(np.float32)


def room(rng: np.random.Generator, rate: int, *, seconds: float, brightness: float) -> Sound:
    """Impulse response of a simple room without the direct sound.

    Exponentially fading noise, 60 dB down after `seconds`, duller as it fades; brightness is the low-pass in Hz. Its
    energy is 1, so that a dense sound keeps about its level.
    """
    t = clock(seconds, rate)
    tail: Curve = noise(rng, len(t)) * decay(t, seconds / 6.9)
    late = low_pass(tail, brightness * 0.4, rate, order=1)
    share = t / np.float32(seconds)
    tail = high_pass(low_pass(tail, brightness, rate, order=1) * (1 - share) + late * share, 200.0, rate, order=1)
    tail *= np.minimum(t * 200.0, 1.0)
    return (tail / max(float(np.sqrt(np.sum(tail * tail))), 1e-9)).astype(np.float32)


def convolve(sound: Curve, impulse: Sound) -> Sound:
    """Sound in a room, cut to the sound's own length."""
    size = _fast_size(len(sound) + len(impulse))
    return np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(impulse, size), size)[: len(sound)].astype(np.float32)


def add(track: Sound, sound: Curve, start: float, rate: int, gain: float = 1.0) -> None:
    """Mix `sound` into `track` from `start` seconds (may be negative); what does not fit is cut off."""
    first = round(start * rate)
    begin, end = max(first, 0), min(first + len(sound), len(track))
    if begin < end:
        track[begin:end] += np.float32(gain) * sound[begin - first : end - first]


def limit(sound: Curve, *, knee: float = 0.6, ceiling: float = 0.95) -> Sound:
    """Leave what is below `knee` alone and bend louder peaks smoothly so that they stay below `ceiling`.

    A fixed curve, not a gain: the result at one instant does not depend on any other instant.
    """
    size = np.abs(sound)
    over = np.maximum(size - knee, 0.0) / (ceiling - knee)
    return (np.sign(sound) * (np.minimum(size, knee) + (ceiling - knee) * np.tanh(over))).astype(np.float32)


def normalise(sound: Curve, *, peak: float = 0.9) -> Sound:
    """Scale so that the largest value is `peak`; silence stays silence."""
    largest = float(np.max(np.abs(sound), initial=0.0))
    return (sound * (peak / max(largest, 1e-9))).astype(np.float32)


def _fast_size(least: int) -> int:
    """The smallest 2^a or 3 * 2^a that is not below `least`, for which the FFT is quick."""
    power = 1 << max(least - 1, 1).bit_length()
    return 3 * power // 4 if 3 * power // 4 >= least else power
