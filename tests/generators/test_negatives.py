"""Negatives whose every frame and sample tells where it was taken from."""

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare
from torch import Tensor

from cmmd_bench.errors import UserError
from cmmd_gen.cmmd.negatives import (
    KINDS,
    MARGIN,
    Source,
    check_sources,
    cut_windows,
    draw_negatives,
    draw_positives,
)

SCALE = 100_000
"""Position p of source s holds s * SCALE + p, on both sides."""


def source(number: int, group: str, length: int, unit: int) -> Source:
    # Sound goes on for half a frame behind the last picture, as decoded clips often do.
    first = number * SCALE
    video = torch.arange(first, first + length).reshape(-1, 1, 1, 1).repeat(1, 2, 1, 1)
    return Source(str(number), group, video, torch.arange(first, first + length * unit + unit // 2))


def origin(window: Tensor) -> tuple[list[int], list[int]]:
    """The source and the position of every element along the first axis."""
    flat = window.reshape(len(window), -1)
    assert (flat == flat[:, :1]).all()
    return (flat[:, 0] // SCALE).tolist(), (flat[:, 0] % SCALE).tolist()


def runs_on(positions: list[int]) -> bool:
    return positions == list(range(positions[0], positions[0] + len(positions)))


@st.composite
def data_sets(draw):
    frames, unit = draw(st.integers(2, 9)), draw(st.integers(1, 7))
    groups = ["a", "b", *draw(st.lists(st.sampled_from("abc"), max_size=4))]
    lengths = [frames + 2 * MARGIN + draw(st.integers(0, 6)) for _ in groups]
    sources = [source(i, group, length, unit) for i, (group, length) in enumerate(zip(groups, lengths, strict=True))]
    return sources, frames, unit, draw(st.integers(0, 2**32))


@settings(deadline=None, max_examples=150)
@given(data_sets())
def test_each_negative_is_what_its_kind_says(data):
    sources, frames, unit, seed = data
    generator = torch.Generator().manual_seed(seed)
    check_sources(sources, frames=frames, samples_per_frame=unit)
    positives = draw_positives(sources, 8, frames=frames, generator=generator)
    drawn = draw_negatives(sources, positives, frames=frames, samples_per_frame=unit, generator=generator)
    for windows, kinds, step in ((drawn.video, drawn.video_kinds, 1), (drawn.audio, drawn.audio_kinds, unit)):
        assert len(windows) == len(kinds) == len(positives)
        for (index, start), window, kind in zip(positives, windows, kinds, strict=True):
            assert len(window) == frames * step
            check_kind(kind, index, start * step, window, sources, step)


def check_kind(kind: str, index: int, start: int, window: Tensor, sources: list[Source], unit: int) -> None:
    where, positions = origin(window)
    own = [place for place in where if place == index]
    assert (where, positions) != ([index] * len(window), list(range(start, start + len(window))))
    for number, position in zip(where, positions, strict=True):
        assert 0 <= position < len(sources[number].video) * unit
    if kind == "shift":
        assert own == where
        assert runs_on(positions)
        assert abs(positions[0] - start) in {2 * unit, 3 * unit, 4 * unit}
    elif kind == "swap":
        assert len(set(where)) == 1
        assert sources[where[0]].group != sources[index].group
        assert runs_on(positions)
        assert positions[0] % unit == 0
    else:
        split = next(i for i in range(1, len(where)) if where[i] != where[i - 1])
        assert split % unit == 0
        assert len(set(where[:split])) == len(set(where[split:])) == 1
        other = where[0] if where[0] != index else where[-1]
        assert sources[other].group != sources[index].group
        assert runs_on(positions[:split])
        assert runs_on(positions[split:])
        # What is kept of the positive stays in its place.
        kept = [i for i, number in enumerate(where) if number == index]
        assert [positions[i] for i in kept] == [start + i for i in kept]


@settings(deadline=None, max_examples=50)
@given(data_sets())
def test_windows_show_and_sound_the_same_moment(data):
    sources, frames, unit, seed = data
    places = draw_positives(sources, 8, frames=frames, generator=torch.Generator().manual_seed(seed))
    windows = cut_windows(sources, places, frames=frames, samples_per_frame=unit)
    for (index, start), video, audio in zip(places, *windows, strict=True):
        assert origin(video) == ([index] * frames, list(range(start, start + frames)))
        assert origin(audio) == ([index] * frames * unit, list(range(start * unit, (start + frames) * unit)))


def many(count: int, *, start: int = 4):
    sources = [source(i, str(i), 26, 16) for i in range(6)]
    generator = torch.Generator().manual_seed(0)
    return draw_negatives(sources, [(0, start)] * count, frames=18, samples_per_frame=16, generator=generator)


def uniform(found: list, expected: list) -> float:
    """p of a chi-square test that the values found are drawn from those expected with equal chances."""
    assert set(found) == set(expected)
    counts = Counter(found)
    return float(chisquare([counts[value] for value in expected]).pvalue)


def test_every_choice_has_equal_chances():
    drawn = many(3000)
    for windows, kinds, unit in ((drawn.video, drawn.video_kinds, 1), (drawn.audio, drawn.audio_kinds, 16)):
        assert uniform(list(kinds), list(KINDS)) > 0.01
        found: dict[str, list] = {kind: [] for kind in ("shift", "split", "side", "donor")}
        for kind, window in zip(kinds, windows, strict=True):
            where, positions = origin(window)
            if kind == "shift":
                found["shift"].append((positions[0] - 4 * unit) // unit)
            elif kind == "splice":
                found["split"].append(where.count(where[0]) // unit)
                found["side"].append(where[0] == 0)
            else:
                found["donor"].append(where[0])
        assert uniform(found["shift"], [-4, -3, -2, 2, 3, 4]) > 0.01
        assert uniform(found["split"], list(range(1, 18))) > 0.01
        assert uniform(found["side"], [True, False]) > 0.01
        assert uniform(found["donor"], [1, 2, 3, 4, 5]) > 0.01


def test_at_the_end_of_a_clip_the_other_direction_is_taken():
    for start, sign in ((0, 1), (8, -1)):
        drawn = many(300, start=start)
        shifts = [
            origin(w)[1][0] - start for w, kind in zip(drawn.video, drawn.video_kinds, strict=True) if kind == "shift"
        ]
        assert set(shifts) == {sign * 2, sign * 3, sign * 4}


def test_positives_come_from_anywhere():
    sources = [source(i, str(i), 26 + i, 1) for i in range(3)]
    places = draw_positives(sources, 6000, frames=18, generator=torch.Generator().manual_seed(0))
    assert uniform([index for index, _ in places], [0, 1, 2]) > 0.01
    assert uniform([start for index, start in places if index == 2], list(range(11))) > 0.01


def test_one_generator_state_gives_one_draw():
    first, again = many(20), many(20)
    assert torch.equal(first.video, again.video)
    assert torch.equal(first.audio, again.audio)
    assert (first.video_kinds, first.audio_kinds) == (again.video_kinds, again.audio_kinds)


def test_a_rare_second_group_still_gives_donors():
    sources = [source(i, "common", 12, 1) for i in range(400)] + [source(400, "rare", 12, 1)]
    generator = torch.Generator().manual_seed(0)
    drawn = draw_negatives(sources, [(0, 1)] * 20, frames=4, samples_per_frame=1, generator=generator)
    swapped = [w for w, kind in zip(drawn.audio, drawn.audio_kinds, strict=True) if kind == "swap"]
    assert swapped
    assert all(set(origin(window)[0]) == {400} for window in swapped)


def test_silence_shifted_is_no_negative():
    quiet = source(0, "a", 12, 10)
    quiet = Source(quiet.id, quiet.group, quiet.video, torch.full_like(quiet.audio, 7))
    generator = torch.Generator().manual_seed(0)
    drawn = draw_negatives(
        [quiet, source(1, "b", 12, 10)], [(0, 2)] * 40, frames=4, samples_per_frame=10, generator=generator
    )
    assert set(drawn.audio_kinds) == {"splice", "swap"}
    assert all((audio != 7).any() for audio in drawn.audio)


def test_data_that_is_silent_throughout_is_refused():
    silent = [Source(name, name, source(0, name, 12, 1).video, torch.zeros(12)) for name in "ab"]
    with pytest.raises(UserError, match="audio of clip 'a' from frame 1 equals .* silent or black"):
        draw_negatives(silent, [(0, 1)], frames=4, samples_per_frame=1, generator=torch.Generator().manual_seed(0))


def test_data_that_cannot_give_negatives_is_refused():
    generator = torch.Generator().manual_seed(0)
    alone = [source(0, "m01", 12, 1), source(1, "m01", 12, 1)]
    with pytest.raises(UserError, match=r"2 training clips, all of one group \('m01'\).*ncmmd"):
        check_sources(alone, frames=4, samples_per_frame=1)
    with pytest.raises(UserError, match="one group"):
        draw_negatives(alone, [(0, 0)] * 30, frames=4, samples_per_frame=1, generator=generator)
    short = [source(0, "a", 12, 1), source(1, "b", 11, 1)]
    with pytest.raises(UserError, match="clip '1' has 11 frames; training on windows of 4 needs at least 12"):
        check_sources(short, frames=4, samples_per_frame=1)
    with pytest.raises(UserError, match="clip '1' has 11 frames"):
        draw_positives(short, 30, frames=4, generator=generator)
    mute = [source(0, "a", 12, 1), Source("mute", "b", source(1, "b", 12, 1).video, torch.zeros(11))]
    with pytest.raises(UserError, match="clip 'mute' has 11 samples of sound for 12 frames, which need 12"):
        check_sources(mute, frames=4, samples_per_frame=1)
    with pytest.raises(UserError, match="0 training clips"):
        check_sources([], frames=4, samples_per_frame=1)


def test_content_keeps_its_type():
    sources = [
        Source(
            str(i), str(i), torch.randn(26, 4, 2, 2).half(), torch.from_numpy(np.arange(26 * 16, dtype=np.int16) + i)
        )
        for i in range(2)
    ]
    drawn = draw_negatives(sources, [(0, 3), (1, 5)], frames=18, samples_per_frame=16, generator=torch.Generator())
    assert (drawn.video.dtype, drawn.video.shape) == (torch.float16, (2, 18, 4, 2, 2))
    assert (drawn.audio.dtype, drawn.audio.shape) == (torch.int16, (2, 288))
