"""Power of a study over numbers of clips and raters, from its own file: samples, questions, contrasts, correction."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from cmmd_bench.metrics.opinion.power import Design, minutes_per_rater
from cmmd_bench.metrics.opinion.power import power as simulate_power
from cmmd_bench.progress import Progress, silent
from cmmd_study.folder import Source, StudyFolder, systems_by_section
from cmmd_study.specification import Specification

MIDDLE = 3.0
"""Mean answer around which the difference is laid, on a scale from 1 to 5."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One design of one section. power: of the weakest contrast for the claim "clips like these"; these: the other."""

    section: str
    clips: int
    raters: int
    power: float
    these: float
    standard_error: float
    minutes: float
    contrasts: int
    questions: int

    def to_json(self) -> dict[str, Any]:
        """All values."""
        return asdict(self)


def grid(
    folder: StudyFolder,
    *,
    delta: float,
    raters: Sequence[int],
    clips: Sequence[int],
    dropout: float,
    simulations: int,
    progress: Progress = silent,
) -> list[Cell]:
    """A cell for each section and each number of clips and raters, sections in the order of the file."""
    specification, sources = folder.specification(), folder.sources()
    questionnaires, systems = folder.questionnaires(specification), systems_by_section(sources)
    cells = []
    with progress("simulated studies", len(specification.sections) * len(raters) * len(clips)) as advance:
        for section in specification.sections:
            mine = [each for each in sources if each.role == "rated" and each.stimulus.section == section.name]
            questions = len(questionnaires[section.name].questions)
            tested = _tested(specification, section.name, systems[section.name], section.reference)
            # Every contrast is one of `delta`: the first system that much above all the others.
            means = [MIDDLE + delta / 2] + [MIDDLE - delta / 2] * max(1, round(len(tested) / questions))
            for count in clips:
                for people in raters:
                    design = Design(people, count, _samples(mine, section.reference), questions)
                    found = simulate_power(
                        design,
                        means,
                        dropout=dropout,
                        correction=specification.plan.correction,
                        alpha=specification.plan.alpha,
                        n_simulations=simulations,
                        seed=specification.seed,
                    )
                    cells.append(
                        Cell(
                            section.name,
                            count,
                            people,
                            min(found.clips_like_these),
                            min(found.these_clips),
                            found.standard_error,
                            _minutes(specification, mine, count, questions),
                            len(tested),
                            questions,
                        )
                    )
                    advance()
    return cells


def _tested(
    specification: Specification, section: str, systems: Sequence[str], reference: str | None
) -> list[tuple[str, str]]:
    planned = [(c.a, c.b) for c in specification.plan.contrasts if c.section == section]
    if planned:
        return planned
    tested = [system for system in systems if system != reference]
    return [(a, b) for i, a in enumerate(tested) for b in tested[i + 1 :]] or [("a", "b")]


def _samples(mine: Sequence[Source], reference: str | None) -> int:
    """Samples of a clip that the weaker sampled of the tested systems has."""
    counts = Counter((each.stimulus.system, each.stimulus.clip) for each in mine if each.stimulus.system != reference)
    return min(counts.values(), default=1)


def _minutes(specification: Specification, mine: Sequence[Source], clips: int, questions: int) -> float:
    per_clip = len(mine) / len({each.stimulus.clip for each in mine})
    seconds = sum(each.milliseconds for each in mine) / len(mine) / 1000
    one = minutes_per_rater(
        Design(2, 2, 1, questions), 1, clip_seconds=seconds, seconds_per_answer=specification.seconds_per_answer
    )
    return one / 2 * per_clip * clips
