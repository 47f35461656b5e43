"""From what extractors saw to the cells of the table: one function per family of metrics.

Clips that are missing are not replaced: a set metric is computed on the clips that are there, with its n, and the
failures are listed by the caller. A metric that cannot be computed is None with a reason.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cmmd_bench.extraction import Views
from cmmd_bench.metrics import (
    Accumulator,
    Gaussian,
    Interval,
    accumulate,
    as_gaussian,
    beat_hits,
    delete_group_jackknife,
    frechet_distance,
    frechet_interval,
    frechet_interval_of_groups,
    jackknife_groups,
    mmd_interval,
    per_clip_fad,
    polynomial_mmd,
    summarise_beats,
)
from cmmd_bench.metrics.jackknife import clusters_per_group
from cmmd_bench.scoring.results import Direction, PerClip, Result
from cmmd_bench.suites.schema import BeatHit, SetMetric
from cmmd_bench.types import Task

Rows = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Sample:
    """A generated clip: its name among the views, its id for people, the condition it answers and which answer it is.

    real: the name among the views of the condition's own real clip; None if there is none (unpaired scoring)
    beats: true beat times of the condition, None if unknown
    """

    view: str
    id: str
    condition: str
    index: int
    real: str | None
    beats: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True)
class RowOfTable:
    """All finished samples of one model on one task, in the order of their ids."""

    model: str
    task: Task
    samples: Sequence[Sample]


@dataclass(frozen=True)
class Scorer:
    """Scores rows against one set of reference clips (names among the views); prepares each reference once."""

    views: Views
    reference: Sequence[str]
    seconds: float
    _gaussians: dict[tuple[str, tuple[str, ...]], Gaussian] = field(default_factory=dict)

    def score(self, metric: SetMetric | BeatHit, row: RowOfTable) -> tuple[Result, list[PerClip]]:
        """One cell, and the values per clip where the metric has them."""
        if isinstance(metric, BeatHit):
            return self._beat_hit(metric, row)
        try:
            return self._set_metric(metric, row)
        except ValueError as error:
            return _cell(metric, row, n_samples=len(row.samples), why=str(error)), []

    def _set_metric(self, metric: SetMetric, row: RowOfTable) -> tuple[Result, list[PerClip]]:
        chosen = [s for s in row.samples if metric.samples is None or s.index < metric.samples]
        seen = [s for s in chosen if self.views.has(s.view, metric.embedder)]
        real = self.reference if metric.against == "reference" else _own_conditions(seen)
        real = tuple(name for name in real if self.views.has(name, metric.embedder))
        for what, count in (("generated", len(seen)), ("real", len(real))):
            if count < 2:
                raise ValueError(f"needs at least 2 {what} clips, found {count}")
        interval, per_clip = self._compute(metric, row.model, seen, real)
        return _cell(metric, row, interval, seen=seen, n_reference=len(real)), per_clip

    def _compute(
        self, metric: SetMetric, model: str, seen: Sequence[Sample], real: tuple[str, ...]
    ) -> tuple[Interval, list[PerClip]]:
        embedder, clusters = metric.embedder, [sample.condition for sample in seen]
        paired = metric.against == "conditions"
        if metric.metric == "kvd":
            x, y = self._rows(embedder, [s.view for s in seen]), self._rows(embedder, real)
            labels = self._labels(embedder, seen)
            interval = mmd_interval(
                x, labels, y, reference_clusters=self._real_labels(embedder, seen) if paired else None
            )
            return interval or _point(polynomial_mmd(x, y)), []
        if metric.metric == "fad-clip":
            values = per_clip_fad(self._blocks(embedder, [s.view for s in seen]), self._gaussian(embedder, real))
            mean = delete_group_jackknife(lambda kept: float(values[kept].mean()), clusters)
            rows = [PerClip(model, s.id, metric.label, float(v)) for s, v in zip(seen, values, strict=True)]
            return mean or _point(float(values.mean())), rows
        if paired:
            x, y = self._rows(embedder, [s.view for s in seen]), self._rows(embedder, real)
            interval = frechet_interval(
                x, self._labels(embedder, seen), y, reference_clusters=self._real_labels(embedder, seen)
            )
            return interval or _point(frechet_distance(x, y)), []
        return self._streamed_frechet(embedder, seen, self._gaussian(embedder, real)), []

    def _streamed_frechet(self, embedder: str, seen: Sequence[Sample], real: Gaussian) -> Interval:
        """Fréchet distance with its interval; features pass through one accumulator per jackknife group."""
        clusters = [sample.condition for sample in seen]
        groups = jackknife_groups(clusters)
        sizes = clusters_per_group(clusters, groups)
        parts = [Accumulator() for _ in sizes]
        for sample, group in zip(seen, groups, strict=True):
            parts[group].add(self._view(embedder, sample.view))
        interval = frechet_interval_of_groups([part.statistics() for part in parts], sizes, real)
        if interval is not None:
            return interval
        pooled = accumulate(self._blocks(embedder, [s.view for s in seen]))
        return _point(frechet_distance(pooled, real))

    def _beat_hit(self, metric: BeatHit, row: RowOfTable) -> tuple[Result, list[PerClip]]:
        extractor = f"beats:{metric.tracker}"
        judged, hits, unpaired = [], [], 0
        for sample in row.samples:
            estimate = self.views.get(sample.view, extractor)
            reference = self._reference_beats(metric, sample, extractor)
            if estimate is None or reference is None:
                unpaired += 1
                continue
            judged.append(sample)
            hits.append(beat_hits(reference, estimate, metric.tolerance_ms / 1000, duration=self.seconds))
        if not hits:
            return _cell(metric, row, n_samples=len(row.samples), why=_why_no_beats(metric, row)), []
        per_clip = [PerClip(row.model, s.id, metric.label, h.hit_rate) for s, h in zip(judged, hits, strict=True)]
        summary = summarise_beats(hits)
        defined = [(s, h.hit_rate) for s, h in zip(judged, hits, strict=True) if h.hit_rate is not None]
        if summary.macro.hit_rate is None:
            return _cell(metric, row, n_samples=len(hits), why="no condition has a beat to hit"), per_clip
        rates = np.array([rate for _, rate in defined])
        clusters = [sample.condition for sample, _ in defined]
        interval = delete_group_jackknife(lambda kept: float(rates[kept].mean()), clusters)
        cell = _cell(
            metric,
            row,
            interval or _point(summary.macro.hit_rate),
            seen=[sample for sample, _ in defined],
            n_reference=len(set(clusters)),
            chance=summary.macro.chance,
            excluded=len(summary.undefined) + unpaired,
        )
        return cell, per_clip

    def _reference_beats(self, metric: BeatHit, sample: Sample, extractor: str) -> Sequence[float] | Rows | None:
        if metric.against == "truth":
            return sample.beats
        return None if sample.real is None else self.views.get(sample.real, extractor)

    def _view(self, embedder: str, name: str) -> Rows:
        array = self.views.get(name, embedder)
        if array is None:
            raise ValueError(f"{name} has no {embedder} features: {self.views.why(name, embedder)}")
        return array

    def _blocks(self, embedder: str, names: Sequence[str]) -> Iterator[Rows]:
        return (self._view(embedder, name) for name in names)

    def _rows(self, embedder: str, names: Sequence[str]) -> Rows:
        return np.concatenate(list(self._blocks(embedder, names)))

    def _gaussian(self, embedder: str, names: tuple[str, ...]) -> Gaussian:
        if (embedder, names) not in self._gaussians:
            self._gaussians[embedder, names] = as_gaussian(accumulate(self._blocks(embedder, names)), "reference")
        return self._gaussians[embedder, names]

    def _labels(self, embedder: str, seen: Sequence[Sample]) -> list[str]:
        """The condition of every feature row of the generated set."""
        return [s.condition for s in seen for _ in range(len(self._view(embedder, s.view)))]

    def _real_labels(self, embedder: str, seen: Sequence[Sample]) -> list[str]:
        """The condition of every feature row of the ground truths, in the order of `_own_conditions`."""
        owner = {s.real: s.condition for s in seen if s.real is not None}
        return [owner[name] for name in _own_conditions(seen) for _ in range(len(self._view(embedder, name)))]


def _own_conditions(samples: Sequence[Sample]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(sample.real for sample in samples if sample.real is not None))


def _why_no_beats(metric: BeatHit, row: RowOfTable) -> str:
    if not row.samples:
        return "no finished clips"
    if metric.against == "truth":
        return "the dataset does not know true beats"
    if all(sample.real is None for sample in row.samples):
        return "needs pairs: each generated clip's own real clip"
    return "no pair of clips with sound on both sides"


def _point(value: float) -> Interval:
    """A value without an interval, for sets too small to have one."""
    return Interval(value, value, value, 0.0, 0.0, "")


def _cell(
    metric: SetMetric | BeatHit,
    row: RowOfTable,
    interval: Interval | None = None,
    *,
    seen: Sequence[Sample] = (),
    n_samples: int | None = None,
    n_reference: int = 0,
    chance: float | None = None,
    excluded: int = 0,
    why: str | None = None,
) -> Result:
    known = interval is not None and bool(interval.method)
    direction: Direction = "higher" if isinstance(metric, BeatHit) else "lower"
    return Result(
        model=row.model,
        task=row.task,
        metric=metric.label,
        value=None if interval is None else interval.estimate,
        direction=direction,
        unit="share" if isinstance(metric, BeatHit) else "squared feature units" if metric.metric != "kvd" else "MMD²",
        n=len({sample.condition for sample in seen}),
        n_samples=len(seen) if n_samples is None else n_samples,
        n_reference=n_reference,
        low=interval.low if interval and known else None,
        high=interval.high if interval and known else None,
        interval=interval.method if interval and known else None,
        chance=chance,
        excluded=excluded,
        why=why,
    )
