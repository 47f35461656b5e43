"""How far raters agree: intraclass correlations, each rater against the others, each rater against themselves.

Matrices are raters by items (R, I), NaN = missing. See `alpha` for Krippendorff's coefficient, which takes missing
cells; the intraclass correlations need every rater's rating of every item.

Intraclass correlations after Shrout and Fleiss (1979) and McGraw and Wong (1996), named model,raters:

    1: each item has raters of its own    A: absolute agreement, raters drawn at random    C: consistency, offsets free
    ,1: of a single rater                 ,k: of the mean of the R raters

(A,1) says how far one rater's number can be taken at face value, (A,k) how far the mean opinion of this panel can; C
when only the order and distances of items matter, as in comparisons of systems that all raters rated.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from cmmd_bench.metrics.opinion.matrix import Matrix, rater_rows

Form = Literal["1,1", "A,1", "C,1", "1,k", "A,k", "C,k"]
FORMS: tuple[Form, ...] = ("1,1", "A,1", "C,1", "1,k", "A,k", "C,k")


@dataclass(frozen=True, slots=True)
class Intraclass:
    """One intraclass correlation with its F-based interval; at most 1, below 0 for raters who contradict each other.

    value is None, with the reason in words, where the mean squares leave nothing to divide by. A limit is None where
    there is none: an averaged form has no lower limit when items may differ as little as that.
    """

    form: Form
    value: float | None
    low: float | None
    high: float | None
    level: float
    n_raters: int
    n_items: int
    reason: str | None


@dataclass(frozen=True, slots=True)
class RaterCorrelation:
    """Pearson correlation of one rater with the mean of the others over the n_items that both sides rated.

    value is None, with the reason, for fewer than 3 such items or where one side does not vary.
    """

    value: float | None
    n_items: int
    reason: str | None


@dataclass(frozen=True, slots=True)
class RepeatAgreement:
    """Agreement of first and second ratings of the same stimuli: shares 0..1 and kappa, at most 1, 0 at chance.

    kappa is None, with the reason, when chance alone would agree: both times the same single rating.
    """

    n_pairs: int
    exact: float
    within_one: float
    mean_shift: float
    kappa: float | None
    weights: Literal["linear", "quadratic"]
    reason: str | None


def intraclass_correlations(ratings: NDArray[Any], *, level: float = 0.95) -> dict[Form, Intraclass]:
    """All six forms for a complete (R, I) matrix of at least 2 raters and 2 items; ValueError for a missing cell."""
    if not 0 < level < 1:
        raise ValueError(f"level must be between 0 and 1, found {level!r}")
    x = rater_rows(ratings, raters=2, items=2, complete=True)
    return {form: _intraclass(x, form, level) for form in FORMS}


def leave_one_out(ratings: NDArray[Any]) -> tuple[RaterCorrelation, ...]:
    """Each rater of an (R, I) matrix, R >= 2, against the mean of all other raters of each item.

    A rater who reads the scale upside down comes out negative, one who answers at random near 0.
    """
    x = rater_rows(ratings, raters=2)
    rated = ~np.isnan(x)
    filled = np.where(rated, x, 0.0)
    others = rated.sum(axis=0) - rated
    means = (filled.sum(axis=0) - filled) / np.maximum(others, 1)
    both = rated & (others > 0)
    return tuple(_correlation(row[use], mean[use]) for row, mean, use in zip(x, means, both, strict=True))


def repeat_agreement(
    first: NDArray[Any],
    second: NDArray[Any],
    *,
    scale: tuple[int, int] = (1, 5),
    weights: Literal["linear", "quadratic"] = "quadratic",
) -> RepeatAgreement:
    """Compare two whole-number ratings (N,) that were given to the same stimuli, of one rater or of several pooled.

    mean_shift: second minus first. Kappa after Cohen (1968), with disagreements weighted by distance or its square.
    """
    a, b = (_repeat(values, name, scale) for values, name in ((first, "first"), (second, "second")))
    if len(a) != len(b) or len(a) == 0:
        raise ValueError(f"first and second must be equally many, at least one, found {len(a)} and {len(b)}")
    if weights not in ("linear", "quadratic"):
        raise ValueError(f"weights must be 'linear' or 'quadratic', found {weights!r}")
    power = 1 if weights == "linear" else 2
    found = float((np.abs(a - b) ** power).mean())
    by_chance = float((np.abs(a[:, None] - b[None, :]) ** power).mean())
    return RepeatAgreement(
        n_pairs=len(a),
        exact=float((a == b).mean()),
        within_one=float((np.abs(a - b) <= 1).mean()),
        mean_shift=float((b - a).mean()),
        kappa=1 - found / by_chance if by_chance else None,
        weights=weights,
        reason=None if by_chance else "every rating is the same",
    )


def _intraclass(x: Matrix, form: Form, level: float) -> Intraclass:
    k, n = x.shape
    # An exact test, because the mean of equal numbers may differ from them by a rounding, and 0/0 would become a value.
    if x.max() == x.min():
        return Intraclass(form, None, None, None, level, k, n, "all ratings are equal")
    of_items, of_raters, residual, within = _mean_squares(x)
    error = within if form[0] == "1" else residual
    single = of_items + (k - 1) * error
    averaged = of_items
    if form[0] == "A":
        single += k * (of_raters - error) / n
        averaged += (of_raters - error) / n
    denominator = single if form[2] == "1" else averaged
    if denominator <= 1e-12 * (of_items + of_raters + error):
        return Intraclass(form, None, None, None, level, k, n, "items differ by no more than chance would make them")
    value = (of_items - error) / denominator
    low, high = _limits(form, of_items, of_raters, error, single, k, n, level)
    return Intraclass(form, float(value), low, high, level, k, n, None)


def _mean_squares(x: Matrix) -> tuple[float, float, float, float]:
    """Between items, between raters, residual, within items."""
    k, n = x.shape
    grand, item, rater = x.mean(), x.mean(axis=0), x.mean(axis=1)
    items = k * ((item - grand) ** 2).sum()
    raters = n * ((rater - grand) ** 2).sum()
    residual = ((x - item[None, :] - rater[:, None] + grand) ** 2).sum()
    # Sums that are nothing but rounding are nothing.
    smallest = 1e-24 * x.size * np.abs(x).max() ** 2
    items, raters, residual = (0.0 if value <= smallest else float(value) for value in (items, raters, residual))
    within = (raters + residual) / (n * (k - 1))
    return items / (n - 1), raters / (k - 1), residual / ((n - 1) * (k - 1)), within


def _limits(
    form: Form, items: float, raters: float, error: float, single: float, k: int, n: int, level: float
) -> tuple[float | None, float | None]:
    """Limits by inverting the F test of each form (McGraw and Wong 1996, table 7), written to hold for F = inf."""
    from scipy.special import fdtri

    q = (1 + level) / 2
    if form[0] == "A":
        if error == 0 == raters:
            return 1.0, 1.0
        rho = (items - error) / single if single else 0.0
        a = k * rho / (n * (1 - rho)) if rho != 1 else 1.0
        b = 1 + a * (n - 1)
        parts = a * raters, b * error
        spread = parts[0] ** 2 / (k - 1) + parts[1] ** 2 / ((n - 1) * (k - 1))
        df = max(sum(parts) ** 2 / spread, 1e-3) if spread else 1e-3
        common = raters - error if form[2] == "k" else k * raters + (k * n - k - n) * error
        below, above = 1 / fdtri(n - 1, df, q), fdtri(df, n - 1, q)
        return (
            _quotient(n * (items * below - error), common + n * items * below),
            _quotient(n * (items * above - error), common + n * items * above),
        )
    df = n * (k - 1) if form[0] == "1" else (n - 1) * (k - 1)
    low, high = items / fdtri(n - 1, df, q), items * fdtri(df, n - 1, q)
    more = (k - 1) * error if form[2] == "1" else 0.0
    return _quotient(low - error, low + more), _quotient(high - error, high + more)


def _quotient(above: float, below: float) -> float | None:
    return float(above / below) if below > 0 else None


def _correlation(a: Matrix, b: Matrix) -> RaterCorrelation:
    if len(a) < 3:
        return RaterCorrelation(None, len(a), f"only {len(a)} item(s) that this rater and another rated, 3 are needed")
    if np.ptp(a) == 0:
        return RaterCorrelation(None, len(a), "the rater gave one rating throughout")
    if np.ptp(b) <= 1e-12 * np.abs(b).max():
        return RaterCorrelation(None, len(a), "the others' mean is the same for every item")
    a, b = a - a.mean(), b - b.mean()
    return RaterCorrelation(float(np.clip(a @ b / np.sqrt((a @ a) * (b @ b)), -1, 1)), len(a), None)


def _repeat(values: NDArray[Any], name: str, scale: tuple[int, int]) -> Matrix:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise ValueError(f"{name} must be a list of ratings, found shape {array.shape}")
    bad = array[~((array >= scale[0]) & (array <= scale[1]) & (array == np.round(array)))]
    if len(bad):
        raise ValueError(f"{name} must be whole ratings within {scale[0]}..{scale[1]}, found {bad[0]:g}")
    return array
