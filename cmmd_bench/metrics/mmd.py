"""Kernel distance with a polynomial kernel: unbiased squared maximum mean discrepancy (MMD²).

k(a, b) = (gamma·a·b + coef0)^degree, by default (a·b/D + 1)³. With m rows of x and n rows of y,

    MMD² = Σ_{i≠j} k(xi, xj) / m(m-1) + Σ_{i≠j} k(yi, yj) / n(n-1) - 2 Σ_{i,j} k(xi, yj) / mn.

KVD is this on 400 I3D logits, all rows, no subsets, no scale factor (TATS, LVDM, MM-Diffusion; Bińkowski et al. 2018).
Lower is better. Unbiased at any n for independent rows: values of small sets scatter, and may be below 0, but do not
drift with n as a Fréchet distance does. Several rows of one condition are not independent: their pairs pull the value
up, the more the fewer conditions there are. With `clusters` such pairs are skipped, in numerator and denominator, and
the value is unbiased again; published values count all pairs, so that is the default. A set against itself is below 0,
because two of the three sums lack the diagonal.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cmmd_bench.metrics.checks import Rows, check_same_width, feature_rows
from cmmd_bench.metrics.jackknife import Labels, cluster_numbers

Array = NDArray[np.float64]
Indices = NDArray[np.intp]

Kernel = Callable[[Array, Array], Array]
"""k(a (m, D), b (n, D)) -> (m, n), a new float64 array; k(a, b) = k(b, a)ᵀ."""

ROWS_AT_ONCE = 512


def polynomial_mmd(
    x: Rows,
    y: Rows,
    *,
    degree: int = 3,
    gamma: float | None = None,
    coef0: float = 1.0,
    clusters: Labels | None = None,
    reference_clusters: Labels | None = None,
) -> float:
    """Unbiased MMD² between x (m, D) and y (n, D), m and n >= 2; `gamma` None is 1/D.

    clusters (m,), reference_clusters (n,): labels of what was drawn together, such as the condition; pairs of rows with
    one label are then skipped, also between x and y where labels of both are given. None: every row is its own.

    Memory: both sets as float64 and one block of the kernel matrix. Independent of the order of rows up to rounding.
    Raises ValueError for wrong shapes, NaN, infinity, fewer than 2 rows (or clusters), different D, or values too large
    for the kernel.
    """
    x, y = feature_rows(x, "x", at_least=2), feature_rows(y, "y", at_least=2)
    groups = np.zeros(len(x), dtype=np.intp), np.zeros(len(y), dtype=np.intp)
    kernel = polynomial_kernel(degree, gamma, coef0)
    clusters_x, clusters_y = numbered_sides(len(x), clusters, len(y), reference_clusters)
    sums = kernel_sums(x, y, *groups, n_groups=1, kernel=kernel, clusters_x=clusters_x, clusters_y=clusters_y)
    return sums.mmd()


def polynomial_kernel(degree: int = 3, gamma: float | None = None, coef0: float = 1.0) -> Kernel:
    """k(a, b) = (gamma·a·b + coef0)^degree; `gamma` None is 1/D. The defaults are KVD's kernel."""
    if isinstance(degree, bool) or not isinstance(degree, int) or degree < 1:
        raise ValueError(f"degree must be a whole number of at least 1, found {degree!r}")
    for name, value in (("gamma", gamma), ("coef0", coef0)):
        if value is not None and not math.isfinite(value):
            raise ValueError(f"{name} must be finite, found {value!r}")

    def kernel(a: Array, b: Array) -> Array:
        base: Array = a @ b.T
        base *= 1.0 / a.shape[1] if gamma is None else gamma
        base += coef0
        power = base.copy()
        # Products: an order of magnitude faster than numpy's general power.
        for _ in range(degree - 1):
            power *= base
        return power

    return kernel


@dataclass(frozen=True, slots=True, eq=False)
class KernelSums:
    """Sums of the kernel matrices by groups of rows: all that the MMD² of any union of groups needs.

    xx, yy, xy (G, G): kernel sums, and pairs_xx, pairs_yy, pairs_xy (G, G): the number of pairs in each. Pairs of a row
    with itself and pairs within a cluster are in neither.
    """

    xx: Array
    yy: Array
    xy: Array
    pairs_xx: Array
    pairs_yy: Array
    pairs_xy: Array

    def mmd(self, without: int | None = None) -> float:
        """MMD² of all rows, or of those outside one group; ValueError when that leaves no pair to take a mean over."""
        keep = np.ones(len(self.xx))
        if without is not None:
            keep[without] = 0.0
        pairs = [float(keep @ counts @ keep) for counts in (self.pairs_xx, self.pairs_yy, self.pairs_xy)]
        if min(pairs) < 1:
            raise ValueError(
                "an unbiased MMD needs at least 2 rows (or clusters) on either side, found "
                f"{pairs[0]:g}, {pairs[1]:g} and {pairs[2]:g} pairs within x, within y and between them"
            )
        xx, yy, xy = (float(keep @ sums @ keep) / n for sums, n in zip((self.xx, self.yy, self.xy), pairs, strict=True))
        return xx + yy - 2 * xy


