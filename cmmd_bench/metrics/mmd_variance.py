"""Intervals for the unbiased MMD² from its exact variance, and from replicates of a quadratic form.

The value is the one without pairs within a unit (see `kernel_units`; `polynomial_mmd` with `clusters`), every unit
counting once. It has no bias at any n, so an interval is at once for the value at this n and for the limit of many
clips. What is taken as drawn is the caller's to say:

    fixed   the reference stays; the distance is to this reference (the default, as in `intervals`)
    sample  the reference is another independent sample of its own population
    paired  unit c of the reference belongs to unit c of x: ground truths of the same conditions

`fixed` and `paired` are U-statistics of one sample of units, with kernels k(x, x') - g(x) - g(x') + const, g the mean
kernel to the reference, and k(x, x') + k(y, y') - k(x, y') - k(y, x'); `sample` has two. The variance is the unbiased
one of `u_statistics`; nothing is resampled and nothing asymptotic goes into it, only the normal shape of the interval
is. 95 % intervals covered 95 to 96 % where the sets differ. Near a true value of 0 the shape is skewed to the right,
where `mmd_bootstrap_interval` follows it: the weakest row of the stored simulations is 91.5 % (200 units, 64 features,
true value 0; tests/data/proofs/coverage_kvd.json).

Cost: three kernel matrices, block by block; the bootstrap stores one, C x C, and multiplies it with C x replicates.
"""

from collections.abc import Iterator
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cmmd_bench.metrics.checks import Rows, check_same_width
from cmmd_bench.metrics.jackknife import OF_MANY_CLIPS, Interval, Labels, check_level, t_interval
from cmmd_bench.metrics.kernel_units import Units, blocks, mean_kernel, unit_kernel, unit_kernel_rows, units
from cmmd_bench.metrics.mmd import Kernel, check_kernel_finite, polynomial_kernel
from cmmd_bench.metrics.u_statistics import (
    FEWEST_UNITS,
    PairSums,
    check_units,
    cross_sums,
    pair_sums,
    two_sample_variance,
    variance,
)

Array = NDArray[np.float64]
Drawn = Literal["fixed", "sample", "paired"]

REPLICATES = 1000


def mmd_exact_interval(
    x: Rows,
    reference: Rows,
    *,
    clusters: Labels | None = None,
    reference_clusters: Labels | None = None,
    reference_is: Drawn = "fixed",
    kernel: Kernel | None = None,
    level: float = 0.95,
) -> Interval | None:
    """MMD² of x (N, D) and the reference (M, D) ± t·√variance.

    clusters (N,), reference_clusters (M,): unit of each row; None: each row by itself. kernel: None is KVD's.
    Degrees of freedom: units of x less 1, of the smaller side for `sample`. Returns None for fewer than 4 units on a
    side that is taken as drawn. Raises ValueError for malformed rows and labels, fewer than 2 units in the reference,
    and for `paired` when the two sides do not have the same units.
    """
    a, b, kernel = _prepared(x, clusters, reference, reference_clusters, reference_is, kernel)
    drawn = len(a) if reference_is != "sample" else min(len(a), len(b))
    if drawn < FEWEST_UNITS:
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        if reference_is == "sample":
            value, spread, sums = _two_sample(kernel, a, b)
        else:
            own = pair_sums(one_sample_blocks(kernel, a, b, reference_is))
            value, spread, sums = own.mean, variance(own), own.rows
    check_kernel_finite(a.rows, b.rows, sums)
    method = f"exact variance of a U-statistic over {len(a)} units, reference {_words(reference_is, b)}"
    return t_interval(value, float(np.sqrt(spread)), drawn - 1, level=level, method=method, about=OF_MANY_CLIPS)


def mmd_bootstrap_interval(
    x: Rows,
    reference: Rows,
    *,
    clusters: Labels | None = None,
    reference_clusters: Labels | None = None,
    reference_is: Literal["fixed", "paired"] = "fixed",
    kernel: Kernel | None = None,
    replicates: int = REPLICATES,
    seed: int = 0,
    level: float = 0.95,
) -> Interval | None:
    """Interval 2·value - quantiles of the replicates, for the shape of the distribution near a distance of 0.

    Each replicate draws the units again with replacement, w of each, and takes Σ_{i≠j} w_i w_j h_ij / m(m-1): a unit
    that is drawn twice is never paired with itself, so that replicates, unlike resampled sets of rows, have no bias.
    The reflected quantiles, not the quantiles, because it is the error of the value that is copied.
    Arguments, None and errors as `mmd_exact_interval`; the same seed gives the same interval.
    """
    check_level(level)
    a, b, kernel = _prepared(x, clusters, reference, reference_clusters, reference_is, kernel)
    if len(a) < FEWEST_UNITS:
        return None
    value, values = _replicates(kernel, a, b, reference_is, replicates, seed)
    tail = (1 - level) / 2
    lowest, highest = np.quantile(values, [tail, 1 - tail])
    method = f"{replicates} bootstrap replicates (seed {seed}) over {len(a)} units, reference {_words(reference_is, b)}"
    low, high = float(2 * value - highest), float(2 * value - lowest)
    return Interval(value, low, high, float(values.std(ddof=1)), level, method, OF_MANY_CLIPS)


