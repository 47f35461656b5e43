"""Two models' Fréchet or kernel distances to one reference: the difference, its interval, its p-value.

Interval and p-value: delete-group jackknife of the *difference*, with the same conditions left out of A, of B, and of
the reference where that is made of the conditions' own ground truths. Swap test: the labels A and B swapped condition
by condition (or, for models that answered different conditions, dealt anew). `differences` says what each is for: of
two models that miss the reference on opposite sides by as much, the swap test told 40 to 74 % apart, the interval 5 %.

A permutation test may use any statistic; one that is a sum over conditions costs nothing to relabel. For the kernel
distance no choice is needed: swapping A and B in condition c changes the sign of one term t_c of the difference, and of
nothing else, because the cross terms of two conditions cancel. For the Fréchet distance t_c is the influence
of c's rows at the *pooled* distribution of A and B, which no swap changes. The pool lies midway, so that the sum is the
difference up to third order; the test is exact whatever the sum leaves out, and in simulations it decides as full
recomputation does. (Exact where A and B have as many rows in a condition; otherwise the swap is an approximation.)

Cost for C conditions, G groups: 2 (G + 1) distances and one more for the scores; three kernels of each side.
A difference of Fréchet distances compares like with like only at equal n: both carry a bias of about b/n.
"""

import numpy as np
from numpy.typing import NDArray

from cmmd_bench.metrics.checks import Rows, check_same_width, feature_rows
from cmmd_bench.metrics.comparison import Pairing, pair_up
from cmmd_bench.metrics.differences import PERMUTATIONS, Difference, difference_from
from cmmd_bench.metrics.frechet import Distribution, as_gaussian, frechet_distance
from cmmd_bench.metrics.gaussian import Gaussian, GaussianStatistics, merge
from cmmd_bench.metrics.influence import FrechetDerivative
from cmmd_bench.metrics.intervals import fewest_without, merged, statistics_by_group, without_each
from cmmd_bench.metrics.jackknife import (
    AT_THIS_N,
    GROUPS,
    Labels,
    cluster_sums,
    clusters_per_group,
    interval_from_groups,
    jackknife_groups,
)
from cmmd_bench.metrics.mmd import ROWS_AT_ONCE, Kernel, KernelSums, kernel_sums, polynomial_kernel

Array = NDArray[np.float64]
Indices = NDArray[np.intp]


def compare_frechet(
    a: Rows,
    conditions_a: Labels,
    b: Rows,
    conditions_b: Labels,
    reference: Distribution,
    *,
    reference_conditions: Labels | None = None,
    paired: bool = True,
    ddof: int = 1,
    n_groups: int = GROUPS,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
    level: float = 0.95,
) -> Difference | None:
    """`frechet_distance(a, reference)` - `frechet_distance(b, reference)`, over the conditions that both have.

    a (N, D), b (M, D): rows, such as FVD's logits or FAD's frames; conditions: label of each row's condition.
    reference_conditions: labels of the reference's rows (R, D), which then leave with their condition.
    Returns None for fewer than 2 conditions, or too few rows without one group. Errors as `frechet_distance`.
    """
    a, b, pairing = _sides(a, conditions_a, b, conditions_b, paired)
    if min(pairing.counts) < 2:
        return None
    groups_a, groups_b, groups_r, sizes = _groups(pairing, reference, reference_conditions, n_groups)
    sides = [statistics_by_group(rows, groups, len(sizes)) for rows, groups in ((a, groups_a), (b, groups_b))]
    against = as_gaussian(reference, "reference", ddof=ddof)
    check_same_width(a.shape[1], against.mean.size, "a", "reference")
    references: list[Distribution] = [against] * len(sizes)
    needed = list(sides)
    if groups_r is not None:
        parts = statistics_by_group(np.asarray(reference), groups_r, len(sizes))
        needed.append(parts)
    if min(fewest_without(parts) for parts in needed) <= ddof:
        return None
    if groups_r is not None:
        references = list(without_each(needed[2]))
    without = [
        frechet_distance(one, left, ddof=ddof) - frechet_distance(other, left, ddof=ddof)
        for one, other, left in zip(without_each(sides[0]), without_each(sides[1]), references, strict=True)
    ]
    of_a, of_b = (merged(parts) for parts in sides)
    values = [frechet_distance(of, against, ddof=ddof) for of in (of_a, of_b)]
    derivative = FrechetDerivative.at(merge(of_a, of_b).gaussian(ddof), against, scale=1.0)
    scores = _by_condition((derivative.of(a), derivative.of(b)), pairing)
    swap = pairing.test(*scores, permutations=permutations, seed=seed)
    return _difference(values, without, sizes, pairing, swap, level)


def compare_mmd(
    a: Rows,
    conditions_a: Labels,
    b: Rows,
    conditions_b: Labels,
    reference: Rows,
    *,
    reference_conditions: Labels | None = None,
    paired: bool = True,
    kernel: Kernel | None = None,
    n_groups: int = GROUPS,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
    level: float = 0.95,
) -> Difference | None:
    """Difference of the unbiased MMD² of two models to one reference, all pairs counted as in `polynomial_mmd`.

    Arguments and None as `compare_frechet`; kernel: None is KVD's. For the same without pairs within a condition, from
    the exact variance, see `relative_mmd`.
    """
    a, b, pairing = _sides(a, conditions_a, b, conditions_b, paired)
    y = feature_rows(reference, "reference", at_least=2)
    if min(pairing.counts) < 2:
        return None
    groups_a, groups_b, groups_r, sizes = _groups(pairing, y, reference_conditions, n_groups)
    kernel = polynomial_kernel() if kernel is None else kernel
    # A group of its own, which is never left out.
    of_reference = np.full(len(y), len(sizes)) if groups_r is None else groups_r
    counts = [np.bincount(numbers, minlength=len(sizes) + 1) for numbers in (groups_a, groups_b, of_reference)]
    if min((n.sum() - n[:-1]).min() for n in counts) < 2:
        return None
    sums: list[KernelSums] = [
        kernel_sums(rows, y, groups, of_reference, n_groups=len(sizes) + 1, kernel=kernel)
        for rows, groups in ((a, groups_a), (b, groups_b))
    ]
    values = [side.mmd() for side in sums]
    without = [sums[0].mmd(without=g) - sums[1].mmd(without=g) for g in range(len(sizes))]
    side_a, side_b, side_r = (np.ascontiguousarray(rows, dtype=np.float64) for rows in (a, b, y))
    scores = _by_condition(_mmd_scores(kernel, side_a, side_b, side_r, pairing), pairing)
    swap = pairing.test(*scores, permutations=permutations, seed=seed)
    return _difference(values, without, sizes, pairing, swap, level)


