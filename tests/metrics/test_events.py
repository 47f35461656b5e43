import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cmmd_bench.metrics import any_hit, chance_level, chance_levels, corrected, match_events, matched_events
from cmmd_bench.metrics.events import SHIFTS, SLACK, mean_of_known, shifted_events

fast = settings(deadline=None, max_examples=200)

# Hundredths of a second: duplicates and events exactly on a window's edge are then common.
times = st.lists(st.integers(0, 500).map(lambda i: i / 100), max_size=14).map(sorted)
windows = st.sampled_from([0.01, 0.05, 0.07, 0.1, 0.25, 0.5, 1.3])


def within(reference, estimate, window):
    gaps = np.abs(np.subtract.outer(np.asarray(reference), np.asarray(estimate)))
    return gaps.reshape(len(reference), len(estimate)) <= window + SLACK


def by_bipartite_matching(reference, estimate, window):
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import maximum_bipartite_matching

    if not len(reference) or not len(estimate):
        return 0
    graph = csr_matrix(within(reference, estimate, window).astype(int))
    return int((maximum_bipartite_matching(graph) >= 0).sum())


@given(times, times, windows)
@fast
def test_one_sweep_finds_a_largest_matching(reference, estimate, window):
    assert match_events(reference, estimate, window) == by_bipartite_matching(reference, estimate, window)


@given(times, times, windows)
@fast
def test_matching_bounds(reference, estimate, window):
    matches = match_events(reference, estimate, window)
    assert matches == match_events(estimate, reference, window)
    assert matches <= any_hit(reference, estimate, window) <= len(reference)
    assert matches <= any_hit(estimate, reference, window) <= len(estimate)
    assert any_hit(reference, estimate, window) == within(reference, estimate, window).any(axis=1).sum()
    assert matches <= match_events(reference, estimate, 2 * window)


def test_golden_counts(golden):
    events = golden("events.json")
    for case in events["cases"]:
        for window in events["windows"]:
            expected = case["result"][f"w{window}"]
            reference, estimate = case["reference"], case["estimate"]
            assert match_events(reference, estimate, window) == expected["matches_with_1e_9_slack"]
            # The golden any-hit count has no slack, so it lies between two windows a little off the edge.
            low, high = (any_hit(reference, estimate, window + change) for change in (-1e-6, 1e-6))
            assert low <= expected["any_hit_references"] <= high


def test_pairs_on_the_edge_match(golden):
    pairs = golden("events.json")["boundary"]
    assert len(pairs) == 63
    for pair in pairs:
        assert match_events([pair["reference"]], [pair["estimate"]], pair["window"]) == pair["match_with_1e_9_slack"]


def test_golden_chance_levels(golden):
    events = golden("events.json")
    assert events["chance"]["K"] == SHIFTS
    exact = compared = 0
    for case in events["cases"]:
        for window in events["windows"]:
            expected = case["result"][f"w{window}"]
            if expected.get("chance_hit_recall") is None:
                continue
            for key, one_to_one in (("chance_hit_recall", True), ("chance_any_hit", False)):

                def rate(w, case=case, one_to_one=one_to_one):
                    level = chance_level(
                        case["reference"], case["estimate"], w, duration=case["duration"], one_to_one=one_to_one
                    )
                    return level / len(case["reference"])

                # No slack in the golden values: shifts land on a window's edge now and then.
                assert rate(window - 1e-6) - 1e-9 <= expected[key] <= rate(window + 1e-6) + 1e-9
                exact += rate(window) == pytest.approx(expected[key], abs=1e-9)
                compared += 1
    assert compared == 230
    assert exact > 0.75 * compared


@given(times, times, windows)
@settings(deadline=None, max_examples=15)
def test_chance_is_the_mean_over_shifts(reference, estimate, window):
    duration, shifts = 5.5, 7
    counts = []
    for k in range(shifts):
        moved = sorted((time + (k + 0.5) * duration / shifts) % duration for time in estimate)
        counts.append((by_bipartite_matching(reference, moved, window), any_hit(reference, moved, window)))
    for one_to_one, expected in zip((True, False), np.mean(counts, axis=0), strict=True):
        level = chance_level(reference, estimate, window, duration=duration, shifts=shifts, one_to_one=one_to_one)
        assert level == pytest.approx(expected, abs=1e-12)


def test_chance_of_a_wide_window_is_certainty():
    grid = np.arange(0, 5, 0.5)
    assert chance_level(grid, grid, 0.5, duration=5.0) == len(grid)
    assert chance_level(grid, [], 0.5, duration=5.0) == 0
    assert chance_level([], grid, 0.5, duration=5.0) == 0


