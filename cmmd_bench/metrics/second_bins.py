"""Onsets in bins of whole seconds: what D2M-GAN and CDCD publish as "beat coverage" and "beat hit".

Every whole second of a clip gets a flag: is there an onset in it? With r the flagged seconds of the reference, g those
of the generated sound,

    coverage = g / r   (may exceed 1; clips at 0.5 and 1.5 average to a perfect 1)
    hit      = seconds flagged in both / r   (0..1, higher is better)

An onset may be almost a second away from another and still hit it, and whatever has an onset in every second scores 1.
In clips of 5 s, measured: unrelated steady beats at 80 to 160 a minute hit 1.000 (chance 0.999), the onsets found in
unrelated songs of beatdance 0.99. The score is here so that published numbers can be repeated; `chance` and `corrected`
stand beside it, and mostly say that nothing was shown.

Published work detects onsets with the settings `cdcd` (see `onset_detection`). Without a reference onset both scores
are undefined, None (the published code divides by zero), and the clip is left out of all averages, counted and listed.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from cmmd_bench.metrics.checks import check_positive, event_times
from cmmd_bench.metrics.events import SHIFTS, EventTimes, check_within, corrected, mean_of_known, shifted_events

Flags = NDArray[np.bool_]
"""(S,): whether each whole second has an onset; S is the length in seconds, rounded up."""


@dataclass(frozen=True, slots=True)
class SecondBins:
    """Flagged seconds of one clip, or pooled over several; chance_both: mean over circular shifts of the estimates."""

    n_reference: int
    n_estimate: int
    n_both: int
    chance_both: float

    @property
    def coverage(self) -> float | None:
        """Seconds flagged in the generated sound over those of the reference; None without a reference onset."""
        return self.n_estimate / self.n_reference if self.n_reference else None

    @property
    def hit(self) -> float | None:
        """Seconds flagged in both over those of the reference; None without a reference onset."""
        return self.n_both / self.n_reference if self.n_reference else None

    @property
    def chance(self) -> float | None:
        """The hit expected of the same onsets out of step."""
        return self.chance_both / self.n_reference if self.n_reference else None

    @property
    def corrected(self) -> float | None:
        """Hit above chance; None without a reference onset or where chance is 1."""
        return corrected(self.hit, self.chance)


@dataclass(frozen=True, slots=True)
class SecondBinRates:
    """Scores over several clips; all None when no clip has a reference onset."""

    coverage: float | None
    hit: float | None
    chance: float | None
    corrected: float | None


@dataclass(frozen=True, slots=True)
class SecondBinSummary:
    """macro: mean over clips, as published; micro: from the pooled counts; undefined: clips without a reference onset.

    `corrected` is computed from the averaged hit and chance level.
    """

    n_clips: int
    undefined: tuple[int, ...]
    macro: SecondBinRates
    micro: SecondBinRates


def second_bins(reference: EventTimes, estimate: EventTimes, *, duration: float, shifts: int = SHIFTS) -> SecondBins:
    """Score the onsets of one generated clip against the reference's, both in seconds in a clip of `duration` seconds.

    Raises ValueError for times that decrease or lie outside the clip.
    """
    there, made = second_flags(reference, duration=duration), second_flags(estimate, duration=duration)
    rows = shifted_events(estimate, "estimate", duration=duration, shifts=shifts)
    return SecondBins(
        n_reference=int(there.sum()),
        n_estimate=int(made.sum()),
        n_both=int((there & made).sum()),
        chance_both=fmean(int((there & _flags(row, len(there))).sum()) for row in rows),
    )


def second_flags(times: EventTimes, *, duration: float) -> Flags:
    """Whether each whole second of a clip of `duration` seconds has an event; its last may be a fraction.

    An event at the very end counts for the last second. Raises ValueError for times outside the clip.
    """
    check_positive(duration, "duration")
    seconds = event_times(times, "times")
    check_within(seconds, "times", duration)
    return _flags(np.asarray(seconds, dtype=np.float64), math.ceil(duration))


def summarise_second_bins(bins: Sequence[SecondBins]) -> SecondBinSummary:
    """Macro and micro averages of clips; ValueError for no clip."""
    if not bins:
        raise ValueError("bins must be of at least one clip, found none")
    defined = [clip for clip in bins if clip.n_reference]
    pooled = SecondBins(
        n_reference=sum(clip.n_reference for clip in defined),
        n_estimate=sum(clip.n_estimate for clip in defined),
        n_both=sum(clip.n_both for clip in defined),
        chance_both=sum(clip.chance_both for clip in defined),
    )
    hit, chance = mean_of_known([clip.hit for clip in defined]), mean_of_known([clip.chance for clip in defined])
    coverage = mean_of_known([clip.coverage for clip in defined])
    return SecondBinSummary(
        n_clips=len(bins),
        undefined=tuple(index for index, clip in enumerate(bins) if not clip.n_reference),
        macro=SecondBinRates(coverage, hit, chance, corrected(hit, chance)),
        micro=SecondBinRates(pooled.coverage, pooled.hit, pooled.chance, pooled.corrected),
    )


def _flags(times: NDArray[np.float64], seconds: int) -> Flags:
    flags = np.zeros(seconds, dtype=np.bool_)
    flags[np.minimum(times.astype(np.intp), seconds - 1)] = True
    return flags