def _difference(
    values: list[float], without: list[float], sizes: list[int], pairing: Pairing, swap: tuple[float, str], level: float
) -> Difference:
    """From the distances of A and B, their differences without each group, and the swap test."""
    scale = max(map(abs, values))
    interval = interval_from_groups(
        values[0] - values[1], without, sizes, level=level, over="conditions", about=AT_THIS_N, scale=scale
    )
    counts, left_out = pairing.counts, pairing.left_out
    return difference_from(interval, len(sizes) - 1, conditions=counts, left_out=left_out, swap=swap, scale=scale)


def _sides(a: Rows, conditions_a: Labels, b: Rows, conditions_b: Labels, paired: bool) -> tuple[Rows, Rows, Pairing]:
    a, b = feature_rows(a, "a"), feature_rows(b, "b")
    check_same_width(a.shape[1], b.shape[1], "a", "b")
    for rows, labels, name in ((a, conditions_a, "a"), (b, conditions_b, "b")):
        if len(labels) != len(rows):
            found = f"{len(labels)} labels for {len(rows)} rows"
            raise ValueError(f"conditions_{name} must have one label per row of {name}, found {found}")
    pairing = pair_up(conditions_a, conditions_b, paired=paired)
    return a[pairing.kept_a], b[pairing.kept_b], pairing


def _groups(
    pairing: Pairing, reference: Distribution, conditions: Labels | None, n_groups: int
) -> tuple[Indices, Indices, Indices | None, list[int]]:
    """Jackknife groups of the rows of a, of b and of the reference (None: it stays), and conditions in each."""
    if conditions is None:
        groups_a, groups_b, sizes = pairing.groups(n_groups)
        return groups_a, groups_b, None, sizes
    if isinstance(reference, GaussianStatistics | Gaussian):
        raise ValueError("reference must be (R, D) rows to be resampled with reference_conditions, found statistics")
    if len(conditions) != len(reference):
        found = f"{len(conditions)} labels for {len(reference)} rows"
        raise ValueError(f"reference_conditions must have one label per row of the reference, found {found}")
    if not pairing.paired:
        raise ValueError("reference_conditions pair the reference with both models, found paired=False")
    names = [*pairing.names_a, *pairing.names_b, *(str(label) for label in conditions)]
    groups = jackknife_groups(names, n_groups=n_groups)
    ends = len(pairing.names_a), len(pairing.names_a) + len(pairing.names_b)
    return groups[: ends[0]], groups[ends[0] : ends[1]], groups[ends[1] :], clusters_per_group(names, groups)


def _mmd_scores(kernel: Kernel, a: Array, b: Array, reference: Array, pairing: Pairing) -> tuple[Array, Array]:
    """(N,) and (M,): of each row its kernel to the rows of both models, less twice its mean kernel to the reference.

    Rows of the other model for the same condition are not counted where conditions are paired: a swap leaves that pair
    between the models. The mean difference of these scores is then that of the MMD².
    """
    own = [_row_sums(kernel, side, side) - _own_kernel(kernel, side) for side in (a, b)]
    rows, columns = [], np.zeros(len(b))
    for start in range(0, len(a), ROWS_AT_ONCE):
        block = slice(start, start + ROWS_AT_ONCE)
        values = kernel(a[block], b)
        if pairing.paired:
            values[pairing.units_a[block, np.newaxis] == pairing.units_b] = 0.0
        rows.append(values.sum(axis=1))
        columns += values.sum(axis=0)
    others = (len(a) + len(b)) / 2 - 1
    totals = own[0] + np.concatenate(rows), own[1] + columns
    score_a, score_b = (
        total / others - 2 * _row_sums(kernel, side, reference) / len(reference)
        for total, side in zip(totals, (a, b), strict=True)
    )
    return score_a, score_b


def _row_sums(kernel: Kernel, a: Array, b: Array) -> Array:
    return np.concatenate([kernel(a[i : i + ROWS_AT_ONCE], b).sum(axis=1) for i in range(0, len(a), ROWS_AT_ONCE)])


def _own_kernel(kernel: Kernel, a: Array) -> Array:
    """(N,) kernel of each row to itself."""
    step = 32
    return np.concatenate([np.diagonal(kernel(a[i : i + step], a[i : i + step])) for i in range(0, len(a), step)])


def _by_condition(row_scores: tuple[Array, Array], pairing: Pairing) -> tuple[Array, Array]:
    """One score a condition, whose mean is that of the rows."""
    sides = zip(row_scores, (pairing.units_a, pairing.units_b), pairing.counts, strict=True)
    score_a, score_b = (cluster_sums(scores, of, count) * (count / len(scores)) for scores, of, count in sides)
    return score_a, score_b
