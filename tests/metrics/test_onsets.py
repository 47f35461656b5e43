from dataclasses import astuple, fields
from math import isfinite

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cmmd_bench.metrics import any_hit
from cmmd_bench.metrics.events import SHIFTS
from cmmd_bench.metrics.onsets import OnsetHits, OnsetRates, onset_hits, summarise_onsets

ONSETS = [0.5, 1.0, 1.5, 2.0]
DURATION = 5.0

times = st.lists(st.integers(0, 500).map(lambda i: i / 100), max_size=10, unique=True).map(sorted)
strengths = st.lists(st.integers(1, 6).map(lambda i: i / 6), min_size=10, max_size=10)
windows = st.sampled_from([0.05, 0.1, 0.3])


def ranked(found, strength=1.0):
    return np.column_stack([found, np.broadcast_to(strength, len(found))]).reshape(-1, 2)


def score(reference, found, strength=1.0, window=0.05, **options):
    return onset_hits(reference, ranked(found, strength), window, duration=DURATION, **options)


def rates(hits: OnsetHits):
    return [getattr(hits, rate.name) for rate in fields(OnsetRates)]


def area_under_precision(labels, scores):
    """scikit-learn's average precision; recall is counted over the positives that it is given."""
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(labels, scores)) if any(labels) else 0.0


def plain_average_precision(reference, found, strength, window):
    """Every estimate, strongest first, takes the nearest free reference."""
    taken = np.zeros(len(reference), dtype=bool)
    labels = np.zeros(len(found), dtype=int)
    for place in sorted(range(len(found)), key=lambda i: (-strength[i], found[i])):
        gaps = np.where(taken, np.inf, np.abs(np.asarray(reference) - found[place]))
        if len(gaps) and gaps.min() <= window + 1e-9:
            taken[gaps.argmin()] = True
            labels[place] = 1
    return area_under_precision(labels, strength) * labels.sum() / len(reference)


def plain_condfoleygen(reference, found, strength, window):
    """The published evaluation in words of its own: suppress, match, rank."""
    order = np.argsort(-np.asarray(strength), kind="stable")
    kept = []
    for place in order:
        if all(abs(found[place] - found[other]) >= 0.05 for other in kept):
            kept.append(place)
    free = sorted(kept)
    labels, scores = [], []
    hits = 0
    for time in reference:
        near = [place for place in free if abs(found[place] - time) < window]
        labels.append(1)
        if not near:
            scores.append(0.0)
            continue
        best = max(near, key=lambda place: strength[place])
        scores.append(strength[best])
        free.remove(best)
        hits += 1
        if not free:
            break
    labels += [0] * len(free)
    scores += [strength[place] for place in free]
    return hits, area_under_precision(labels, scores)


def test_golden_f_measure_precision_and_recall(golden):
    events = golden("events.json")
    compared = 0
    for case in events["cases"]:
        for window in events["windows"]:
            expected = case["result"][f"w{window}"]
            hits = onset_hits(case["reference"], ranked(case["estimate"]), window, duration=case["duration"], shifts=1)
            assert hits.matches == expected["matches_with_1e_9_slack"]
            # mir_eval has no slack on the window's edge.
            if case["reference"] and expected["matches"] == expected["matches_with_1e_9_slack"]:
                found = hits.f1, hits.precision, hits.accuracy
                assert found == pytest.approx(expected["onset_f_precision_recall"], abs=1e-9)
                compared += 1
    assert compared > 100


def test_golden_chance(golden):
    events = golden("events.json")
    assert events["chance"]["K"] == SHIFTS
    compared = 0
    for case in events["cases"]:
        expected = case["result"]["w0.05"].get("chance_hit_recall")
        if expected is None:
            continue
        # No slack in the golden values, and shifts land on a window's edge now and then: they lie between two windows.
        low, high = (
            onset_hits(case["reference"], ranked(case["estimate"]), window, duration=case["duration"]).accuracy_chance
            for window in (0.05 - 1e-6, 0.05 + 1e-6)
        )
        assert low - 1e-9 <= expected <= high + 1e-9
        compared += 1
    assert compared > 20


