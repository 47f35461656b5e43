"""Power by simulation against the analyses one by one, and against the table that was measured before this code."""

import json
from dataclasses import asdict
from datetime import date
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from cmmd_bench.metrics.multiplicity import holm
from cmmd_bench.metrics.opinion.crossed import crossed_mean
from cmmd_bench.metrics.opinion.power import Design, minutes_per_rater, power, power_curve, smallest_reaching
from cmmd_bench.metrics.opinion.signed_rank import signed_rank_test
from cmmd_bench.metrics.opinion.simulate import Components, simulate_ratings

PROOF = Path(__file__).resolve().parents[2] / "data" / "proofs" / "power_table.json"


def test_a_study_is_analysed_as_a_real_one_would_be():
    design, means, n = Design(9, 4, samples=2, questions=2), (3.6, 3.0, 2.9), 30
    found = power(design, means, n_simulations=n, seed=4)
    rng = np.random.default_rng(4)
    rng.binomial(9, 1.0, size=n)
    studies = simulate_ratings(n * 2, means, raters=9, clips=4, samples=2, components=Components(), rng=rng)
    hits = {"crossed": np.zeros(2), "raters": np.zeros(2)}
    for study in studies.reshape(n, 2, 9, 4, 3, 2):
        p = {"crossed": [], "raters": []}
        for question in study:
            for other in (1, 2):
                d = question[:, :, 0].mean(axis=2) - question[:, :, other].mean(axis=2)
                p["crossed"].append(crossed_mean(d).p)
                exact = [Fraction(int(value)) for value in (8 * d).sum(axis=1)]
                p["raters"].append(signed_rank_test(exact).p)
        for claim, values in p.items():
            hits[claim] += (np.array(holm(values)).reshape(2, 2) <= 0.05).sum(axis=0)
    # With differences this large, none is found in the wrong direction here.
    np.testing.assert_allclose(found.clips_like_these, hits["crossed"] / n / 2)
    np.testing.assert_allclose(found.these_clips, hits["raters"] / n / 2)
    assert found.contrasts == ((0, 1), (0, 2))
    assert found.deltas == pytest.approx((0.6, 0.7))


def test_more_clips_help_more_than_more_raters():
    base, raters, clips = power_curve([Design(14, 5, 2), Design(56, 5, 2), Design(14, 20, 2)], (3.3, 3.0))
    assert clips.clips_like_these[0] > raters.clips_like_these[0] + 0.2
    assert raters.clips_like_these[0] >= base.clips_like_these[0] - 0.05


def test_equal_systems_are_found_to_differ_as_often_as_allowed_by_the_crossed_test_alone():
    found = power(Design(14, 5, 2), (3.0, 3.0))
    assert found.clips_like_these[0] < 0.08
    assert found.these_clips[0] > 0.15
    certain = power(Design(8, 6), (4.9, 1.1), n_simulations=50)
    assert certain.clips_like_these == certain.these_clips == (1.0,)


def test_wrong_directions_are_not_power():
    found = power(Design(30, 4), (2.99, 3.0), components=Components(clip_system=0.8), n_simulations=400, alpha=0.2)
    both = power(Design(30, 4), (3.0, 3.0), components=Components(clip_system=0.8), n_simulations=400, alpha=0.2)
    assert found.these_clips[0] < 0.7 * both.these_clips[0]


def test_the_correction_costs_power():
    means = (3.4, 3.0, 3.0, 3.0)
    kept = power(Design(14, 10), means, correction="holm", n_simulations=300)
    free = power(Design(14, 10), means, correction="none", n_simulations=300)
    assert all(a < b for a, b in zip(kept.clips_like_these, free.clips_like_these, strict=True))
    one = power(Design(14, 10), means, contrasts=[(0, 2)], n_simulations=300)
    assert one.clips_like_these[0] == free.clips_like_these[1]


def test_dropout_leaves_fewer_raters():
    full = power(Design(16, 20), (3.3, 3.0), n_simulations=500)
    half = power(Design(16, 20), (3.3, 3.0), n_simulations=500, dropout=0.6)
    assert full.mean_raters == 16
    assert half.mean_raters == pytest.approx(6.4, abs=0.3)
    assert half.clips_like_these[0] < full.clips_like_these[0]
    gone = power(Design(2, 5), (4.5, 1.5), n_simulations=200, dropout=0.9)
    assert gone.clips_like_these[0] < 0.05


def test_many_raters_use_the_normal_approximation():
    few, many = (power(Design(n, 3), (3.15, 3.0), n_simulations=60, seed=2) for n in (200, 201))
    assert many.these_clips[0] == pytest.approx(few.these_clips[0], abs=0.3)


def test_the_seed_and_not_the_blocks_decide(monkeypatch):
    found = power(Design(10, 5), (3.4, 3.0), n_simulations=100, seed=7)
    assert power(Design(10, 5), (3.4, 3.0), n_simulations=100, seed=7) == found
    assert power(Design(10, 5), (3.4, 3.0), n_simulations=100, seed=8) != found
    monkeypatch.setattr("cmmd_bench.metrics.opinion.power.CELLS", 1000)
    other = power(Design(10, 5), (3.4, 3.0), n_simulations=100, seed=7)
    assert other.clips_like_these[0] == pytest.approx(found.clips_like_these[0], abs=0.25)


