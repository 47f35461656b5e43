"""Sound synthesis for datasets that compose their clips.

Conventions
    sound      (T,) float32, mono, full scale 1; `rate` samples a second
    time       seconds; frequency in Hz; phase in turns
    randomness a `numpy.random.Generator` given by the caller, never a global one

Filters work on the whole sound in the frequency domain with the responses of analogue filters (1 / (1 + jf/fc) and
kin), zero-padded so that a tail does not wrap around to the start. They are causal: nothing rings before an onset.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Sound = NDArray[np.float32]
Curve = NDArray[np.floating[Any]]

_TABLE_BITS = 12


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


def sine(t: Curve, frequency: float) -> Curve:
    """Pure tone of a constant frequency."""
    wave: Curve = np.sin(t * (2.0 * math.pi * frequency))
    return wave


def drive(sound: Curve, amount: float) -> Curve:
    """Soft saturation: more harmonics and evener loudness the higher the amount."""
    bent: Curve = np.tanh(amount * sound)
    return bent


def harmonics(amplitudes: Curve) -> Sound:
    """One period, for `oscillate`, of a sum of sines with the given amplitudes of the harmonics 1, 2, 3, ...

    To keep it free of aliasing, give no more harmonics than lie below half the sample rate at the highest note.
    """
    size = 1 << _TABLE_BITS
    spectrum = np.zeros(size // 2 + 1, np.complex128)
    spectrum[1 : len(amplitudes) + 1] = np.asarray(amplitudes) * (-0.5j * size)
    return np.fft.irfft(spectrum, size).astype(np.float32)


def oscillate(table: Sound, frequency: float | Curve, samples: int, rate: int, *, phase: float = 0.0) -> Sound:
    """Repeat one period from `harmonics` at `frequency`: a number, or one value for each sample (glides, vibrato)."""
    # Phases are 32-bit fractions of a turn, which wrap around by themselves.
    if isinstance(frequency, np.ndarray):
        turns = np.cumsum(frequency * (2.0**32 / rate), dtype=np.float64).astype(np.uint64).astype(np.uint32)
    else:
        turns = np.arange(samples, dtype=np.uint32) * np.uint32(int(frequency * 2.0**32 / rate) % 2**32)
    turns += np.uint32((phase % 1.0) * 2.0**32)
    wave: Sound = table[turns >> np.uint32(32 - _TABLE_BITS)]
    return wave


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
    frequencies = np.arange(size // 2 + 1, dtype=np.float32) * np.float32(rate / size)
    spectrum = np.fft.rfft(np.float32(sound), size) * response(frequencies)
    return np.fft.irfft(spectrum, size)[: len(sound)].astype(np.float32)


def room(rng: np.random.Generator, rate: int, *, seconds: float, brightness: float) -> Sound:
    """Impulse response of a simple room without the direct sound.

    Noise that fades by 60 dB in `seconds`, without rumble and duller than `brightness` in Hz. Its energy is 1, so that
    a dense sound keeps about its level.
    """
    t = clock(seconds, rate)
    tail = noise(rng, len(t)) * decay(t, seconds / 6.9) * np.minimum(t * 200.0, 1.0)
    tail = respond(tail, lambda f: (1j * f / (250.0 + 1j * f)) / (1.0 + 1j * f / brightness), rate)
    return (tail / max(float(np.sqrt(np.sum(tail * tail))), 1e-9)).astype(np.float32)


def convolve(sound: Curve, impulse: Sound) -> Sound:
    """The sound as heard through an impulse response, cut to the sound's own length."""
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
