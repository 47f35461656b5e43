from dataclasses import astuple, fields
from math import isfinite

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cmmd_bench.metrics import BeatRates, beat_hits, summarise_beats

BEATS = [0.5, 1.0, 1.5, 2.0]

times = st.lists(st.integers(0, 500).map(lambda i: i / 100), max_size=12).map(sorted)


def score(reference, estimate, window=0.1, duration=5.0):
    return beat_hits(reference, estimate, window, duration=duration)


def rates(hits):
    return [getattr(hits, rate.name) for rate in fields(BeatRates)]


def test_perfect():
    hits = score(BEATS, BEATS)
    assert (hits.hit_rate, hits.precision, hits.f1, hits.any_hit_rate, hits.corrected) == (1.0,) * 5


def test_counts_and_rates():
    # 0.55 and 0.58 compete for 0.5; 3.0 is too far from anything.
    hits = score(BEATS, [0.55, 0.58, 1.02, 3.0, 4.0])
    assert (hits.n_reference, hits.n_estimate, hits.matches, hits.any_hits) == (4, 5, 2, 2)
    assert hits.hit_rate == 0.5
    assert hits.precision == 0.4
    assert hits.f1 == pytest.approx(2 * 0.5 * 0.4 / 0.9)


def test_every_rate_has_its_chance_level():
    hits = score(BEATS, [0.55, 0.58, 1.02, 3.0, 4.0])
    assert hits.chance == hits.chance_matches / 4
    assert hits.precision_chance == hits.chance_matches / 5
    assert hits.f1_chance == pytest.approx(
        2 * hits.chance * hits.precision_chance / (hits.chance + hits.precision_chance)
    )
    assert (score(BEATS, []).precision_chance, score(BEATS, []).f1_chance) == (0.0, 0.0)
    assert (score([], BEATS).precision_chance, score([], BEATS).f1_chance) == (None, None)


def test_any_hit_lets_one_estimate_serve_twice():
    hits = score([1.0, 1.1], [1.05])
    assert (hits.hit_rate, hits.any_hit_rate) == (0.5, 1.0)


def test_no_estimate_scores_zero():
    assert rates(score(BEATS, [])) == [0.0] * 7


@pytest.mark.parametrize("estimate", [[], BEATS])
def test_no_reference_is_undefined(estimate):
    assert rates(score([], estimate)) == [None] * 7


def test_no_room_above_chance_is_undefined():
    grid = [i / 4 for i in range(20)]
    hits = score(grid, grid, window=0.5)
    assert hits.chance == 1.0
    assert hits.corrected is None


def test_golden_rates(golden):
    events = golden("events.json")
    for case in events["cases"]:
        for window in events["windows"]:
            expected = case["result"][f"w{window}"]
            hits = score(case["reference"], case["estimate"], window, case["duration"])
            if not case["reference"]:
                assert rates(hits) == [None] * 7
                continue
            # mir_eval's F-measure has no slack on the window's edge.
            if expected["matches"] == expected["matches_with_1e_9_slack"]:
                assert hits.f1 == pytest.approx(expected["beat_f_measure"], abs=1e-9)
                _, precision, recall = expected["onset_f_precision_recall"]
                assert (hits.precision, hits.hit_rate) == pytest.approx((precision, recall), abs=1e-9)


@given(times, times, st.sampled_from([0.05, 0.1, 0.5]))
@settings(deadline=None, max_examples=30)
def test_every_number_is_finite_and_in_range(reference, estimate, window):
    hits = score(reference, estimate, window, duration=5.01)
    *plain, above_chance = rates(hits)
    assert all(value is None or 0 <= value <= 1 for value in plain)
    assert above_chance is None or (isfinite(above_chance) and above_chance <= 1)
    assert hits.hit_rate is None or hits.hit_rate <= hits.any_hit_rate


def test_summary_averages_clips_and_pools_counts():
    clips = [score(BEATS, BEATS), score([], BEATS), score([1.0], []), score([1.0, 2.0], [1.0, 4.0]), score([], [])]
    summary = summarise_beats(clips)
    assert (summary.n_clips, summary.undefined) == (5, (1, 4))
    assert summary.macro.hit_rate == pytest.approx((1 + 0 + 0.5) / 3)
    assert summary.micro.hit_rate == pytest.approx((4 + 0 + 1) / (4 + 1 + 2))
    assert summary.macro.precision == pytest.approx((1 + 0 + 0.5) / 3)
    # Estimates of clips without a reference count nowhere.
    assert summary.micro.precision == pytest.approx(5 / 6)
    defined = [clip for clip in clips if clip.n_reference]
    chance = sum(clip.chance for clip in defined) / 3
    assert summary.macro.chance == pytest.approx(chance)
    assert summary.macro.corrected == pytest.approx((0.5 - chance) / (1 - chance))
    pooled = sum(clip.chance_matches for clip in defined) / 7
    assert summary.micro.corrected == pytest.approx((5 / 7 - pooled) / (1 - pooled))


def test_one_clip_without_room_above_chance_does_not_spoil_the_average():
    grid = [i / 4 for i in range(20)]
    summary = summarise_beats([score(grid, grid, window=0.5), score([1.0, 4.0], [1.0], window=0.5)])
    assert summary.macro.corrected is not None


def test_nothing_defined_is_none_and_counted():
    summary = summarise_beats([score([], []), score([], BEATS)])
    assert summary.undefined == (0, 1)
    assert astuple(summary.macro) == astuple(summary.micro) == (None,) * 7


def test_clips_of_one_window_are_needed():
    with pytest.raises(ValueError, match=r"of one window, found windows \[0.1, 0.5\]"):
        summarise_beats([score(BEATS, BEATS), score(BEATS, BEATS, window=0.5)])
    with pytest.raises(ValueError, match=r"at least one clip and of one window, found windows \[\]"):
        summarise_beats([])
