"""Two systems on the same raters and clips: the exact difference in each cell of the rater by clip table.

A cell's difference is the mean of the rater's scores for all samples of `a` on that clip, minus the same for `b`. That
is the only pairing that is defined when one system has two samples and the other one.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from cmmd_bench.metrics.opinion.ratings import Ratings, exact_means, select


@dataclass(frozen=True, slots=True)
class CellDifferences:
    """values: a - b by (rater, clip), for the cells that have both; sorted by rater and clip.

    raters, clips: sorted labels of all that rated, or were rated for, either system. half: cells with only one of them.
    even: whether within each system all cells that were rated have the same number of scores.
    """

    values: dict[tuple[str, str], Fraction]
    raters: tuple[str, ...]
    clips: tuple[str, ...]
    half: tuple[tuple[str, str], ...]
    even: bool

    @property
    def missing(self) -> tuple[tuple[str, str], ...]:
        """Cells of the full rater by clip table without a difference."""
        return tuple((r, c) for r in self.raters for c in self.clips if (r, c) not in self.values)


def cell_differences(ratings: Ratings, a: str, b: str) -> CellDifferences:
    """Differences a - b. ValueError for a system nobody rated, a equal to b, or more than one question."""
    one_question(ratings)
    if a == b:
        raise ValueError(f"a and b must be two systems, found {a!r} twice")
    both = select(ratings, system=(a, b))
    means = {name: exact_means(select(both, system=name), ("rater", "clip")) for name in (a, b)}
    counts = {name: dict.fromkeys(means[name], 0) for name in (a, b)}
    for name, rater, clip in zip(both.system.tolist(), both.rater.tolist(), both.clip.tolist(), strict=True):
        counts[name][rater, clip] += 1
    shared = [label for label in means[a] if label in means[b]]
    return CellDifferences(
        values={(r, c): means[a][r, c] - means[b][r, c] for r, c in shared},
        raters=tuple(np.unique(both.rater).tolist()),
        clips=tuple(np.unique(both.clip).tolist()),
        half=tuple(sorted((r, c) for r, c in means[a].keys() ^ means[b].keys())),
        even=all(len(set(cells.values())) == 1 for cells in counts.values()),
    )


def one_question(ratings: Ratings) -> str:
    """The question that all ratings answer; ValueError when there are several."""
    questions = np.unique(ratings.question).tolist()
    if len(questions) > 1:
        raise ValueError(f"ratings must answer one question (use select), found {', '.join(map(repr, questions))}")
    return str(questions[0])
