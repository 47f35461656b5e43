"""One paragraph per question, in plain words, from the numbers: what was found, by which method, for whom it holds."""

from collections.abc import Mapping, Sequence

from cmmd_study.analysis.agreement import Agreement
from cmmd_study.analysis.contrasts import ClaimTest, Finding, Kind
from cmmd_study.analysis.results import Results
from cmmd_study.specification import Claim, Plan

FOR: dict[Claim, str] = {
    "clips like these": "For other raters and clips like these",
    "these clips": "For other raters of these very clips",
}
NOT_EQUAL = "Not significant does not mean equal."
UNPLANNED = "These comparisons were not planned: they are leads for a study that plans for them, not conclusions."


def paragraphs(
    results: Results, everybody: Results | None, references: Mapping[str, str], plan: Plan, kind: Kind
) -> tuple[str, ...]:
    """One for each section and question that has ratings, in their order."""
    return tuple(_paragraph(one, results, everybody, references, plan, kind) for one in results.agreement)


def p_text(p: float) -> str:
    """Two digits; three around 0.05, where rounding would hide on which side p lies."""
    if p < 0.0001:
        return "p < 0.0001"
    return f"p = {p:.3g}" if 0.045 < p < 0.055 else f"p = {p:.2g}"


def significant(test: ClaimTest, plan: Plan) -> bool:
    """Whether the corrected p is below the plan's alpha."""
    return test.adjusted is not None and test.adjusted < plan.alpha


def count(number: int, thing: str) -> str:
    """`1 rater`, `2 raters`."""
    return f"{number} {thing}" + "s" * (number != 1)


def _paragraph(
    agreed: Agreement,
    results: Results,
    everybody: Results | None,
    references: Mapping[str, str],
    plan: Plan,
    kind: Kind,
) -> str:
    where = (agreed.section, agreed.question)
    scores = [row for section, row in results.mos if (section, row.question) == where]
    found = _of(results.findings, where)
    raters, clips = max(row.n_raters for row in scores), max(row.n_clips for row in scores)
    means = ", ".join(f"{row.system} {row.mean:.2f}" for row in sorted(scores, key=lambda row: -row.mean))
    parts = [f"{agreed.section}, {agreed.question}: {count(raters, 'rater')} rated {count(clips, 'clip')}. Mean"]
    parts[0] += f" opinions: {means}."
    for finding in found:
        parts += _finding(finding, results, plan, kind)
    if any(not significant(test, plan) for finding in found for test in finding.tests if test.p is not None):
        parts.append(NOT_EQUAL)
    if found and kind == "exploratory":
        parts.append(UNPLANNED)
    if reference := references.get(agreed.section):
        parts += _reference(_of(results.checks, where), reference, plan)
    parts += _agreement(agreed)
    if everybody is not None:
        parts.append(_exclusions(found, _of(everybody.findings, where), results, everybody, plan))
    return " ".join(parts)


def _finding(finding: Finding, results: Results, plan: Plan, kind: Kind) -> list[str]:
    a, b, primary = finding.contrast.a, finding.contrast.b, finding.primary
    parts = []
    if primary.difference is not None:
        side = "higher" if primary.difference > 0 else "lower"
        size = f"{abs(primary.difference):.2f} points {side} than" if primary.difference else "the same on average as"
        parts.append(f"{a} was rated {size} {b} ({_interval(primary, plan)}{kind}).")
    else:
        parts.append(f"{a} against {b} ({kind}):")
    parts += [_claim(test, finding, results, plan, primary=test is primary) for test in finding.tests]
    if finding.shares is not None:
        better, tie, worse = (f"{share:.0%}" for share in _shares(finding))
        parts.append(f"Clip by clip, raters put {a} above {b} in {better} of cases, level in {tie}, below in {worse}.")
    return parts


def _claim(test: ClaimTest, finding: Finding, results: Results, plan: Plan, *, primary: bool) -> str:
    which = " (the primary claim)" if primary else ""
    if test.p is None:
        return f"{FOR[test.claim]}{which} that could not be tested: {test.note}."
    verdict = "is significant" if significant(test, plan) else "is not significant"
    p = p_text(test.p)
    if plan.correction == "holm" and test.adjusted is not None:
        everywhere = plan.family == "study"
        size = sum(everywhere or other.contrast.section == finding.contrast.section for other in results.findings)
        p += f", {p_text(test.adjusted).removeprefix('p ').removeprefix('= ')} after Holm's correction over"
        p += f" {count(size, 'contrast')}"
    note = f"; {test.note}" if test.note else ""
    return f"{FOR[test.claim]}{which} that {verdict}: {p} ({test.method}{note})."


def _reference(checks: Sequence[Finding], reference: str, plan: Plan) -> list[str]:
    tested = [check for check in checks if check.primary.difference is not None]
    if not tested:
        return []
    # A check of the raters stands outside the family: its p are raw.
    short = [
        check.contrast.b
        for check in tested
        if (check.primary.difference or 0) <= 0 or check.primary.p is None or check.primary.p >= plan.alpha
    ]
    if not short:
        return [f"As it should be, the reference {reference} was rated clearly above every system."]
    return [
        f"The reference {reference} was not rated clearly above {', '.join(short)}: either these come close to it, or"
        " raters did not judge what was asked."
    ]


def _agreement(agreed: Agreement) -> list[str]:
    if agreed.single is not None and agreed.panel is not None and agreed.single.value is not None:
        panel = "" if agreed.panel.value is None else f", their mean at {agreed.panel.value:.2f} (ICC(A,k))"
        return [f"Single raters agree at {agreed.single.value:.2f} (ICC(A,1)){panel}."]
    if agreed.alpha is not None and agreed.alpha.value is not None:
        return [f"Raters agree at {agreed.alpha.value:.2f} (Krippendorff's alpha, ordinal)."]
    return []


def _exclusions(
    found: Sequence[Finding], others: Sequence[Finding], results: Results, everybody: Results, plan: Plan
) -> str:
    out = count(len(everybody.raters) - len(results.raters), "rater")
    by_contrast = {str(other.contrast): other for other in others}
    changed = [
        f"{finding.contrast.a} against {finding.contrast.b}"
        for finding in found
        if (other := by_contrast.get(str(finding.contrast))) is not None
        and significant(finding.primary, plan) != significant(other.primary, plan)
    ]
    if not changed:
        return f"The plan left out {out}; with them the primary tests come out alike."
    return f"The plan left out {out}; with them the primary test comes out differently for {', '.join(changed)}."


def _interval(test: ClaimTest, plan: Plan) -> str:
    if test.low is None or test.high is None:
        return ""
    return f"{1 - plan.alpha:.0%} interval of the difference {test.low:.2f} to {test.high:.2f}, not corrected; "


def _shares(finding: Finding) -> tuple[float, float, float]:
    shares = finding.shares
    return (shares.better, shares.tie, shares.worse) if shares else (0.0, 0.0, 0.0)


def _of(findings: Sequence[Finding], where: tuple[str, str]) -> list[Finding]:
    return [finding for finding in findings if (finding.contrast.section, finding.contrast.question) == where]
