"""Kernel distance as a mean over random subsets: the KID of several toolkits, on any features.

Each subset takes m of the generated and m of the real rows without replacement, and gives the unbiased cubic MMD² of
`mmd` between them; the mean over subsets is the value. It estimates the same quantity as `polynomial_mmd` on all rows,
with more noise: prefer that one, and these for comparison with published numbers.

The spread over subsets is not an error bar: subsets share rows, and at m = n all are the same.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cmmd_bench.metrics.checks import Rows, check_same_width, feature_rows
from cmmd_bench.metrics.mmd import ROWS_AT_ONCE, Kernel, check_kernel_finite, polynomial_kernel

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SubsetDialect:
    """One convention of a kernel distance over subsets.

    scale: what the mean is multiplied by. shrinks: smaller sets are taken whole; else they are an error.
    seed: None where the reference draws from a generator that it does not seed.
    tolerance: largest absolute difference from the reference, before scaling, given its seed.
    """

    n_subsets: int
    subset_size: int
    scale: float
    shrinks: bool
    seed: int | None
    tolerance: float
    reference: str


SUBSET_DIALECTS: dict[str, SubsetDialect] = {
    "data-juicer": SubsetDialect(
        *(100, 1000, 1.0, True, None, 1e-4), "datajuicer/data-juicer@1dc20a5 kernel_video_distance.compute_kid"
    ),
    "stylegan": SubsetDialect(
        *(100, 1000, 1000.0, True, None, 1e-4), "universome/stylegan-v@3fecd69 kernel_inception_distance.compute_kid"
    ),
    "torch-fidelity": SubsetDialect(
        *(100, 1000, 1.0, False, 2020, 1e-4), "toshas/torch-fidelity@5e211a9 kid_features_to_metric"
    ),
}

SEED = 0
"""Ours, where the reference has none."""


@dataclass(frozen=True, slots=True)
class SubsetDistance:
    """Mean and population standard deviation over the subsets, both scaled; and what was drawn."""

    mean: float
    deviation: float
    n_subsets: int
    subset_size: int


def subset_mmd(
    name: str,
    x: Rows,
    y: Rows,
    *,
    n_subsets: int | None = None,
    subset_size: int | None = None,
    seed: int | None = None,
) -> SubsetDistance:
    """Kernel distance of the generated x (m, D) from the real y (n, D) by the convention `name` of `SUBSET_DIALECTS`.

    n_subsets, subset_size, seed: None is the convention's own (and `SEED`). Subsets are drawn as the references do, x
    before y, from NumPy's legacy generator, so that a reference run after `numpy.random.seed(seed)` gives this value.
    Memory: O(block x n), or O(subset_size²) where the sets are large against the subsets.
    Raises ValueError as `polynomial_mmd` does, for sets smaller than subset_size where the reference has none, and for
    an unknown name.
    """
    if name not in SUBSET_DIALECTS:
        raise ValueError(f"name must be one of {', '.join(sorted(SUBSET_DIALECTS))}, found {name!r}")
    convention = SUBSET_DIALECTS[name]
    count = convention.n_subsets if n_subsets is None else n_subsets
    size = convention.subset_size if subset_size is None else subset_size
    seed = seed if seed is not None else SEED if convention.seed is None else convention.seed
    if count < 1 or size < 2:
        raise ValueError(f"n_subsets must be at least 1 and subset_size at least 2, found {count} and {size}")
    x, y = feature_rows(x, "x", at_least=2), feature_rows(y, "y", at_least=2)
    check_same_width(x.shape[1], y.shape[1], "x", "y")
    fewest = min(len(x), len(y))
    if fewest < size and not convention.shrinks:
        raise ValueError(f"subset_size must be at most the {fewest} rows of the smaller set, found {size} ({name})")
    size = min(size, fewest)
    values = convention.scale * _by_subset(x, y, _draws(seed, count, size, len(x), len(y)))
    return SubsetDistance(float(values.mean()), float(values.std()), count, size)


def _draws(seed: int, n_subsets: int, size: int, m: int, n: int) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    # The legacy generator, because it is the references' own.
    generator = np.random.RandomState(seed)
    draws = []
    for _ in range(n_subsets):
        of_x = generator.choice(m, size, replace=False)
        draws.append((of_x, generator.choice(n, size, replace=False)))
    return draws


def _by_subset(x: Rows, y: Rows, draws: list[tuple[NDArray[np.intp], NDArray[np.intp]]]) -> Array:
    """(S,) unbiased MMD² of each subset."""
    size = len(draws[0][0])
    # Kernel values to compute: of all rows once, or of every subset anew.
    if len(x) * len(y) > len(draws) * size**2:
        return np.array([_of_members(x[i], y[j], np.ones((size, 1)), np.ones((size, 1)))[0] for i, j in draws])
    return _of_members(x, y, _members(len(x), [i for i, _ in draws]), _members(len(y), [j for _, j in draws]))


def _members(n: int, subsets: list[NDArray[np.intp]]) -> Array:
    """(n, S) 1 where the row is in the subset."""
    members = np.zeros((n, len(subsets)))
    for column, rows in enumerate(subsets):
        members[rows, column] = 1.0
    return members


def _of_members(x: Rows, y: Rows, in_x: Array, in_y: Array) -> Array:
    a, b = np.ascontiguousarray(x, dtype=np.float64), np.ascontiguousarray(y, dtype=np.float64)
    kernel = polynomial_kernel()
    with np.errstate(over="ignore", invalid="ignore"):
        xx = _sums(a, in_x, a, in_x, kernel) - _diagonals(a, in_x)
        yy = _sums(b, in_y, b, in_y, kernel) - _diagonals(b, in_y)
        xy = _sums(a, in_x, b, in_y, kernel)
    check_kernel_finite(a, b, xx, yy, xy)
    m = in_x[:, 0].sum()
    return np.asarray((xx + yy) / (m * (m - 1)) - 2 * xy / m**2)


def _sums(a: Array, in_a: Array, b: Array, in_b: Array, kernel: Kernel) -> Array:
    """(S,) sums of the kernel over the pairs of each subset."""
    sums = np.zeros(in_a.shape[1])
    for start in range(0, len(a), ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        sums += np.einsum("ns,ns->s", in_a[rows], kernel(a[rows], b) @ in_b)
    return sums


def _diagonals(a: Array, members: Array) -> Array:
    norms = np.einsum("nd,nd->n", a, a)
    return np.asarray((norms / a.shape[1] + 1.0) ** 3 @ members)
