"""Small things that a contact sets off: droplets and crumbs, steam, flour, rings on water."""

from typing import Any

import numpy as np

from cmmd_bench.datasets.kitchen.flats import disc
from cmmd_bench.datasets.kitchen.motion import GRAVITY, latest, since
from cmmd_bench.datasets.kitchen.solids import tubes
from cmmd_bench.datasets.kitchen.stage import Stage
from cmmd_bench.datasets.kitchen.view import Array, View, at

_CRUMBS = 8


def crumbs(
    view: View, stage: Stage, t: Any, hits: Any, source: Array, paint: Array, *, speed: float = 1.2, size: float = 0.011
) -> None:
    """Bits or drops thrown up from `source` (B, 3) at each hit; they fall back and vanish within 0.4 s."""
    dt = since(t, hits)[:, None]
    luck = stage.random[(latest(t, hits)[:, None] * 5 + np.arange(_CRUMBS)) % 64]
    turn, push = 2 * np.pi * luck[..., 0], speed * (0.35 + 0.65 * luck[..., 1])
    fly = np.stack((np.cos(turn) * push * dt, np.sin(turn) * push * dt, np.zeros_like(push)), -1)
    fly[..., 2] = np.maximum(push * 1.5 * dt - 0.5 * GRAVITY * dt * dt, 0.0)
    spot = source[:, None] + fly
    radius = np.where(dt < 0.4, size * (0.6 + 0.8 * luck[..., 2]) * np.clip((0.4 - dt) / 0.25, 0.0, 1.0), -1.0)
    tubes(view, np.stack((spot, spot), 2), np.stack((radius, radius), 2), paint, gloss=0.2)


def puff(view: View, t: Any, hits: Any, middle: Array, paint: Array, *, reach: float = 0.3) -> None:
    """A cloud of flour that spreads from `middle` (B, 3) after each hit."""
    dt = since(t, hits)
    spread = reach * (0.35 + 0.65 * (1.0 - np.exp(dt * (-1 / 0.12))))
    disc(view, middle, spread, paint, alpha=0.55 * np.exp(dt * (-1 / 0.16)), soft=reach * 0.7)


def steam(view: View, t: Any, middle: Array, strength: Any) -> None:
    """Wisps that rise from `middle` (B, 3) and thin out; strength (B,) 0..1."""
    for number in range(4):
        age = (t * 0.55 + number / 4) % 1.0
        drift = 0.05 * np.sin(3.0 * age + 2.1 * number)
        spot = middle + at(drift + 0.07 * np.cos(2.4 * number), 0.05 * np.sin(2.4 * number), 0.34 * age)
        fade = 0.30 * np.sin(np.pi * age) * strength
        disc(view, spot, 0.05 + 0.07 * age, np.array([0.95, 0.96, 0.98], np.float32), alpha=fade, soft=0.10)


def rings(view: View, t: Any, middle: Array, strength: Any, paint: Array, *, reach: float = 0.2) -> None:
    """Rings that keep running outwards over water from where a stream falls in; strength (B,) 0..1."""
    for number in range(3):
        age = (t * 2.6 + number / 3) % 1.0
        out = 0.03 + reach * age
        disc(view, middle, out, paint, hole=out - 0.018, alpha=0.6 * (1.0 - age) * strength)
