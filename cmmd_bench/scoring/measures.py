"""From what extractors saw to the cells of the table.

Clips that are missing are not replaced: a set metric is computed on the clips that are there, with its n, and the
failures are listed by the caller. A metric that cannot be computed is None with a reason.
"""

from collections.abc import Sequence

from cmmd_bench.extraction import Views
from cmmd_bench.scoring.alignment import alignment_cell
from cmmd_bench.scoring.cells import cell
from cmmd_bench.scoring.distances import distance_cell
from cmmd_bench.scoring.features import Features
from cmmd_bench.scoring.published import Published
from cmmd_bench.scoring.results import PerClip, Result
from cmmd_bench.scoring.samples import RowOfTable
from cmmd_bench.suites.metrics import Metric, SetMetric


class Scorer:
    """Scores rows against one reference (names among the views, or published statistics); prepares it once.

    seconds: the length of the clips, round which chance levels of alignment are taken; fps: their pictures a second
    """

    def __init__(self, views: Views, reference: Sequence[str] | Published, seconds: float, fps: float = 0.0) -> None:
        self.views = views
        self.reference = reference if isinstance(reference, Published) else tuple(reference)
        self.seconds = seconds
        self.fps = fps
        self.features = Features(views)

    def score(self, metric: Metric, row: RowOfTable) -> tuple[Result, list[PerClip]]:
        """One cell, and the values per clip where the metric has them."""
        try:
            if isinstance(metric, SetMetric):
                return distance_cell(metric, row, self.features, self.reference)
            return alignment_cell(metric, row, self.views, seconds=self.seconds, fps=self.fps)
        except ValueError as error:
            return cell(metric, row, n_samples=len(row.samples), why=str(error)), []
