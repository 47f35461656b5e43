"""Fréchet distances extrapolated to infinitely many clips: FVD-infinity and FAD-infinity.

A Fréchet distance of m clips lies above its limit by about b/m. Subsets of m clips are drawn *without replacement*, for
several m; the mean distance over draws is a straight line in 1/m, and its intercept is the estimate. Source: Chong and
Forsyth 2020 (FID-infinity), who draw prefixes of permutations as is done here.

fadtk's FAD-inf draws frames *with* replacement, which extrapolates to the distance of the empirical distribution, that
is, back to the plain value at n: with a true distance of 0 and 160 clips of 8 frames, the plain value is 0.74, fadtk's
0.73, this one 0.09. And it draws single frames, although the frames of a clip are not independent.

Where it fails: with no more rows than features in the smallest subsets the distance is no straight line in 1/m, and the
intercept is biased, mostly downwards: of 30 single rows in 16 dimensions the mean intercept was 1.1 where the truth is
2.1. `r_squared` does not show it (0.996 there); `Extrapolation.spans` does. The intercept may be below 0 where the
truth is 0. Neither of its errors says how far other clips would move it; for that take `delete_group_jackknife` over
clips, with the same `orders` for every leave-out.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from cmmd_bench.metrics.checks import Rows, check_same_width, feature_rows
from cmmd_bench.metrics.frechet import Distribution, as_gaussian, frechet_distance
from cmmd_bench.metrics.gaussian import Gaussian, GaussianStatistics, merge

Array = NDArray[np.float64]

PERMUTATIONS = 20
LARGEST_FRACTION = 4
"""The smallest of the default subsets holds a quarter of the clips."""
N_SIZES = 9


@dataclass(frozen=True, slots=True, eq=False)
class Extrapolation:
    """Line through the mean distances at each size: mean_per_size ≈ intercept + slope / size.

    intercept: the estimate for infinitely many clips. standard_error: of the intercept, from the residuals of the line;
    draw_error: how far other permutations would move it (standard error over those drawn); None for one permutation.
    r_squared: share of the variance between sizes that the line explains.
    sizes (K,): clips; table (R, K): distance of the first sizes[k] clips of permutation r; residuals (K,).
    smallest_rows: fewest rows in any of the smallest subsets; spans: whether these are more than the features, without
    which the line is not to be trusted. Both None for a line through distances alone.
    """

    intercept: float
    slope: float
    standard_error: float
    draw_error: float | None
    r_squared: float
    sizes: tuple[int, ...]
    table: Array
    mean_per_size: Array
    residuals: Array
    smallest_rows: int | None = None
    spans: bool | None = None


def frechet_at_infinity(
    clips: Iterable[Rows],
    reference: Distribution,
    *,
    sizes: Sequence[int] | None = None,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
    orders: Sequence[Sequence[int] | NDArray[np.intp]] | None = None,
    ddof: int = 1,
) -> Extrapolation:
    """Fréchet distance of infinitely many clips like these from the reference.

    clips: N clips of (n_i, D) rows each, as a list, an (N, n, D) array or a generator; or (N, D), where each row is a
    clip. They are all kept in memory, in their own precision, because every permutation needs each of them.
    sizes: numbers of clips, increasing, at least 3; None: `N_SIZES` from a quarter of the clips to all of them, evenly
    spaced in 1/m. Permutation r is that of `numpy.random.RandomState(seed + r)`: seeds that are to differ must lie
    `permutations` apart, for seeds 0 and 1 share all permutations but one. orders: the permutations themselves instead,
    as `clip_orders` makes them; `kept_orders` are those of a leave-out.
    Cost: a permutation takes one pass over all rows, and K merges and K distances of O(D³) each.
    Raises ValueError as `frechet_distance` does, and for fewer clips than sizes need.
    """
    against = as_gaussian(reference, "reference", ddof=ddof)
    rows = _clips(clips, against.mean.size)
    sizes = _default_sizes(len(rows)) if sizes is None else _checked(sizes, len(rows))
    orders = clip_orders(len(rows), permutations=permutations, seed=seed) if orders is None else orders
    if len(orders) == 0:
        raise ValueError("orders must be at least one permutation, found none")
    for order in orders:
        if sorted(order) != list(range(len(rows))):
            raise ValueError(f"orders must be permutations of the {len(rows)} clips, found one of {len(order)}")
    # Every permutation of all clips is the same set.
    whole = _distance_of_all(rows, against, ddof) if sizes[-1] == len(rows) else None
    table = np.empty((len(orders), len(sizes)))
    for r, order in enumerate(orders):
        table[r] = _distances_of_prefixes([rows[i] for i in order], sizes, against, ddof, whole)
    smallest = min(sum(len(rows[i]) for i in order[: sizes[0]]) for order in orders)
    return replace(extrapolate(sizes, table), smallest_rows=smallest, spans=smallest > against.mean.size)


def clip_orders(n: int, *, permutations: int = PERMUTATIONS, seed: int = 0) -> list[NDArray[np.intp]]:
    """The permutations (n,) of n clips that `frechet_at_infinity` takes."""
    if permutations < 1:
        raise ValueError(f"permutations must be at least 1, found {permutations}")
    return [np.random.RandomState(seed + r).permutation(n).astype(np.intp) for r in range(permutations)]


def kept_orders(orders: Sequence[NDArray[np.intp]], kept: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    """The same permutations of the clips that are kept, increasing indices (m,), which are numbered 0..m-1 anew.

    A leave-out in an order of its own differs by the draw of the order too, which a jackknife magnifies: of 50 clips in
    8 dimensions its standard error came out at 0.37, with the same orders at 0.29, where the truth is 0.26.
    """
    return [np.searchsorted(kept, order[np.isin(order, kept)]) for order in orders]


def extrapolate(sizes: Sequence[int], table: Array) -> Extrapolation:
    """The line through distances table (R, K) of R draws at `sizes` (K,), K >= 3: ordinary least squares on 1/size."""
    table = np.asarray(table, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] != len(sizes) or len(sizes) < 3 or len(table) == 0:
        found = f"{len(sizes)} sizes and a table of shape {table.shape}"
        raise ValueError(f"a line needs at least 3 sizes and a table with one column for each, found {found}")
    if not np.isfinite(table).all():
        raise ValueError("table must be finite")
    x = 1 / np.asarray(sizes, dtype=np.float64)
    centred = x - x.mean()
    spread = float(centred @ centred)
    # The intercept is linear in the values, so that the mean of the draws' intercepts is that of the mean.
    weights = 1 / len(x) - x.mean() * centred / spread
    means = table.mean(axis=0)
    slope, intercept = float(centred @ means) / spread, float(weights @ means)
    residuals = means - intercept - slope * x
    unexplained, total = float(residuals @ residuals), float(np.sum((means - means.mean()) ** 2))
    of_each = table @ weights
    return Extrapolation(
        intercept=intercept,
        slope=slope,
        standard_error=float(np.sqrt(unexplained / (len(x) - 2) * (weights @ weights))),
        draw_error=float(of_each.std(ddof=1) / np.sqrt(len(table))) if len(table) > 1 else None,
        r_squared=1.0 if total == 0 else 1 - unexplained / total,
        sizes=tuple(int(size) for size in sizes),
        table=table,
        mean_per_size=means,
        residuals=residuals,
    )


def _clips(clips: Iterable[Rows], width: int) -> list[Rows]:
    if isinstance(clips, np.ndarray) and clips.ndim == 2:
        clips = clips[:, np.newaxis]
    rows = []
    for index, clip in enumerate(clips):
        name = f"clips[{index}]"
        rows.append(feature_rows(clip, name))
        check_same_width(rows[-1].shape[1], width, name, "reference")
    return rows


def _default_sizes(n: int) -> list[int]:
    sizes = sorted({round(n / f) for f in np.linspace(1, LARGEST_FRACTION, N_SIZES)})
    if len(sizes) < 3 or sizes[0] < 2:
        raise ValueError(f"an extrapolation needs at least 6 clips, found {n}")
    return sizes


def _checked(sizes: Sequence[int], n: int) -> list[int]:
    found = [int(size) for size in sizes]
    if len(found) < 3 or found[0] < 1 or found[-1] > n or any(a >= b for a, b in pairwise(found)):
        raise ValueError(f"sizes must be at least 3 increasing numbers from 1 to {n} (the clips), found {found}")
    return found


def _distances_of_prefixes(
    ordered: list[Rows], sizes: list[int], against: Gaussian, ddof: int, whole: float | None
) -> list[float]:
    """Distances of the first sizes[k] clips; each prefix is merged from the one before and what lies between."""
    distances: list[float] = []
    statistics: GaussianStatistics | None = None
    for start, stop in pairwise([0, *sizes]):
        if whole is not None and stop == len(ordered):
            distances.append(whole)
            break
        between = GaussianStatistics.from_features(np.concatenate(ordered[start:stop]))
        statistics = between if statistics is None else merge(statistics, between)
        distances.append(frechet_distance(statistics, against, ddof=ddof))
    return distances


def _distance_of_all(rows: list[Rows], against: Gaussian, ddof: int) -> float:
    return frechet_distance(GaussianStatistics.from_features(np.concatenate(rows)), against, ddof=ddof)
