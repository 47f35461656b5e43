"""Which of the steps 0..N-1 a chain of fewer steps visits; the network always receives these original numbers.

trailing   N-1 downwards, evenly: 999, 994, ..., 4 for 200 of 1000 (Lin et al. 2023, table 2); CMMD's DDIM
respaced   upwards from 0, by OpenAI's rules (MM-Diffusion): "ddim25" a whole stride from 0, "25" even to the last step
"""

import numpy as np
from numpy.typing import NDArray


def trailing(steps: int, count: int) -> NDArray[np.int64]:
    """The `count` steps (count,) from the noisiest, steps - 1, downwards at even distance.

    Raises:
        ValueError: a count outside 1..steps.
    """
    _check(steps, count)
    return np.array([round(steps - i * (steps / count)) - 1 for i in range(count)], dtype=np.int64)


def respaced(steps: int, spec: str) -> NDArray[np.int64]:
    """The steps kept by `spec`, ascending.

    Args:
        steps: steps of the chain the network was trained on.
        spec: "ddimK": 0, s, 2s, ... with the smallest whole stride s that gives exactly K steps;
            "K": K steps evenly from 0 to steps - 1, rounded to whole ones.

    Raises:
        ValueError: another form, a K outside 1..steps, or no whole stride that gives K.
    """
    number = spec.removeprefix("ddim")
    if not number.isdecimal():
        raise ValueError(f'spec must be "ddim" and a number of steps, or a number alone, got {spec!r}')
    count = int(number)
    _check(steps, count)
    if spec != number:
        stride = next((s for s in range(1, steps + 1) if len(range(0, steps, s)) == count), None)
        if stride is None:
            raise ValueError(f"no whole stride visits exactly {count} of {steps} steps; take one that divides {steps}")
        return np.arange(0, steps, stride, dtype=np.int64)
    # Summed, not multiplied: where a distance falls on a half, the rounding of the original follows the running sum.
    stride_between = (steps - 1) / (count - 1) if count > 1 else 1.0
    distances = np.cumsum([0.0] + [stride_between] * (count - 1))
    return np.array([round(distance) for distance in distances.tolist()], dtype=np.int64)


def _check(steps: int, count: int) -> None:
    if not 1 <= count <= steps:
        raise ValueError(f"the number of steps to visit must lie in 1..{steps}, got {count}")
