"""Metrics: arrays in, numbers out. No files, no networks, no state; inputs are never modified.

    from cmmd_bench.metrics import frechet_distance, polynomial_mmd, per_clip_fad, beat_hits

A number that a function returns is finite; what cannot be computed raises ValueError or, where that is an ordinary
outcome (a clip without a reference beat, an interval from one cluster), is None. Importing this package loads NumPy
alone.

    distances of sets   frechet, dialects, fad, extrapolation, on gaussian and factors; mmd, kernel_subsets, jedi, kad,
                        neighbours, on pairwise
    alignment           beats, onsets, second_bins, av_align, on events; beat_tracking, onset_detection, motion
    uncertainty         jackknife, intervals, influence, leave_out; mmd_variance, on kernel_units and u_statistics
    comparison          comparison, set_comparison, relative_mmd, on differences; multiplicity
    people              opinion/, agreement, noise_ceiling, on correlation and resampling

Where a function bears its module's name it is imported from there: `av_align.av_align`, `second_bins.second_bins`,
`noise_ceiling.noise_ceiling`. Opinion scores are in `cmmd_bench.metrics.opinion`.
"""

from cmmd_bench.metrics.agreement import Agreement, clip_agreement, system_agreement
from cmmd_bench.metrics.av_align import AvAlignment, av_align_score, video_peaks
from cmmd_bench.metrics.beat_tracking import BeatTracker, beat_times
from cmmd_bench.metrics.beats import BeatHits, BeatRates, BeatSummary, beat_hits, summarise_beats
from cmmd_bench.metrics.comparison import compare_statistic, compare_values
from cmmd_bench.metrics.dialects import DIALECTS, frechet_distance_as
from cmmd_bench.metrics.differences import Difference
from cmmd_bench.metrics.events import any_hit, chance_level, chance_levels, corrected, match_events, matched_events
from cmmd_bench.metrics.extrapolation import Extrapolation, frechet_at_infinity
from cmmd_bench.metrics.fad import frechet_audio_distance, per_clip_fad
from cmmd_bench.metrics.frechet import as_gaussian, frechet_distance
from cmmd_bench.metrics.gaussian import Accumulator, Gaussian, GaussianStatistics, accumulate, merge
from cmmd_bench.metrics.influence import frechet_influence, frechet_influence_interval
from cmmd_bench.metrics.intervals import frechet_interval, frechet_interval_of_groups, mmd_interval
from cmmd_bench.metrics.jackknife import Interval, delete_group_jackknife, jackknife_groups
from cmmd_bench.metrics.kad import kernel_audio_distance, per_clip_kad
from cmmd_bench.metrics.kernel_subsets import subset_mmd
from cmmd_bench.metrics.leave_out import frechet_leave_out, mmd_leave_out
from cmmd_bench.metrics.mmd import polynomial_mmd
from cmmd_bench.metrics.mmd_variance import mmd_bootstrap_interval, mmd_exact_interval
from cmmd_bench.metrics.motion import flow_motion
from cmmd_bench.metrics.multiplicity import holm
from cmmd_bench.metrics.neighbours import NeighbourScores, neighbour_scores
from cmmd_bench.metrics.noise_ceiling import NoiseCeiling
from cmmd_bench.metrics.onset_detection import OnsetDetector, detect_onsets
from cmmd_bench.metrics.onsets import OnsetHits, onset_hits, summarise_onsets
from cmmd_bench.metrics.relative_mmd import relative_mmd_test
from cmmd_bench.metrics.set_comparison import compare_frechet, compare_mmd

__all__ = [
    "DIALECTS",
    "Accumulator",
    "Agreement",
    "AvAlignment",
    "BeatHits",
    "BeatRates",
    "BeatSummary",
    "BeatTracker",
    "Difference",
    "Extrapolation",
    "Gaussian",
    "GaussianStatistics",
    "Interval",
    "NeighbourScores",
    "NoiseCeiling",
    "OnsetDetector",
    "OnsetHits",
    "accumulate",
    "any_hit",
    "as_gaussian",
    "av_align_score",
    "beat_hits",
    "beat_times",
    "chance_level",
    "chance_levels",
    "clip_agreement",
    "compare_frechet",
    "compare_mmd",
    "compare_statistic",
    "compare_values",
    "corrected",
    "delete_group_jackknife",
    "detect_onsets",
    "flow_motion",
    "frechet_at_infinity",
    "frechet_audio_distance",
    "frechet_distance",
    "frechet_distance_as",
    "frechet_influence",
    "frechet_influence_interval",
    "frechet_interval",
    "frechet_interval_of_groups",
    "frechet_leave_out",
    "holm",
    "jackknife_groups",
    "kernel_audio_distance",
    "match_events",
    "matched_events",
    "merge",
    "mmd_bootstrap_interval",
    "mmd_exact_interval",
    "mmd_interval",
    "mmd_leave_out",
    "neighbour_scores",
    "onset_hits",
    "per_clip_fad",
    "per_clip_kad",
    "polynomial_mmd",
    "relative_mmd_test",
    "subset_mmd",
    "summarise_beats",
    "summarise_onsets",
    "system_agreement",
    "video_peaks",
]
