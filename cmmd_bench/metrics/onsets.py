"""Onset scores: which onsets of the reference sound the generated sound has, and whether its strong ones are right.

    accuracy (recall) = matches / reference onsets,  precision = matches / estimated onsets,  F1 = their harmonic mean
    average precision = Σ over estimates in falling strength of (rise in recall) · (precision so far)

All in 0..1, higher is better, each with its chance level: the mean of the same score when the estimates, strengths and
all, are shifted round the clip. corrected = (score - chance) / (1 - chance). Two conventions, which are never compared:

one-to-one    the default. Matches are a largest one-to-one matching within ±window inclusive, as mir_eval's onset
              F-measure (window 0.05). For the average precision every estimate, the strongest first, claims the nearest
              free reference in reach; a reference that nobody claims is a miss and costs recall.
condfoleygen  the scores of CondFoleyGen (Du et al. 2023), window 0.1: estimates less than 50 ms from a stronger one are
              dropped; then every reference, in time order, takes the strongest free estimate strictly within the
              window. Accuracy as above. Its average precision hands missed references to the ranking at strength 0
              instead of counting them as misses, and forgets those that follow once all estimates are used up: silence
              scores 1.0, and one hit on the first of ten onsets scores 1.0. It is here to be compared with published
              numbers, and for nothing else. Three details of the published script differ: it picks the strongest by the
              sample at the onset rather than by the strength around it, its suppression overlooks the neighbour that
              follows a dropped one, and a clip without a reference onset counts as 0 there.

`count_match`, the other published score, is whether both sides have the same number of onsets, wherever they are.

With the sound of 40 beatdance clips moved by 0, 40, 100, 200, 400 and 1000 ms against their true beats, F1 at ±50 ms is
0.93, 0.81, 0.07, 0.04, 0.21 and 0.23 (chance 0.21), average precision 0.99, 0.83, 0.02, 0.01, 0.17 and 0.19 (chance
0.16): below chance around half a beat out of step, and at chance where the tempi of the clips spread.

Without a reference onset every score is undefined, None, and the clip is left out of all averages, counted and listed;
with reference onsets and no estimate the one-to-one scores are 0. Nothing is ever NaN.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from statistics import fmean
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from cmmd_bench.metrics.checks import check_positive, describe, event_times
from cmmd_bench.metrics.events import (
    SHIFTS,
    EventTimes,
    chance_level,
    check_within,
    corrected,
    match_events,
    mean_of_known,
    shifted_events,
)
from cmmd_bench.metrics.onset_ranking import claimed_precision, condfoleygen, ranked

Convention = Literal["one-to-one", "condfoleygen"]


@dataclass(frozen=True, slots=True)
class OnsetHits:
    """One clip's onsets at one window; the scores are derived from the counts.

    chance_matches, chance_average_precision: means over circular shifts of the estimates
    """

    convention: Convention
    window: float
    n_reference: int
    n_estimate: int
    matches: int
    chance_matches: float
    average_precision: float | None
    average_precision_chance: float | None

    @property
    def accuracy(self) -> float | None:
        """Matches over reference onsets (recall); None without reference onsets."""
        return self.matches / self.n_reference if self.n_reference else None

    @property
    def accuracy_chance(self) -> float | None:
        """The accuracy expected of the same estimates out of step."""
        return self.chance_matches / self.n_reference if self.n_reference else None

    @property
    def accuracy_corrected(self) -> float | None:
        """Accuracy above chance; None without reference onsets or where chance is 1."""
        return corrected(self.accuracy, self.accuracy_chance)

    @property
    def precision(self) -> float | None:
        """Matches over estimated onsets, 0 without any; None without reference onsets."""
        return self.matches / max(self.n_estimate, 1) if self.n_reference else None

    @property
    def precision_chance(self) -> float | None:
        """The precision expected of the same estimates out of step."""
        return self.chance_matches / max(self.n_estimate, 1) if self.n_reference else None

    @property
    def f1(self) -> float | None:
        """Harmonic mean of accuracy and precision; None without reference onsets."""
        return 2 * self.matches / (self.n_reference + self.n_estimate) if self.n_reference else None

    @property
    def f1_chance(self) -> float | None:
        """The F1 expected of the same estimates out of step."""
        return 2 * self.chance_matches / (self.n_reference + self.n_estimate) if self.n_reference else None

    @property
    def f1_corrected(self) -> float | None:
        """F1 above chance; None without reference onsets or where chance is 1."""
        return corrected(self.f1, self.f1_chance)

    @property
    def average_precision_corrected(self) -> float | None:
        """Average precision above chance; None without reference onsets or where chance is 1."""
        return corrected(self.average_precision, self.average_precision_chance)

    @property
    def count_match(self) -> float | None:
        """1 if both sides have equally many onsets, else 0; None without reference onsets."""
        return float(self.n_estimate == self.n_reference) if self.n_reference else None


@dataclass(frozen=True, slots=True)
class OnsetRates:
    """Scores over several clips; all None when no clip has a reference onset."""

    accuracy: float | None
    accuracy_chance: float | None
    accuracy_corrected: float | None
    precision: float | None
    precision_chance: float | None
    f1: float | None
    f1_chance: float | None
    f1_corrected: float | None
    average_precision: float | None
    average_precision_chance: float | None
    average_precision_corrected: float | None
    count_match: float | None


@dataclass(frozen=True, slots=True)
class OnsetSummary:
    """macro: mean over clips; micro: from the pooled counts, with average precision weighted by reference onsets.

    Corrected values are computed from the averaged score and chance level. undefined: positions of the clips without a
    reference onset, which no average contains. `count_match` is a share of clips in both.
    """

    convention: Convention
    window: float
    n_clips: int
    undefined: tuple[int, ...]
    macro: OnsetRates
    micro: OnsetRates


def onset_hits(
    reference: EventTimes,
    estimate: NDArray[np.floating[Any]],
    window: float = 0.05,
    *,
    duration: float,
    convention: Convention = "one-to-one",
    shifts: int = SHIFTS,
) -> OnsetHits:
    """Score one clip's estimated onsets, (n, 2) times and strengths, against the times of the reference onsets.

    window: seconds either way; duration: length of the clip in seconds, round which the chance level shifts. Raises
    ValueError for times that decrease or lie outside the clip, strengths that are not finite, or an unknown convention.
    """
    check_positive(window, "window")
    if convention not in get_args(Convention):
        raise ValueError(f"convention must be one of {', '.join(get_args(Convention))}, found {convention!r}")
    references = event_times(reference, "reference")
    onsets = np.asarray(estimate, dtype=np.float64)
    if onsets.ndim != 2 or onsets.shape[1] != 2:
        raise ValueError(f"estimate must be (n, 2), times and strengths, found {describe(onsets)}")
    if not np.isfinite(onsets[:, 1]).all():
        raise ValueError("estimate must have finite strengths, found NaN or infinity")
    times = event_times(onsets[:, 0], "estimate")
    check_within(references, "reference", duration)
    strengths: list[float] = onsets[:, 1].tolist()
    rows = shifted_events(times, "estimate", duration=duration, shifts=shifts).tolist()
    found = ranked(times, strengths)
    out_of_step = [ranked(row, strengths) for row in rows]
    if convention == "one-to-one":
        matches = match_events(references, times, window)
        chance_matches = chance_level(references, times, window, duration=duration, shifts=shifts)
        precision = claimed_precision(references, found, window)
        precision_chance = fmean(claimed_precision(references, row, window) for row in out_of_step)
    else:
        matches, precision = condfoleygen(references, found, window)
        by_chance = [condfoleygen(references, row, window) for row in out_of_step]
        chance_matches, precision_chance = (fmean(column) for column in zip(*by_chance, strict=True))
    return OnsetHits(
        convention=convention,
        window=window,
        n_reference=len(references),
        n_estimate=len(times),
        matches=matches,
        chance_matches=chance_matches,
        average_precision=precision if references else None,
        average_precision_chance=precision_chance if references else None,
    )


def summarise_onsets(hits: Sequence[OnsetHits]) -> OnsetSummary:
    """Macro and micro averages of clips scored alike; ValueError for no clip, mixed windows or mixed conventions."""
    kinds = sorted({(hit.convention, hit.window) for hit in hits})
    if len(kinds) != 1:
        raise ValueError(f"hits must be of at least one clip, one convention and one window, found {kinds}")
    convention, window = kinds[0]
    defined = [hit for hit in hits if hit.n_reference]
    total = sum(hit.n_reference for hit in defined)

    def weighted(name: str) -> float | None:
        return sum(getattr(hit, name) * hit.n_reference for hit in defined) / total if total else None

    pooled = OnsetHits(
        convention=convention,
        window=window,
        n_reference=total,
        n_estimate=sum(hit.n_estimate for hit in defined),
        matches=sum(hit.matches for hit in defined),
        chance_matches=sum(hit.chance_matches for hit in defined),
        average_precision=weighted("average_precision"),
        average_precision_chance=weighted("average_precision_chance"),
    )
    macro = _averages(lambda name: mean_of_known([getattr(hit, name) for hit in defined]))
    micro = _averages(lambda name: macro.count_match if name == "count_match" else getattr(pooled, name))
    return OnsetSummary(
        convention=convention,
        window=window,
        n_clips=len(hits),
        undefined=tuple(index for index, hit in enumerate(hits) if not hit.n_reference),
        macro=macro,
        micro=micro,
    )


def _averages(average: Callable[[str], float | None]) -> OnsetRates:
    """A score that is corrected for chance is corrected after averaging."""
    names = [rate.name for rate in fields(OnsetRates)]
    values = {name: average(name) for name in names if not name.endswith("_corrected")}
    above = {
        name: corrected(values[name.removesuffix("_corrected")], values[name.replace("_corrected", "_chance")])
        for name in names
        if name.endswith("_corrected")
    }
    return OnsetRates(**values, **above)
