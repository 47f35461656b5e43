"""Metrics: arrays in, numbers out. No files, no networks, no state; inputs are never modified.

    from cmmd_bench.metrics import frechet_distance, polynomial_mmd, per_clip_fad, beat_hits

A number that a function returns is finite; what cannot be computed raises ValueError or, where that is an ordinary
outcome (a clip without a reference beat, an interval from one cluster), is None. Importing this package loads NumPy
alone.
"""

from cmmd_bench.metrics.beat_tracking import BeatTracker, beat_times
from cmmd_bench.metrics.beats import BeatHits, BeatRates, BeatSummary, beat_hits, summarise_beats
from cmmd_bench.metrics.events import any_hit, chance_level, corrected, match_events
from cmmd_bench.metrics.fad import frechet_audio_distance, per_clip_fad
from cmmd_bench.metrics.frechet import as_gaussian, frechet_distance
from cmmd_bench.metrics.gaussian import Accumulator, Gaussian, GaussianStatistics, accumulate, merge
from cmmd_bench.metrics.intervals import frechet_interval, frechet_interval_of_groups, mmd_interval
from cmmd_bench.metrics.jackknife import Interval, delete_group_jackknife, jackknife_groups
from cmmd_bench.metrics.mmd import polynomial_mmd

__all__ = [
    "Accumulator",
    "BeatHits",
    "BeatRates",
    "BeatSummary",
    "BeatTracker",
    "Gaussian",
    "GaussianStatistics",
    "Interval",
    "accumulate",
    "any_hit",
    "as_gaussian",
    "beat_hits",
    "beat_times",
    "chance_level",
    "corrected",
    "delete_group_jackknife",
    "frechet_audio_distance",
    "frechet_distance",
    "frechet_interval",
    "frechet_interval_of_groups",
    "jackknife_groups",
    "match_events",
    "merge",
    "mmd_interval",
    "per_clip_fad",
    "polynomial_mmd",
    "summarise_beats",
]
