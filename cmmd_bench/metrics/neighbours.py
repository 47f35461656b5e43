"""Fidelity and diversity by k nearest neighbours: improved precision and recall, density and coverage.

A set's manifold is the union of balls, one around each row, that reach to its k-th nearest neighbour in the set.

    precision  share of generated rows inside the real manifold           0..1, fidelity
    recall     share of real rows inside the generated manifold           0..1, diversity
    density    real balls that hold a generated row, mean over k          0.., 1 in the mean for equal distributions
    coverage   share of real balls that hold a generated row              0..1

Higher is better. Source: Kynkäänniemi et al. 2019 (precision, recall), Naeem et al. 2020 (density, coverage). A row on
the edge of a ball is inside it, up to rounding; that matters for duplicates alone.

All four depend on n and k: compare at equal numbers. A single outlier among the real rows has a large ball and raises
precision; density counts balls and suffers less. Coverage of a set of the same distribution is not 1 but, for equal
numbers, about 1 - 2^-k: 0.97 for k = 5. Rows should be independent: frames of one clip are each other's neighbours.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cmmd_bench.metrics.checks import Rows, check_same_width, feature_rows
from cmmd_bench.metrics.pairwise import squared_distances

Array = NDArray[np.float64]

ROWS_AT_ONCE = 512

SLACK = 1e-12
"""Relative to the largest squared norm: what rounding does to a squared distance."""


@dataclass(frozen=True, slots=True)
class NeighbourScores:
    """The four scores of one pair of sets, and the k they were computed with."""

    precision: float
    recall: float
    density: float
    coverage: float
    k: int


def neighbour_scores(x: Rows, reference: Rows, *, k: int = 5) -> NeighbourScores:
    """Scores of generated rows x (m, D) against real ones (n, D), m and n > k.

    Memory: O(block x rows). Raises ValueError for wrong shapes, NaN, infinity, different D, k < 1, and k of m or n or
    more: a row has no k-th neighbour among fewer than k others.
    """
    x, reference = feature_rows(x, "x"), feature_rows(reference, "reference")
    check_same_width(x.shape[1], reference.shape[1], "x", "reference")
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
        raise ValueError(f"k must be a whole number of at least 1, found {k!r}")
    for name, n in (("x", len(x)), ("reference", len(reference))):
        if k >= n:
            raise ValueError(f"k must be below the number of rows of {name}, found k={k} for {n} row(s)")
    mean = reference.mean(axis=0, dtype=np.float64)
    fake, real = x - mean, reference - mean
    slack = SLACK * max(float(np.einsum("nd,nd->n", rows, rows).max()) for rows in (fake, real))
    fake_reach, real_reach = (_squared_radii(rows, k) + slack for rows in (fake, real))
    balls = np.zeros(len(fake), dtype=np.int64)
    recalled = covered = 0
    for start in range(0, len(real), ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        distances = squared_distances(real[rows], fake)
        inside = distances <= real_reach[rows, np.newaxis]
        balls += inside.sum(axis=0)
        covered += int(inside.any(axis=1).sum())
        recalled += int((distances <= fake_reach).any(axis=1).sum())
    return NeighbourScores(
        precision=float((balls > 0).mean()),
        recall=recalled / len(real),
        density=float(balls.mean()) / k,
        coverage=covered / len(real),
        k=int(k),
    )


def _squared_radii(rows: Array, k: int) -> Array:
    """(N,) squared distance of each row to its k-th nearest neighbour, itself not counted."""
    radii = np.empty(len(rows))
    for start in range(0, len(rows), ROWS_AT_ONCE):
        distances = squared_distances(rows[start : start + ROWS_AT_ONCE], rows)
        np.fill_diagonal(distances[:, start:], np.inf)
        radii[start : start + len(distances)] = np.partition(distances, k - 1, axis=1)[:, k - 1]
    return radii
