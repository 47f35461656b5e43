"""The orders of a study: what each rater sees, in which order, made once from a seed.

Sections come as blocks, in orders that are all used equally often. Inside a block every treatment stands at every place
of a round equally often over raters, and follows every other equally often (`williams`). With `clips_per_rater` each
sees a part of the clips, all treatments of each, and every clip is seen equally often.

Practice opens a block; gold items are spread over its thirds; repeats come in its last third, each at least a third of
the block after the first time.
"""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from math import factorial, lcm
from typing import TypeVar

from cmmd_study.design.blocks import Treatment, block
from cmmd_study.design.williams import rounds
from cmmd_study.types import Presentation, Role, Stimulus

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Section:
    """What a block is made of.

    rated: every treatment with every clip, once; practice, gold: other stimuli of the same task
    """

    name: str
    rated: tuple[Stimulus, ...]
    practice: tuple[Stimulus, ...] = ()
    gold: tuple[Stimulus, ...] = ()


@dataclass(frozen=True, slots=True)
class Design:
    """clips_per_rater: of each section, None for all; apart: places between two samples of a system for one clip;
    repeats: per section and rater.
    """

    clips_per_rater: int | None = None
    apart: int = 3
    repeats: int = 0


def orders(sections: Sequence[Section], rows: int, design: Design, *, seed: int) -> list[list[Presentation]]:
    """`rows` orders, one for each rater. The same arguments give the same orders.

    Raises ValueError for a section that lacks a treatment of some clip, or that asks for more clips than there are.
    """
    if len({section.name for section in sections}) < len(sections):
        raise ValueError("sections must have names of their own")
    rng = random.Random(seed)
    blocks = [_Blocks(section, design, rng) for section in sections]
    arrangements = _shuffled(permutations(range(len(sections))), rng) if factorial(len(sections)) <= 120 else None
    made = []
    for row in range(rows):
        own = random.Random(f"{seed}/{row}")
        parts = [each.row(row, own) for each in blocks]
        if arrangements is None:
            arrangement = _shuffled(range(len(sections)), own)
        else:
            # Shifted after a while, or each arrangement would always meet the same rows of the Williams designs.
            period = lcm(len(arrangements), *(len(each.treatments) for each in blocks))
            arrangement = list(arrangements[(row + row // period) % len(arrangements)])
        made.append([presentation for index in arrangement for presentation in parts[index]])
    return made


class _Blocks:
    """The blocks of one section, row by row."""

    def __init__(self, section: Section, design: Design, rng: random.Random) -> None:
        self.section, self.design = section, design
        self.cells: dict[tuple[str, Treatment], Stimulus] = {}
        for stimulus in section.rated:
            self.cells[stimulus.clip, (stimulus.system, stimulus.sample)] = stimulus
        clips = sorted({stimulus.clip for stimulus in section.rated})
        treatments = sorted({(stimulus.system, stimulus.sample) for stimulus in section.rated})
        _check(section, self.cells, clips, treatments, design)
        self.clips, self.treatments = _shuffled(clips, rng), _shuffled(treatments, rng)
        self.repeated = dict.fromkeys((stimulus.id for stimulus in section.rated), 0)

    def row(self, row: int, rng: random.Random) -> list[Presentation]:
        """The block of one rater."""
        count = self.design.clips_per_rater or len(self.clips)
        clips = [self.clips[(row * count + place) % len(self.clips)] for place in range(count)]
        rows = [[self.treatments[index] for index in each] for each in rounds(len(self.treatments), count, row)]
        shown = block(self.cells, rows, clips, apart=self.design.apart, rng=rng)
        rated = [_present(stimulus, "rated") for stimulus in shown]
        clip_of = {stimulus.id: stimulus.clip for stimulus in (*shown, *self.section.gold)}
        self._repeat(rated, clip_of, rng)
        gold = _shuffled(self.section.gold, rng)
        length = len(rated) + len(gold)
        for third in range(3):
            for stimulus in gold[third::3]:
                span = range(-(-length * third // 3), min(len(rated), -(-length * (third + 1) // 3) - 1) + 1)
                _insert(rated, _present(stimulus, "gold"), span, clip_of, rng)
        practice = [_present(stimulus, "practice") for stimulus in self.section.practice]
        return practice + rated

    def _repeat(self, rated: list[Presentation], clip_of: Mapping[str, str], rng: random.Random) -> None:
        early = [presentation.stimulus for presentation in rated[: len(rated) // 3]]
        # Over raters all stimuli are repeated equally often, as far as they come early.
        chosen = sorted(_shuffled(early, rng), key=lambda stimulus: self.repeated[stimulus])[: self.design.repeats]
        for stimulus in chosen:
            self.repeated[stimulus] += 1
            again = Presentation(stimulus, self.section.name, "repeat")
            _insert(rated, again, range(len(rated) * 2 // 3, len(rated) + 1), clip_of, rng)


def _present(stimulus: Stimulus, role: Role) -> Presentation:
    return Presentation(stimulus.id, stimulus.section, role)


def _insert(
    order: list[Presentation], new: Presentation, span: range, clip_of: Mapping[str, str], rng: random.Random
) -> None:
    """Put `new` at a random place of `span`, beside no presentation of its own clip where that can be."""

    def beside(place: int) -> bool:
        return any(clip_of[each.stimulus] == clip_of[new.stimulus] for each in order[max(0, place - 1) : place + 1])

    free = [place for place in span if not beside(place)]
    order.insert(rng.choice(free or list(span)), new)


def _shuffled(values: Iterable[T], rng: random.Random) -> list[T]:
    found = list(values)
    rng.shuffle(found)
    return found


def _check(
    section: Section,
    cells: Mapping[tuple[str, Treatment], Stimulus],
    clips: Sequence[str],
    treatments: Sequence[Treatment],
    design: Design,
) -> None:
    if not section.rated:
        raise ValueError(f"section {section.name} has nothing to rate")
    if len(cells) < len(section.rated):
        raise ValueError(f"section {section.name} has two stimuli of one clip, system and sample")
    missing = [(clip, each) for clip in clips for each in treatments if (clip, each) not in cells]
    if missing:
        clip, (system, sample) = missing[0]
        raise ValueError(
            f"section {section.name} has no sample {sample} of {system} for {clip} ({len(missing)} are missing); every "
            "clip needs every sample of every system"
        )
    if design.clips_per_rater is not None and not 1 <= design.clips_per_rater <= len(clips):
        raise ValueError(f"clips_per_rater must be 1 to {len(clips)} in {section.name}, got {design.clips_per_rater}")
