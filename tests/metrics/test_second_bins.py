from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cmmd_bench.datasets import open_dataset
from cmmd_bench.metrics.onset_detection import detect_onsets
from cmmd_bench.metrics.second_bins import SecondBins, second_bins, second_flags, summarise_second_bins
from cmmd_bench.types import ClipSpec

times = st.lists(st.integers(0, 530).map(lambda i: i / 100), max_size=8).map(sorted)


def test_golden_flags_coverage_and_hit(golden):
    scored = 0
    for pair in golden("d2m_cdcd.json")["pairs"]:
        for side in ("reference", "generated"):
            flags = second_flags(pair[f"{side}_onsets"], duration=pair[f"{side}_duration"])
            assert flags.astype(int).tolist() == pair[f"{side}_flags"]
        if pair["reference_duration"] != pair["generated_duration"]:
            continue
        bins = second_bins(pair["reference_onsets"], pair["generated_onsets"], duration=pair["reference_duration"])
        published = pair["coverage_and_hit"]
        if isinstance(published, str):
            assert "ZeroDivisionError" in published
            published = [None, None]
        assert [bins.coverage, bins.hit] == published
        scored += 1
    assert scored >= 10


@given(times, times)
@settings(deadline=None, max_examples=60)
def test_against_sets_of_seconds(reference, estimate):
    duration, shifts = 5.3, 9
    bins = second_bins(reference, estimate, duration=duration, shifts=shifts)
    there, made = ({int(time) for time in events} for events in (reference, estimate))
    chance = np.mean(
        [len(there & {int((t + (k + 0.5) * duration / shifts) % duration) for t in estimate}) for k in range(shifts)]
    )
    assert (bins.n_reference, bins.n_estimate, bins.n_both) == (len(there), len(made), len(there & made))
    assert bins.chance_both == pytest.approx(chance)
    if there:
        assert bins.coverage == len(made) / len(there)
        assert bins.hit == len(there & made) / len(there)
        assert bins.chance == pytest.approx(chance / len(there))


def steady_beats(rng):
    """Beats at 80 to 160 a minute from a random phase, in 5 s."""
    period = 60 / rng.uniform(80, 160)
    return np.arange(rng.uniform(0, period), 5.0, period)


def test_unrelated_steady_beats_score_a_perfect_hit():
    rng = np.random.default_rng(0)
    summary = summarise_second_bins(
        [second_bins(steady_beats(rng), steady_beats(rng), duration=5.0) for _ in range(300)]
    )
    assert summary.macro.hit > 0.998
    assert summary.macro.chance == pytest.approx(0.999, abs=0.001)


def test_unrelated_songs_score_99_percent():
    spec = ClipSpec(seconds=5.0, fps=2, height=16, width=16, sample_rate=16_000)
    dances = open_dataset("beatdance", spec, split="test")
    songs = [dances.load(item).audio for item in dances.items()[:16]]
    onsets = [detect_onsets(song, spec.sample_rate, settings="cdcd")[:, 0] for song in songs]
    others = [*onsets[1:], onsets[0]]
    unrelated = summarise_second_bins([second_bins(a, b, duration=5.0) for a, b in zip(onsets, others, strict=True)])
    same = summarise_second_bins([second_bins(a, a, duration=5.0) for a in onsets])
    assert unrelated.macro.hit == pytest.approx(0.99, abs=0.015)
    assert unrelated.macro.chance == pytest.approx(unrelated.macro.hit, abs=0.015)
    assert same.macro.hit == 1.0


def test_perfect_and_empty():
    perfect = second_bins([0.5, 2.5], [0.1, 2.9], duration=5.0)
    assert (perfect.coverage, perfect.hit, perfect.corrected) == (1.0, 1.0, 1.0)
    silent = second_bins([0.5, 2.5], [], duration=5.0)
    assert (silent.coverage, silent.hit, silent.chance, silent.corrected) == (0.0, 0.0, 0.0, 0.0)
    for estimate in ([], [0.5]):
        nothing = second_bins([], estimate, duration=5.0)
        assert (nothing.coverage, nothing.hit, nothing.chance, nothing.corrected) == (None,) * 4


def test_music_in_every_second_leaves_no_room_above_chance():
    everywhere = np.arange(0.25, 5, 0.5)
    assert second_bins(everywhere, everywhere + 0.2, duration=5.0).corrected is None


def test_an_onset_at_the_very_end_counts_for_the_last_second():
    assert second_flags([5.0], duration=5.0).tolist() == [False] * 4 + [True]
    assert second_flags([5.2], duration=5.3).tolist() == [False] * 5 + [True]


def test_summary_averages_clips_and_pools_counts():
    clips = [SecondBins(2, 1, 1, 0.5), SecondBins(0, 3, 0, 0.0), SecondBins(4, 6, 1, 0.8)]
    summary = summarise_second_bins(clips)
    assert (summary.n_clips, summary.undefined) == (3, (1,))
    # A clip at 0.5 and one at 1.5 make a perfect coverage.
    assert summary.macro.coverage == 1.0
    assert summary.macro.hit == pytest.approx((0.5 + 0.25) / 2)
    chance = (0.25 + 0.2) / 2
    assert summary.macro.corrected == pytest.approx((0.375 - chance) / (1 - chance))
    assert (summary.micro.coverage, summary.micro.hit) == (7 / 6, 2 / 6)
    assert summary.micro.chance == pytest.approx(1.3 / 6)
    nothing = summarise_second_bins([SecondBins(0, 3, 0, 0.0)])
    assert set(astuple(nothing.macro) + astuple(nothing.micro)) == {None}
    with pytest.raises(ValueError, match="at least one clip, found none"):
        summarise_second_bins([])


def test_malformed_input_is_refused():
    with pytest.raises(ValueError, match=r"times must lie within 0\.\.5 s, found 5\.5 to 5\.5"):
        second_bins([1.0], [5.5], duration=5.0)
    with pytest.raises(ValueError, match="times must not decrease"):
        second_bins([2.0, 1.0], [1.0], duration=5.0)
    with pytest.raises(ValueError, match="duration must be a finite number above 0, found 0"):
        second_bins([], [], duration=0)
