"""Average precision of onsets: whether the strong ones among the estimates are the right ones, in two conventions.

    average precision = Σ over estimates in falling strength of (rise in recall) · (precision so far),  0..1

What the conventions are, and what is wrong with the second, stands in `onsets`. Times are seconds in increasing order.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from cmmd_bench.metrics.events import SLACK

Ranked = list[tuple[float, float]]
"""(time, strength) of each estimate, the strongest first, equals in increasing time."""

SUPPRESSION = 0.05
"""Seconds within which CondFoleyGen keeps the strongest estimate only."""


def ranked(times: Sequence[float], strengths: Sequence[float]) -> Ranked:
    """Estimates with their strengths, the strongest first."""
    return sorted(zip(times, strengths, strict=True), key=lambda onset: (-onset[1], onset[0]))


def claimed_precision(references: list[float], estimates: Ranked, window: float) -> float:
    """Average precision when every estimate, the strongest first, claims the nearest free reference within `window`.

    References that nobody claims cost recall; 0 without a reference.
    """
    reach = window + SLACK
    free = [True] * len(references)
    ranking: Ranked = []
    for time, strength in estimates:
        near = range(bisect_left(references, time - reach), bisect_right(references, time + reach))
        claimed = min((i for i in near if free[i]), key=lambda i: abs(references[i] - time), default=None)
        if claimed is not None:
            free[claimed] = False
        ranking.append((float(claimed is not None), strength))
    return _average_precision(ranking, len(references))


def condfoleygen(references: list[float], estimates: Ranked, window: float) -> tuple[int, float]:
    """Matches and average precision as CondFoleyGen counts them: each reference takes the strongest free estimate."""
    free = _strongest_apart(estimates)
    hits = 0
    ranking: Ranked = []
    for reference in references:
        near = [onset for onset in free if abs(onset[0] - reference) < window]
        if not near:
            ranking.append((1.0, 0.0))
            continue
        strongest = near[0]
        free.remove(strongest)
        ranking.append((1.0, strongest[1]))
        hits += 1
        if not free:
            break
    ranking += [(0.0, strength) for _, strength in free]
    return hits, _average_precision(ranking, sum(true == 1.0 for true, _ in ranking))


def _strongest_apart(estimates: Ranked) -> Ranked:
    kept: Ranked = []
    for onset in estimates:
        if all(abs(onset[0] - other[0]) >= SUPPRESSION for other in kept):
            kept.append(onset)
    return kept


def _average_precision(ranking: Ranked, positives: int) -> float:
    """Of entries (1 for right or 0, strength): equal strengths enter together, so that their order does not matter."""
    area = right = 0.0
    entered = 0
    ordered = sorted(ranking, key=lambda entry: -entry[1])
    for seen, (true, strength) in enumerate(ordered, start=1):
        entered += true == 1.0
        if seen == len(ordered) or ordered[seen][1] != strength:
            right += entered
            area += entered * right / seen
            entered = 0
    return area / positives if area else 0.0
