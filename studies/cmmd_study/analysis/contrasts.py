"""Is one system better than another? Both claims side by side, with effect sizes; the plan says which one is primary.

clips like these   crossed test of the rater by clip table of differences; where cells of it are missing or have
                   differing numbers of samples, a linear mixed model of the single ratings
these clips        exact signed-rank test of the raters' mean differences, zeros as Pratt has them

A test that cannot be had says why in `note`, and still counts in the family that p is corrected over.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

from cmmd_bench.metrics.multiplicity import holm
from cmmd_bench.metrics.opinion import (
    BootstrapInterval,
    CellDifferences,
    CrossedMean,
    HodgesLehmann,
    MixedModelTest,
    Ratings,
    Shares,
    SignedRankTest,
    bootstrap_difference,
    cell_differences,
    crossed_test,
    hodges_lehmann,
    mixed_model_test,
    rank_biserial,
    shares,
    signed_rank_test,
    t_interval,
)
from cmmd_bench.metrics.opinion.mos import RATERS
from cmmd_study.specification import Claim, Contrast, Plan

Kind = Literal["confirmatory", "exploratory", "check"]
CROSSED, MIXED = "crossed test", "linear mixed model by REML, t with Satterthwaite's df"
SIGNED_RANK = "signed-rank test of rater means, zeros by Pratt"
BEFORE_MODEL = "some raters did not rate every clip, or not as many samples of it"


@dataclass(frozen=True, slots=True)
class ClaimTest:
    """One claim about a - b. p: two-sided, raw; adjusted: after the correction over the family.

    difference, low, high: of the means, with the interval that goes with the claim. All of them are None where they
    cannot be had, for the reason in `note`; `note` may also qualify a test that was done.
    """

    claim: Claim
    method: str
    p: float | None
    adjusted: float | None
    difference: float | None
    low: float | None
    high: float | None
    note: str | None
    details: CrossedMean | MixedModelTest | SignedRankTest | None


@dataclass(frozen=True, slots=True)
class Finding:
    """All about one contrast. tests: the primary claim's first. Means are of cells that have both systems.

    shares: of rater by clip cells in which a was rated better, the same, worse than b. Effect sizes are None where no
    rater rated both systems on any clip.
    bootstrap: over raters and clips, printed beside the tests as a check of their assumptions.
    """

    contrast: Contrast
    kind: Kind
    n_raters: int
    n_clips: int
    complete: bool
    tests: tuple[ClaimTest, ClaimTest]
    hodges_lehmann: HodgesLehmann | None
    rank_biserial: float | None
    shares: Shares | None
    bootstrap: BootstrapInterval | None

    @property
    def primary(self) -> ClaimTest:
        """The test of the claim that the plan is about."""
        return self.tests[0]

    def of(self, claim: Claim) -> ClaimTest:
        """The test of one claim."""
        return next(test for test in self.tests if test.claim == claim)


def find(ratings: Ratings | None, contrast: Contrast, kind: Kind, plan: Plan) -> Finding:
    """Test a contrast on the ratings of its question; adjusted p are left open. ratings: None if nobody answered it."""
    a, b = contrast.a, contrast.b
    rated = set() if ratings is None else set(ratings.system.tolist())
    if ratings is None or not {a, b} <= rated:
        absent = " and ".join(name for name in (a, b) if name not in rated)
        return Finding(contrast, kind, 0, 0, False, _untested(plan, f"nobody rated {absent}"), None, None, None, None)
    level = 1 - plan.alpha
    cells = cell_differences(ratings, a, b)
    by_rater = list(_rater_means(cells).values())
    tests = [_like_these(ratings, cells, a, b, level), _these(by_rater, level)]
    # Stable: only the primary claim moves to the front.
    tests.sort(key=lambda test: test.claim != plan.claim)
    enough = len(cells.raters) > 1 and len(cells.clips) > 1
    return Finding(
        contrast=contrast,
        kind=kind,
        n_raters=len(cells.raters),
        n_clips=len(cells.clips),
        complete=not cells.missing and cells.even,
        tests=(tests[0], tests[1]),
        hodges_lehmann=hodges_lehmann(by_rater, level=level) if by_rater else None,
        rank_biserial=rank_biserial(by_rater) if by_rater else None,
        shares=shares(list(cells.values.values())) if cells.values else None,
        bootstrap=bootstrap_difference(ratings, a, b, level=level) if enough else None,
    )


def corrected(findings: Sequence[Finding], plan: Plan) -> list[Finding]:
    """The findings with adjusted p: each claim's over its family, those of one section or of the study."""
    adjusted: dict[tuple[int, Claim], float | None] = {}
    for members in families([finding.contrast for finding in findings], plan):
        for claim in ("clips like these", "these clips"):
            raw = [findings[number].of(claim).p for number in members]
            adjusted |= {(n, claim): p for n, p in zip(members, over_family(raw, plan), strict=True)}
    return [
        replace(
            finding,
            tests=(
                replace(finding.tests[0], adjusted=adjusted[number, finding.tests[0].claim]),
                replace(finding.tests[1], adjusted=adjusted[number, finding.tests[1].claim]),
            ),
        )
        for number, finding in enumerate(findings)
    ]


