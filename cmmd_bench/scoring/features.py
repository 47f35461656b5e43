"""Features of clips as set metrics need them: streamed, stacked, or as a Gaussian."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cmmd_bench.extraction import Views
from cmmd_bench.metrics import Gaussian, accumulate, as_gaussian
from cmmd_bench.metrics.pairwise import median_distance

Rows = NDArray[np.float32]


@dataclass(frozen=True)
class Features:
    """Access by extractor and names among the views; what belongs to a whole set is computed once."""

    views: Views
    _gaussians: dict[tuple[str, tuple[str, ...], int], Gaussian] = field(default_factory=dict)
    _medians: dict[tuple[str, tuple[str, ...]], float] = field(default_factory=dict)

    def of(self, extractor: str, name: str) -> Rows:
        """What `extractor` saw of one clip; ValueError with the reason if nothing."""
        array = self.views.get(name, extractor)
        if array is None:
            raise ValueError(f"{name} has no {extractor} features: {self.views.why(name, extractor)}")
        return array

    def blocks(self, extractor: str, names: Sequence[str]) -> Iterator[Rows]:
        """Clip by clip, (n_i, D) each."""
        return (self.of(extractor, name) for name in names)

    def rows(self, extractor: str, names: Sequence[str]) -> Rows:
        """All rows of all clips, (N, D)."""
        return np.concatenate(list(self.blocks(extractor, names)))

    def gaussian(self, extractor: str, names: tuple[str, ...], ddof: int = 1) -> Gaussian:
        """Mean and covariance of all rows of all clips."""
        key = (extractor, names, ddof)
        if key not in self._gaussians:
            pooled = accumulate(self.blocks(extractor, names))
            self._gaussians[key] = as_gaussian(pooled, "reference", ddof=ddof)
        return self._gaussians[key]

    def median_distance(self, extractor: str, names: tuple[str, ...]) -> float:
        """Median distance between two rows of all clips: the bandwidth of KAD."""
        key = (extractor, names)
        if key not in self._medians:
            self._medians[key] = median_distance(self.rows(extractor, names))
        return self._medians[key]
