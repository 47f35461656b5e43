"""Agreement of metrics with opinion: values against SciPy, resampling against a plain bootstrap, coverage."""

import json
from dataclasses import asdict
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from cmmd_bench.metrics.agreement import clip_agreement, system_agreement
from cmmd_bench.metrics.resampling import cluster_counts, percentile_interval

PROOF = Path(__file__).resolve().parents[1] / "data" / "proofs" / "agreement_coverage.json"
KINDS = ("pearson", "spearman", "kendall")
SCIPY = {"pearson": stats.pearsonr, "spearman": stats.spearmanr, "kendall": stats.kendalltau}


def study(seed, n_clips=15, n_systems=4):
    """Metric and opinion of every system's generation for every clip, related through a quality that both see."""
    rng = np.random.default_rng(seed)
    quality = 0.6 * rng.normal(size=(n_clips, 1)) + np.linspace(0, 1, n_systems)
    quality = quality + 0.5 * rng.normal(size=(n_clips, n_systems))
    metric = quality + 0.4 * rng.normal(size=(n_clips, 1)) + 0.6 * rng.normal(size=(n_clips, n_systems))
    opinion = np.round(2 * (quality + 0.3 * rng.normal(size=quality.shape))) / 2
    clips, systems = np.repeat(np.arange(n_clips), n_systems), np.tile(np.arange(n_systems), n_clips)
    return metric.ravel(), opinion.ravel(), clips.astype(str), systems.astype(str)


def test_values_by_clip_and_by_system_are_those_of_scipy():
    metric, opinion, clips, systems = study(1)
    by_clip = clip_agreement(metric, opinion, higher_is_better=True, clips=clips, n_resamples=200)
    by_system = system_agreement(metric, opinion, systems, higher_is_better=True, clips=clips, n_resamples=200)
    means = [[values[systems == s].mean() for s in np.unique(systems)] for values in (metric, opinion)]
    for kind in KINDS:
        found = getattr(by_clip, kind)
        assert found.value == pytest.approx(SCIPY[kind](metric, opinion)[0])
        assert found.low < found.value < found.high
        assert getattr(by_system, kind).value == pytest.approx(SCIPY[kind](*means)[0])
    assert (by_clip.n, by_clip.n_clips, by_clip.n_left_out) == (60, 15, 0)
    assert (by_system.n, by_system.n_clips) == (4, 15)
    assert by_clip.method == "clips resampled, 200 times"
    assert by_system.method == "clips resampled for all systems together, 200 times"


def test_the_interval_is_a_plain_bootstrap_over_clips():
    metric, opinion, clips, _ = study(2)
    found = clip_agreement(metric, opinion, higher_is_better=True, clips=clips, n_resamples=60, seed=8)
    (counts,) = cluster_counts(clips, n_resamples=60, seed=8)
    for kind in KINDS:
        values = [SCIPY[kind](np.repeat(metric, w.astype(int)), np.repeat(opinion, w.astype(int)))[0] for w in counts]
        expected = percentile_interval(np.array(values), 0.95, n_clusters=15)
        assert (getattr(found, kind).low, getattr(found, kind).high) == pytest.approx(expected)


@pytest.mark.parametrize("crossed", [True, False])
def test_the_interval_over_systems_resamples_clips_within_systems(crossed):
    metric, opinion, clips, systems = study(3)
    if not crossed:
        clips = np.array([f"{clip} of {system}" for clip, system in zip(clips, systems, strict=True)])
    found = system_agreement(metric, opinion, systems, higher_is_better=True, clips=clips, n_resamples=80, seed=5)
    strata = None if crossed else systems
    (counts,) = cluster_counts(clips, strata=strata, n_resamples=80, seed=5)
    values = []
    for w in counts:
        means = [
            [np.average(side[systems == s], weights=w[systems == s]) for s in np.unique(systems)]
            for side in (metric, opinion)
        ]
        values.append(stats.pearsonr(*means)[0])
    expected = percentile_interval(np.array(values), 0.95, n_clusters=15)
    assert (found.pearson.low, found.pearson.high) == pytest.approx(expected)
    assert ("together" in found.method) == crossed
    alone = system_agreement(metric, opinion, systems, higher_is_better=True, n_resamples=80)
    assert "within each system" in alone.method


@pytest.mark.parametrize("seed", range(5))
def test_ties_across_groups_stay_ties(seed):
    rng = np.random.default_rng(seed)
    # Three groups of four tenths: their differences from the group's mean are whole numbers of fortieths.
    tenths, group = rng.integers(1, 6, (2, 12)), np.repeat(np.arange(3), 4)
    whole = [4 * side - np.bincount(group, weights=side)[group].astype(int) for side in tenths]
    found = clip_agreement(*(tenths / 10), higher_is_better=True, groups=group, n_resamples=10)
    for kind in KINDS:
        assert getattr(found, kind).value == pytest.approx(SCIPY[kind](*whole)[0], rel=1e-9)