def test_perfect():
    hits = score(ONSETS, ONSETS, [0.1, 0.9, 0.3, 0.4])
    assert (hits.accuracy, hits.precision, hits.f1, hits.average_precision, hits.count_match) == (1.0,) * 5
    assert (hits.accuracy_corrected, hits.f1_corrected, hits.average_precision_corrected) == (1.0,) * 3
    assert score(ONSETS, ONSETS, window=0.1, convention="condfoleygen").average_precision == 1.0


def test_counts_and_scores():
    # The strongest estimate is right, the next wrong, the third right; 0.58 comes too late for 0.5.
    hits = score(ONSETS, [0.52, 0.58, 1.02, 4.0], [0.9, 0.2, 0.4, 0.6])
    assert (hits.n_reference, hits.n_estimate, hits.matches, hits.count_match) == (4, 4, 2, 1.0)
    assert (hits.accuracy, hits.precision, hits.f1) == (0.5, 0.5, 0.5)
    assert hits.average_precision == pytest.approx((1 / 1 + 2 / 3) / 4)


def test_a_ranking_is_about_order():
    right_first = score(ONSETS, [0.5, 1.0, 3.0, 4.0], [0.9, 0.8, 0.2, 0.1])
    wrong_first = score(ONSETS, [0.5, 1.0, 3.0, 4.0], [0.1, 0.2, 0.8, 0.9])
    assert right_first.f1 == wrong_first.f1
    assert right_first.average_precision == 0.5
    assert wrong_first.average_precision == pytest.approx((1 / 3 + 2 / 4) / 4)


@given(times, times, strengths, windows)
@settings(deadline=None, max_examples=60)
def test_average_precision_is_scikit_learns(reference, found, strength, window):
    if not reference:
        return
    strength = strength[: len(found)]
    hits = score(reference, found, strength, window, shifts=1)
    expected = plain_average_precision(reference, found, strength, window) if found else 0.0
    assert hits.average_precision == pytest.approx(expected, abs=1e-12)


@given(times, times, strengths, windows)
@settings(deadline=None, max_examples=60)
def test_condfoleygen_is_the_published_evaluation(reference, found, strength, window):
    if not reference:
        return
    strength = strength[: len(found)]
    hits = score(reference, found, strength, window, shifts=1, convention="condfoleygen")
    matches, precision = plain_condfoleygen(reference, found, strength, window)
    assert (hits.matches, hits.average_precision) == (matches, pytest.approx(precision, abs=1e-12))


@pytest.mark.parametrize("convention", ["one-to-one", "condfoleygen"])
def test_chance_is_the_mean_over_shifts(convention):
    rng = np.random.default_rng(5)
    reference, found = np.sort(rng.uniform(0, DURATION, 8)), np.sort(rng.uniform(0, DURATION, 9))
    strength = rng.uniform(0, 1, 9)
    shifts = 7
    hits = score(reference, found, strength, 0.1, shifts=shifts, convention=convention)
    counts, areas = [], []
    for k in range(shifts):
        moved = (found + (k + 0.5) * DURATION / shifts) % DURATION
        order = np.argsort(moved)
        one = score(reference, moved[order], strength[order], 0.1, shifts=1, convention=convention)
        counts.append(one.matches)
        areas.append(one.average_precision)
    assert hits.chance_matches == pytest.approx(np.mean(counts))
    assert hits.average_precision_chance == pytest.approx(np.mean(areas))
    assert hits.f1_chance == pytest.approx(2 * np.mean(counts) / 17)
    assert hits.precision_chance == pytest.approx(np.mean(counts) / 9)


def test_what_condfoleygens_average_precision_forgives():
    silence = score(ONSETS, [], window=0.1, convention="condfoleygen")
    assert (silence.accuracy, silence.average_precision) == (0.0, 1.0)
    one_of_four = score(ONSETS, [0.5], window=0.1, convention="condfoleygen")
    assert (one_of_four.accuracy, one_of_four.average_precision) == (0.25, 1.0)
    assert score(ONSETS, []).average_precision == 0.0
    assert score(ONSETS, [0.5]).average_precision == 0.25


def test_condfoleygen_keeps_the_strongest_of_a_cluster_and_an_open_window():
    cluster = score([1.0, 1.03], [1.0, 1.03], [0.5, 0.9], 0.1, convention="condfoleygen")
    assert cluster.matches == 1
    assert score([1.0], [1.25], window=0.25, convention="condfoleygen").matches == 0
    assert score([1.0], [1.25], window=0.25).matches == 1


