"""Alignment of sound and picture, clip by clip: beats, onsets, AV-Align, each with what chance alone would score."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from cmmd_bench.extraction import Views
from cmmd_bench.metrics import beat_hits, corrected, delete_group_jackknife
from cmmd_bench.metrics.av_align import FLOORS, av_align, video_peaks
from cmmd_bench.metrics.onsets import onset_hits
from cmmd_bench.metrics.second_bins import second_bins
from cmmd_bench.scoring.cells import cell, point
from cmmd_bench.scoring.results import PerClip, Result
from cmmd_bench.scoring.samples import RowOfTable, Sample
from cmmd_bench.suites.metrics import AvAlign, BeatHit, OnsetScore, SecondHit
from cmmd_bench.types import Truth

Alignment = BeatHit | OnsetScore | SecondHit | AvAlign
Seen = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Judgement:
    """A clip's score, None where it is undefined (no reference beat), and its chance level, None where it has none."""

    value: float | None
    chance: float | None


def alignment_cell(
    metric: Alignment, row: RowOfTable, views: Views, *, seconds: float, fps: float
) -> tuple[Result, list[PerClip]]:
    """Mean over clips, chance level and score above chance; clips the score is undefined for are counted."""
    judged: list[tuple[Sample, Judgement]] = []
    for sample in row.samples:
        judgement = judge(metric, sample, views, seconds=seconds, fps=fps)
        if judgement is not None:
            judged.append((sample, judgement))
    if not judged:
        return cell(metric, row, n_samples=len(row.samples), why=_why_nothing(metric, row)), []
    per_clip = [PerClip(row.model, s.id, metric.label, j.value, j.chance) for s, j in judged]
    defined = [(s, j.value, j.chance) for s, j in judged if j.value is not None]
    if not defined:
        return cell(metric, row, n_samples=len(judged), why=_UNDEFINED[type(metric)]), per_clip
    values = np.array([value for _, value, _ in defined])
    seen = [sample for sample, _, _ in defined]
    clusters = [sample.condition for sample in seen]
    interval = delete_group_jackknife(lambda kept: float(values[kept].mean()), clusters)
    levels = [level for _, _, level in defined if level is not None]
    chance = fmean(levels) if levels else None
    result = cell(
        metric,
        row,
        interval or point(float(values.mean())),
        seen=seen,
        n_reference=len(set(clusters)) if metric.real else 0,
        chance=chance,
        corrected=None if chance is None else corrected(float(values.mean()), chance),
        excluded=len(row.samples) - len(defined),
    )
    return result, per_clip


def judge(metric: Alignment, sample: Sample, views: Views, *, seconds: float, fps: float) -> Judgement | None:
    """One clip's score; None if something it needs was not seen or is not known."""
    if isinstance(metric, AvAlign):
        motion, onsets = (views.get(sample.view, extractor) for extractor in metric.extractors)
        return None if motion is None or onsets is None else _av_align(metric, motion, onsets, seconds, fps)
    events = compared_events(metric, sample, views)
    if events is None:
        return None
    reference, made = events
    if isinstance(metric, BeatHit):
        return _beats(metric, reference, made, seconds)
    # Onsets come with their strengths; those of the reference do not matter.
    if isinstance(metric, SecondHit):
        return _seconds(metric, event_seconds(reference), event_seconds(made), seconds)
    return _onsets(metric, event_seconds(reference), made, seconds)


def compared_events(metric: BeatHit | OnsetScore | SecondHit, sample: Sample, views: Views) -> tuple[Seen, Seen] | None:
    """What should be heard and what is: times (n,) in seconds, or (n, 2) with strengths; None as for `judge`.

    What should be heard is the truth, or what the same extractor heard in the condition's own sound.
    """
    made = views.get(sample.view, metric.extractors[0])
    if metric.against == "truth":
        times = _true_times(metric, sample.truth)
        reference = None if times is None else np.array(times, dtype=np.float64)
    else:
        reference = None if sample.real is None else views.get(sample.real, metric.extractors[0])
    return None if reference is None or made is None else (reference, made)


def event_seconds(events: Seen) -> Seen:
    """Times alone, (n,), of events with or without strengths."""
    return events[:, 0] if events.ndim == 2 else events


def _true_times(metric: BeatHit | OnsetScore | SecondHit, truth: Truth) -> Sequence[float] | None:
    if isinstance(metric, BeatHit):
        return truth.beats
    return None if truth.events is None else sorted(event.start for event in truth.events)


def _beats(metric: BeatHit, reference: Seen, made: Seen, seconds: float) -> Judgement:
    hits = beat_hits(reference, made, metric.tolerance_ms / 1000, duration=seconds)
    scores = {
        "beat-hit": (hits.hit_rate, hits.chance),
        "beat-precision": (hits.precision, hits.precision_chance),
        "beat-f1": (hits.f1, hits.f1_chance),
        "beat-any-hit": (hits.any_hit_rate, hits.any_hit_chance),
    }
    return Judgement(*scores[metric.metric])


def _onsets(metric: OnsetScore, reference: Seen, made: Seen, seconds: float) -> Judgement:
    window = metric.tolerance_ms / 1000
    hits = onset_hits(reference, made, window, duration=seconds, convention=metric.dialect)
    scores = {
        "onset-f1": (hits.f1, hits.f1_chance),
        "onset-accuracy": (hits.accuracy, hits.accuracy_chance),
        "onset-ap": (hits.average_precision, hits.average_precision_chance),
    }
    return Judgement(*scores[metric.metric])


def _seconds(metric: SecondHit, reference: Seen, made: Seen, seconds: float) -> Judgement:
    bins = second_bins(reference, made, duration=seconds)
    if metric.metric == "cdcd-hit":
        return Judgement(bins.hit, bins.chance)
    return Judgement(bins.coverage, None)


def _av_align(metric: AvAlign, motion: Seen, onsets: Seen, seconds: float, fps: float) -> Judgement:
    peaks = video_peaks(motion, fps, floor=FLOORS[metric.dialect])
    alignment = av_align(onsets[:, 0], peaks, fps, duration=seconds, dialect=metric.dialect)
    return Judgement(alignment.score, alignment.chance)


_UNDEFINED = {
    BeatHit: "no condition has a beat to hit",
    OnsetScore: "no condition has an onset to hit",
    SecondHit: "no condition has an onset to hit",
    AvAlign: "no clip has an onset or a peak of motion",
}


def _why_nothing(metric: Alignment, row: RowOfTable) -> str:
    if not row.samples:
        return "no finished clips"
    if isinstance(metric, AvAlign):
        return "no clip with sound and picture"
    if metric.against == "truth":
        return f"the dataset does not know true {'beats' if isinstance(metric, BeatHit) else 'events'}"
    if all(sample.real is None for sample in row.samples):
        return "needs pairs: each generated clip's own real clip"
    return "no pair of clips with sound on both sides"
