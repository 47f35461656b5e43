"""The two sides of a set metric: the generated samples that count, and the real clips they are compared with.

Instead of real clips the second side may be their published mean and covariance, for metrics that need no more.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cmmd_bench.metrics import Gaussian
from cmmd_bench.metrics.kad import distance_kernel
from cmmd_bench.metrics.mmd import Kernel
from cmmd_bench.scoring.features import Features, Rows
from cmmd_bench.scoring.published import Published
from cmmd_bench.scoring.samples import Sample
from cmmd_bench.suites.metrics import SetMetric

Means = NDArray[np.float64]

Reference = tuple[str, ...] | Published
"""What sets are compared with: names among the views, or statistics in a file."""


@dataclass(frozen=True)
class Sides:
    """Both sides in the space of one extractor.

    paired: the real clips are the samples' own ground truths, so that drawing conditions draws both sides
    published: what stands for the real clips, of which there are none then
    """

    extractor: str
    seen: Sequence[Sample]
    real: tuple[str, ...]
    paired: bool
    features: Features
    published: Published | None = None

    @property
    def clusters(self) -> list[str]:
        """The condition of each sample: what was drawn independently."""
        return [sample.condition for sample in self.seen]

    @property
    def n_reference(self) -> int:
        """How many real clips there are, or rows behind published statistics, 0 if unknown."""
        return len(self.real) if self.published is None else self.published.rows(self.extractor)

    def clips(self) -> Iterator[Rows]:
        """Generated features clip by clip, (n_i, D) each."""
        return self.features.blocks(self.extractor, [sample.view for sample in self.seen])

    def real_clips(self) -> Iterator[Rows]:
        """Real features clip by clip."""
        return self.features.blocks(self.extractor, self.real)

    def x(self) -> Rows:
        """Generated features, (N, D)."""
        return self.features.rows(self.extractor, [sample.view for sample in self.seen])

    def y(self) -> Rows:
        """Real features, (M, D)."""
        return self.features.rows(self.extractor, self.real)

    def labels(self) -> list[str]:
        """The condition of every row of `x`."""
        return [s.condition for s in self.seen for _ in range(len(self.features.of(self.extractor, s.view)))]

    def real_labels(self) -> list[str] | None:
        """The condition of every row of `y` where the sides are paired."""
        if not self.paired:
            return None
        owner = {s.real: s.condition for s in self.seen}
        return [owner[name] for name in self.real for _ in range(len(self.features.of(self.extractor, name)))]

    def means(self) -> tuple[Means, Means]:
        """One row a clip, its mean, on either side: frames of a clip are each other's nearest neighbours."""
        generated, real = (
            [rows.mean(axis=0, dtype=np.float64) for rows in side] for side in (self.clips(), self.real_clips())
        )
        return np.stack(generated), np.stack(real)

    def for_kad(self) -> tuple[Means, Means, Kernel]:
        """Both sides about the reference's mean, where distances cancel least, and KAD's kernel for that reference."""
        x, y = self.x(), self.y()
        centre = y.mean(axis=0, dtype=np.float64)
        return x - centre, y - centre, distance_kernel(self.features.median_distance(self.extractor, self.real))

    def reference(self, ddof: int = 1) -> Gaussian:
        """Mean and covariance of the real features; computed once for all rows of a table."""
        if self.published is not None:
            return self.published.gaussian(self.extractor, ddof)
        return self.features.gaussian(self.extractor, self.real, ddof)


def sides(metric: SetMetric, samples: Sequence[Sample], features: Features, reference: Reference) -> Sides:
    """What `metric` compares; ValueError when a side has fewer than 2 clips."""
    chosen = [s for s in samples if metric.samples is None or s.index < metric.samples]
    seen = [s for s in chosen if features.views.has(s.view, metric.features)]
    paired = metric.against == "conditions"
    published = None if paired or isinstance(reference, tuple) else reference
    names = own_conditions(seen) if paired else reference if isinstance(reference, tuple) else ()
    real = tuple(name for name in names if features.views.has(name, metric.features))
    counts = {"generated": len(seen)} if published else {"generated": len(seen), "real": len(real)}
    for what, count in counts.items():
        if count < 2:
            raise ValueError(f"needs at least 2 {what} clips, found {count}")
    return Sides(metric.features, seen, real, paired, features, published)


def own_conditions(samples: Sequence[Sample]) -> tuple[str, ...]:
    """The real clips of the samples' conditions, each once."""
    return tuple(dict.fromkeys(sample.real for sample in samples if sample.real is not None))