def test_direction_is_said_and_only_turns_the_sign():
    metric, opinion, clips, _ = study(4)
    up = clip_agreement(metric, opinion, higher_is_better=True, clips=clips, n_resamples=100)
    down = clip_agreement(-metric, opinion, higher_is_better=False, clips=clips, n_resamples=100)
    wrong = clip_agreement(metric, opinion, higher_is_better=False, clips=clips, n_resamples=100)
    assert down == up
    assert wrong.spearman.value == pytest.approx(-up.spearman.value)
    assert wrong.spearman.low == pytest.approx(-up.spearman.high)
    with pytest.raises(TypeError, match="higher_is_better"):
        clip_agreement(metric, opinion)


def test_a_number_for_each_system():
    _, opinion, clips, systems = study(5)
    distances = {"0": 30.0, "1": 22.0, "2": 25.0, "3": 9.0}
    found = system_agreement(distances, opinion, systems, higher_is_better=False, clips=clips, n_resamples=200)
    means = [opinion[systems == s].mean() for s in sorted(distances)]
    assert found.pearson.value == pytest.approx(stats.pearsonr([-30, -22, -25, -9], means)[0])
    assert found.kendall.low <= found.kendall.value <= found.kendall.high
    with pytest.raises(ValueError, match="a number for every system, found none for '3'"):
        system_agreement({"0": 1.0, "1": 2, "2": 3}, opinion, systems, higher_is_better=True)


def test_groups_are_centred_first():
    # Simpson's paradox: within each data set the metric is right, and between them it points the other way.
    metric = np.array([1.0, 2, 3, 11, 12, 13])
    opinion = np.array([4.0, 4.5, 5, 1, 1.5, 2])
    groups = ["a"] * 3 + ["b"] * 3
    assert clip_agreement(metric, opinion, higher_is_better=True).pearson.value < 0
    within = clip_agreement(metric, opinion, higher_is_better=True, groups=groups)
    for kind in KINDS:
        assert getattr(within, kind).value == pytest.approx(1)
    assert "within groups" in within.method
    alone = clip_agreement([*metric, 99.0], [*opinion, 3.0], higher_is_better=True, groups=[*groups, "c"])
    assert (alone.n, alone.n_left_out) == (6, 1)
    assert alone.pearson.value == pytest.approx(1)


def test_systems_within_groups():
    rng = np.random.default_rng(0)
    systems, groups = np.tile(np.repeat(["x", "y", "z"], 8), 2), np.repeat(["a", "b"], 24)
    offset = np.where(groups == "a", 5.0, 0.0)
    quality = np.select([systems == "x", systems == "y"], [0.0, 1.0], 2.0)
    metric, opinion = quality + 0.1 * rng.normal(size=48) + offset, quality + 0.1 * rng.normal(size=48) - offset
    clips = np.tile(np.arange(8), 6)
    found = system_agreement(metric, opinion, systems, higher_is_better=True, clips=clips, groups=groups)
    assert found.n == 6
    assert found.pearson.value > 0.98
    means = {(g, s): [v[(groups == g) & (systems == s)].mean() for v in (metric, opinion)] for g in "ab" for s in "xyz"}
    centred = [np.array(means[g, s]) - np.mean([means[g, t] for t in "xyz"], axis=0) for g in "ab" for s in "xyz"]
    assert found.pearson.value == pytest.approx(stats.pearsonr(*np.transpose(centred))[0])
    with pytest.raises(ValueError, match="every group must have at least 2 systems, found 1 in 'b'"):
        system_agreement(np.arange(4.0), np.arange(4.0), list("xyzx"), higher_is_better=True, groups=list("aaab"))


def test_missing_values_leave_their_item_out():
    metric, opinion, clips, systems = study(6)
    holes = [None if i in (3, 10) else value for i, value in enumerate(metric)]
    others = [None if i == 7 else value for i, value in enumerate(opinion)]
    found = clip_agreement(holes, others, higher_is_better=True, clips=clips)
    keep = np.setdiff1d(np.arange(60), [3, 7, 10])
    assert found.kendall.value == pytest.approx(stats.kendalltau(metric[keep], opinion[keep])[0])
    assert (found.n, found.n_left_out) == (57, 3)
    by_system = system_agreement(holes, others, systems, higher_is_better=True, clips=clips, n_resamples=50)
    assert "within each system" in by_system.method


