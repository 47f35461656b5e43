"""Which samples raters will see, drawn by seed from names alone: a clip that is added reorders none of the others.

The paper's study shows 5 clips: 2 samples of each tested model, 1 of ground truth and of each baseline.
"""

import hashlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from cmmd_bench.errors import UserError, unknown_name
from cmmd_study.creation.candidates import GROUND_TRUTH, Candidate, Candidates

FLOORS = ("shuffled", "noise")
"""Rows of a run that no rater needs to see, unless they are asked for."""
NOISE = "noise"
Cell = tuple[str, str, int]


@dataclass(frozen=True, slots=True)
class Selection:
    """How much of what is shown, in each section.

    conditions: conditioning clips. samples: of each tested system and clip; of ground truth, floors and `baselines` one
    systems: those that are rated; None for all but the floors. practice: stimuli before the block, from other clips
    gold: stimuli of the floor `noise`, from other clips, whose answers must be low
    """

    conditions: int = 5
    samples: int = 2
    baselines: tuple[str, ...] = ()
    systems: tuple[str, ...] | None = None
    practice: int = 2
    gold: int = 0


@dataclass(frozen=True, slots=True)
class Pick:
    """A sample and what it is shown for."""

    candidate: Candidate
    role: Literal["rated", "practice", "gold"]


def pick(
    candidates: Candidates, selection: Selection, *, section: str, seed: int, elsewhere: Collection[str] = ()
) -> list[Pick]:
    """The stimuli of one section. elsewhere: clips that other sections show; they are taken last.

    Raises UserError for unknown systems, and for fewer samples or clips than are asked for.
    """
    systems = _systems(candidates, selection)
    cells: dict[Cell, Candidate] = {(c.clip, c.system, c.sample): c for c in candidates.samples}
    drawn = sorted(
        {clip for clip, system, _ in cells if system in {*systems, NOISE}},
        # A rater who has seen a clip's real sound in one section knows it in the next.
        key=lambda clip: (clip in elsewhere, _draw(seed, f"{section}/{clip}")),
    )
    single = {*selection.baselines, *FLOORS, GROUND_TRUTH, candidates.reference}
    treatments = [
        (system, number)
        for system in systems
        for number in _numbers(cells, system, 1 if system in single else selection.samples)
    ]
    whole = [clip for clip in drawn if all((clip, *treatment) in cells for treatment in treatments)]
    if len(whole) < selection.conditions:
        raise UserError(
            f"section {section}: clips with all {len(treatments)} samples of {', '.join(systems)}: {len(whole)}, "
            f"asked for: {selection.conditions}. Use --conditions {len(whole)}, fewer --systems or fewer --samples."
        )
    shown = whole[: selection.conditions]
    rated = [Pick(cells[clip, system, number], "rated") for clip in shown for system, number in treatments]
    rest = [clip for clip in drawn if clip not in shown]
    practice = _practice(cells, systems, rest, selection.practice, section, seed)
    used = {each.candidate.clip for each in practice}
    return rated + practice + _gold(cells, [clip for clip in rest if clip not in used], selection.gold, section)


def _systems(candidates: Candidates, selection: Selection) -> list[str]:
    for name in (*(selection.systems or ()), *selection.baselines):
        if name not in candidates.systems:
            raise unknown_name("system to choose from", name, candidates.systems)
    chosen = [name for name in candidates.systems if name not in FLOORS]
    if selection.systems is not None:
        chosen = [name for name in candidates.systems if name in selection.systems]
    if left_out := [name for name in selection.baselines if name not in chosen]:
        raise UserError(f"the baseline {left_out[0]!r} is not among --systems {', '.join(chosen)}. Add it there.")
    if not chosen:
        raise UserError("no system is left to rate. Name some with --systems.")
    return chosen


def _numbers(cells: Mapping[Cell, Candidate], system: str, wanted: int) -> list[int]:
    """Which samples of a system are shown, the same for every clip: those that most clips have, then the lowest."""
    having = Counter(sample for _, name, sample in cells if name == system)
    most = max(Counter(clip for clip, name, _ in cells if name == system).values(), default=0)
    if most < wanted:
        if most == 0:
            raise UserError(f"{system} has no finished sample. Leave it out with --systems.")
        raise UserError(
            f"{system} has {most} sample{'s' * (most > 1)} per clip, {wanted} are asked for; use --samples {most}, "
            f"name it in --baselines (one is shown), or run with samples_per_condition = {wanted}."
        )
    return sorted(sorted(having, key=lambda sample: (-having[sample], sample))[:wanted])


def _practice(
    cells: Mapping[Cell, Candidate], systems: Sequence[str], clips: Sequence[str], wanted: int, section: str, seed: int
) -> list[Pick]:
    order = sorted(systems, key=lambda system: _draw(seed, f"practice/{section}/{system}"))
    found: list[Pick] = []
    for clip in clips:
        if len(found) == wanted:
            break
        system = order[len(found) % len(order)]
        numbers = [number for other, name, number in cells if (other, name) == (clip, system)]
        if numbers:
            found.append(Pick(cells[clip, system, min(numbers)], "practice"))
    if len(found) < wanted:
        raise UserError(
            f"section {section}: clips left for practice: {len(found)}, asked for: {wanted}. Practice is never "
            f"with a clip that is rated. Use --practice {len(found)} or fewer --conditions."
        )
    return found


def _gold(cells: Mapping[Cell, Candidate], clips: Sequence[str], wanted: int, section: str) -> list[Pick]:
    if wanted == 0:
        return []
    if not any(system == NOISE for _, system, _ in cells):
        raise UserError(
            f"gold items are samples of the floor {NOISE!r}, of which there are none in section {section}. "
            "Use --gold 0, or a run that has them."
        )
    having = {clip: number for clip, system, number in sorted(cells, reverse=True) if system == NOISE}
    found = [Pick(cells[clip, NOISE, having[clip]], "gold") for clip in clips if clip in having][:wanted]
    if len(found) < wanted:
        raise UserError(
            f"section {section}: clips left for gold items: {len(found)}, asked for: {wanted}. "
            f"Use --gold {len(found)} or fewer --conditions."
        )
    return found


def _draw(seed: int, name: str) -> bytes:
    return hashlib.sha256(f"{seed}:{name}".encode()).digest()
