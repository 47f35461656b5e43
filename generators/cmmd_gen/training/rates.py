"""Learning rates and averaging rates as functions of the step, counted from 0."""

import math
from collections.abc import Callable

Rate = Callable[[int], float]


def constant(rate: float) -> Rate:
    """The same at every step."""
    return lambda step: rate  # noqa: ARG005  (a Rate takes the step)


def staircase(rate: float, *, factor: float, every: int, floor: float) -> Rate:
    """`rate` times `factor` after each `every` steps, never below `floor` (CMMD: 1e-4, 0.8, 80,000, 2e-5)."""
    return lambda step: max(floor, rate * factor ** (step // every))


def cosine(rate: float, *, steps: int, warm_up: int = 100, end: float = 0.05) -> Rate:
    """Linear from 0 over `warm_up` steps, then half a cosine to `end` x `rate` at step `steps`."""

    def at(step: int) -> float:
        if step < warm_up:
            return rate * (step + 1) / warm_up
        through = min(1.0, (step - warm_up) / max(1, steps - warm_up))
        return rate * (end + (1 - end) * 0.5 * (1 + math.cos(math.pi * through)))

    return at


def average(most: float) -> Rate:
    """Share of the old average that a step keeps: (step + 1) / (step + 20), at most `most`; the start is forgotten."""
    return lambda step: min(most, (step + 1) / (step + 20))