def kernel_sums(
    x: Rows,
    y: Rows,
    groups_x: Indices,
    groups_y: Indices,
    *,
    n_groups: int,
    kernel: Kernel | None = None,
    clusters_x: Indices | None = None,
    clusters_y: Indices | None = None,
) -> KernelSums:
    """Kernel sums of x (m, D) and y (n, D) by group.

    groups_x (m,), groups_y (n,): group of each row, 0..n_groups-1; kernel: None is KVD's.
    clusters_x, clusters_y: number of each row's cluster, common to both sides; None: every row is a cluster of its own.
    Errors as in `polynomial_mmd`.
    """
    x, y = feature_rows(x, "x"), feature_rows(y, "y")
    check_same_width(x.shape[1], y.shape[1], "x", "y")
    kernel = polynomial_kernel() if kernel is None else kernel
    a, b = np.ascontiguousarray(x, dtype=np.float64), np.ascontiguousarray(y, dtype=np.float64)
    numbers = np.arange(n_groups)
    in_a = (groups_x[:, np.newaxis] == numbers).astype(np.float64)
    in_b = (groups_y[:, np.newaxis] == numbers).astype(np.float64)
    # An overflow is found in the sums, where it can be told as what it is.
    with np.errstate(over="ignore", invalid="ignore"):
        sums = KernelSums(
            xx=_sums_within(a, in_a, clusters_x, kernel),
            yy=_sums_within(b, in_b, clusters_y, kernel),
            xy=_sums_between(a, in_a, clusters_x, b, in_b, clusters_y, kernel),
            pairs_xx=_pairs_within(in_a, clusters_x),
            pairs_yy=_pairs_within(in_b, clusters_y),
            pairs_xy=_pairs_between(in_a, clusters_x, in_b, clusters_y),
        )
    check_kernel_finite(a, b, sums.xx, sums.yy, sums.xy)
    return sums


def check_kernel_finite(a: Array, b: Array, *sums: Array) -> None:
    """Raise ValueError when sums of a kernel over the rows of a and b have overflowed."""
    if not all(np.isfinite(part.sum()) for part in sums):
        largest = max(float(np.abs(a).max()), float(np.abs(b).max()))
        raise ValueError(f"x and y are too large for this kernel: found values up to {largest:.3g}")


def numbered_sides(
    m: int, clusters: Labels | None, n: int, reference_clusters: Labels | None
) -> tuple[Indices | None, Indices | None]:
    """Cluster numbers, common to both sides, of the m rows of x and the n rows of the reference; None where not given.

    Raises ValueError unless there is one label per row.
    """
    given = ((clusters, m, "clusters", "x"), (reference_clusters, n, "reference_clusters", "the reference"))
    for labels, length, name, of in given:
        if labels is not None and len(labels) != length:
            found = f"{len(labels)} labels for {length} rows"
            raise ValueError(f"{name} must have one label per row of {of}, found {found}")
    _, numbers = cluster_numbers(*(labels for labels, *_ in given if labels is not None))
    sides = iter(numbers)
    return None if clusters is None else next(sides), None if reference_clusters is None else next(sides)


def _sums_within(a: Array, members: Array, clusters: Indices | None, kernel: Kernel) -> Array:
    sums = np.zeros((members.shape[1], members.shape[1]))
    for start in range(0, len(a), ROWS_AT_ONCE):
        stop = start + ROWS_AT_ONCE
        # The matrix is symmetric: a block row from its diagonal on holds every pair once, except in the diagonal block.
        values = kernel(a[start:stop], a[start:])
        if clusters is None:
            np.fill_diagonal(values, 0.0)
        else:
            values[clusters[start:stop, np.newaxis] == clusters[start:]] = 0.0
        rows = members[start:stop]
        square, rest = values[:, : len(rows)], values[:, len(rows) :]
        sums += rows.T @ (square @ rows)
        beyond = rows.T @ (rest @ members[stop:])
        sums += beyond + beyond.T
    return sums


def _sums_between(
    a: Array, in_a: Array, clusters_a: Indices | None, b: Array, in_b: Array, clusters_b: Indices | None, kernel: Kernel
) -> Array:
    sums = np.zeros((in_a.shape[1], in_b.shape[1]))
    for start in range(0, len(a), ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        values = kernel(a[rows], b)
        if clusters_a is not None and clusters_b is not None:
            values[clusters_a[rows, np.newaxis] == clusters_b] = 0.0
        sums += in_a[rows].T @ (values @ in_b)
    return sums


def _pairs_within(members: Array, clusters: Indices | None) -> Array:
    counts = members.sum(axis=0)
    if clusters is None:
        return np.outer(counts, counts) - np.diag(counts)
    return _pairs_between(members, clusters, members, clusters)


def _pairs_between(in_a: Array, clusters_a: Indices | None, in_b: Array, clusters_b: Indices | None) -> Array:
    pairs = np.outer(in_a.sum(axis=0), in_b.sum(axis=0))
    if clusters_a is None or clusters_b is None:
        return pairs
    n_clusters = 1 + int(max(clusters_a.max(), clusters_b.max()))
    return pairs - _by_cluster(in_a, clusters_a, n_clusters).T @ _by_cluster(in_b, clusters_b, n_clusters)


def _by_cluster(members: Array, clusters: Indices, n_clusters: int) -> Array:
    """(clusters, G): rows of each cluster in each group."""
    counts = np.zeros((n_clusters, members.shape[1]))
    np.add.at(counts, clusters, members)
    return counts
