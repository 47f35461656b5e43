"""Which clips move a set's score: the score with a clip less the score without it, exactly, for every clip.

Above 0, the clip raises the distance: it is one of those that make the set look worse. The reference stays as it is.

Fréchet: the rows are projected on the reference's directions once; without a clip, the Gram matrix of what is left is a
difference of two, and its eigenvalues are the squared singular values of the distance's last term. Each clip costs an
eigenvalue problem of min(N, D). For many clips in many dimensions `influence.frechet_influence` is the first-order
answer at the price of one distance: the same but for clips far from all others, whose effect it misjudges, and where
there are few more rows than features.
MMD: row sums of the kernel give all values at once.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from cmmd_bench.metrics.checks import Rows, check_same_width, feature_rows
from cmmd_bench.metrics.frechet import Distribution, as_gaussian, frechet_distance
from cmmd_bench.metrics.jackknife import Labels
from cmmd_bench.metrics.kernel_units import units
from cmmd_bench.metrics.mmd import ROWS_AT_ONCE, Kernel, check_kernel_finite, polynomial_kernel

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class LeaveOut:
    """value: the score of all; labels: the clips, sorted; effects (C,): value less the value without the clip."""

    value: float
    labels: tuple[str, ...]
    effects: Array


def frechet_leave_out(x: Rows, clusters: Labels, reference: Distribution, *, ddof: int = 1) -> LeaveOut:
    """Exact effect of each cluster of rows of x (N, D) on `frechet_distance(x, reference)`.

    Raises ValueError as `frechet_distance`, and when fewer than ddof + 1 rows remain without some cluster.
    """
    whole = feature_rows(x, "x", at_least=ddof + 1)
    against = as_gaussian(reference, "reference", ddof=ddof)
    check_same_width(whole.shape[1], against.mean.size, "x", "reference")
    set_of = units(whole, clusters, "x")
    n = len(whole)
    if n - int(set_of.sizes.max()) <= ddof:
        raise ValueError(f"at least {ddof + 1} row(s) must remain without a cluster, found {n - set_of.sizes.max()}")
    mean = set_of.rows.mean(axis=0)
    centred = set_of.rows - mean
    projected = centred @ against.factor.T
    # The smaller of the two Gram matrices has the same eigenvalues but for zeros.
    wide = projected.shape[1] > n
    gram = projected @ projected.T if wide else projected.T @ projected
    squares = np.einsum("ij,ij->i", centred, centred)
    without = np.empty(len(set_of))
    ends = np.append(set_of.starts, n)
    for c, (start, end) in enumerate(pairwise(ends)):
        left = n - (end - start)
        # What the mean moves by when the cluster goes, in features and as projected.
        shift = -centred[start:end].sum(axis=0) / left
        if wide:
            kept = np.delete(np.arange(n), np.s_[start:end])
            rest = _doubly_centred(gram[np.ix_(kept, kept)])
        else:
            gone, moved = projected[start:end], shift @ against.factor.T
            rest = gram - gone.T @ gone - left * np.outer(moved, moved)
        spread = float(squares.sum() - squares[start:end].sum() - left * (shift @ shift))
        overlap = _root_sum(rest, left - 1)
        gap = mean + shift - against.mean
        scale = left - ddof
        without[c] = gap @ gap + spread / scale + against.trace - 2 * overlap / np.sqrt(scale)
    value = frechet_distance(whole, against, ddof=ddof)
    return LeaveOut(value, set_of.labels, value - without)


def mmd_leave_out(x: Rows, clusters: Labels, reference: Rows, *, kernel: Kernel | None = None) -> LeaveOut:
    """Exact effect of each cluster of rows of x (N, D) on the unbiased MMD² to the reference (M, D), all pairs counted.

    kernel: None is KVD's, so that the value is `polynomial_mmd(x, reference)`. Raises ValueError as `polynomial_mmd`,
    and when fewer than 2 rows remain without some cluster.
    """
    y = np.ascontiguousarray(feature_rows(reference, "reference", at_least=2), dtype=np.float64)
    set_of = units(feature_rows(x, "x", at_least=2), clusters, "x")
    rows, sizes, n, m = set_of.rows, set_of.sizes, len(set_of.rows), len(y)
    check_same_width(rows.shape[1], y.shape[1], "x", "reference")
    if n - sizes.max() < 2:
        raise ValueError(f"at least 2 rows must remain without a cluster, found {n - sizes.max()}")
    kernel = polynomial_kernel() if kernel is None else kernel
    own, cross, among = np.empty(n), np.empty(n), 0.0
    within = np.zeros(len(set_of))
    with np.errstate(over="ignore", invalid="ignore"):
        for start in range(0, n, ROWS_AT_ONCE):
            block = slice(start, start + ROWS_AT_ONCE)
            values = kernel(rows[block], rows)
            np.fill_diagonal(values[:, start:], 0.0)
            own[block], cross[block] = values.sum(axis=1), kernel(rows[block], y).sum(axis=1)
        for start in range(0, m, ROWS_AT_ONCE):
            values = kernel(y[start : start + ROWS_AT_ONCE], y)
            np.fill_diagonal(values[:, start:], 0.0)
            among += float(values.sum())
        for c in np.flatnonzero(sizes > 1):
            values = kernel(*[rows[set_of.starts[c] : set_of.starts[c] + sizes[c]]] * 2)
            within[c] = values.sum() - np.trace(values)
    check_kernel_finite(rows, y, own, cross, np.array([among]))
    own_sums, cross_sums = np.add.reduceat(own, set_of.starts), np.add.reduceat(cross, set_of.starts)
    left = n - sizes
    reference_term = among / (m * (m - 1))
    value = float(own.sum() / (n * (n - 1)) + reference_term - 2 * cross.sum() / (n * m))
    # A pair of a row inside with a row outside is in the sum twice, one with both inside only once more than wanted.
    pairs = (own.sum() - 2 * own_sums + within) / (left * (left - 1))
    without = pairs + reference_term - 2 * (cross.sum() - cross_sums) / (left * m)
    return LeaveOut(value, set_of.labels, value - without)


def _doubly_centred(gram: Array) -> Array:
    means = gram.mean(axis=0)
    centred: Array = gram - means - means[:, np.newaxis] + means.mean()
    return centred


def _root_sum(gram: Array, rank: int) -> float:
    """Sum of the roots of the `rank` largest eigenvalues: the others are 0, and would be the root of rounding.

    So are those that are 0 because the features span fewer directions.
    """
    eigenvalues = np.linalg.eigvalsh(gram)[-min(rank, len(gram)) :]
    rounding = np.finfo(np.float64).eps * eigenvalues[-1] * len(gram)
    return float(np.sqrt(eigenvalues[eigenvalues > max(rounding, 0.0)]).sum())
