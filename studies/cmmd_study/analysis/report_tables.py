"""An analysis as tables of text for the terminal: (title, columns, rows) each."""

from collections.abc import Iterator

from cmmd_bench.metrics.opinion import MeanInterval
from cmmd_study.analysis.analyse import Analysis
from cmmd_study.analysis.contrasts import Finding
from cmmd_study.analysis.results import Results
from cmmd_study.analysis.wording import significant
from cmmd_study.specification import Plan

Table = tuple[str, tuple[str, ...], list[tuple[str, ...]]]
NONE = "-"


def tables(analysis: Analysis) -> Iterator[Table]:
    """Means, contrasts, checks, agreement and screening, in the order in which one reads them; empty ones left out."""
    results, plan = analysis.results, analysis.plan
    found = [
        _mos(results, plan),
        _contrasts(f"Contrasts ({analysis.kind}; * significant at {plan.alpha:g})", results.findings, plan),
        _contrasts("Reference against each system (check of the raters, no correction)", results.checks, plan),
    ]
    if analysis.everybody is not None:
        title = "Contrasts with the raters whom the plan takes out"
        found.append(_contrasts(title, analysis.everybody.findings, plan))
    if results.paper is not None:
        found.append(_paper(results, plan))
    found += [_agreement(results), _screening(analysis)]
    return (table for table in found if table[2])


def _mos(results: Results, plan: Plan) -> Table:
    columns = (
        *("section", "question", "system", "n", "raters", "clips", "mean", "sd"),
        *("these clips", "clips like these", "as if independent"),
    )
    rows = [
        (
            section,
            row.question,
            row.system,
            *map(str, (row.n_ratings, row.n_raters, row.n_clips)),
            f"{row.mean:.2f}",
            _number(row.sd),
            *(_half(interval) for interval in (row.by_raters, row.crossed, row.independent)),
        )
        for section, row in results.mos
    ]
    return f"Mean opinions with {1 - plan.alpha:.0%} intervals", columns, rows


def _contrasts(title: str, findings: tuple[Finding, ...], plan: Plan) -> Table:
    columns = (
        *("section", "question", "a - b", "raters", "clips", "difference", "interval", "claim", "p", "adjusted"),
        *("HL", "rank-biserial", "better/same/worse"),
    )
    rows: list[tuple[str, ...]] = []
    for finding in findings:
        for test in finding.tests:
            primary = test is finding.primary
            mark = " *" if significant(test, plan) else ""
            shares = finding.shares
            effects = (
                _number(finding.hodges_lehmann.estimate if finding.hodges_lehmann else None),
                _number(finding.rank_biserial),
                f"{shares.better:.0%}/{shares.tie:.0%}/{shares.worse:.0%}" if shares else NONE,
            )
            rows.append(
                (
                    finding.contrast.section,
                    finding.contrast.question,
                    f"{finding.contrast.a} - {finding.contrast.b}",
                    str(finding.n_raters),
                    str(finding.n_clips),
                    _number(test.difference),
                    NONE if test.low is None or test.high is None else f"{test.low:.2f} to {test.high:.2f}",
                    f"{test.claim} (primary)" if primary else test.claim,
                    _p(test.p),
                    _p(test.adjusted) + mark,
                    *(effects if primary else ("", "", "")),
                )
            )
    return title, columns, rows


def _paper(results: Results, plan: Plan) -> Table:
    rows: list[tuple[str, ...]] = []
    for found in results.paper or ():
        test = found.test
        mark = " *" if found.adjusted is not None and found.adjusted < plan.alpha else ""
        counts = (str(test.n), str(test.zeros), _number(test.mean_difference)) if test else (NONE, NONE, NONE)
        contrast = found.contrast
        names = (contrast.section, contrast.question, f"{contrast.a} - {contrast.b}")
        p = _p(test.p if test else None)
        rows.append((*names, *counts, p, _p(found.adjusted) + mark, found.reason or (test.warning if test else "")))
    columns = ("section", "question", "a - b", "pairs", "zeros", "difference", "p", "adjusted", "but")
    pairing = next((found.test.pairing for found in results.paper or () if found.test), NONE)
    return f"As papers report it: signed-rank test of pairs by {pairing}", columns, rows


def _agreement(results: Results) -> Table:
    rows: list[tuple[str, ...]] = []
    for one in results.agreement:
        lowest = min((r.value for _, r in one.others if r.value is not None), default=None)
        repeats = NONE if one.repeats is None else f"{one.repeats.exact:.0%} of {one.repeats.n_pairs}"
        icc = [value.value if value else None for value in (one.single, one.panel, one.alpha)]
        rows.append((one.section, one.question, *map(_number, icc), _number(lowest), repeats))
    columns = ("section", "question", "ICC(A,1)", "ICC(A,k)", "alpha", "lowest rater to others", "same on repeats")
    return "Agreement of the raters", columns, rows


def _screening(analysis: Analysis) -> Table:
    rows: list[tuple[str, ...]] = [
        (found.rater, found.section or "all", found.rule, found.reason, "left out" if found.applied else "kept")
        for found in analysis.screening.broken
    ]
    return "Screening", ("rater", "section", "rule", "what was seen", "by the plan"), rows


def _half(interval: MeanInterval | None) -> str:
    return NONE if interval is None else f"± {interval.half_width:.2f}"


def _number(value: float | None) -> str:
    return NONE if value is None else f"{value:.2f}"


def _p(value: float | None) -> str:
    if value is None:
        return NONE
    return "<0.0001" if value < 0.0001 else f"{value:.4f}"
