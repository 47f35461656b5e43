"""study.toml as types: everything about a study that people decide, before it is frozen.

The file is written by `study create` with its defaults, edited by hand, and sealed by `study freeze`. From then on the
database holds it with its digest, and a file that says something else is a deviation.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from itertools import combinations
from typing import Literal, Self

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from cmmd_bench.toml_files import Strict, parse_toml
from cmmd_study.design.orders import Design
from cmmd_study.questionnaires.schema import Questionnaire, Text

SCHEMA = 1
"""Version of study.toml; a file with a higher number is refused."""
NAME = r"^[a-z0-9][a-z0-9-]*$"

Claim = Literal["clips like these", "these clips"]
"""What a finding shall hold for: other raters and other clips (crossed test), or other raters alone (signed ranks)."""
Rule = Literal["checks", "straight", "reference", "played", "stalled", "bt500", "p910"]
"""Screening rules of `cmmd_bench.metrics.opinion.screening`."""


class Orders(Strict):
    """How stimuli are laid out for raters.

    rows: different orders that are made; raters beyond them share the least used ones
    clips_per_rater: of each section, leave out for all; apart: places between two samples of one system for one clip
    repeats: stimuli of each section that a rater sees once more
    abandoned_after_hours: without a sign of a rater, until the order may go to somebody else
    """

    rows: int = Field(default=24, ge=1, le=2000)
    clips_per_rater: PositiveInt | None = None
    apart: int = Field(default=3, ge=1)
    repeats: int = Field(default=0, ge=0)
    abandoned_after_hours: PositiveInt = 72

    @property
    def design(self) -> Design:
        """The same, as the maker of orders takes it."""
        return Design(self.clips_per_rater, self.apart, self.repeats)


class Playback(Strict):
    """What counts as having seen a clip. least_share: of its length; most_plays: leave out for any number."""

    least_share: float = Field(default=0.95, gt=0, le=1)
    most_plays: PositiveInt | None = None


class Section(Strict):
    """One task with its questionnaire, which lies in the study's folder as questionnaires/<questionnaire>.toml.

    reference: the system that is ground truth, if it is among those that are rated
    """

    name: str = Field(pattern=NAME, max_length=40)
    questionnaire: str = Field(pattern=NAME, max_length=40)
    reference: str | None = None


class Contrast(Strict):
    """Is `a` better than `b`, by the answers to one question of one section?"""

    section: str
    question: str
    a: str
    b: str

    def __str__(self) -> str:
        return f"{self.section}: {self.question}: {self.a} - {self.b}"


class Plan(Strict):
    """What will be tested, decided before anyone has answered.

    claim: of the confirmatory test; the other one is reported beside it. exclusions: screening rules that take a
    rater out; all of them are always reported. family: what Holm's correction is over. contrasts: the confirmatory ones
    """

    claim: Claim = "clips like these"
    alpha: float = Field(default=0.05, gt=0, lt=1)
    correction: Literal["holm", "none"] = "holm"
    family: Literal["section", "study"] = "section"
    exclusions: tuple[Rule, ...] = ()
    contrasts: tuple[Contrast, ...] = ()


class Specification(Strict):
    """A study. contact: whom a rater may write to. delete_after: the date by which the answers are deleted.

    seconds_per_answer: for the time that raters are told; replaced by what is measured as they answer
    """

    schema_version: int = Field(SCHEMA, alias="schema")
    name: str = Field(pattern=NAME, max_length=80)
    title: Text
    contact: str = ""
    delete_after: date | None = None
    consent: Text
    seed: int = 0
    seconds_per_answer: PositiveFloat = 5.0
    orders: Orders = Orders()
    playback: Playback = Playback()
    plan: Plan = Plan()
    sections: tuple[Section, ...] = Field(min_length=1, max_length=12)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = Counter(section.name for section in self.sections)
        if twice := [name for name, count in names.items() if count > 1]:
            raise ValueError(f"section {twice[0]!r} stands twice; sections need names of their own")
        if self.title.languages != self.consent.languages:
            raise ValueError("title and consent must be in the same languages")
        seen: set[str] = set()
        for contrast in self.plan.contrasts:
            if contrast.section not in names:
                raise ValueError(f"contrast {contrast}: no section {contrast.section!r}; there are {', '.join(names)}")
            if contrast.a == contrast.b:
                raise ValueError(f"contrast {contrast}: a and b must be two systems")
            both = ": ".join((contrast.section, contrast.question, *sorted((contrast.a, contrast.b))))
            if both in seen:
                raise ValueError(f"contrast {contrast} stands twice; its p would be counted twice")
            seen.add(both)
        return self


def parse_specification(text: str, *, where: str) -> Specification:
    """Read study.toml; UserError names `where`, the key, and what was found and expected."""
    return parse_toml(text, Specification, where=where, schema=SCHEMA)


def all_contrasts(
    section: str, questionnaire: Questionnaire, systems: Sequence[str], reference: str | None
) -> list[Contrast]:
    """Every pair of systems for every question of a section; ground truth is a check of the raters, not a contrast."""
    tested = [system for system in systems if system != reference]
    return [
        Contrast(section=section, question=question.id, a=a, b=b)
        for question in questionnaire.questions
        for a, b in combinations(tested, 2)
    ]


def unmatched(
    specification: Specification,
    questionnaires: Mapping[str, Questionnaire],
    systems: Mapping[str, Sequence[str]],
) -> list[str]:
    """What the plan names and the study does not have, in sentences. Both mappings are by section."""
    found = []
    for contrast in specification.plan.contrasts:
        known = [question.id for question in questionnaires[contrast.section].questions]
        if contrast.question not in known:
            found.append(f"contrast {contrast}: no question {contrast.question!r}; there are {', '.join(known)}.")
        for system in (contrast.a, contrast.b):
            if system not in systems[contrast.section]:
                rated = ", ".join(systems[contrast.section])
                found.append(f"contrast {contrast}: {system!r} is not rated there; {rated} are.")
    for section in specification.sections:
        if section.reference is not None and section.reference not in systems[section.name]:
            found.append(f"section {section.name}: its reference {section.reference!r} is not rated there.")
        spoken = questionnaires[section.name].languages
        if missing := sorted(specification.title.languages - spoken):
            found.append(f"questionnaire {section.questionnaire} is not written in {', '.join(missing)}.")
    return found