def one_sample_blocks(kernel: Kernel, a: Units, b: Units, reference_is: Drawn) -> Iterator[tuple[slice, Array]]:
    """Blocks of rows of h (C, C) of `fixed` or `paired`, so that its mean off the diagonal is the MMD²."""
    if reference_is == "fixed":
        check_units_of_reference(b)
        witness = mean_kernel(kernel, a, b)
        constant = pair_sums(unit_kernel(kernel, b, b)).mean
        for block, values in unit_kernel(kernel, a, a):
            yield block, values - witness[block, np.newaxis] - witness + constant
        return
    for block in blocks(a):
        values = unit_kernel_rows(kernel, a, block, a) + unit_kernel_rows(kernel, b, block, b)
        yield block, values - unit_kernel_rows(kernel, a, block, b) - unit_kernel_rows(kernel, b, block, a)


def check_units_of_reference(b: Units) -> None:
    """Raise ValueError when the reference's own term has no pair to take a mean over."""
    if len(b) < 2:
        raise ValueError(f"reference must hold at least 2 rows or clusters, found {len(b)}")


def check_same_units(a: Units, b: Units, name_a: str, name_b: str) -> None:
    """Raise ValueError unless two sides have units of the same names."""
    if a.labels != b.labels:
        alone = sorted(set(a.labels) ^ set(b.labels))
        raise ValueError(
            f"{name_a} and {name_b} must have the same units to be paired, found {len(alone)} on one side alone, "
            f"such as {alone[0]!r}"
        )


def _prepared(
    x: Rows,
    clusters: Labels | None,
    reference: Rows,
    reference_clusters: Labels | None,
    drawn: Drawn,
    kernel: Kernel | None,
) -> tuple[Units, Units, Kernel]:
    if drawn not in ("fixed", "sample", "paired"):
        raise ValueError(f"reference_is must be 'fixed', 'sample' or 'paired', found {drawn!r}")
    a, b = units(x, clusters, "x"), units(reference, reference_clusters, "reference")
    check_same_width(a.rows.shape[1], b.rows.shape[1], "x", "reference")
    if drawn == "paired":
        check_same_units(a, b, "x", "reference")
    else:
        check_units_of_reference(b)
    return a, b, polynomial_kernel() if kernel is None else kernel


def _words(drawn: Drawn, b: Units) -> str:
    return {"fixed": "fixed", "sample": f"an independent sample of {len(b)}", "paired": "paired with them"}[drawn]


def _two_sample(kernel: Kernel, a: Units, b: Units) -> tuple[float, float, Array]:
    shift_a = mean_kernel(kernel, a, b)
    shift_b = mean_kernel(kernel, b, b)
    constant = float(shift_b.mean())

    def shifted(u: Units, shift_u: Array, v: Units, shift_v: Array) -> Iterator[tuple[slice, Array]]:
        for block, values in unit_kernel(kernel, u, v):
            yield block, values - shift_u[block, np.newaxis] - shift_v + constant

    xx: PairSums = pair_sums(shifted(a, shift_a, a, shift_a))
    yy = pair_sums(shifted(b, shift_b, b, shift_b))
    xy = cross_sums(shifted(a, shift_a, b, shift_b))
    check_units(len(b))
    return xx.mean + yy.mean - 2 * xy.mean, two_sample_variance(xx, xy, yy), xx.rows


def _replicates(
    kernel: Kernel, a: Units, b: Units, reference_is: Drawn, replicates: int, seed: int
) -> tuple[float, Array]:
    """The value and `replicates` of it."""
    if replicates < 100:
        raise ValueError(f"replicates must be at least 100 for the quantiles of an interval, found {replicates}")
    count = len(a)
    with np.errstate(over="ignore", invalid="ignore"):
        h = np.concatenate([values for _, values in one_sample_blocks(kernel, a, b, reference_is)])
    np.fill_diagonal(h, 0.0)
    check_kernel_finite(a.rows, b.rows, h)
    pairs = count * (count - 1)
    weights = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=replicates).astype(float)
    return float(h.sum()) / pairs, np.einsum("ij,ij->i", weights @ h, weights) / pairs