@pytest.mark.parametrize("convention", ["one-to-one", "condfoleygen"])
@pytest.mark.parametrize("found", [[], ONSETS])
def test_no_reference_is_undefined(convention, found):
    assert rates(score([], found, convention=convention)) == [None] * len(fields(OnsetRates))


def test_no_estimate_scores_zero():
    assert rates(score(ONSETS, [])) == [0.0] * len(fields(OnsetRates))


@given(times, times, strengths, windows, st.sampled_from(["one-to-one", "condfoleygen"]))
@settings(deadline=None, max_examples=40)
def test_every_number_is_finite_and_in_range(reference, found, strength, window, convention):
    hits = score(reference, found, strength[: len(found)], window, convention=convention, shifts=10)
    for name, value in zip((rate.name for rate in fields(OnsetRates)), rates(hits), strict=True):
        assert (value is None) == (not reference) or name.endswith("_corrected")
        assert value is None or (isfinite(value) and value <= 1 and (value >= 0 or name.endswith("_corrected")))
    assert hits.matches <= any_hit(reference, found, window)


def test_summary_averages_clips_and_pools_counts():
    clips = [score(ONSETS, ONSETS), score([], ONSETS), score([1.0], []), score([1.0, 2.0], [1.0, 4.0], [0.2, 0.8])]
    summary = summarise_onsets(clips)
    assert (summary.n_clips, summary.undefined, summary.convention, summary.window) == (4, (1,), "one-to-one", 0.05)
    defined = [clip for clip in clips if clip.n_reference]
    assert summary.macro.accuracy == pytest.approx((1 + 0 + 0.5) / 3)
    assert summary.micro.accuracy == pytest.approx(5 / 7)
    assert summary.micro.f1 == pytest.approx(10 / 13)
    assert summary.macro.f1 == pytest.approx((1 + 0 + 0.5) / 3)
    assert summary.macro.average_precision == pytest.approx((1 + 0 + 0.25) / 3)
    assert summary.micro.average_precision == pytest.approx((4 * 1 + 1 * 0 + 2 * 0.25) / 7)
    assert summary.macro.count_match == summary.micro.count_match == pytest.approx(2 / 3)
    for kind in ("accuracy", "f1", "average_precision"):
        value, chance = getattr(summary.macro, kind), getattr(summary.macro, f"{kind}_chance")
        assert chance == pytest.approx(np.mean([getattr(clip, f"{kind}_chance") for clip in defined]))
        assert getattr(summary.macro, f"{kind}_corrected") == pytest.approx((value - chance) / (1 - chance))


def test_nothing_defined_is_none_and_counted():
    summary = summarise_onsets([score([], []), score([], ONSETS)])
    assert summary.undefined == (0, 1)
    assert set(astuple(summary.macro)) == set(astuple(summary.micro)) == {None}


def test_clips_scored_alike_are_needed():
    with pytest.raises(ValueError, match="one convention and one window, found"):
        summarise_onsets([score(ONSETS, ONSETS), score(ONSETS, ONSETS, window=0.1)])
    with pytest.raises(ValueError, match="one convention and one window, found"):
        summarise_onsets([score(ONSETS, ONSETS), score(ONSETS, ONSETS, convention="condfoleygen")])
    with pytest.raises(ValueError, match=r"at least one clip.*found \[\]"):
        summarise_onsets([])


def test_malformed_input_is_refused():
    with pytest.raises(ValueError, match=r"estimate must be \(n, 2\), times and strengths, found shape \(4,\)"):
        onset_hits(ONSETS, np.array(ONSETS), duration=DURATION)
    with pytest.raises(ValueError, match="estimate must have finite strengths"):
        score(ONSETS, [1.0], np.nan)
    with pytest.raises(ValueError, match="estimate must not decrease"):
        score(ONSETS, [2.0, 1.0])
    with pytest.raises(ValueError, match=r"estimate must lie within 0\.\.5 s"):
        score(ONSETS, [6.0])
    with pytest.raises(ValueError, match=r"reference must lie within 0\.\.5 s"):
        score([6.0], ONSETS)
    with pytest.raises(ValueError, match="window must be a finite number above 0"):
        score(ONSETS, ONSETS, window=0.0)
    with pytest.raises(ValueError, match="convention must be one of one-to-one, condfoleygen, found 'x'"):
        score(ONSETS, ONSETS, convention="x")