def families(contrasts: Sequence[Contrast], plan: Plan) -> list[list[int]]:
    """Indices of the contrasts that are corrected together."""
    found: dict[str, list[int]] = {}
    for number, contrast in enumerate(contrasts):
        found.setdefault(contrast.section if plan.family == "section" else "", []).append(number)
    return list(found.values())


def over_family(raw: Sequence[float | None], plan: Plan) -> list[float | None]:
    """Adjusted p of one family; a test without p counts in it as one that found nothing."""
    if plan.correction == "none":
        return list(raw)
    values = holm([1.0 if p is None else p for p in raw])
    return [None if p is None else value for p, value in zip(raw, values, strict=True)]


def _like_these(ratings: Ratings, cells: CellDifferences, a: str, b: str, level: float) -> ClaimTest:
    try:
        if not cells.missing and cells.even:
            crossed = crossed_test(ratings, a, b, level=level)
            return ClaimTest(
                "clips like these",
                CROSSED,
                crossed.p,
                None,
                crossed.mean,
                crossed.low,
                crossed.high,
                crossed.note,
                crossed,
            )
        model = mixed_model_test(ratings, a, b, level=level)
    except ValueError as error:
        method = CROSSED if not cells.missing and cells.even else MIXED
        return ClaimTest("clips like these", method, None, None, None, None, None, str(error), None)
    return ClaimTest(
        "clips like these", MIXED, model.p, None, model.difference, model.low, model.high, BEFORE_MODEL, model
    )


def _these(by_rater: Sequence[Fraction], level: float) -> ClaimTest:
    if not by_rater:
        note = "no rater rated both systems on the same clip"
        return ClaimTest("these clips", SIGNED_RANK, None, None, None, None, None, note, None)
    test = signed_rank_test(by_rater)
    interval = t_interval([float(value) for value in by_rater], level=level, claim=RATERS)
    short = f"{test.n - test.zeros} raters who differ cannot give a p below {test.smallest_p:.3g}"
    return ClaimTest(
        claim="these clips",
        method=f"{test.method} {SIGNED_RANK}",
        p=test.p,
        adjusted=None,
        difference=float(sum(by_rater, Fraction(0)) / len(by_rater)),
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        note=short if test.smallest_p > 1 - level else None,
        details=test,
    )


def _untested(plan: Plan, note: str) -> tuple[ClaimTest, ClaimTest]:
    tests = [
        ClaimTest("clips like these", CROSSED, None, None, None, None, None, note, None),
        ClaimTest("these clips", SIGNED_RANK, None, None, None, None, None, note, None),
    ]
    tests.sort(key=lambda test: test.claim != plan.claim)
    return tests[0], tests[1]


def _rater_means(cells: CellDifferences) -> dict[str, Fraction]:
    """Each rater's mean difference over the clips that the rater saw of both systems, without rounding."""
    own: dict[str, list[Fraction]] = {}
    for (rater, _), value in cells.values.items():
        own.setdefault(rater, []).append(value)
    return {rater: sum(values, Fraction(0)) / len(values) for rater, values in own.items()}
