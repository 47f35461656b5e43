"""The whole analysis of a study: what its plan says, what everybody should know besides, and in plain words.

Confirmatory are the contrasts of a plan that was frozen before the answers. Without one, all pairs of systems are
compared for every question and called exploratory. Where a plan takes raters out, everything is done without and with
them, and both are in the result.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from itertools import combinations
from typing import Any

import numpy as np

from cmmd_bench.errors import UserError, unknown_name
from cmmd_bench.metrics.opinion import mos_table
from cmmd_bench.metrics.opinion.paper_wilcoxon import Pairing
from cmmd_bench.progress import Progress, silent
from cmmd_study.analysis.agreement import agreement
from cmmd_study.analysis.asked import Asked, by_question
from cmmd_study.analysis.contrasts import Kind, corrected, find
from cmmd_study.analysis.paper import paper_findings
from cmmd_study.analysis.results import Results
from cmmd_study.analysis.screening import Screening, screen_study
from cmmd_study.analysis.wording import count, paragraphs
from cmmd_study.specification import Contrast, Plan
from cmmd_study.tables.rated import Rated

SCHEMA = 1
"""Version of analysis.json."""
NO_PLAN = "no plan was frozen: every contrast is exploratory, and was chosen with the answers at hand"


@dataclass(frozen=True, slots=True)
class Analysis:
    """results: by the plan. everybody: the same with the raters whom the plan takes out, None if it takes out nobody.

    kind: of the contrasts. notes: what a reader must know of the data, in sentences. paragraphs: one for each question
    """

    kind: Kind
    plan: Plan
    references: dict[str, str]
    notes: tuple[str, ...]
    screening: Screening
    results: Results
    everybody: Results | None
    paragraphs: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values, what is undefined as null."""
        return {"schema": SCHEMA} | {field.name: _plain(getattr(self, field.name)) for field in fields(self)}


def analyse(
    rows: Sequence[Rated],
    plan: Plan | None = None,
    references: Mapping[str, str | None] | None = None,
    *,
    deviations: Sequence[str] = (),
    paper: Pairing | None = None,
    progress: Progress = silent,
) -> Analysis:
    """Analyse rows of the long table.

    plan: as it was frozen; None compares all pairs. references: section -> the system that is ground truth there
    deviations: sentences about what differs from the frozen plan, which are repeated. paper: pairing of paper mode
    Raises UserError when no row counts, for a reference that nobody rated, and when the plan leaves no rater.
    """
    counting = [row for row in rows if row.role == "rated"]
    if not counting:
        raise UserError(f"there is nothing to analyse: none of the {len(rows)} rows is a rating that counts.")
    ground = {section: system for section, system in (references or {}).items() if system is not None}
    _check_references(counting, ground)
    rules = plan or Plan()
    screening = screen_study(rows, ground, rules.exclusions)
    kept = [row for row in rows if row.rater not in screening.excluded]
    if not any(row.role == "rated" for row in kept):
        raise UserError("the plan's exclusions leave no rater. Look at the screening with exclusions = [] in a copy.")
    asked = by_question(kept, ground)
    contrasts, kind = _contrasts(asked, rules)
    results = _results(asked, contrasts, kind, rules, paper, progress)
    everybody = None
    if screening.excluded:
        everybody = _results(by_question(rows, ground), contrasts, kind, rules, paper, progress)
    notes = _notes(rows, plan, deviations)
    words = paragraphs(results, everybody, ground, rules, kind)
    return Analysis(kind, rules, ground, notes, screening, results, everybody, words)


def _contrasts(asked: Sequence[Asked], plan: Plan) -> tuple[list[Contrast], Kind]:
    if plan.contrasts:
        return list(plan.contrasts), "confirmatory"
    pairs = [
        Contrast(section=one.section, question=one.question, a=a, b=b)
        for one in asked
        for a, b in combinations(one.systems, 2)
    ]
    return pairs, "exploratory"


def _results(
    asked: Sequence[Asked],
    contrasts: Sequence[Contrast],
    kind: Kind,
    plan: Plan,
    paper: Pairing | None,
    progress: Progress,
) -> Results:
    ratings = {(one.section, one.question): one.ratings for one in asked}
    ground = [
        Contrast(section=one.section, question=one.question, a=one.reference, b=system)
        for one in asked
        if one.reference is not None and one.reference in one.ratings.system
        for system in one.systems
    ]
    findings = []
    with progress("contrasts", len(contrasts) + len(ground)) as advance:
        for number, contrast in enumerate([*contrasts, *ground]):
            of = ratings.get((contrast.section, contrast.question))
            findings.append(find(of, contrast, kind if number < len(contrasts) else "check", plan))
            advance()
    level = 1 - plan.alpha
    return Results(
        raters=tuple(sorted({rater for one in asked for rater in one.ratings.rater.tolist()})),
        n_ratings=sum(len(one.ratings) for one in asked),
        mos=tuple((one.section, row) for one in asked for row in mos_table(one.ratings, level=level)),
        findings=tuple(corrected(findings[: len(contrasts)], plan)),
        checks=tuple(findings[len(contrasts) :]),
        agreement=tuple(agreement(one, level=level) for one in asked),
        paper=None if paper is None else tuple(paper_findings(ratings, contrasts, paper, plan)),
    )


def _check_references(rows: Sequence[Rated], references: Mapping[str, str]) -> None:
    for section, system in references.items():
        rated = sorted({row.system for row in rows if row.section == section})
        # A section that nobody has come to yet has no systems; that is no mistake.
        if rated and system not in rated:
            raise unknown_name("rated system", system, rated)


def _notes(rows: Sequence[Rated], plan: Plan | None, deviations: Sequence[str]) -> tuple[str, ...]:
    notes = []
    if plan is None:
        notes.append(NO_PLAN[0].upper() + NO_PLAN[1:] + ".")
    elif not plan.contrasts:
        notes.append("The plan names no contrast: all pairs are compared, and every finding is exploratory.")
    if late := sum(row.late for row in rows if row.role == "rated"):
        notes.append(f"Given after the study was closed, and counted: {count(late, 'rating')}.")
    if unfinished := {row.rater for row in rows if not row.finished and row.role == "rated"}:
        notes.append(f"Not finished, and counted as far as they came: {count(len(unfinished), 'rater')}.")
    return (*notes, *deviations)


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Plan | Contrast):
        return value.model_dump(mode="json")
    if isinstance(value, dict):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return value.item() if isinstance(value, np.generic) else value
