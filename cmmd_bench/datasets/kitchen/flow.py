"""How liquid flows in a scene: shared by the picture (stream, level) and the sound (loudness, pitch).

Times (B,) or (T,) are seconds; an action's strokes are the spans in which liquid arrives at the bottom.
"""

from typing import Any

import numpy as np

from cmmd_bench.datasets.kitchen.actions import Action
from cmmd_bench.datasets.kitchen.motion import Curve, opening

FALL = 0.14
"""Seconds that liquid takes from the mouth or spout to where it lands (about 10 cm with some speed at the start)."""
_RISE = 0.16
_CEASE = 0.14
_GULPS = 2 * np.pi * 3.1
_RATE = 0.16
_FIRST, _LAST = 0.10, 0.84


def flow(t: Any, action: Action) -> Curve:
    """Strength of what arrives at time t, about 0..1; out of a bottle with a narrow neck it comes in gulps."""
    open_ = opening(t, action.strokes, rise=_RISE, fall=_CEASE)
    if action.what.get("from") != "bottle":
        return open_
    gulps: Curve = open_ * (0.82 + 0.28 * np.sin(_GULPS * (t - action.strokes[0, 0])))
    return gulps


def filling(t: Any, action: Action) -> Curve:
    """How full the glass is, as a share of its height; a full one is drunk empty while nothing flows."""
    spans = action.strokes
    # A smooth ramp passes on half of what a sudden one would.
    poured = np.maximum(spans[:, 1] - spans[:, 0] - (_RISE + _CEASE) / 2, 0.0) * _RATE
    levels = np.empty(len(spans) + 1)
    levels[0] = _FIRST + 0.25 * action.size
    for number, more in enumerate(poured):
        room = _LAST - levels[number]
        levels[number + 1] = levels[number] + more if more <= room else _FIRST
    number = np.clip(np.searchsorted(spans[:, 0], t, "right") - 1, 0, len(spans) - 1)
    inside = np.clip(t - spans[number, 0], 0.0, spans[number, 1] - spans[number, 0])
    # Integral of the smoothstep ramps, exact.
    length = spans[number, 1] - spans[number, 0]
    rising = np.clip(inside / _RISE, 0.0, 1.0)
    falling = np.clip((length - inside) / _CEASE, 0.0, 1.0)
    area = _RISE * (rising**3 - 0.5 * rising**4) + np.clip(
        inside - _RISE, 0.0, np.maximum(length - _RISE - _CEASE, 0.0)
    )
    area = area + _CEASE * (0.5 - (falling**3 - 0.5 * falling**4)) * (falling < 1.0)
    level: Curve = np.minimum(levels[number] + _RATE * area, _LAST)
    return level
