"""What a curve says about its metric: from which level it sees the fault, whether it falls steadily, or sees nothing.

A level is seen when the metric is worse there than on untouched clips, p at most 5 % after Holm's correction over the
levels of the fault. `rewards`: it is better there, by the same test. A curve is monotone when no step back is larger
than the noise of the two levels. Time shifts are judged up to the first level at chance only: music that is late by a
whole beat is in step again.
"""

from dataclasses import dataclass
from math import hypot

import numpy as np
from numpy.typing import NDArray

from cmmd_bench.metrics.multiplicity import holm
from cmmd_bench.validation.study import Curve, Step, Validation

LEVEL = 0.05


@dataclass(frozen=True, slots=True)
class Verdict:
    """One metric on one fault.

    levels: how many have a value; with 0 there is nothing to see, and no blindness
    seen_from: the first level that is seen; None: blind
    steady: whether it is seen at every level from there on, and harm grows with the level up to noise
    rewards: whether some level makes the score better
    monotone: whether harm grows with the level, up to noise; None with fewer than two levels
    rank_correlation: Spearman's, of level and harm; None where harm does not vary
    sensitivity: harm at the last level in units of its own standard error; None without a value
    at_chance_from: for alignment metrics, the first level whose score is no higher than chance; None: never
    """

    metric: str
    fault: str
    levels: int
    seen_from: float | None
    steady: bool
    rewards: bool
    monotone: bool | None
    rank_correlation: float | None
    sensitivity: float | None
    at_chance_from: float | None


def verdicts(validation: Validation) -> list[Verdict]:
    """One verdict for each curve, in their order."""
    return [_verdict(curve, _corrected(curve)) for curve in validation.curves]


def _corrected(curve: Curve) -> list[float | None]:
    """Holm's p-value of every step, over the levels of the fault."""
    known = [step.harm.p_value for step in curve.steps if step.harm is not None]
    adjusted = iter(holm(known))
    return [None if step.harm is None else next(adjusted) for step in curve.steps]


def _verdict(curve: Curve, p_values: list[float | None]) -> Verdict:
    harms = [0.0 if step.harm is None else step.harm.estimate for step in curve.steps]
    shown = [p is not None and p <= LEVEL for p in p_values]
    worse = [s and harm > 0 for s, harm in zip(shown, harms, strict=True)]
    at_chance = next((step for step in curve.steps if _at_chance(step)), None)
    judged = list(curve.steps)
    if curve.fault.kind == "shift" and at_chance is not None:
        judged = judged[: judged.index(at_chance) + 1]
        worse = worse[: len(judged)]
    known = [k for k, step in enumerate(judged) if step.harm is not None]
    seen = next((k for k in known if worse[k]), None)
    last = curve.steps[-1].harm if curve.steps else None
    return Verdict(
        metric=curve.metric.label,
        fault=curve.fault.name,
        levels=sum(step.harm is not None for step in curve.steps),
        seen_from=None if seen is None else judged[seen].level,
        steady=seen is not None and all(worse[k] for k in known if k >= seen) and _monotone(judged) is not False,
        rewards=any(s and harm < 0 for s, harm in zip(shown, harms, strict=True)),
        monotone=_monotone(judged),
        rank_correlation=_rank_correlation(judged),
        sensitivity=None if last is None or last.standard_error == 0 else last.estimate / last.standard_error,
        at_chance_from=None if at_chance is None else at_chance.level,
    )


def _at_chance(step: Step) -> bool:
    result = step.result
    return result.chance is not None and result.value is not None and result.value <= result.chance


def _monotone(steps: list[Step]) -> bool | None:
    harms = [step.harm for step in steps if step.harm is not None]
    if len(harms) < 2:
        return None
    pairs = [(a, b) for k, a in enumerate(harms) for b in harms[k + 1 :]]
    return all(b.estimate >= a.estimate - 2 * hypot(a.standard_error, b.standard_error) for a, b in pairs)


def _rank_correlation(steps: list[Step]) -> float | None:
    harms = np.array([step.harm.estimate for step in steps if step.harm is not None])
    if len(harms) < 2 or np.ptp(harms) == 0:
        return None
    ranks = _ranks(harms)
    levels = np.arange(len(harms), dtype=np.float64)
    return float(np.corrcoef(levels, ranks)[0, 1])


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean ranks."""
    below = (values[:, np.newaxis] > values).sum(axis=1)
    equal = (values[:, np.newaxis] == values).sum(axis=1)
    return np.asarray(below + (equal - 1) / 2, dtype=np.float64)
