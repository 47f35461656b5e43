"""Intraclass correlations, raters against the others, and repeated ratings."""

import csv
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from cmmd_bench.metrics.opinion.alpha import krippendorff_alpha
from cmmd_bench.metrics.opinion.ratings import Ratings, wide_table
from cmmd_bench.metrics.opinion.reliability import FORMS, intraclass_correlations, leave_one_out, repeat_agreement

# Shrout and Fleiss (1979), table 2: 4 judges of 6 targets.
JUDGES = np.array([[9, 6, 8, 7, 10, 6], [2, 1, 4, 1, 5, 2], [5, 3, 6, 2, 6, 4], [8, 2, 8, 6, 9, 7]])
PUBLISHED = {"1,1": 0.165742, "A,1": 0.289764, "C,1": 0.714841, "1,k": 0.442797, "A,k": 0.620051, "C,k": 0.909316}
# pingouin 0.7.0's intervals of the same table.
INTERVALS = {
    "1,1": (-0.13, 0.72),
    "A,1": (0.02, 0.76),
    "C,1": (0.34, 0.95),
    "1,k": (-0.88, 0.91),
    "A,k": (0.07, 0.93),
    "C,k": (0.68, 0.99),
}


def test_the_table_of_shrout_and_fleiss():
    found = intraclass_correlations(JUDGES)
    assert tuple(found) == FORMS
    for form, value in PUBLISHED.items():
        assert found[form].value == pytest.approx(value, abs=5e-7)
        assert (found[form].low, found[form].high) == pytest.approx(INTERVALS[form], abs=5e-3)
        assert (found[form].n_raters, found[form].n_items) == (4, 6)
    assert (found["A,1"].low, found["A,1"].high) == pytest.approx((0.018787, 0.761084), abs=5e-7)


def test_a_study_of_the_shape_of_the_papers():
    path = Path(__file__).resolve().parents[2] / "data" / "studies" / "paperlike_ratings.csv"
    with path.open() as file:
        rows = [r for r in csv.DictReader(file) if (r["task"], r["question"]) == ("aist_v2a", "temporal_sync")]
    ratings = Ratings.from_records(rows, names={"clip": "item", "score": "rating"})
    table = wide_table(ratings, ("system", "clip", "sample")).values
    assert table.shape == (14, 30)
    found = intraclass_correlations(table)
    # By pingouin and krippendorff.
    assert (found["A,1"].value, found["A,k"].value) == pytest.approx((0.415089, 0.908553), abs=5e-7)
    assert krippendorff_alpha(table, n_resamples=1).value == pytest.approx(0.379714, abs=5e-7)


@pytest.mark.parametrize("seed", range(5))
def test_variance_components_by_loops(seed):
    rng = np.random.default_rng(seed)
    k, n = rng.integers(2, 7, size=2)
    x = rng.normal(size=(k, n)) + rng.normal(size=n) + rng.normal(size=(k, 1))
    grand = sum(x[r, i] for r, i in product(range(k), range(n))) / (k * n)
    item = [sum(x[r, i] for r in range(k)) / k for i in range(n)]
    rater = [sum(x[r, i] for i in range(n)) / n for r in range(k)]
    msr = k * sum((m - grand) ** 2 for m in item) / (n - 1)
    msc = n * sum((m - grand) ** 2 for m in rater) / (k - 1)
    mse = sum((x[r, i] - item[i] - rater[r] + grand) ** 2 for r, i in product(range(k), range(n))) / (n - 1) / (k - 1)
    msw = sum((x[r, i] - item[i]) ** 2 for r, i in product(range(k), range(n))) / n / (k - 1)
    found = intraclass_correlations(x)
    # McGraw and Wong (1996), tables 4 to 6.
    expected = {
        "1,1": (msr - msw) / (msr + (k - 1) * msw),
        "A,1": (msr - mse) / (msr + (k - 1) * mse + k / n * (msc - mse)),
        "C,1": (msr - mse) / (msr + (k - 1) * mse),
        "1,k": (msr - msw) / msr,
        "A,k": (msr - mse) / (msr + (msc - mse) / n),
        "C,k": (msr - mse) / msr,
    }
    for form, value in expected.items():
        if found[form].value is not None:
            assert found[form].value == pytest.approx(value)
    # An averaged form is the single one stepped up by Spearman and Brown, limits and all.
    for one, many in (("1,1", "1,k"), ("A,1", "A,k"), ("C,1", "C,k")):
        for part in ("value", "low", "high"):
            single, mean = getattr(found[one], part), getattr(found[many], part)
            if mean is not None:
                assert mean == pytest.approx(k * single / (1 + (k - 1) * single))


def test_raters_who_agree_exactly_or_up_to_an_offset():
    row = np.array([1.0, 2, 4, 5])
    for form, found in intraclass_correlations(np.stack([row, row, row])).items():
        assert (found.value, found.low, found.high) == pytest.approx((1, 1, 1)), form
    shifted = intraclass_correlations(np.stack([row, row + 1]))
    assert shifted["C,1"].value == pytest.approx(1)
    assert shifted["A,1"].value < 1
    assert shifted["A,1"].low < shifted["A,1"].value < shifted["A,1"].high