def test_what_does_not_vary_is_none_with_a_reason():
    y = np.array([1.0, 2, 3, 4])
    flat = clip_agreement(np.full(4, 0.3), y, higher_is_better=True)
    for kind in KINDS:
        assert asdict(getattr(flat, kind)) == {
            "value": None,
            "low": None,
            "high": None,
            "reason": "the metric is the same for every item",
        }
    assert clip_agreement(y, np.full(4, 0.3), higher_is_better=True).kendall.reason.startswith("the opinion is")
    by_system = system_agreement(np.tile([0.1, 0.2], 3), np.arange(6.0), list("aabbcc"), higher_is_better=False)
    assert by_system.pearson.reason == "the metric is the same for every system"
    one = clip_agreement(y, y, higher_is_better=True, clips=["c"] * 4)
    assert (one.pearson.value, one.pearson.low, one.pearson.reason) == (1, None, "one clip has no interval")
    rare = clip_agreement([0, 0, 0, 1.0], y, higher_is_better=True)
    assert rare.pearson.value is not None
    assert rare.pearson.reason == "too many resamples have no variation"


def test_perfect_agreement():
    y = np.arange(12.0)
    found = clip_agreement(-(y**3), y, higher_is_better=False)
    for kind in ("spearman", "kendall"):
        assert (getattr(found, kind).value, getattr(found, kind).low, getattr(found, kind).high) == pytest.approx(
            (1,) * 3
        )


def test_malformed_input_is_refused():
    y = np.arange(5.0)
    for metric, opinion, options, match in (
        (y[:2], y[:2], {}, "at least 3 items with both values, found 2"),
        ([1.0, 2, None, 4, None], [1.0, None, 3, 4, 5], {}, "at least 3 items with both values, found 2"),
        ([], [], {}, "at least 3 items with both values, found 0"),
        (y, y[:4], {}, "one value per item, found 5 and 4"),
        (y * np.nan, y, {}, "metric must be finite"),
        (y, [1, 2, 3, 4, np.inf], {}, "opinion must be finite"),
        (y[None], y, {}, r"metric must be a list of one value per item, found shape \(1, 5\)"),
        (y, y, {"clips": ["a"]}, r"clips must have one label per item, found shape \(1,\) for 5 items"),
        (y, y, {"groups": ["a"]}, "groups must have one label per item"),
        (y, y, {"groups": list("abcde")}, "at least 3 items that share a group with others, found 0"),
        (y, y, {"level": 95}, "level must be between 0 and 1"),
        (y, y, {"n_resamples": 0}, "n_resamples must be at least 1"),
    ):
        with pytest.raises(ValueError, match=match):
            clip_agreement(metric, opinion, higher_is_better=True, **options)
    with pytest.raises(ValueError, match="at least 3 systems with both values, found 2"):
        system_agreement(y, y, list("aabbb"), higher_is_better=True)


def test_inputs_stay_as_they_are_and_order_does_not_matter():
    metric, opinion, clips, systems = study(7)
    for array in (metric, opinion, clips, systems):
        array.flags.writeable = False
    found = clip_agreement(metric, opinion, higher_is_better=True, clips=clips, groups=systems, n_resamples=50)
    order = np.random.default_rng(1).permutation(60)
    again = clip_agreement(
        metric[order], opinion[order], higher_is_better=True, clips=clips[order], groups=systems[order], n_resamples=50
    )
    for kind in KINDS:
        one, other = (asdict(getattr(result, kind)) for result in (found, again))
        assert one == pytest.approx(other)


REGIMES = ((10, 1), (20, 1), (20, 4), (40, 4))
STUDIES = 400
BOUNDS = (0.92, 0.995)


@pytest.mark.slow
def test_intervals_cover_the_correlation_of_endless_clips():
    """Share of studies whose 95 % interval holds the coefficient of 4000 clips, by kind, clips and systems."""
    coverage = {}
    for n_clips, n_systems in REGIMES:
        metric, opinion, _, _ = study(10**6, 4000, n_systems)
        truth = {kind: SCIPY[kind](metric, opinion)[0] for kind in KINDS}
        hits = dict.fromkeys(KINDS, 0)
        for seed in range(STUDIES):
            metric, opinion, clips, _ = study(seed, n_clips, n_systems)
            found = clip_agreement(metric, opinion, higher_is_better=True, clips=clips, n_resamples=1000, seed=seed)
            for kind in KINDS:
                hits[kind] += getattr(found, kind).low <= truth[kind] <= getattr(found, kind).high
        coverage[f"{n_clips} clips, {n_systems} systems"] = {kind: hits[kind] / STUDIES for kind in KINDS}
    PROOF.parent.mkdir(exist_ok=True)
    summary = {
        "date": date.today().isoformat(),
        "made_with": "cmmd_bench.metrics.agreement.clip_agreement on this module's study(), seeds 0..399",
        "level": 0.95,
        "studies": STUDIES,
        "resamples": 1000,
        "coverage": coverage,
    }
    PROOF.write_text(json.dumps(summary, indent=2) + "\n")
    check_coverage(summary)


def check_coverage(summary):
    assert set(summary["coverage"]) == {f"{clips} clips, {systems} systems" for clips, systems in REGIMES}
    for shares in summary["coverage"].values():
        for share in shares.values():
            assert BOUNDS[0] <= share <= BOUNDS[1]


def test_the_stored_proof_of_coverage_holds():
    check_coverage(json.loads(PROOF.read_text()))
