"""Orders are balanced, keep apart what would give a system away, and are the same for the same seed."""

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cmmd_study.design import Design, Section, orders
from cmmd_study.design.williams import rounds, squares
from cmmd_study.types import Stimulus


def stimuli(name: str, clips: int, systems: dict[str, int]) -> tuple[Stimulus, ...]:
    return tuple(
        Stimulus(f"{name}-{clip}-{system}-{sample}", name, f"{name}-clip{clip}", system, sample)
        for clip in range(clips)
        for system, samples in systems.items()
        for sample in range(samples)
    )


PAPER = {"ground-truth": 1, "mmdiff": 1, "cmmd": 2, "ncmmd": 2}
KITCHEN = {"ground-truth": 1, "cmmd": 2, "ncmmd": 2}
SECTIONS = [
    Section("v2a", stimuli("v2a", 5, PAPER)),
    Section("a2v", stimuli("a2v", 5, PAPER)),
    Section("kitchen", stimuli("kitchen", 5, KITCHEN)),
]
KNOWN = {stimulus.id: stimulus for section in SECTIONS for stimulus in section.rated}


@pytest.mark.parametrize("n", range(1, 10))
def test_each_treatment_stands_everywhere_and_follows_each_other_equally_often(n: int) -> None:
    designs = squares(n)
    for square in designs:
        assert all(sorted(row) == list(range(n)) for row in square)
        assert all(sorted(column) == list(range(n)) for column in zip(*square, strict=True))
    follows = Counter(pair for square in designs for row in square for pair in pairwise(row))
    assert len(follows) == n * (n - 1)
    assert set(follows.values()) <= {len(designs)}
    if n > 1:
        for row in range(2 * n):
            assert all(one[-1] != two[0] for one, two in pairwise(rounds(n, 5, row)))


@given(n=st.integers(1, 8), raters=st.integers(1, 40), count=st.integers(1, 6))
def test_any_number_of_raters_sees_each_treatment_at_each_place_equally_often(n: int, raters: int, count: int) -> None:
    rows = [[treatment for each in rounds(n, count, row) for treatment in each] for row in range(raters)]
    for column in zip(*rows, strict=True):
        seen = Counter(column)
        assert max(seen[treatment] for treatment in range(n)) - min(seen[treatment] for treatment in range(n)) <= 1


def test_the_papers_study_with_fourteen_raters() -> None:
    made = orders(SECTIONS, 14, Design(), seed=1)
    arrangements = Counter()
    for order in made:
        # All 85 clips once, section by section.
        assert sorted(each.stimulus for each in order) == sorted(KNOWN)
        changes = [one.section for one, two in pairwise(order) if one.section != two.section] + [order[-1].section]
        arrangements[tuple(changes)] += 1
        shown = [KNOWN[each.stimulus] for each in order]
        assert all(one.clip != two.clip for one, two in pairwise(shown))
        places = {}
        for place, one in enumerate(shown):
            assert place - places.get((one.clip, one.system), -3) >= 3
            places[one.clip, one.system] = place
    assert set(arrangements.values()) == {2, 3}
    assert len(arrangements) == 6


@settings(max_examples=60, deadline=None)
@given(
    clips=st.integers(3, 12),
    systems=st.lists(st.integers(1, 3), min_size=1, max_size=5),
    raters=st.integers(1, 12),
    seed=st.integers(0, 1000),
)
def test_no_clip_twice_in_a_row_and_everything_once(clips: int, systems: list[int], raters: int, seed: int) -> None:
    section = Section("s", stimuli("s", clips, {f"model{i}": samples for i, samples in enumerate(systems)}))
    known = {stimulus.id: stimulus for stimulus in section.rated}
    made = orders([section], raters, Design(apart=2), seed=seed)
    assert made == orders([section], raters, Design(apart=2), seed=seed)
    for order in made:
        assert sorted(each.stimulus for each in order) == sorted(known)
        assert all(known[one.stimulus].clip != known[two.stimulus].clip for one, two in pairwise(order))


