"""Paper mode: the signed-rank test of paired ratings that papers report, with its pairing named and Holm over it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from cmmd_bench.metrics.opinion import PaperWilcoxon, Ratings, paper_wilcoxon
from cmmd_bench.metrics.opinion.paper_wilcoxon import Pairing
from cmmd_study.analysis.contrasts import families, over_family
from cmmd_study.specification import Contrast, Plan


@dataclass(frozen=True, slots=True)
class PaperFinding:
    """test: None for the reason in `reason`. adjusted: after the correction over the family, None where p is."""

    contrast: Contrast
    test: PaperWilcoxon | None
    adjusted: float | None
    reason: str | None


def paper_findings(
    ratings: Mapping[tuple[str, str], Ratings], contrasts: Sequence[Contrast], pairing: Pairing, plan: Plan
) -> list[PaperFinding]:
    """Test each contrast on the ratings of its (section, question)."""
    found = [
        _find(ratings.get((contrast.section, contrast.question)), contrast, pairing, plan) for contrast in contrasts
    ]
    for members in families(contrasts, plan):
        tests = [found[number].test for number in members]
        raw = [test.p if test else None for test in tests]
        for number, value in zip(members, over_family(raw, plan), strict=True):
            found[number] = replace(found[number], adjusted=value)
    return found


def _find(ratings: Ratings | None, contrast: Contrast, pairing: Pairing, plan: Plan) -> PaperFinding:
    if ratings is None:
        return PaperFinding(contrast, None, None, "nobody answered this question")
    try:
        test = paper_wilcoxon(ratings, contrast.a, contrast.b, pairing=pairing, alpha=plan.alpha)
    except ValueError as error:
        return PaperFinding(contrast, None, None, str(error))
    return PaperFinding(contrast, test, None, None if test.p is not None else test.statement)
