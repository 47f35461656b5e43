"""When things happen: irregular rhythms drawn one event at a time.

Times are seconds from the start of the clip. Each event takes the same number of draws from the generator, and drawing
goes on until beyond the end, so that a longer clip continues a shorter one.
"""

from typing import Any

import numpy as np

from cmmd_bench.datasets.kitchen.motion import Curve

LONGEST_WAIT = 1.5
"""Most seconds from one event to the next; the first one of a clip comes within 1 s."""
SHORTEST_WAIT = 0.32
"""Fewest seconds from one hit to the next: still told apart at ten frames a second."""


def hits_of(
    rng: np.random.Generator, seconds: float, *, gap: float, jitter: float, rests: float
) -> tuple[Curve, Curve]:
    """Instants of hits from before 0 to beyond `seconds`, and the force (0..1) of each.

    gap: mean seconds between hits; jitter: half the largest deviation, as a share of the gap; rests: share of long gaps
    """
    draws: Any = rng.random(4)
    times = [-0.4 - 0.3 * draws[0], 0.1 + min(1.4 * gap, 0.9) * draws[1]]
    forces = [draws[2], draws[3]]
    while times[-1] <= seconds + 2.0:
        draws = rng.random(4)
        step = gap * (1.0 + 2.0 * jitter * (draws[0] + draws[1] - 1.0))
        if draws[2] < rests:
            step = step * 2.0 + 0.2
        times.append(times[-1] + min(max(step, SHORTEST_WAIT), LONGEST_WAIT))
        forces.append(draws[3])
    return np.array(times), np.array(forces)


def spans_of(rng: np.random.Generator, seconds: float, length: tuple[float, float], wait: tuple[float, float]) -> Curve:
    """Starts and ends of things that last, from before 0 to beyond `seconds`; length and wait: (least, most)."""
    draws: Any = rng.random(2)
    end = -0.3 + 0.8 * draws[1] * length[1]
    spans = [(end - length[0] - (length[1] - length[0]) * draws[0], end)]
    while spans[-1][0] <= seconds + 1.0:
        draws = rng.random(2)
        start = spans[-1][1] + wait[0] + (wait[1] - wait[0]) * draws[0]
        spans.append((start, start + length[0] + (length[1] - length[0]) * draws[1]))
    return np.array(spans)
