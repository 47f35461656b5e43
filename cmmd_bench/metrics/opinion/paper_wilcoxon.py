"""`paper-wilcoxon`: the test that papers report, a signed-rank test of paired ratings, with its pairing made explicit.

"A Wilcoxon signed-rank test on the ratings" leaves open what a pair is, and the answer moves p by orders of magnitude:

    rater_item  one pair per rater and clip, samples averaged first. The default: defined whatever the sample numbers
    rating      sample k against sample k. Arbitrary, because generated samples have no order
    rater       one pair per rater, averaged over clips. The one pairing whose pairs are independent given the clips
    item        one pair per clip, averaged over raters

Pairs by rater and clip share raters and clips and are not independent: on two equal systems with 14 raters and 5 clips
the test says "significant at 5 %" in a third of studies. Use it to repeat a published analysis; `crossed_test` is for
conclusions. p-values are exact and two-sided, zeros as Pratt has them (see `signed_rank`).
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from cmmd_bench.metrics.opinion.contrasts import cell_differences
from cmmd_bench.metrics.opinion.ratings import Ratings, exact, select
from cmmd_bench.metrics.opinion.signed_rank import Zeros, signed_rank_test

Pairing = Literal["rater_item", "rating", "rater", "item"]

ARBITRARY = "samples are paired by their labels, though generated samples have no order: another labelling, another p"
THESE_RATERS = "holds for these raters at most: their taste is shared by all clips"
DEPENDENT = "pairs share raters and clips, and are tested as if they did not"
THESE_CLIPS = "holds for these clips at most: their luck is shared by all raters"


@dataclass(frozen=True, slots=True)
class PaperWilcoxon:
    """p: two-sided; None where `smallest_p` = 2/2^n exceeds alpha, because then no outcome could be significant.

    n: pairs, of which `zeros` have no difference. mean_difference: of the pairs, a - b. left_out: cells of a rater and
    a clip that were rated for one system only. method: how p was found. statement: n, zeros and method, or why there is
    no p, in a sentence. warning: what this pairing gets wrong. p_other_zeros as in `SignedRankTest`.
    """

    pairing: Pairing
    n: int
    zeros: int
    mean_difference: float
    statistic: float
    p: float | None
    smallest_p: float
    p_other_zeros: float | None
    alpha: float
    method: str
    left_out: int
    statement: str
    warning: str


def paper_wilcoxon(
    ratings: Ratings,
    a: str,
    b: str,
    *,
    pairing: Pairing = "rater_item",
    alpha: float = 0.05,
    zeros: Zeros = "pratt",
) -> PaperWilcoxon:
    """Signed-rank test of a against b on one question. Cells that were rated for one of them only are left out.

    Raises ValueError for an unknown pairing, for `rating` where the two systems have different samples (one would have
    to be counted twice), and where no rater rated both systems on any clip.
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must be between 0 and 1, found {alpha!r}")
    cells = cell_differences(ratings, a, b)
    if not cells.values:
        raise ValueError(f"no rater rated both {a!r} and {b!r} for the same clip")
    if pairing == "rater_item":
        pairs, warning = list(cells.values.values()), DEPENDENT
    elif pairing == "rating":
        pairs, warning = _sample_pairs(ratings, a, b, cells.values), ARBITRARY
    elif pairing == "rater":
        pairs, warning = _means(cells.values, 0), THESE_CLIPS
    elif pairing == "item":
        pairs, warning = _means(cells.values, 1), THESE_RATERS
    else:
        raise ValueError(f"pairing must be one of rater_item, rating, rater, item, found {pairing!r}")
    test = signed_rank_test(pairs, zeros=zeros)
    smallest = 2.0 ** (1 - len(pairs))
    hopeless = smallest > alpha
    if hopeless:
        statement = (
            f"{_count(len(pairs))} can never be significant at {alpha:g}: the smallest two-sided p is {smallest:g}"
        )
    else:
        statement = f"{_count(len(pairs))} ({pairing}), {test.zeros} of them zero ({zeros}), {test.method}"
    return PaperWilcoxon(
        pairing=pairing,
        n=test.n,
        zeros=test.zeros,
        mean_difference=float(sum(pairs, Fraction(0)) / len(pairs)),
        statistic=test.statistic,
        p=None if hopeless else test.p,
        smallest_p=smallest,
        p_other_zeros=None if hopeless else test.p_other_zeros,
        alpha=alpha,
        method=test.method,
        left_out=len(cells.half),
        statement=statement,
        warning=warning,
    )


def _count(pairs: int) -> str:
    return f"{pairs} pair" + "s" * (pairs != 1)


def _means(cells: dict[tuple[str, str], Fraction], field: int) -> list[Fraction]:
    """Mean difference by rater (field 0) or clip (field 1)."""
    groups: dict[str, list[Fraction]] = {}
    for label, value in cells.items():
        groups.setdefault(label[field], []).append(value)
    return [sum(values, Fraction(0)) / len(values) for values in groups.values()]


def _sample_pairs(ratings: Ratings, a: str, b: str, cells: dict[tuple[str, str], Fraction]) -> list[Fraction]:
    scores: list[dict[tuple[str, str], dict[str, Fraction]]] = [{}, {}]
    for name, by_cell in zip((a, b), scores, strict=True):
        part = select(ratings, system=name)
        rows = zip(part.rater.tolist(), part.clip.tolist(), part.sample.tolist(), part.score.tolist(), strict=True)
        for rater, clip, sample, score in rows:
            by_cell.setdefault((rater, clip), {})[sample] = exact(score)
    pairs = []
    for cell in cells:
        of_a, of_b = scores[0][cell], scores[1][cell]
        if of_a.keys() != of_b.keys():
            raise ValueError(
                f"pairing 'rating' needs the same samples of {a!r} and {b!r}, found {sorted(of_a)} and {sorted(of_b)}"
                f" by rater {cell[0]!r} for clip {cell[1]!r}: counting one twice would fake the number of pairs; use"
                " 'rater_item'"
            )
        pairs += [of_a[sample] - of_b[sample] for sample in sorted(of_a)]
    return pairs
