"""What a comparison of two models returns, and the permutation tests behind it.

Two p-values, of two null hypotheses. `p_value`: the expected difference is 0; it belongs to the interval and says who
is nearer. `swap_p_value`: A and B may swap places in any condition (or, for models that answered different conditions,
between them). It is exact at any n, whatever the metric, but it asks more: two models that miss the reference by as
much in different directions are equal for the first and may differ for the second. A claim that one model beats the
other rests on the first; where conditions are few, let it pass both.

Where no condition differs from another, there is no spread to measure a difference by, and no t test: two conditions
that agree are not certainty. `p_value` is then the swap test's, or without one the smallest that it could have been.

A difference is a sum over conditions of a score that changes its sign when A and B swap places (for a mean: the
condition's own difference; for set metrics see `set_comparison`). Ten thousand relabellings of such a sum are one
product of a matrix of signs with the scores.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cmmd_bench.metrics.jackknife import NO_SPREAD, Interval

Array = NDArray[np.float64]

PERMUTATIONS = 9999

_AT_ONCE = 1_000_000
_SLACK = 1e-11
"""Relative to the sum of all sizes: relabellings that give the observed value up to rounding count as reaching it."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A minus B: `estimate`, and low..high that covers with confidence `level` what `about` names.

    p_value: of an expected difference of 0, two-sided; below 1 - level where low..high leaves out 0. swap_p_value: of
    exchangeable models, by `swap_test`, or None. conditions: how many of A and of B are in it; left_out: how many were
    not, because one side lacks them.
    """

    estimate: float
    low: float
    high: float
    standard_error: float
    level: float
    p_value: float
    method: str
    about: str
    conditions: tuple[int, int]
    left_out: int = 0
    swap_p_value: float | None = None
    swap_test: str | None = None


def difference_from(
    interval: Interval,
    degrees: float,
    *,
    conditions: tuple[int, int],
    left_out: int = 0,
    swap: tuple[float, str] | None = None,
    scale: float = 0.0,
) -> Difference:
    """From a t interval with its degrees of freedom, and the p-value and description of a permutation test.

    scale: size of the values whose difference it is, as for `t_interval`.
    """
    if interval.standard_error > 0:
        p_value = t_p_value(interval.estimate, interval.standard_error, degrees)
    elif abs(interval.estimate) <= NO_SPREAD * scale:
        p_value = 1.0
    else:
        p_value = swap[0] if swap else least_p_value(min(conditions))
    return Difference(
        estimate=interval.estimate,
        low=interval.low,
        high=interval.high,
        standard_error=interval.standard_error,
        level=interval.level,
        p_value=p_value,
        method=interval.method,
        about=interval.about,
        conditions=conditions,
        left_out=left_out,
        swap_p_value=swap[0] if swap else None,
        swap_test=swap[1] if swap else None,
    )


def t_p_value(value: float, standard_error: float, degrees: float) -> float:
    """Two-sided, for a standard error above 0."""
    from scipy.special import stdtr

    return float(2 * stdtr(degrees, -abs(value) / standard_error))


def least_p_value(conditions: int) -> float:
    """The smallest p-value of a swap test over so many conditions: 2/2^C, or 1/(B + 1) of `PERMUTATIONS`."""
    return max(2.0 ** (1 - conditions), 1 / (PERMUTATIONS + 1))


def sign_flip_test(
    scores_a: Array, scores_b: Array, *, permutations: int = PERMUTATIONS, seed: int = 0
) -> tuple[float, str]:
    """p-value and description for mean(scores_a) - mean(scores_b), (C,) each, when A and B may swap in any condition.

    All 2^C relabellings where these are no more than `permutations`, else that many at random, observed one added:
    (b + 1) / (B + 1).
    """
    _check_permutations(permutations)
    scores = scores_a - scores_b
    count, observed = len(scores), abs(scores.sum())
    least = observed - _SLACK * float(np.abs(scores_a).sum() + np.abs(scores_b).sum())
    if 2**count <= permutations + 1:
        # The mirror image of a relabelling has the same absolute value: half of them stand for all.
        every = 1.0 - 2.0 * (np.arange(2 ** (count - 1))[:, np.newaxis] >> np.arange(count) & 1)
        return float(np.mean(np.abs(every @ scores) >= least)), f"all {2**count} sign flips"
    generator = np.random.default_rng(seed)
    reached = 0
    for size in _portions(permutations, count):
        signs = 2.0 * generator.integers(0, 2, (size, count), dtype=np.int8) - 1
        reached += int(np.count_nonzero(np.abs(signs @ scores) >= least))
    return (reached + 1) / (permutations + 1), f"{permutations} sign flips (seed {seed})"


def relabelling_test(
    scores_a: Array, scores_b: Array, *, permutations: int = PERMUTATIONS, seed: int = 0
) -> tuple[float, str]:
    """p-value and description for mean(scores_a) - mean(scores_b), when any unit might have been of A or of B."""
    _check_permutations(permutations)
    scores = np.concatenate([scores_a, scores_b])
    count, of_a = len(scores), len(scores_a)
    weights = np.where(np.arange(count) < of_a, 1 / of_a, -1 / (count - of_a))
    least = abs(float(weights @ scores)) - _SLACK * float(np.abs(weights) @ np.abs(scores))
    generator = np.random.default_rng(seed)
    reached = 0
    for size in _portions(permutations, count):
        shuffled = generator.permuted(np.broadcast_to(weights, (size, count)), axis=1)
        reached += int(np.count_nonzero(np.abs(shuffled @ scores) >= least))
    return (reached + 1) / (permutations + 1), f"{permutations} relabellings (seed {seed})"


def _portions(total: int, width: int) -> list[int]:
    at_once = max(_AT_ONCE // width, 1)
    return [min(at_once, total - start) for start in range(0, total, at_once)]


def _check_permutations(permutations: int) -> None:
    if permutations < 99:
        raise ValueError(f"permutations must be at least 99 to reach p = 0.01, found {permutations}")
