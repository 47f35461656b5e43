"""Matching two lists of event times (beats, onsets, hits) within a tolerance window.

Times are seconds in increasing order, duplicates allowed. The window is inclusive, with 1e-9 s of slack: 0.15 and 0.1
are 0.05 apart to a reader and not to a double. Agrees with mir_eval's matching except on such boundaries.

`match_events` pairs one to one; `any_hit` lets one estimate serve any number of references, as older beat hit rates do,
and so rewards dense estimates. Either is high by chance alone when the window is wide (at ±500 ms, 0.9 and more for
unrelated tempi), so `chance_level` measures what the same estimates score when they are moved out of step.
"""

from bisect import bisect_left
from collections.abc import Sequence
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cmmd_bench.metrics.checks import check_positive, event_times

SLACK = 1e-9
SHIFTS = 200

EventTimes = Sequence[float] | NDArray[Any]


def match_events(reference: EventTimes, estimate: EventTimes, window: float) -> int:
    """Largest number of one-to-one pairs (reference, estimate) at most `window` seconds apart."""
    return len(matched_events(reference, estimate, window))


def matched_events(reference: EventTimes, estimate: EventTimes, window: float) -> list[tuple[int, int]]:
    """The pairs themselves, as positions in `reference` and `estimate`: of all largest sets the earliest in time.

    One sweep in time order is enough, because all windows have the same width. Let r be the earliest reference, and e
    the earliest estimate that is not too early for r. Estimates before e are too early for every later reference too,
    so no pair needs them. If e is within r's window, some largest matching contains (r, e): take any largest matching;
    if it uses neither r nor e it could be enlarged; if it uses one of the two, swap that pair for (r, e); if it has (r,
    e′) and (r′, e), then r ≤ r′ and e ≤ e′, and e′ - r′ ≤ e′ - r ≤ window, r′ - e′ ≤ r′ - e ≤ window, so (r, e) and
    (r′, e′) serve as well. If e is too late for r, r has no partner. Either way the sweep decides r and goes on with
    the rest.
    """
    references, estimates = event_times(reference, "reference"), event_times(estimate, "estimate")
    reach, pairs, at = _reach(window), [], 0
    for place, time in enumerate(references):
        while at < len(estimates) and estimates[at] < time - reach:
            at += 1
        if at < len(estimates) and estimates[at] <= time + reach:
            pairs.append((place, at))
            at += 1
    return pairs


def any_hit(reference: EventTimes, estimate: EventTimes, window: float) -> int:
    """Number of references with at least one estimate within `window` seconds; never below `match_events`."""
    return _hits(event_times(reference, "reference"), event_times(estimate, "estimate"), _reach(window))


def chance_level(
    reference: EventTimes,
    estimate: EventTimes,
    window: float,
    *,
    duration: float,
    shifts: int = SHIFTS,
    one_to_one: bool = True,
) -> float:
    """Mean number of references hit when the estimates are shifted round the clip: what density and rhythm alone earn.

    Shift k adds (k + ½)·duration / `shifts` to every estimate, modulo `duration` (seconds), so the spacing survives and
    the phase does not. Counted with `match_events`, or with `any_hit` when `one_to_one` is False.
    """
    levels = chance_levels(reference, estimate, [window], duration=duration, shifts=shifts, one_to_one=one_to_one)
    return float(levels[0])


def chance_levels(
    reference: EventTimes,
    estimate: EventTimes,
    windows: Sequence[float],
    *,
    duration: float,
    shifts: int = SHIFTS,
    one_to_one: bool = True,
) -> NDArray[np.float64]:
    """`chance_level` at each of `windows`, (W,): all of them in one sweep."""
    check_positive(duration, "duration")
    reaches = np.array([_reach(window) for window in windows])
    references = event_times(reference, "reference")
    check_within(references, "reference", duration)
    shifted = np.sort(shifted_events(estimate, "estimate", duration=duration, shifts=shifts), axis=1)
    counts: NDArray[np.float64] = _counts(references, shifted, reaches, one_to_one).sum(axis=1) / shifts
    return counts


def shifted_events(times: EventTimes, name: str, *, duration: float, shifts: int = SHIFTS) -> NDArray[np.float64]:
    """The same events out of step, (shifts, n): row k is (time + (k + ½)·duration / `shifts`) mod `duration`, unsorted.

    Column i stays event i, so that what belongs to an event (a strength) can follow it. Raises ValueError, naming
    `name`, for times outside 0..`duration` seconds.
    """
    check_positive(duration, "duration")
    if shifts < 1:
        raise ValueError(f"shifts must be at least 1, found {shifts}")
    seconds = event_times(times, name)
    check_within(seconds, name, duration)
    steps = (np.arange(shifts) + 0.5) * duration / shifts
    rows: NDArray[np.float64] = (np.asarray(seconds, dtype=np.float64) + steps[:, np.newaxis]) % duration
    return rows


def check_within(times: Sequence[float], name: str, duration: float) -> None:
    """Raise ValueError unless increasing `times` lie within a clip of `duration` seconds."""
    if len(times) and not (times[0] >= 0 and times[-1] <= duration + SLACK):
        raise ValueError(f"{name} must lie within 0..{duration:g} s, found {times[0]:g} to {times[-1]:g}")


def corrected(hit: float | None, chance: float | None) -> float | None:
    """(hit - chance) / (1 - chance): 0 at chance level, 1 at best.

    None where either is, and where chance is 1 (more, where matches are counted twice), which leaves no room.
    """
    return None if hit is None or chance is None or chance >= 1.0 else (hit - chance) / (1.0 - chance)


def mean_of_known(values: Sequence[float | None]) -> float | None:
    """Mean of the values that are not None; None without any."""
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def _reach(window: float) -> float:
    check_positive(window, "window")
    return window + SLACK


def _counts(
    references: Sequence[float], rows: NDArray[np.float64], reaches: NDArray[np.float64], one_to_one: bool
) -> NDArray[np.intp]:
    """References hit by each row of `rows` (S, n), sorted, within each of `reaches` (W,): (W, S), by the same sweep."""
    ending_late = np.concatenate([rows, np.full((len(rows), 1), np.inf)], axis=1)
    row = np.arange(len(rows))
    counts = np.zeros((len(reaches), len(rows)), dtype=np.intp)
    at = np.zeros_like(counts)
    for time in references:
        early = np.count_nonzero(rows < (time - reaches)[:, np.newaxis, np.newaxis], axis=2)
        at = np.maximum(at, early) if one_to_one else early
        hit = ending_late[row, at] <= (time + reaches)[:, np.newaxis]
        counts += hit
        at = at + hit
    return counts


def _hits(references: list[float], estimates: list[float], reach: float) -> int:
    hits = 0
    for time in references:
        at = bisect_left(estimates, time - reach)
        hits += at < len(estimates) and estimates[at] <= time + reach
    return hits
