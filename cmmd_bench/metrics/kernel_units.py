"""Kernel matrices between units: the independent draws behind the rows of a set, seen as kernel means.

A unit holds all rows of one cluster (the generations for one condition, the windows of one clip) and counts once,
however many rows it has; without clusters every row is a unit. The kernel of two units is the mean over their pairs of
rows. Pairs of different units alone are ever used, so rows that were drawn together never meet, and sums over units are
U-statistics of independent draws, whose variance is known exactly (see `u_statistics`).

Where all units have as many rows, means over pairs of units are means over all pairs of rows of different units.
Sides that share a kernel distance may have it shifted: k(a, b) - s(a) - s(b) + c has the same MMD² as k for any s and
c. With s the mean kernel to the reference and c that of the reference to itself, the entries are of the size of the
distance instead of the size of the kernel, which spares the digits.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cmmd_bench.metrics.checks import Rows, feature_rows
from cmmd_bench.metrics.jackknife import Labels, cluster_numbers
from cmmd_bench.metrics.mmd import ROWS_AT_ONCE, Kernel

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Units:
    """Rows (N, D) sorted by unit; starts (C,): first row of each unit; labels: names of the units, in order."""

    rows: Array
    starts: NDArray[np.intp]
    labels: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def sizes(self) -> NDArray[np.intp]:
        """(C,) rows in each unit."""
        return np.diff(np.append(self.starts, len(self.rows)))


def units(x: Rows, clusters: Labels | None, name: str) -> Units:
    """Units of `x` (N, D) by label, in sorted order; None: every row is a unit, in the order given.

    Raises ValueError naming `name` for malformed rows or another number of labels.
    """
    rows = np.ascontiguousarray(feature_rows(x, name), dtype=np.float64)
    if clusters is None:
        return Units(rows, np.arange(len(rows)), tuple(str(i) for i in range(len(rows))))
    if len(clusters) != len(rows):
        raise ValueError(f"{name} must have one label per row, found {len(clusters)} labels for {len(rows)} rows")
    labels, (numbers,) = cluster_numbers(clusters)
    order = np.argsort(numbers, kind="stable")
    return Units(rows[order], np.searchsorted(numbers[order], np.arange(len(labels))), tuple(labels))


def unit_kernel(kernel: Kernel, a: Units, b: Units) -> Iterator[tuple[slice, Array]]:
    """Blocks of the (C_a, C_b) kernel between units: which units of `a`, and their rows of the matrix."""
    for block in blocks(a):
        yield block, unit_kernel_rows(kernel, a, block, b)


def blocks(a: Units) -> Iterator[slice]:
    """Ranges of units with about `ROWS_AT_ONCE` rows, or one unit that has more."""
    ends = np.append(a.starts, len(a.rows))
    first = 0
    while first < len(a):
        last = max(first + 1, int(np.searchsorted(ends, ends[first] + ROWS_AT_ONCE, side="right")) - 1)
        yield slice(first, last)
        first = last


def unit_kernel_rows(kernel: Kernel, a: Units, block: slice, b: Units) -> Array:
    """(units of the block, C_b): mean kernel between units of `a` and all units of `b`."""
    ends = np.append(a.starts, len(a.rows))
    values = kernel(a.rows[ends[block.start] : ends[block.stop]], b.rows)
    if len(a) < len(a.rows):
        starts = a.starts[block]
        values = np.add.reduceat(values, starts - starts[0], axis=0) / a.sizes[block, np.newaxis]
    if len(b) < len(b.rows):
        values = np.add.reduceat(values, b.starts, axis=1) / b.sizes
    return values


def mean_kernel(kernel: Kernel, a: Units, b: Units) -> Array:
    """(C_a,) mean kernel of each unit of `a` to the units of `b`: the witness of b at a."""
    return np.concatenate([values.mean(axis=1) for _, values in unit_kernel(kernel, a, b)])
