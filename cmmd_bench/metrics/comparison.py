"""Two models against each other on the same conditions: A minus B, its interval, and a p-value.

For values that every clip has on its own (beat hits, AV-Align, per-clip FAD): `compare_values`. For FVD, FAD and KVD:
`set_comparison`. For anything else: `compare_statistic`, at the price of recomputing it.

A condition is what both models were given: a video to be set to music. Its difficulty is common to both and drops out
of the difference, so that a paired comparison sees far smaller differences than two intervals side by side do: whether
those overlap says nothing about it. Generations for one condition are one draw and stay together.
Conditions that one side lacks are left out of both and counted. `paired=False` is for models that answered different
conditions, such as two halves of a test set; nothing is left out then, and nothing cancels.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cmmd_bench.metrics.differences import (
    PERMUTATIONS,
    Difference,
    difference_from,
    relabelling_test,
    sign_flip_test,
)
from cmmd_bench.metrics.jackknife import (
    AT_THIS_N,
    GROUPS,
    OF_MANY_CLIPS,
    Labels,
    check_level,
    cluster_numbers,
    cluster_sums,
    clusters_per_group,
    interval_from_groups,
    jackknife_groups,
    t_interval,
)

Array = NDArray[np.float64]
Indices = NDArray[np.intp]
Values = Sequence[float | None] | NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Pairing:
    """Which items take part, and as what.

    kept_a, kept_b: indices of the items; units_a, units_b: number of each one's condition, 0..counts-1, the same on
    both sides where they are paired; names_a, names_b: its label; counts: conditions of A and of B.
    """

    kept_a: Indices
    kept_b: Indices
    units_a: Indices
    units_b: Indices
    names_a: list[str]
    names_b: list[str]
    counts: tuple[int, int]
    left_out: int
    paired: bool

    def groups(self, n_groups: int) -> tuple[Indices, Indices, list[int]]:
        """Jackknife group of each kept item, and conditions per group.

        Paired: a condition is dealt once, with the items of both sides. Otherwise each side is dealt by itself, and
        every group has conditions of either.
        """
        if self.paired:
            names = self.names_a + self.names_b
            groups = jackknife_groups(names, n_groups=n_groups)
            return groups[: len(self.names_a)], groups[len(self.names_a) :], clusters_per_group(names, groups)
        n_groups = min(n_groups, *self.counts)
        groups_a, groups_b = (jackknife_groups(side, n_groups=n_groups) for side in (self.names_a, self.names_b))
        sizes = zip(clusters_per_group(self.names_a, groups_a), clusters_per_group(self.names_b, groups_b), strict=True)
        return groups_a, groups_b, [a + b for a, b in sizes]

    def test(self, scores_a: Array, scores_b: Array, *, permutations: int, seed: int) -> tuple[float, str]:
        """p-value of mean(scores_a) - mean(scores_b), one score a condition, under relabelling."""
        if self.paired:
            return sign_flip_test(scores_a, scores_b, permutations=permutations, seed=seed)
        return relabelling_test(scores_a, scores_b, permutations=permutations, seed=seed)


def compare_values(
    a: Values,
    conditions_a: Labels,
    b: Values,
    conditions_b: Labels,
    *,
    paired: bool = True,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
    level: float = 0.95,
) -> Difference | None:
    """Difference between the mean values of two models, every condition counting once.

    a (N,), b (M,): one value a clip, None where it has none; conditions_a, conditions_b: the condition of each clip.
    The mean of a condition's clips is its value. Interval: t over conditions, paired or (Welch) not. Returns None for
    fewer than 2 conditions. Raises ValueError for NaN, infinity or another number of labels.
    """
    (of_a, labels_a), (of_b, labels_b) = _present(a, conditions_a, "a"), _present(b, conditions_b, "b")
    check_level(level)
    if not (len(of_a) and len(of_b)):
        return None
    missing = _missing_everywhere(conditions_a, conditions_b, labels_a, labels_b) if paired else 0
    pairing = pair_up(labels_a, labels_b, paired=paired)
    if min(pairing.counts) < 2:
        return None
    means_a = unit_means(of_a[pairing.kept_a], pairing.units_a, pairing.counts[0])
    means_b = unit_means(of_b[pairing.kept_b], pairing.units_b, pairing.counts[1])
    if paired:
        differences = means_a - means_b
        variances = [float(differences.var(ddof=1)) / len(differences)]
    else:
        variances = [float(side.var(ddof=1)) / len(side) for side in (means_a, means_b)]
    error = float(np.sqrt(sum(variances)))
    # Welch and Satterthwaite; of one sample, n - 1.
    shares = sum(v**2 / (n - 1) for v, n in zip(variances, pairing.counts, strict=False))
    degrees = sum(variances) ** 2 / shares if shares else pairing.counts[0] - 1
    value = float(means_a.mean() - means_b.mean())
    method = f"mean difference over {'the same' if paired else 'different'} conditions"
    scale = float(max(np.abs(means_a).max(), np.abs(means_b).max()))
    interval = t_interval(value, error, degrees, level=level, method=method, about=OF_MANY_CLIPS, scale=scale)
    swap = pairing.test(means_a, means_b, permutations=permutations, seed=seed)
    left_out = pairing.left_out + missing
    return difference_from(interval, degrees, conditions=pairing.counts, left_out=left_out, swap=swap, scale=scale)


def compare_statistic(
    statistic: Callable[[Indices], float],
    conditions_a: Labels,
    conditions_b: Labels,
    *,
    paired: bool = True,
    permutations: int = 0,
    seed: int = 0,
    n_groups: int = GROUPS,
    level: float = 0.95,
) -> Difference | None:
    """Difference of any statistic of a set: `statistic` gets indices into the items of A followed by those of B.

    Interval and p-value by the delete-group jackknife of the difference, the same groups for both sides: two calls for
    each. With `permutations` there is a swap test too, at two calls for every relabelling. Returns None for fewer than
    2 conditions.
    """
    pairing = pair_up(conditions_a, conditions_b, paired=paired)
    if min(pairing.counts) < 2:
        return None
    groups_a, groups_b, sizes = pairing.groups(n_groups)
    of_a, of_b = pairing.kept_a, pairing.kept_b + len(conditions_a)

    def difference(a: Indices, b: Indices) -> float:
        return float(statistic(a)) - float(statistic(b))

    values = float(statistic(of_a)), float(statistic(of_b))
    value, scale = values[0] - values[1], max(map(abs, values))
    without = [difference(of_a[groups_a != g], of_b[groups_b != g]) for g in range(len(sizes))]
    interval = interval_from_groups(value, without, sizes, level=level, over="conditions", about=AT_THIS_N, scale=scale)
    swap = _recomputed(difference, of_a, of_b, pairing, value, permutations, seed) if permutations else None
    counts, left_out = pairing.counts, pairing.left_out
    return difference_from(interval, len(sizes) - 1, conditions=counts, left_out=left_out, swap=swap, scale=scale)


def pair_up(conditions_a: Labels, conditions_b: Labels, *, paired: bool) -> Pairing:
    """The items of the conditions that both sides have, or, with `paired` False, all."""
    names, (numbers_a, numbers_b) = cluster_numbers(conditions_a, conditions_b)
    if paired:
        common = np.intersect1d(numbers_a, numbers_b)
        kept_a, kept_b = (np.flatnonzero(np.isin(side, common)) for side in (numbers_a, numbers_b))
        units = [np.searchsorted(common, side[kept]) for side, kept in ((numbers_a, kept_a), (numbers_b, kept_b))]
        counts, left_out = (len(common), len(common)), len(names) - len(common)
    else:
        kept_a, kept_b = np.arange(len(numbers_a)), np.arange(len(numbers_b))
        sides = [np.unique(side, return_inverse=True) for side in (numbers_a, numbers_b)]
        units = [inverse for _, inverse in sides]
        counts, left_out = (len(sides[0][0]), len(sides[1][0])), 0
    labels = [[names[i] for i in side[kept]] for side, kept in ((numbers_a, kept_a), (numbers_b, kept_b))]
    return Pairing(kept_a, kept_b, units[0], units[1], labels[0], labels[1], counts, left_out, paired)


def unit_means(values: Array, units: Indices, count: int) -> Array:
    """(count,) mean of the values of each unit."""
    return cluster_sums(values, units, count) / np.bincount(units, minlength=count)


def _present(values: Values, conditions: Labels, name: str) -> tuple[Array, list[str]]:
    """The values that are there, and the conditions they belong to."""
    if len(values) != len(conditions):
        found = f"{len(conditions)} for {len(values)}"
        raise ValueError(f"conditions_{name} must have one label per value of {name}, found {found}")
    kept = [(float(value), str(label)) for value, label in zip(values, conditions, strict=True) if value is not None]
    array = np.array([value for value, _ in kept])
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must hold finite numbers, or None where there is no value")
    return array, [label for _, label in kept]


def _missing_everywhere(conditions_a: Labels, conditions_b: Labels, labels_a: list[str], labels_b: list[str]) -> int:
    """Conditions whose clips have no value on either side: they are left out too."""
    named = {str(label) for side in (conditions_a, conditions_b) for label in side}
    return len(named - set(labels_a) - set(labels_b))


def _recomputed(
    difference: Callable[[Indices, Indices], float],
    of_a: Indices,
    of_b: Indices,
    pairing: Pairing,
    value: float,
    permutations: int,
    seed: int,
) -> tuple[float, str]:
    """p-value of `value` with the statistic recomputed for every relabelling."""
    generator = np.random.default_rng(seed)
    items = np.concatenate([of_a, of_b])
    in_a = np.arange(len(items)) < len(of_a)
    count = sum(pairing.counts)
    # Paired, one coin decides for both sides of a condition; otherwise labels move between conditions.
    units = np.concatenate([pairing.units_a, pairing.units_b + (0 if pairing.paired else pairing.counts[0])])
    reached = 0
    for _ in range(permutations):
        if pairing.paired:
            first = in_a ^ generator.integers(0, 2, count).astype(bool)[units]
        else:
            first = np.isin(units, generator.permutation(count)[: pairing.counts[0]])
        reached += abs(difference(items[first], items[~first])) >= abs(value) * (1 - 1e-9)
    return (reached + 1) / (permutations + 1), f"{permutations} relabellings (seed {seed})"