@settings(max_examples=40, deadline=None)
@given(clips=st.integers(3, 30), part=st.integers(3, 10), raters=st.integers(1, 30))
def test_a_part_of_the_clips_for_each_rater_and_all_equally_often(clips: int, part: int, raters: int) -> None:
    part = min(part, clips)
    section = Section("s", stimuli("s", clips, {"a": 1, "b": 1}))
    known = {stimulus.id: stimulus for stimulus in section.rated}
    seen: Counter[str] = Counter()
    for order in orders([section], raters, Design(clips_per_rater=part), seed=0):
        shown = Counter(known[each.stimulus].clip for each in order)
        # Whole clips: both systems are compared by the same raters.
        assert len(shown) == part
        assert set(shown.values()) == {2}
        seen.update(shown.keys())
    counts = [seen[clip] for clip in {stimulus.clip for stimulus in section.rated}]
    assert max(counts) - min(counts) <= 1


def test_practice_first_gold_in_every_third_repeats_late_and_away_from_themselves() -> None:
    rated = stimuli("s", 6, {"a": 2, "b": 2, "c": 1})
    practice = (Stimulus("p1", "s", "p", "a"), Stimulus("p2", "s", "q", "b"))
    gold = tuple(Stimulus(f"g{i}", "s", f"gold{i}", "gold") for i in range(3))
    section = Section("s", rated, practice, gold)
    known = {stimulus.id: stimulus for stimulus in (*rated, *practice, *gold)}
    repeated: Counter[str] = Counter()
    for order in orders([section], 20, Design(repeats=3), seed=4):
        assert [each.role for each in order[:2]] == ["practice", "practice"]
        rest = order[2:]
        assert Counter(each.role for each in rest) == {"rated": 30, "gold": 3, "repeat": 3}
        thirds = sorted(3 * place // len(rest) for place, each in enumerate(rest) if each.role == "gold")
        assert thirds == [0, 1, 2]
        for place, each in enumerate(rest):
            if each.role == "repeat":
                first = next(index for index, other in enumerate(rest) if other.stimulus == each.stimulus)
                assert place - first >= len(rest) // 4
                repeated[each.stimulus] += 1
        assert all(known[one.stimulus].clip != known[two.stimulus].clip for one, two in pairwise(rest))
    assert max(repeated.values()) - min(repeated.values()) <= 2
    assert len(repeated) == 30


def test_another_seed_is_another_order_and_another_number_of_raters_is_not() -> None:
    made = orders(SECTIONS, 4, Design(), seed=1)
    assert made != orders(SECTIONS, 4, Design(), seed=2)
    assert made == orders(SECTIONS, 9, Design(), seed=1)[:4]


def test_what_cannot_be_compared_is_refused() -> None:
    rated = stimuli("s", 3, {"a": 1, "b": 2})
    with pytest.raises(ValueError, match="has no sample 1 of b for s-clip2 .1 are missing."):
        orders([Section("s", rated[:-1])], 2, Design(), seed=0)
    with pytest.raises(ValueError, match="nothing to rate"):
        orders([Section("s", ())], 2, Design(), seed=0)
    with pytest.raises(ValueError, match="two stimuli of one clip"):
        orders([Section("s", (*rated, rated[0]))], 2, Design(), seed=0)
    with pytest.raises(ValueError, match="clips_per_rater must be 1 to 3"):
        orders([Section("s", rated)], 2, Design(clips_per_rater=4), seed=0)
    with pytest.raises(ValueError, match="names of their own"):
        orders([Section("s", rated), Section("s", rated)], 2, Design(), seed=0)


def test_two_clips_and_one_are_shown_as_well_as_they_can_be() -> None:
    for clips in (1, 2):
        section = Section("s", stimuli("s", clips, {"a": 1, "b": 1, "c": 1}))
        for order in orders([section], 6, Design(), seed=0):
            assert len(order) == 3 * clips
