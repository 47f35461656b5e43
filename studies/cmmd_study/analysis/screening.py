"""Who would be left out by which rule. Reported always; applied only where the plan says so.

Ratings are screened within each section, where scale and reference are the same; gold questions and playback count for
the whole study. A rater who breaks a rule of the plan in any section is out of all of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from cmmd_bench.metrics.opinion.screening import RaterReport, screen
from cmmd_study.analysis.asked import checks, playbacks, ratings
from cmmd_study.tables.rated import Rated

EVERYWHERE = ("checks", "played", "stalled")
"""Rules that look at the whole study, and so find the same in every section."""


@dataclass(frozen=True, slots=True)
class Exclusion:
    """A rule that a rater broke, and why in words. section: None for rules that look at the whole study.

    applied: whether the plan takes the rater out for it
    """

    rater: str
    section: str | None
    rule: str
    reason: str
    applied: bool


@dataclass(frozen=True, slots=True)
class Screening:
    """reports: (section, report of one rater). broken: every rule that was broken. excluded: raters out by plan."""

    reports: tuple[tuple[str, RaterReport], ...]
    broken: tuple[Exclusion, ...]
    excluded: tuple[str, ...]


def screen_study(rows: Sequence[Rated], references: dict[str, str], rules: Sequence[str]) -> Screening:
    """Screen all raters who rated. rules: those of the plan that take a rater out."""
    watched, asked = playbacks(rows), checks(rows)
    sections: dict[str, list[Rated]] = {}
    for row in rows:
        if row.role == "rated":
            sections.setdefault(row.section, []).append(row)
    reports = tuple(
        (section, report)
        for section, own in sections.items()
        for report in screen(ratings(own), reference=references.get(section), checks=asked, playbacks=watched)
    )
    broken: dict[tuple[str, str | None, str], Exclusion] = {}
    for section, report in reports:
        for rule, reason in zip(report.flags, report.reasons, strict=True):
            where = None if rule in EVERYWHERE else section
            broken[report.rater, where, rule] = Exclusion(report.rater, where, rule, reason, rule in rules)
    excluded = sorted({found.rater for found in broken.values() if found.applied})
    return Screening(reports, tuple(broken.values()), tuple(excluded))