def test_nothing_to_correlate_is_none_with_a_reason():
    for form, found in intraclass_correlations(np.full((3, 4), 3.3)).items():
        assert (found.value, found.low, found.high, found.reason) == (None, None, None, "all ratings are equal"), form
    contradicting = intraclass_correlations(np.array([[1, 2], [2, 1]]))
    assert contradicting["C,1"].value == pytest.approx(-1)
    assert contradicting["C,k"].value is None
    assert contradicting["C,k"].reason == "items differ by no more than chance would make them"


def test_malformed_tables_are_refused():
    with pytest.raises(ValueError, match=r"ratings must be of at least 2 rater\(s\) and 2 item\(s\), found 1 by 3"):
        intraclass_correlations(np.ones((1, 3)))
    with pytest.raises(ValueError, match="found 3 by 1"):
        intraclass_correlations(np.ones((3, 1)))
    with pytest.raises(ValueError, match=r"found 1 of 4 missing \(first: rater 2, item 1\)"):
        intraclass_correlations(np.array([[1, 2], [np.nan, 3]]))
    with pytest.raises(ValueError, match="matrix of raters by items, found shape"):
        intraclass_correlations(np.array([["1", "2"], ["3", "4"]]))
    with pytest.raises(ValueError, match="found 1 infinite"):
        intraclass_correlations(np.array([[1, 2], [np.inf, 3]]))
    with pytest.raises(ValueError, match="level must be between 0 and 1"):
        intraclass_correlations(JUDGES, level=95)


def test_each_rater_against_the_mean_of_the_others():
    rng = np.random.default_rng(3)
    x = rng.normal(size=12) + 0.5 * rng.normal(size=(5, 12))
    x[1, 3] = x[4, :9] = np.nan
    x[3] = 6 - x[3]
    for rater, found in enumerate(leave_one_out(x)):
        others = np.nanmean(np.delete(x, rater, axis=0), axis=0)
        both = ~np.isnan(x[rater])
        assert found.n_items == both.sum()
        assert found.value == pytest.approx(np.corrcoef(x[rater][both], others[both])[0, 1])
    assert leave_one_out(x)[3].value < 0


def test_raters_without_a_correlation():
    x = np.array([[1, 2, 3, 4], [3, 3, 3, 3], [1, 2, np.nan, np.nan], [np.nan] * 4])
    found = leave_one_out(x)
    assert found[1].reason == "the rater gave one rating throughout"
    assert found[2].reason.startswith("only 2 item(s)")
    assert found[3].n_items == 0
    assert [one.value is None for one in found] == [False, True, True, True]
    assert leave_one_out(np.array([[1, 2, 3], [2, 2, 2]]))[0].reason == "the others' mean is the same for every item"
    with pytest.raises(ValueError, match="at least 2 rater"):
        leave_one_out(np.ones((1, 5)))


@pytest.mark.parametrize(("weights", "power"), [("linear", 1), ("quadratic", 2)])
def test_weighted_kappa_by_the_table(weights, power):
    rng = np.random.default_rng(8)
    a = rng.integers(1, 6, 60)
    b = np.clip(a + rng.integers(-1, 2, 60), 1, 5)
    table = np.zeros((5, 5))
    for x, y in zip(a, b, strict=True):
        table[x - 1, y - 1] += 1 / 60
    chance = np.outer(table.sum(axis=1), table.sum(axis=0))
    cost = np.abs(np.subtract.outer(range(5), range(5))) ** power
    found = repeat_agreement(a, b, weights=weights)
    assert found.kappa == pytest.approx(1 - (cost * table).sum() / (cost * chance).sum())
    assert found.exact == pytest.approx(np.trace(table))
    assert found.within_one == 1
    assert found.mean_shift == pytest.approx((b - a).mean())


def test_repeats_at_the_ends():
    same = repeat_agreement(np.array([1, 3, 5]), np.array([1, 3, 5]))
    assert (same.exact, same.within_one, same.kappa, same.mean_shift) == (1, 1, 1, 0)
    assert repeat_agreement(np.array([1, 5]), np.array([5, 1])).kappa == pytest.approx(-1)
    flat = repeat_agreement(np.array([3, 3]), np.array([3, 3]))
    assert (flat.exact, flat.kappa, flat.reason) == (1, None, "every rating is the same")
    for first, second, match in (
        ([], [], "equally many, at least one, found 0 and 0"),
        ([1, 2], [1], "found 2 and 1"),
        ([1, 6], [1, 2], r"first must be whole ratings within 1\.\.5, found 6"),
        ([1, 2], [1, 2.5], "second must be whole ratings"),
        ([1, 2], [1, np.nan], "second must be whole ratings"),
    ):
        with pytest.raises(ValueError, match=match):
            repeat_agreement(np.array(first), np.array(second))
    with pytest.raises(ValueError, match="weights must be 'linear' or 'quadratic'"):
        repeat_agreement(np.array([1]), np.array([1]), weights="cubic")
