"""Feature sets of which everything is known, for simulations of intervals and tests."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Population:
    """Rows (clips * per_clip, d) in clips; `shared` of their variance is common to a clip.

    gap: distance from the origin, and scale: width, both in units of the spectrum, of which 1/√(1 + j/20) is the width
    of feature j, as the features of trained networks fall off; reference: mean 0, scale 1.
    tails: degrees of freedom of a t distribution from which each clip takes its own scale; 0 is normal.
    """

    clips: int
    d: int
    per_clip: int = 1
    shared: float = 0.3
    gap: float = 0.3
    scale: float = 0.8
    tails: int = 0

    @property
    def spectrum(self):
        return 1 / np.sqrt(1 + np.arange(self.d) / 20)

    @property
    def labels(self):
        return np.repeat(np.arange(self.clips), self.per_clip)

    def draw(self, *seed):
        rng = np.random.default_rng(seed)
        common = rng.standard_normal((self.clips, 1, self.d))
        own = rng.standard_normal((self.clips, self.per_clip, self.d))
        rows = np.sqrt(self.shared) * common + np.sqrt(1 - self.shared) * own
        if self.tails:
            rows *= np.sqrt((self.tails - 2) / rng.chisquare(self.tails, (self.clips, 1, 1)))
        return ((self.scale * rows + self.gap) * self.spectrum).reshape(-1, self.d)

    def draw_reference(self, n, *seed):
        return np.random.default_rng(seed).standard_normal((n, self.d)) * self.spectrum


def recordings(n, *seed, frames=10, floor=-30.0):
    """(n, frames, 800) tones at 8 kHz: three to six partials that fade in and out, over noise at `floor` dB."""
    rng = np.random.default_rng(seed)
    time = np.arange(frames * 800) / 8000
    sound = np.zeros((n, time.size))
    for clip in sound:
        for _ in range(rng.integers(3, 7)):
            envelope = 0.5 + 0.5 * np.sin(2 * np.pi * (rng.uniform(0.3, 3) * time + rng.uniform()))
            clip += rng.uniform(0.2, 1) * envelope * np.sin(2 * np.pi * rng.uniform(100, 3500) * time)
    return with_noise(sound, floor, rng).reshape(n, frames, 800)


def with_noise(sound, decibels, rng):
    """`sound` (n, ...) with white noise at `decibels` relative to the power of each clip."""
    power = np.mean(sound**2, axis=tuple(range(1, sound.ndim)), keepdims=True) * 10 ** (decibels / 10)
    return sound + np.sqrt(power) * rng.standard_normal(sound.shape)


def log_spectra(sound, bands=24):
    """(n * frames, bands): log10 of the mean power in bands of equal width, as an embedding of each frame."""
    power = np.abs(np.fft.rfft(sound * np.hanning(sound.shape[-1]), axis=-1)[..., 1:]) ** 2
    widths = np.array_split(np.arange(power.shape[-1]), bands)
    return np.log10(np.stack([power[..., band].mean(axis=-1) for band in widths], axis=-1)).reshape(-1, bands)