def test_the_smallest_design_that_reaches_the_target():
    curve = power_curve([Design(14, n, 2) for n in (5, 10, 20)], (3.5, 3.0), n_simulations=300)
    found = smallest_reaching(curve, 0.9)
    assert found is curve[2]
    assert smallest_reaching(curve, 0.7, claim="these clips") is curve[0]
    assert smallest_reaching(curve[:1], 0.9) is None
    with pytest.raises(ValueError, match="target must be between 0 and 1"):
        smallest_reaching(curve, 80)
    with pytest.raises(ValueError, match="claim must be"):
        smallest_reaching(curve, claim="all clips")


def test_minutes_per_rater():
    # The paper's study: 5 clips, 2 samples, 3 systems, 3 questions.
    assert minutes_per_rater(Design(14, 5, 2, 3), 3, clip_seconds=2, seconds_per_answer=4) == pytest.approx(7)
    with pytest.raises(ValueError, match="clip_seconds above 0"):
        minutes_per_rater(Design(14, 5), 3, clip_seconds=0, seconds_per_answer=4)


def test_malformed_input_is_refused():
    design = Design(5, 5)
    for means, options, match in (
        ((3.0,), {}, "means must be of at least 2 systems, found 1"),
        ((3.0, 3.1), {"contrasts": [(0, 2)]}, r"pairs of different positions below 2, found \[\(0, 2\)\]"),
        ((3.0, 3.1), {"contrasts": []}, "pairs of different positions"),
        ((3.0, 3.1), {"dropout": 1.0}, "dropout must be a chance"),
        ((3.0, 3.1), {"correction": "bonferroni"}, "correction must be 'holm' or 'none'"),
        ((3.0, 3.1), {"alpha": 5}, "alpha must be between 0 and 1"),
        ((3.0, 3.1), {"n_simulations": 0}, "n_simulations must be at least 1"),
    ):
        with pytest.raises(ValueError, match=match):
            power(design, means, **options)
    for raters, clips, samples in ((1, 5, 1), (5, 1, 1), (5, 5, 0)):
        with pytest.raises(ValueError, match="a design needs 2 raters, 2 clips, 1 sample"):
            Design(raters, clips, samples)


# Power of the crossed test at deltas 0.2, 0.3 and 0.5 by an earlier, independent program, 1000 studies each.
DELTAS = (0.2, 0.3, 0.5)
MEASURED = {
    (14, 5, 2): (0.08, 0.20, 0.43),
    (28, 5, 2): (0.12, 0.22, 0.50),
    (56, 5, 2): (0.14, 0.22, 0.54),
    (14, 10, 2): (0.18, 0.36, 0.77),
    (14, 20, 2): (0.36, 0.63, 0.97),
    (24, 20, 1): (0.32, 0.57, 0.95),
    (24, 40, 1): (0.46, 0.80, 0.99),
    (14, 40, 2): (0.48, 0.76, 1.00),
}
STUDIES = 2000


@pytest.mark.slow
def test_the_measured_table_comes_out_again():
    table = {}
    for shape in MEASURED:
        points = [power(Design(*shape), (3 + d / 2, 3 - d / 2), n_simulations=STUDIES) for d in (0.0, *DELTAS)]
        table[" x ".join(map(str, shape))] = {
            "clips like these": [round(point.clips_like_these[0], 4) for point in points],
            "these clips": [round(point.these_clips[0], 4) for point in points],
        }
    PROOF.parent.mkdir(exist_ok=True)
    summary = {
        "date": date.today().isoformat(),
        "made_with": "cmmd_bench.metrics.opinion.power.power, means 3 ± delta/2, seed 0",
        "components": asdict(Components()),
        "studies": STUDIES,
        "deltas": [0.0, *DELTAS],
        "power": table,
    }
    PROOF.write_text(json.dumps(summary, indent=2) + "\n")
    check_table(summary)


def check_table(summary):
    assert summary["components"] == asdict(Components())
    for shape, measured in MEASURED.items():
        found = summary["power"][" x ".join(map(str, shape))]
        errors, shares = found["clips like these"][0], found["clips like these"][1:]
        assert 0.03 <= errors <= 0.065
        assert found["these clips"][0] > 1.5 * errors
        for share, before in zip(shares, measured, strict=True):
            middle = np.clip((share + before) / 2, 0.01, 0.99)
            # Four standard errors of the difference of the two simulations, and the table's rounding.
            allowed = 4 * np.sqrt(middle * (1 - middle) * (1 / summary["studies"] + 1 / 1000)) + 0.005
            assert abs(share - before) <= allowed, (shape, share, before)


def test_the_stored_table_agrees_with_the_measured_one():
    check_table(json.loads(PROOF.read_text()))
