"""One section in one rater's order: every treatment with every clip, once, as far apart as they can be.

A treatment is a system and the number of its sample. The order runs in rounds, each a row of a Williams design; which
clip is shown with a treatment is then chosen so that no clip comes twice in a row, and so that two samples of a system
for one clip stay `apart` places from each other.
"""

import random
from collections.abc import Mapping, Sequence

from cmmd_study.types import Stimulus

Treatment = tuple[str, int]

MOVES = 200
"""Attempts to mend a fault, per presentation, before the best order so far is taken as it is."""
NOISE = 0.1


def block(
    cells: Mapping[tuple[str, Treatment], Stimulus],
    rounds: Sequence[Sequence[Treatment]],
    clips: Sequence[str],
    *,
    apart: int,
    rng: random.Random,
) -> list[Stimulus]:
    """The stimuli of `clips`, one round of treatments after the other.

    cells: (clip, treatment) -> stimulus, complete
    rounds: one row of all treatments per clip
    """
    treatments = [treatment for row in rounds for treatment in row]
    places: dict[Treatment, list[int]] = {}
    for place, treatment in enumerate(treatments):
        places.setdefault(treatment, []).append(place)
    shown = [""] * len(treatments)
    for own in places.values():
        for place, clip in zip(own, rng.sample(clips, len(clips)), strict=True):
            shown[place] = clip
    _mend(shown, treatments, places, apart, rng)
    return [cells[clip, treatment] for clip, treatment in zip(shown, treatments, strict=True)]


def _mend(
    shown: list[str],
    treatments: Sequence[Treatment],
    places: Mapping[Treatment, Sequence[int]],
    apart: int,
    rng: random.Random,
) -> None:
    """Exchange the clips of two places of one treatment, at random among what helps most, until no rule is broken."""

    def faults(place: int) -> int:
        near = range(max(0, place - apart + 1), min(len(shown), place + apart))
        system = treatments[place][0]
        siblings = sum(treatments[other][0] == system and shown[other] == shown[place] for other in near) - 1
        beside = sum(shown[other] == shown[place] for other in (place - 1, place + 1) if 0 <= other < len(shown))
        # One clip twice in a row is the worse of the two.
        return siblings + 2 * beside

    def after(place: int, other: int) -> int:
        shown[place], shown[other] = shown[other], shown[place]
        found = faults(place) + faults(other)
        shown[place], shown[other] = shown[other], shown[place]
        return found

    best, fewest = shown.copy(), len(shown) + 1
    for _ in range(MOVES * len(shown)):
        broken = [place for place in range(len(shown)) if faults(place)]
        if len(broken) < fewest:
            best, fewest = shown.copy(), len(broken)
        if not broken:
            break
        place = rng.choice(broken)
        others = [other for other in places[treatments[place]] if other != place]
        if not others:
            break
        # Now and then anything, or the search goes round in circles.
        costs = {other: 0 if rng.random() < NOISE else after(place, other) - faults(other) for other in others}
        other = rng.choice([other for other, cost in costs.items() if cost == min(costs.values())])
        shown[place], shown[other] = shown[other], shown[place]
    shown[:] = best
