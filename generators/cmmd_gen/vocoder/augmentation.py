"""Random loudness and random equalisers, so that a vocoder learns sounds that its training data lacks.

Loudness as in MelGAN: the clip's peak to 0.95, then a factor from U(0.3, 1). Equalisers: the CMMD paper says "random
biquad filtering" and no more; here an example is filtered with probability 1/2 by one or two sections, each of a random
kind, with a frequency log-uniform in 60..7000 Hz, Q uniform in 0.5..2 and, for peaks and shelves, a gain uniform in
-12..12 dB. The filtered sound is the target and the mel is computed from it.

Sections are (b0, b1, b2, a0, a1, a2) with a0 = 1, as SciPy orders them; formulas: R. Bristow-Johnson's audio EQ
cookbook (bilinear transforms of analogue sections). Sound (T,) float32; all draws come from the generator given.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from cmmd_bench.types import Audio

KINDS = ("peak", "low shelf", "high shelf", "low-pass", "high-pass")
LOWEST, HIGHEST = 60.0, 7000.0
PEAK = 0.95
RUN_UP = 4096
"""Samples before an example that its filters hear first. The slowest section, 60 Hz with Q 2, rings for fewer."""

Section = NDArray[np.float64]


def example(
    sound: Audio, samples: int, generator: torch.Generator, *, sample_rate: int, filtered: float = 0.5
) -> Audio:
    """A random stretch of `samples` samples at a random loudness, with probability `filtered` through random sections.

    A shorter sound is followed by silence. Peaks above 1 are scaled down to 1.
    """
    loudness, start, chance = torch.rand(3, generator=generator, dtype=torch.float64).tolist()
    gain = PEAK * (0.3 + 0.7 * loudness) / max(float(np.abs(sound).max()), 1e-3)
    first = int(start * (max(0, len(sound) - samples) + 1))
    run_up = min(first, RUN_UP)
    cut = gain * sound[first - run_up : first + samples].astype(np.float64)
    if chance < filtered:
        cut = equalise(cut, random_sections(generator, sample_rate))
    cut = np.pad(cut[run_up:], (0, max(0, samples - (len(cut) - run_up))))
    return np.asarray(cut / max(1.0, float(np.abs(cut).max())), np.float32)


def random_sections(generator: torch.Generator, sample_rate: int) -> list[Section]:
    """One or two sections as the module describes them."""
    sections = []
    for _ in range(1 + int(torch.randint(2, (), generator=generator))):
        kind = KINDS[int(torch.randint(len(KINDS), (), generator=generator))]
        place, width, height = torch.rand(3, generator=generator, dtype=torch.float64).tolist()
        frequency = LOWEST * (HIGHEST / LOWEST) ** place
        sections.append(section(kind, frequency, 0.5 + 1.5 * width, 24 * height - 12, sample_rate))
    return sections


def section(kind: str, frequency: float, q: float, decibels: float, sample_rate: int) -> Section:
    """(6,) of one of `KINDS` at `frequency` Hz; `decibels` counts for peaks and shelves only."""
    if kind not in KINDS or not 0 < frequency < sample_rate / 2 or q <= 0:
        raise ValueError(
            f"kind must be one of {KINDS}, frequency in (0, {sample_rate / 2}) and q above 0, found {kind!r}, "
            f"{frequency} and {q}"
        )
    w = 2 * math.pi * frequency / sample_rate
    c, alpha = math.cos(w), math.sin(w) / (2 * q)
    A = 10 ** (decibels / 40)
    slope = 2 * math.sqrt(A) * alpha
    if kind == "peak":
        b, a = (1 + alpha * A, -2 * c, 1 - alpha * A), (1 + alpha / A, -2 * c, 1 - alpha / A)
    elif kind == "low-pass":
        b, a = ((1 - c) / 2, 1 - c, (1 - c) / 2), (1 + alpha, -2 * c, 1 - alpha)
    elif kind == "high-pass":
        b, a = ((1 + c) / 2, -1 - c, (1 + c) / 2), (1 + alpha, -2 * c, 1 - alpha)
    else:
        # The high shelf is the low one with the frequency axis turned round.
        c = c if kind == "low shelf" else -c
        turn = 1 if kind == "low shelf" else -1
        plus, minus = (A + 1) - (A - 1) * c, (A + 1) + (A - 1) * c
        b = (A * (plus + slope), turn * 2 * A * ((A - 1) - (A + 1) * c), A * (plus - slope))
        a = (minus + slope, turn * -2 * ((A - 1) + (A + 1) * c), minus - slope)
    return np.array([*b, *a]) / a[0]


def equalise(sound: NDArray[np.float64], sections: Sequence[Section]) -> NDArray[np.float64]:
    """The sound (T,) after these sections, one after the other, from rest."""
    from scipy.signal import sosfilt

    return np.asarray(sosfilt(np.stack(sections), sound), np.float64)
