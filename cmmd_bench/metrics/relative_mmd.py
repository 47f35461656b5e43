"""Which of two models is nearer to the reference: the relative MMD test, with the joint variance of both distances.

The difference MMD²(A, reference) - MMD²(B, reference) has a smaller error than either distance, because both meet the
same reference, and, where A and B answer the same conditions, because rows of a condition are alike. Bounliphone et al.
(2016) give the joint variance for three independent samples. Here is also the paired case, which is the usual one in a
benchmark: a unit is a condition, with the rows that A, B (and the reference, if it is made of the conditions' own
ground truths) have for it. The difference is then one U-statistic of independent units,

    h(c, c') = k(a, a') - k(b, b') - r(a, a') + r(b, b'),

r the terms against the reference, and has the exact variance of `u_statistics`. The reference's own term cancels.
What is drawn, and why pairs within a unit are left out: `mmd_variance` and `kernel_units`.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from cmmd_bench.metrics.checks import Rows, check_same_width
from cmmd_bench.metrics.differences import Difference, difference_from
from cmmd_bench.metrics.jackknife import OF_MANY_CLIPS, Labels, t_interval
from cmmd_bench.metrics.kernel_units import Units, blocks, mean_kernel, unit_kernel, unit_kernel_rows, units
from cmmd_bench.metrics.mmd import Kernel, check_kernel_finite, polynomial_kernel
from cmmd_bench.metrics.mmd_variance import Drawn, check_same_units
from cmmd_bench.metrics.u_statistics import (
    CrossSums,
    PairSums,
    check_units,
    cross_sums,
    pair_sums,
    two_sample_variance,
    variance,
)

Array = NDArray[np.float64]


def relative_mmd_test(
    a: Rows,
    b: Rows,
    reference: Rows,
    *,
    clusters_a: Labels | None = None,
    clusters_b: Labels | None = None,
    reference_clusters: Labels | None = None,
    paired: bool = True,
    reference_is: Drawn = "fixed",
    kernel: Kernel | None = None,
    level: float = 0.95,
) -> Difference:
    """MMD²(a, reference) - MMD²(b, reference): below 0, a is nearer.

    a (N, D), b (M, D), reference (R, D) rows, with the unit of each row as in `mmd_exact_interval`; without labels rows
    are units, and paired ones correspond by position. paired: a and b have the same units. `reference_is` "paired" asks
    for `paired`. The p-value is two-sided, of no difference; for the one-sided claim of Bounliphone et al. that the
    nearer one is nearer, halve it. Raises ValueError for malformed input, unequal units where they are paired, and
    fewer than 4 units.
    """
    if reference_is not in ("fixed", "sample", "paired"):
        raise ValueError(f"reference_is must be 'fixed', 'sample' or 'paired', found {reference_is!r}")
    if reference_is == "paired" and not paired:
        raise ValueError("reference_is 'paired' needs a and b paired with each other, found paired=False")
    of_a, of_b, of_r = (
        units(rows, labels, name)
        for rows, labels, name in (
            (a, clusters_a, "a"),
            (b, clusters_b, "b"),
            (reference, reference_clusters, "reference"),
        )
    )
    for side, name in ((of_a, "a"), (of_b, "b")):
        check_same_width(side.rows.shape[1], of_r.rows.shape[1], name, "reference")
        check_units(len(side))
    if paired:
        check_same_units(of_a, of_b, "a", "b")
    if reference_is == "paired":
        check_same_units(of_a, of_r, "a", "reference")
    kernel = polynomial_kernel() if kernel is None else kernel
    with np.errstate(over="ignore", invalid="ignore"):
        value, spread, degrees = (_paired if paired else _apart)(kernel, of_a, of_b, of_r, reference_is)
    check_kernel_finite(np.concatenate([of_a.rows, of_b.rows]), of_r.rows, np.array([value, spread]))
    method = f"relative MMD test, {'paired' if paired else 'independent'} units, reference {reference_is}"
    interval = t_interval(value, float(np.sqrt(spread)), degrees, level=level, method=method, about=OF_MANY_CLIPS)
    return difference_from(interval, degrees, conditions=(len(of_a), len(of_b)))


def _paired(kernel: Kernel, a: Units, b: Units, r: Units, reference_is: Drawn) -> tuple[float, float, int]:
    if reference_is == "paired":
        own = pair_sums(_matched(kernel, a, b, r))
        return own.mean, variance(own), len(a) - 1
    witness_a, witness_b = mean_kernel(kernel, a, r), mean_kernel(kernel, b, r)
    gap = witness_a - witness_b
    if reference_is == "fixed":
        own = pair_sums(_against(kernel, a, b, gap))
        return own.mean, variance(own), len(a) - 1
    check_units(len(r))
    own = pair_sums(_against(kernel, a, b, gap))
    # The witnesses' difference is in `own`, so that the rows of the cross term have mean 0.
    cross = cross_sums(
        (block, unit_kernel_rows(kernel, a, block, r) - unit_kernel_rows(kernel, b, block, r) - gap[block, np.newaxis])
        for block in blocks(a)
    )
    return own.mean - 2 * cross.mean, two_sample_variance(own, cross, None), min(len(a), len(r)) - 1


def _against(kernel: Kernel, a: Units, b: Units, gap: Array) -> Iterator[tuple[slice, Array]]:
    for block in blocks(a):
        values = unit_kernel_rows(kernel, a, block, a) - unit_kernel_rows(kernel, b, block, b)
        yield block, values - gap[block, np.newaxis] - gap


def _matched(kernel: Kernel, a: Units, b: Units, r: Units) -> Iterator[tuple[slice, Array]]:
    for block in blocks(a):
        values = unit_kernel_rows(kernel, a, block, a) - unit_kernel_rows(kernel, b, block, b)
        values -= unit_kernel_rows(kernel, a, block, r) + unit_kernel_rows(kernel, r, block, a)
        values += unit_kernel_rows(kernel, b, block, r) + unit_kernel_rows(kernel, r, block, b)
        yield block, values


def _apart(kernel: Kernel, a: Units, b: Units, r: Units, reference_is: Drawn) -> tuple[float, float, int]:
    """Independent units: the variances add, less what the common reference makes both share."""
    sides = [_distance(kernel, side, r) for side in (a, b)]
    value = sides[0][0].mean - 2 * sides[0][1].mean - sides[1][0].mean + 2 * sides[1][1].mean
    degrees = min(len(a), len(b)) - 1
    if reference_is == "fixed":
        return value, variance(sides[0][0]) + variance(sides[1][0]), degrees
    check_units(len(r))
    columns = [cross.columns / len(cross.rows) for _, cross in sides]
    n = len(r)
    means = [float(column.mean()) for column in columns]
    products = means[0] * means[1] - (means[0] * means[1] * n * n - float(columns[0] @ columns[1])) / (n * (n - 1))
    spread = sum(two_sample_variance(own, cross, None) for own, cross in sides) - 8 * products
    least = sum(own.degenerate_variance + 4 * cross.degenerate_variance for own, cross in sides)
    return value, max(spread, least), min(degrees, n - 1)


def _distance(kernel: Kernel, side: Units, r: Units) -> tuple[PairSums, CrossSums]:
    """Sums of the distance of one side, both shifted by its witness, and by the reference's, which cancels."""
    witness, of_reference = mean_kernel(kernel, side, r), mean_kernel(kernel, r, r)
    constant = float(of_reference.mean())
    own = pair_sums(
        (block, values - witness[block, np.newaxis] - witness + constant)
        for block, values in unit_kernel(kernel, side, side)
    )
    cross = cross_sums(
        (block, values - witness[block, np.newaxis] - of_reference + constant)
        for block, values in unit_kernel(kernel, side, r)
    )
    return own, cross
