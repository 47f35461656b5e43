"""Golden case 11: the paper-shaped study, against R's coin."""

import csv
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from cmmd_bench.metrics.multiplicity import holm
from cmmd_bench.metrics.opinion import (
    Ratings,
    cell_differences,
    paper_wilcoxon,
    select,
    signed_rank_test,
    subset,
    wide_table,
)

EXPECTED = Path(__file__).resolve().parents[2] / "data" / "studies" / "paperlike_expected_rater_wilcoxon_R.csv"


def test_each_pairing_of_the_golden_contrast(paperlike):
    ratings = paperlike("aist_v2a", "temporal_sync")
    pairs = paper_wilcoxon(ratings, "cmmd", "ncmmd")
    assert (pairs.pairing, pairs.n, pairs.zeros, pairs.method) == ("rater_item", 70, 15, "exact")
    assert pairs.p == pytest.approx(0.0001195997, abs=5e-11)
    assert pairs.mean_difference == pytest.approx(0.357143, abs=5e-7)
    assert pairs.statement == "70 pairs (rater_item), 15 of them zero (pratt), exact"
    assert "share raters and clips" in pairs.warning
    normal = signed_rank_test(list(cell_differences(ratings, "cmmd", "ncmmd").values.values()), method="normal")
    assert normal.p == pytest.approx(0.0001722423, abs=5e-11)
    rater = paper_wilcoxon(ratings, "cmmd", "ncmmd", pairing="rater")
    assert (rater.n, rater.zeros, rater.p) == (14, 3, 0.0087890625)


def test_five_clips_can_never_be_significant(paperlike):
    ratings = paperlike("aist_v2a", "temporal_sync")
    item = paper_wilcoxon(ratings, "cmmd", "ncmmd", pairing="item")
    assert (item.n, item.p, item.smallest_p) == (5, None, 0.0625)
    assert item.statement == "5 pairs can never be significant at 0.05: the smallest two-sided p is 0.0625"
    allowed = paper_wilcoxon(ratings, "cmmd", "ncmmd", pairing="item", alpha=0.1)
    assert allowed.p == 0.0625
    differences = [a - b for a, b in zip(*(item_means(ratings, name) for name in ("cmmd", "ncmmd")), strict=True)]
    assert signed_rank_test(np.round(differences, 6), method="normal").p == pytest.approx(0.0422, abs=5e-5)


def item_means(ratings, system):
    return wide_table(select(ratings, system=system), ("clip",)).values.mean(axis=0)


def test_whole_study_equals_r(paperlike):
    with EXPECTED.open(newline="") as file:
        expected = list(csv.DictReader(file))
    tests = [
        paper_wilcoxon(paperlike(row["task"], row["question"]), "cmmd", row["vs"], pairing="rater") for row in expected
    ]
    adjusted = holm([test.p for test in tests])
    assert len(tests) == 13
    for row, test, p in zip(expected, tests, adjusted, strict=True):
        assert (test.n, test.zeros) == (int(row["n"]), int(row["zeros"]))
        assert test.mean_difference == pytest.approx(float(row["mean_diff"]), rel=1e-13)
        assert test.p == pytest.approx(float(row["p_rater_exact_pratt"]), rel=1e-13)
        assert p == pytest.approx(float(row["p_holm"]), rel=1e-13)


def test_samples_are_paired_by_label_with_a_warning(paperlike):
    ratings = paperlike("aist_v2a", "temporal_sync")
    test = paper_wilcoxon(ratings, "cmmd", "ncmmd", pairing="rating")
    a, b = (wide_table(select(ratings, system=name), ("clip", "sample")).values.ravel() for name in ("cmmd", "ncmmd"))
    assert (test.n, test.zeros) == (140, int((a == b).sum()))
    assert test.p == signed_rank_test(a - b).p
    approximate = stats.wilcoxon(a, b, zero_method="pratt", correction=False, method="asymptotic").pvalue
    assert test.p == pytest.approx(approximate, rel=0.5)
    assert "labels" in test.warning


def test_two_samples_against_one_cannot_be_paired_by_sample(paperlike):
    with pytest.raises(ValueError, match=r"\['1', '2'\] and \['1'\] by rater 'r01' .* fake the number of pairs"):
        paper_wilcoxon(paperlike("aist_v2a", "temporal_sync"), "cmmd", "mmd", pairing="rating")


def test_missing_cells_leave_their_pair_out(paperlike):
    ratings = paperlike("aist_v2a", "temporal_sync")
    gone = (ratings.rater == "r05") & (ratings.clip == "aist_v2a_c4") & (ratings.system == "ncmmd")
    test = paper_wilcoxon(subset(ratings, ~gone), "cmmd", "ncmmd")
    assert (test.n, test.left_out) == (69, 1)
    assert paper_wilcoxon(subset(ratings, ~gone), "cmmd", "ncmmd", pairing="rater").n == 14


def test_all_ties_one_rater_one_clip(full_study):
    ties = np.full((4, 3, 1), 5)
    test = paper_wilcoxon(full_study(a=ties, b=ties), "a", "b")
    assert (test.p, test.zeros, test.method) == (1, 12, "all differences are zero")
    one_rater = full_study(a=ties[:1], b=ties[:1])
    assert paper_wilcoxon(one_rater, "a", "b").statement.startswith("3 pairs can never be significant")
    assert paper_wilcoxon(one_rater, "a", "b", pairing="rater").statement.startswith("1 pair can never")
    assert paper_wilcoxon(full_study(a=ties[:, :1], b=ties[:, :1]), "a", "b").n == 4


def test_refusals(paperlike):
    ratings = paperlike("aist_v2a", "temporal_sync")
    with pytest.raises(ValueError, match="pairing must be one of rater_item, rating, rater, item"):
        paper_wilcoxon(ratings, "cmmd", "ncmmd", pairing="pairs")
    with pytest.raises(ValueError, match="alpha must be between 0 and 1"):
        paper_wilcoxon(ratings, "cmmd", "ncmmd", alpha=5)
    with pytest.raises(ValueError, match="one question"):
        paper_wilcoxon(paperlike("aist_v2a"), "cmmd", "ncmmd")
    apart = Ratings.from_columns(rater="ab", system="xy", clip="cc", score=[1, 2])
    with pytest.raises(ValueError, match="no rater rated both 'x' and 'y'"):
        paper_wilcoxon(apart, "x", "y")
