"""Beat hit rate: how many beats of the reference music the generated music hits, within ±window seconds.

Range 0..1, higher is better. The paper compares the beats of generated and ground-truth audio at ±0.1 s, and at ±0.5 s
for reference only: there, unrelated music scores around 0.9. Every rate therefore has its chance level beside it (see
`events.chance_level`), and `corrected` = (rate - chance) / (1 - chance).

    hit rate (recall) = matches / reference beats,  precision = matches / estimated beats,  F1 = their harmonic mean

With the sound of 40 beatdance clips moved by 0, 40, 100, 200, 400 and 1000 ms against their true beats, the hit rate at
±0.1 s is 0.84, 0.81, 0.04, 0.04, 0.50 and 0.39 (chance 0.35): it falls through chance to half a beat out of step, and a
shift of a whole beat is in step again. The tracker finds the beats 45 ms late, hence the cliff before 100 ms.

Matches are one to one. Without a reference beat every rate is undefined, None, and the clip is left out of all
averages, counted and listed; with reference beats and no estimate the rates are 0. Nothing is ever NaN.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

from cmmd_bench.metrics.checks import event_times
from cmmd_bench.metrics.events import EventTimes, any_hit, chance_level, corrected, match_events, mean_of_known


@dataclass(frozen=True, slots=True)
class BeatHits:
    """Counts for one clip at one window; the rates are derived from them.

    matches: one-to-one pairs; any_hits: references with some estimate in reach, paired or not
    chance_matches, chance_any_hits: mean counts over circular shifts of the estimates
    """

    window: float
    n_reference: int
    n_estimate: int
    matches: int
    any_hits: int
    chance_matches: float
    chance_any_hits: float

    @property
    def hit_rate(self) -> float | None:
        """Matches over reference beats (recall); None without reference beats."""
        return _ratio(self.matches, self.n_reference)

    @property
    def precision(self) -> float | None:
        """Matches over estimated beats, 0 without any; None without reference beats."""
        return _ratio(self.matches, max(self.n_estimate, 1)) if self.n_reference else None

    @property
    def f1(self) -> float | None:
        """Harmonic mean of hit rate and precision; None without reference beats."""
        return _ratio(2 * self.matches, self.n_reference + self.n_estimate) if self.n_reference else None

    @property
    def any_hit_rate(self) -> float | None:
        """References with some estimate in reach over references: the many-to-one form of older work."""
        return _ratio(self.any_hits, self.n_reference)

    @property
    def any_hit_chance(self) -> float | None:
        """The any-hit rate expected of the same estimates out of step."""
        return _ratio(self.chance_any_hits, self.n_reference)

    @property
    def chance(self) -> float | None:
        """The hit rate expected of the same estimates out of step."""
        return _ratio(self.chance_matches, self.n_reference)

    @property
    def precision_chance(self) -> float | None:
        """The precision expected of the same estimates out of step; 0 without any, None without reference beats."""
        return _ratio(self.chance_matches, max(self.n_estimate, 1)) if self.n_reference else None

    @property
    def f1_chance(self) -> float | None:
        """The F1 expected of the same estimates out of step; None without reference beats."""
        return _ratio(2 * self.chance_matches, self.n_reference + self.n_estimate) if self.n_reference else None

    @property
    def corrected(self) -> float | None:
        """Hit rate above chance; None without reference beats or where chance is 1."""
        return corrected(self.hit_rate, self.chance)


@dataclass(frozen=True, slots=True)
class BeatRates:
    """Rates over several clips; all None when no clip has a reference beat."""

    hit_rate: float | None
    precision: float | None
    f1: float | None
    any_hit_rate: float | None
    any_hit_chance: float | None
    chance: float | None
    corrected: float | None


@dataclass(frozen=True, slots=True)
class BeatSummary:
    """macro: mean over clips; micro: from the pooled counts of all clips.

    `corrected` is computed from the averaged rate and chance level, because a clip's own value has no lower bound as
    its chance level nears 1. undefined: positions of the clips without a reference beat, which no average contains.
    """

    window: float
    n_clips: int
    undefined: tuple[int, ...]
    macro: BeatRates
    micro: BeatRates


def beat_hits(reference: EventTimes, estimate: EventTimes, window: float, *, duration: float) -> BeatHits:
    """Score one clip's estimated beats against the reference beats, both in seconds in increasing order.

    window: seconds either way, inclusive; duration: length of the clip in seconds, round which the chance level shifts.
    """
    return BeatHits(
        window=window,
        n_reference=len(event_times(reference, "reference")),
        n_estimate=len(event_times(estimate, "estimate")),
        matches=match_events(reference, estimate, window),
        any_hits=any_hit(reference, estimate, window),
        chance_matches=chance_level(reference, estimate, window, duration=duration),
        chance_any_hits=chance_level(reference, estimate, window, duration=duration, one_to_one=False),
    )


def summarise_beats(hits: Sequence[BeatHits]) -> BeatSummary:
    """Macro and micro averages of clips scored at one window; ValueError for no clip or mixed windows."""
    windows = sorted({hit.window for hit in hits})
    if len(windows) != 1:
        raise ValueError(f"hits must be of at least one clip and of one window, found windows {windows}")
    defined = [hit for hit in hits if hit.n_reference]
    pooled = BeatHits(
        window=windows[0],
        n_reference=sum(hit.n_reference for hit in defined),
        n_estimate=sum(hit.n_estimate for hit in defined),
        matches=sum(hit.matches for hit in defined),
        any_hits=sum(hit.any_hits for hit in defined),
        chance_matches=sum(hit.chance_matches for hit in defined),
        chance_any_hits=sum(hit.chance_any_hits for hit in defined),
    )
    return BeatSummary(
        window=windows[0],
        n_clips=len(hits),
        undefined=tuple(index for index, hit in enumerate(hits) if not hit.n_reference),
        macro=_rates([_of(hit) for hit in defined]),
        micro=_of(pooled),
    )


def _of(hit: BeatHits) -> BeatRates:
    return BeatRates(**{rate.name: getattr(hit, rate.name) for rate in fields(BeatRates)})


def _rates(clips: Sequence[BeatRates]) -> BeatRates:
    means = {rate.name: mean_of_known([getattr(clip, rate.name) for clip in clips]) for rate in fields(BeatRates)}
    means["corrected"] = corrected(means["hit_rate"], means["chance"])
    return BeatRates(**means)


def _ratio(part: float, whole: int) -> float | None:
    return part / whole if whole else None
