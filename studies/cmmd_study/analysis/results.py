"""What one set of raters says about every question."""

from dataclasses import dataclass

from cmmd_bench.metrics.opinion import OpinionScore
from cmmd_study.analysis.agreement import Agreement
from cmmd_study.analysis.contrasts import Finding
from cmmd_study.analysis.paper import PaperFinding


@dataclass(frozen=True, slots=True)
class Results:
    """What one set of raters says. mos: (section, row). checks: reference against each system, outside the family.

    paper: None unless paper mode was asked for
    """

    raters: tuple[str, ...]
    n_ratings: int
    mos: tuple[tuple[str, OpinionScore], ...]
    findings: tuple[Finding, ...]
    checks: tuple[Finding, ...]
    agreement: tuple[Agreement, ...]
    paper: tuple[PaperFinding, ...] | None
