"""How things ring: modes of bodies by material, shape and size.

A struck body sounds as a sum of fading sines (modal synthesis). The rate at which a mode of frequency f (Hz) fades is

    1 / tau = pi * f * loss + hold          (1/s)

`loss` is the material's loss factor, `hold` what the hand, the food inside or the table takes away at any frequency.
Loss factors are of the order that handbooks of structure-borne sound tabulate (Cremer and Heckl; also Ashby's charts):
steel and glass about 1e-3 and less, ceramics a few 1e-3, wood 1e-2, plastics some 1e-2. Contact times are those of
small hard things that meet at about 1 m/s (Hertz): a tenth of a millisecond between metals, some milliseconds for a
fist. Ratios of mode frequencies are textbook results for ideal shapes (Fletcher and Rossing, The Physics of Musical
Instruments): free bars, free round plates, cylinders open at one end, rectangular slabs.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Curve = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Material:
    """loss: loss factor; contact: seconds of contact of a medium blow; click: level of the noise of touching."""

    loss: float
    contact: float
    click: float


MATERIALS = {
    "metal": Material(loss=0.0006, contact=0.00012, click=0.10),
    "glass": Material(loss=0.0012, contact=0.00012, click=0.12),
    "ceramic": Material(loss=0.0030, contact=0.00015, click=0.16),
    "stone": Material(loss=0.0080, contact=0.00014, click=0.30),
    "wood": Material(loss=0.0150, contact=0.00045, click=0.22),
    "plastic": Material(loss=0.0400, contact=0.00055, click=0.20),
    "flesh": Material(loss=0.2000, contact=0.00350, click=0.60),
}


@dataclass(frozen=True, slots=True)
class Body:
    """A thing that rings.

    pitch: lowest mode in Hz at medium size; hold: damping from outside in 1/s; level: loudness against the other body
    tilt: how fast higher modes weaken (exponent of the frequency ratio)
    """

    material: str
    shape: str
    pitch: float
    hold: float
    level: float = 1.0
    tilt: float = 0.6


BODIES = {
    "pot": Body("metal", "shell", 620.0, 9.0),
    "lid metal": Body("metal", "plate", 560.0, 4.5),
    "lid glass": Body("glass", "plate", 760.0, 9.0),
    "glass": Body("glass", "shell", 1750.0, 9.0),
    "mug": Body("ceramic", "shell", 1350.0, 16.0),
    "bowl": Body("ceramic", "shell", 980.0, 11.0),
    "can": Body("metal", "shell", 900.0, 45.0),
    "tub": Body("plastic", "shell", 420.0, 40.0),
    "cup": Body("wood", "shell", 560.0, 40.0),
    "spoon metal": Body("metal", "bar", 1900.0, 30.0, 0.35),
    "spoon wood": Body("wood", "bar", 720.0, 40.0, 0.6),
    "knife": Body("metal", "bar", 1300.0, 28.0, 0.22),
    "board wood": Body("wood", "slab", 230.0, 34.0, 1.0, 0.5),
    "board plastic": Body("plastic", "slab", 300.0, 40.0, 1.0, 0.4),
    "top wood": Body("wood", "slab", 120.0, 30.0, 0.9, 0.5),
    "top stone": Body("stone", "slab", 210.0, 60.0, 0.55, 0.3),
    "top metal": Body("metal", "plate", 170.0, 24.0, 0.5, 0.5),
    "dough": Body("flesh", "slab", 78.0, 26.0, 1.0, 0.9),
    "drawer": Body("wood", "slab", 96.0, 22.0, 1.0, 0.7),
    "cutlery": Body("metal", "bar", 2300.0, 16.0, 0.5),
    "pan iron": Body("metal", "plate", 250.0, 38.0),
    "pan steel": Body("metal", "plate", 390.0, 12.0),
    "grater": Body("metal", "plate", 480.0, 34.0),
    "sink": Body("metal", "plate", 115.0, 14.0),
}


def modes(body: Body, size: float, draws: Curve, rate: int) -> tuple[Curve, Curve, Curve]:
    """Frequencies (Hz), fading times (s) and amplitudes of a body's modes below the Nyquist frequency.

    size: 0 small (high) .. 1 large (low); draws: (24, 2) random numbers that make this one thing unlike the next
    """
    ratios = _RATIOS[body.shape]
    count = len(ratios)
    frequency = body.pitch * (1.22 - 0.44 * size) * ratios * (1.0 + 0.05 * (draws[:count, 0] - 0.5))
    amplitude = ratios**-body.tilt * (0.4 + 1.2 * draws[:count, 1])
    kept = frequency < 0.47 * rate
    frequency, amplitude = frequency[kept], amplitude[kept]
    tau = 1.0 / (np.pi * frequency * MATERIALS[body.material].loss + body.hold)
    return frequency, tau, amplitude


def _shell() -> Curve:
    """Rings of a cup: n = 2..6 waves around, each split in two by the handle and uneven walls, and a second family."""
    n = np.arange(2, 7)
    first = n * (n * n - 1) / np.sqrt(n * n + 1)
    first = first / first[0]
    return np.concatenate((first, first * 1.017, first[:4] * 1.58))


def _slab() -> Curve:
    """Bending of a rectangular slab: (m / a)^2 + (n / b)^2."""
    m, n = np.meshgrid(np.arange(1, 5), np.arange(0, 4))
    ratios = np.sort((m * m + (n * 1.37) ** 2).ravel().astype(np.float64))
    return ratios[:14]


_RATIOS = {
    "bar": np.array([1.0, 2.757, 5.404, 8.933, 13.34, 18.64]),
    "plate": np.array([1.0, 1.012, 1.73, 2.328, 2.35, 3.91, 4.11, 4.14, 6.30, 6.34, 6.71, 8.93, 10.1, 11.2, 14.6]),
    "shell": _shell(),
    "slab": _slab(),
}
