"""Cells of onset, one-second and AV-Align metrics: each equals the metric computed by hand on the same events."""

import numpy as np
import pytest
from known import Known

from cmmd_bench.metrics import beat_hits
from cmmd_bench.metrics.av_align import av_align, video_peaks
from cmmd_bench.metrics.onsets import onset_hits
from cmmd_bench.metrics.second_bins import second_bins
from cmmd_bench.scoring.measures import Scorer
from cmmd_bench.scoring.samples import RowOfTable, Sample
from cmmd_bench.suites.metrics import AvAlign, BeatHit, OnsetScore, SecondHit
from cmmd_bench.types import Event, Truth

SECONDS, FPS = 3.0, 10.0

REFERENCE = [np.array([[0.5, 1.0], [1.4, 0.3], [2.2, 0.7]]), np.array([[0.3, 1.0], [1.9, 0.9]]), np.empty((0, 2))]
MADE = [np.array([[0.52, 0.4], [1.9, 1.0], [2.23, 0.8]]), np.empty((0, 2)), np.array([[1.0, 1.0]])]
MOTION = np.array([0, 0, 0.4, 1.2, 0.3, 0.9, 0.2, 0.1, 0, 0, 0, 2.0, 0.1] + [0.0] * 17)


def cell_of(metric, extractor, *, truth=None):
    views = {(f"r{i}", extractor): events for i, events in enumerate(REFERENCE)}
    views |= {(f"g{i}", extractor): events for i, events in enumerate(MADE)}
    known = truth or [Truth()] * 3
    samples = [Sample(f"g{i}", f"id{i}", str(i), 0, f"r{i}", known[i]) for i in range(3)]
    scorer = Scorer(Known(views), [], seconds=SECONDS, fps=FPS)
    return scorer.score(metric, RowOfTable("ours", "v2a", samples))


@pytest.mark.parametrize(
    ("name", "value", "chance"),
    [
        ("onset-f1", "f1", "f1_chance"),
        ("onset-accuracy", "accuracy", "accuracy_chance"),
        ("onset-ap", "average_precision", "average_precision_chance"),
    ],
)
@pytest.mark.parametrize("convention", ["one-to-one", "condfoleygen"])
def test_onset_scores(name, value, chance, convention):
    metric = OnsetScore(metric=name, tolerance_ms=100, dialect=convention)
    cell, per_clip = cell_of(metric, "onsets:fine")
    hits = [
        onset_hits(reference[:, 0], made, 0.1, duration=SECONDS, convention=convention)
        for reference, made in zip(REFERENCE, MADE, strict=True)
    ]
    expected = [getattr(hit, value) for hit in hits]
    assert [clip.value for clip in per_clip] == expected
    assert expected[2] is None
    assert cell.value == pytest.approx(np.mean(expected[:2]))
    assert cell.chance == pytest.approx(np.mean([getattr(hit, chance) for hit in hits[:2]]))
    assert cell.corrected == pytest.approx((cell.value - cell.chance) / (1 - cell.chance))
    assert (cell.n, cell.excluded) == (2, 1)


def test_true_events_are_the_reference_where_asked():
    truth = [Truth(events=(Event(0.5, 0.6, "cut"), Event(0.1, 0.2, "tap"))), Truth(events=()), Truth()]
    cell, per_clip = cell_of(OnsetScore(metric="onset-f1", against="truth"), "onsets:fine", truth=truth)
    # Clip 0: one of two events and three onsets; clip 1 has no event; nothing is known of clip 2.
    assert [clip.value for clip in per_clip] == [pytest.approx(2 / 5), None]
    assert cell.excluded == 2


def test_seconds_as_cdcd_counts_them():
    hit, _ = cell_of(SecondHit(metric="cdcd-hit"), "onsets:cdcd")
    coverage, _ = cell_of(SecondHit(metric="cdcd-coverage"), "onsets:cdcd")
    bins = [second_bins(r[:, 0], g[:, 0], duration=SECONDS) for r, g in zip(REFERENCE, MADE, strict=True)]
    assert hit.value == pytest.approx(np.mean([bins[0].hit, bins[1].hit]))
    assert coverage.value == pytest.approx(np.mean([bins[0].coverage, bins[1].coverage]))
    assert hit.chance == pytest.approx(np.mean([bins[0].chance, bins[1].chance]))
    # A ratio of counts has no chance level, and more is not better.
    assert (coverage.chance, coverage.corrected, coverage.direction) == (None, None, "towards 1")


@pytest.mark.parametrize(
    ("name", "value"),
    [("beat-hit", "hit_rate"), ("beat-precision", "precision"), ("beat-f1", "f1"), ("beat-any-hit", "any_hit_rate")],
)
def test_beat_scores(name, value):
    views = {("r", "beats:librosa"): np.array([0.5, 1.0, 1.5]), ("g", "beats:librosa"): np.array([0.95, 1.05])}
    row = RowOfTable("ours", "v2a", [Sample("g", "id", "0", 0, "r")])
    cell, _ = Scorer(Known(views), [], SECONDS).score(BeatHit(metric=name, tolerance_ms=100), row)
    hits = beat_hits([0.5, 1.0, 1.5], [0.95, 1.05], 0.1, duration=SECONDS)
    assert cell.value == getattr(hits, value)


@pytest.mark.parametrize("dialect", ["one-to-one", "tempotokens-v1", "javisbench"])
def test_av_align_needs_the_sample_alone(dialect):
    views = {("g", "motion"): MOTION, ("g", "onsets:av-align"): np.array([[0.31, 1.0], [0.9, 0.2]])}
    samples = [Sample("g", "id", "0", 0, None), Sample("silent film", "id2", "1", 0, None)]
    cell, per_clip = Scorer(Known(views), [], SECONDS, FPS).score(
        AvAlign(metric="av-align", task="a2v", dialect=dialect), RowOfTable("ours", "a2v", samples)
    )
    by_hand = av_align([0.31, 0.9], video_peaks(MOTION, FPS, floor=0.0), FPS, duration=SECONDS, dialect=dialect)
    assert (cell.value, cell.chance) == (by_hand.score, by_hand.chance)
    assert (len(per_clip), cell.excluded) == (1, 1)


@pytest.mark.parametrize(
    ("metric", "why"),
    [
        (OnsetScore(metric="onset-f1"), "no condition has an onset to hit"),
        (OnsetScore(metric="onset-f1", against="truth"), "the dataset does not know true events"),
        (AvAlign(metric="av-align", task="joint"), "no clip with sound and picture"),
    ],
)
def test_why_there_is_no_number(metric, why):
    quiet = {(name, "onsets:fine"): np.empty((0, 2)) for name in ("g", "r")}
    row = RowOfTable("ours", "v2a", [Sample("g", "id", "0", 0, "r")])
    cell, _ = Scorer(Known(quiet), [], SECONDS, FPS).score(metric, row)
    assert (cell.value, cell.why) == (None, why)
