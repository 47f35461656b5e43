"""Exact Wilcoxon signed-rank test, with ties and zeros as ratings have them.

|d| is ranked, ties sharing mid-ranks, and W+ is the sum of the ranks of positive differences. Under the null hypothesis
each difference that is not zero has either sign with probability ½, which gives the conditional distribution of W+ for
exactly these ranks. Up to 200 differences it is counted in whole numbers: no approximation, no continuity correction,
no underflow. Beyond, seeded sign flips or the tie-corrected normal approximation, and the result names which.

Zeros: `pratt` (Pratt 1959, default) ranks them with the others and then drops their ranks; `wilcox` drops them first.
The first is the better test on a rating scale, where a zero says "no difference" and not "no observation".
Differences are exact (see `ratings`): pass whole numbers, decimals or fractions, never floats that are means.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np

from cmmd_bench.metrics.opinion.ranks import doubled_mid_ranks
from cmmd_bench.metrics.opinion.ratings import Exact, exact

Zeros = Literal["pratt", "wilcox"]
Alternative = Literal["two-sided", "greater", "less"]
Method = Literal["auto", "exact", "monte-carlo", "normal"]

EXACT_UP_TO = 200
FLIPS = 99_999
SEED = 20_251
MANY_ZEROS = Fraction(1, 10)
FLIPS_AT_ONCE = 4096


@dataclass(frozen=True, slots=True)
class SignedRankTest:
    """p is the probability, when either sign is as likely, of a W+ as far out as `statistic`; `method` says how found.

    statistic: W+. rank_total: sum of the ranks that have a sign, W+ + W-. n: differences, of which `zeros` are 0.
    smallest_p: what p would be, had all differences that are not zero the same, right sign.
    p_other_zeros: p when zeros are handled the other way, given when they exceed 10 % of n, else None.
    When all differences are zero, p is 1 and n equals zeros.
    """

    p: float
    statistic: float
    rank_total: float
    n: int
    zeros: int
    zero_method: Zeros
    alternative: Alternative
    method: str
    smallest_p: float
    p_other_zeros: float | None


def signed_rank_test(
    differences: Sequence[Exact],
    *,
    zeros: Zeros = "pratt",
    alternative: Alternative = "two-sided",
    method: Method = "auto",
    flips: int = FLIPS,
    seed: int = SEED,
) -> SignedRankTest:
    """Test that paired differences are symmetric about 0; `greater` asks whether they tend to be above it.

    method: `auto` is `exact` up to 200 differences and `monte-carlo` beyond, with p = (b + 1)/(flips + 1) for b sign
    flips as far out as the data. Raises ValueError for no differences, NaN, unknown options, or `exact` beyond 200.
    """
    _check_options(zeros, alternative, method, flips)
    d = [exact(value) for value in differences]
    if not d:
        raise ValueError("differences must hold at least one, found none")
    if method == "exact" and len(d) > EXACT_UP_TO:
        raise ValueError(f"method 'exact' counts up to {EXACT_UP_TO} differences, found {len(d)}")
    if method == "auto":
        method = "exact" if len(d) <= EXACT_UP_TO else "monte-carlo"
    positive, negative = signed_ranks(d, zeros=zeros)
    n_zeros = len(d) - len(positive) - len(negative)
    p, how = _p_value(positive, negative, alternative, method, flips, seed)
    other = None
    if n_zeros > MANY_ZEROS * len(d):
        others = signed_ranks(d, zeros="wilcox" if zeros == "pratt" else "pratt")
        other, _ = _p_value(*others, alternative, method, flips, seed)
    sides = 2 if alternative == "two-sided" else 1
    return SignedRankTest(
        p=p,
        statistic=sum(positive) / 2,
        rank_total=(sum(positive) + sum(negative)) / 2,
        n=len(d),
        zeros=n_zeros,
        zero_method=zeros,
        alternative=alternative,
        method=how,
        smallest_p=min(1.0, math.ldexp(sides, n_zeros - len(d))),
        p_other_zeros=other,
    )


def exact_differences(a: Sequence[Exact], b: Sequence[Exact]) -> list[Fraction]:
    """a - b pair by pair, without rounding; ValueError for different lengths."""
    if len(a) != len(b):
        raise ValueError(f"a and b must have one value per pair, found {len(a)} and {len(b)}")
    return [exact(x) - exact(y) for x, y in zip(a, b, strict=True)]


def signed_ranks(d: Sequence[Fraction], *, zeros: Zeros = "pratt") -> tuple[list[int], list[int]]:
    """Doubled mid-ranks of |d|: those of the positive differences and those of the negative ones."""
    kept = list(d) if zeros == "pratt" else [value for value in d if value != 0]
    ranked = list(zip(kept, doubled_mid_ranks([abs(value) for value in kept]), strict=True))
    return [rank for value, rank in ranked if value > 0], [rank for value, rank in ranked if value < 0]


def subsets_reaching(ranks: Sequence[int], at_least: int) -> int:
    """Number of the 2^len(ranks) subsets whose sum is `at_least` or more; ranks are whole and not negative.

    Π (1 + x^rank) has as its coefficient of x^s the number of subsets with sum s. One long integer holds all
    coefficients, x being a power of two too large for any sum of them to overflow its digit: a product is a shift and
    an addition. The sum of the digits is then the remainder by (x - 1).
    """
    if at_least <= 0:
        return 1 << len(ranks)
    digit = len(ranks) + 2
    product = 1
    for rank in ranks:
        product += product << (rank * digit)
    return (product >> (at_least * digit)) % ((1 << digit) - 1)


def _p_value(
    positive: list[int], negative: list[int], alternative: Alternative, method: Method, flips: int, seed: int
) -> tuple[float, str]:
    ranks = positive + negative
    if not ranks:
        return 1.0, "all differences are zero"
    w, total = sum(positive), sum(positive) + sum(negative)
    # The distribution is symmetric about total/2: every tail is an upper one.
    reach = {"greater": w, "less": total - w, "two-sided": max(w, total - w)}[alternative]
    two_sided = alternative == "two-sided"
    if two_sided and 2 * w == total:
        return 1.0, method
    if method == "exact":
        tail = Fraction(subsets_reaching(ranks, reach), 1 << len(ranks))
        return float(2 * tail if two_sided else tail), "exact"
    if method == "normal":
        z = (reach - total / 2) / math.sqrt(sum(rank * rank for rank in ranks) / 4)
        tail_area = math.erfc(z / math.sqrt(2)) / 2
        return 2 * tail_area if two_sided else tail_area, "normal approximation, tie-corrected"
    sums = _flipped_sums(ranks, flips, seed)
    beyond = sums >= reach
    if two_sided:
        beyond |= sums <= total - reach
    count = int(np.count_nonzero(beyond))
    return (count + 1) / (flips + 1), f"monte-carlo, {flips} sign flips, seed {seed}"


def _flipped_sums(ranks: list[int], flips: int, seed: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """W+ (doubled, as whole float64) of `flips` random sign assignments."""
    rng = np.random.default_rng(seed)
    weights = np.array(ranks, dtype=np.float64)
    sums = np.empty(flips)
    for start in range(0, flips, FLIPS_AT_ONCE):
        part = sums[start : start + FLIPS_AT_ONCE]
        part[:] = rng.integers(0, 2, size=(len(part), len(ranks)), dtype=np.int8) @ weights
    return sums


def _check_options(zeros: str, alternative: str, method: str, flips: int) -> None:
    choices = {
        "zeros": (zeros, ("pratt", "wilcox")),
        "alternative": (alternative, ("two-sided", "greater", "less")),
        "method": (method, ("auto", "exact", "monte-carlo", "normal")),
    }
    for name, (value, known) in choices.items():
        if value not in known:
            raise ValueError(f"{name} must be one of {', '.join(known)}, found {value!r}")
    if flips < 1:
        raise ValueError(f"flips must be at least 1, found {flips}")