def test_corrected_for_chance():
    assert corrected(1.0, 0.4) == 1.0
    assert corrected(0.4, 0.4) == 0.0
    assert corrected(0.2, 0.6) == pytest.approx(-1.0)
    assert corrected(1.0, 1.0) is None
    assert corrected(None, 0.4) is None
    assert corrected(0.4, None) is None


def test_the_mean_is_of_what_is_known():
    assert mean_of_known([0.5, None, 1.0]) == 0.75
    assert mean_of_known([None]) is None


def test_perfect_and_empty():
    beats = np.arange(0.3, 5, 0.4)
    assert match_events(beats, beats, 0.1) == any_hit(beats, beats, 0.1) == len(beats)
    for reference, estimate in (([], []), (beats, []), ([], beats)):
        assert match_events(reference, estimate, 0.1) == any_hit(reference, estimate, 0.1) == 0


@pytest.mark.parametrize("function", [match_events, any_hit])
def test_malformed_input_is_refused(function):
    with pytest.raises(ValueError, match="estimate must not decrease, found 2 s before 1 s"):
        function([1.0], [0.5, 2.0, 1.0], 0.1)
    with pytest.raises(ValueError, match=r"reference must be a list of times in seconds, found shape \(1, 2\)"):
        function([[1.0, 2.0]], [1.0], 0.1)
    with pytest.raises(ValueError, match="reference must be finite seconds, found nan"):
        function([float("nan")], [1.0], 0.1)
    for window in (0.0, -1.0, float("inf"), float("nan")):
        with pytest.raises(ValueError, match="window must be a finite number above 0"):
            function([1.0], [1.0], window)


def test_what_mir_eval_refuses_is_refused_where_a_clip_ends(golden):
    refused = golden("events.json")["invalid"]
    assert refused.keys() == {"unsorted_estimate", "two_dimensional", "beyond_30000_s"}
    for estimate in ([2.0, 1.0], [[1.0, 2.0]]):
        with pytest.raises(ValueError, match="estimate must"):
            match_events([1.0], estimate, 0.1)
    # There is no longest clip here; an event has to lie within its own.
    assert match_events([30001.0], [30001.0], 0.1) == 1
    with pytest.raises(ValueError, match=r"reference must lie within 0\.\.30000 s"):
        chance_level([30001.0], [1.0], 0.1, duration=30000.0)


def test_what_belongs_to_an_event_follows_it_out_of_step():
    rows = shifted_events([0.5, 4.0], "estimate", duration=5.0, shifts=2)
    assert rows.tolist() == [[1.75, 0.25], [4.25, 2.75]]
    assert shifted_events([], "estimate", duration=5.0, shifts=3).shape == (3, 0)


def test_malformed_shifts_are_refused():
    with pytest.raises(ValueError, match="duration must be a finite number above 0, found 0"):
        chance_level([1.0], [1.0], 0.1, duration=0)
    with pytest.raises(ValueError, match="shifts must be at least 1, found 0"):
        chance_level([1.0], [1.0], 0.1, duration=5.0, shifts=0)


@pytest.mark.parametrize(("reference", "estimate"), [([0.5], [0.5, 9.5]), ([0.5, 5.0], [0.5]), ([-0.1], [0.5])])
def test_chance_is_for_events_within_the_clip(reference, estimate):
    with pytest.raises(ValueError, match=r"must lie within 0\.\.1 s, found|must be"):
        chance_level(reference, estimate, 0.1, duration=1.0)


@given(times, times, windows)
@fast
def test_matched_pairs_are_in_reach_and_used_once(reference, estimate, window):
    pairs = matched_events(reference, estimate, window)
    assert len(pairs) == match_events(reference, estimate, window)
    assert all(abs(reference[i] - estimate[j]) <= window + 1e-8 for i, j in pairs)
    for side in zip(*pairs, strict=True):
        assert len(set(side)) == len(side)


def test_levels_of_many_windows_are_those_of_each():
    random = np.random.default_rng(3)
    reference, estimate = (np.sort(random.uniform(0, 6, n)) for n in (9, 14))
    windows = [0.02, 0.1, 0.25, 0.5]
    for one_to_one in (True, False):
        each = [chance_level(reference, estimate, w, duration=6.0, one_to_one=one_to_one) for w in windows]
        assert chance_levels(reference, estimate, windows, duration=6.0, one_to_one=one_to_one).tolist() == each
