from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from cmmd_bench.metrics.opinion import Ratings, exact, exact_means, select, subset, whole_numbers, wide_table

COLUMNS = {
    "rater": ["ann", "ann", "bob", "bob", "bob"],
    "system": ["x", "y", "x", "y", "y"],
    "clip": ["c1", "c1", "c1", "c1", "c2"],
    "score": [1, 2, 3, 5, 4],
}


def test_columns_become_a_table():
    ratings = Ratings.from_columns(**COLUMNS)
    assert len(ratings) == 5
    assert ratings.score.dtype == np.float64
    assert ratings.rater.tolist() == COLUMNS["rater"]
    assert set(ratings.sample) == set(ratings.question) == {"1"}
    assert ratings.scale == (1.0, 5.0)


def test_records_equal_columns_and_may_have_their_own_names(paperlike):
    rows = [
        {"who": rater, "system": system, "clip": clip, "score": str(score), "seconds": 3}
        for rater, system, clip, score in zip(*COLUMNS.values(), strict=True)
    ]
    ratings = Ratings.from_records(rows, names={"rater": "who"})
    assert ratings.score.tolist() == COLUMNS["score"]
    assert ratings.rater.tolist() == COLUMNS["rater"]
    study = paperlike("aist_v2a")
    assert len(study) == 1260
    assert set(study.question) == {"acoustic_quality", "musical_quality", "temporal_sync"}


def test_a_table_is_read_only_and_leaves_the_callers_arrays_alone():
    score = np.array(COLUMNS["score"], dtype=np.float64)
    ratings = Ratings.from_columns(**COLUMNS | {"score": score})
    with pytest.raises(ValueError, match="read-only"):
        ratings.score[0] = 2
    score[0] = 4
    assert ratings.score[0] == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"score": [1, 2, 6, 5, 4]}, r"within 1\.\.5, found 6 in row 3 \(rater 'bob', system 'x', clip 'c1'"),
        ({"score": [1, 2, 3, 0, 4]}, r"within 1\.\.5, found 0 in row 4"),
        ({"score": [1, float("nan"), 3, 5, 4]}, "found nan in row 2"),
        ({"score": [1, "", 3, 5, 4]}, "must be numbers, found '' in row 2"),
        ({"score": [1, None, 3, 5, 4]}, "must be numbers, found None in row 2"),
        ({"score": [1, 2, 3, 5]}, "columns of one length"),
        ({"system": ["x", "x", "x", "y", "y"]}, "rated once, found row 2 .* again after row 1"),
        ({"rater": ["ann", "", "bob", "bob", "bob"]}, "rater must not be empty, found row 2"),
        ({name: [] for name in COLUMNS}, "at least one row"),
        ({"scale": (5, 1)}, "scale must be two finite numbers"),
        ({"scale": (1, float("inf"))}, "scale must be two finite numbers"),
    ],
)
def test_bad_tables_are_refused_and_the_row_is_named(change, message):
    with pytest.raises(ValueError, match=message):
        Ratings.from_columns(**COLUMNS | change)


def test_records_without_a_key_are_refused():
    with pytest.raises(ValueError, match="must have 'clip', found row 2"):
        Ratings.from_records(
            [{"rater": "a", "system": "x", "clip": "c", "score": 1}, {"rater": "a", "system": "y", "score": 1}]
        )
    with pytest.raises(ValueError, match="names must map columns"):
        Ratings.from_records([], names={"item": "clip"})


def test_the_same_clip_may_be_asked_two_questions():
    ratings = Ratings.from_columns(rater="aa", system="xx", clip="cc", score=[1, 2], question=["sound", "sync"])
    assert select(ratings, question="sync").score.tolist() == [2]


def test_select_keeps_order_and_refuses_unknown_labels():
    ratings = Ratings.from_columns(**COLUMNS)
    assert select(ratings, system="y").score.tolist() == [2, 5, 4]
    assert select(ratings, system=["x", "y"], clip="c1", rater="bob").score.tolist() == [3, 5]
    assert subset(ratings, ratings.score > 3).score.tolist() == [5, 4]
    with pytest.raises(ValueError, match=r"system must be one that was rated \('x', 'y'\), found 'z'"):
        select(ratings, system="z")
    with pytest.raises(ValueError, match="no rating has rater 'ann', clip 'c2' together"):
        select(ratings, rater="ann", clip="c2")


def test_wide_table_has_means_and_gaps():
    wide = wide_table(Ratings.from_columns(**COLUMNS), ("clip",))
    assert wide.raters == ("ann", "bob")
    assert wide.columns == (("c1",), ("c2",))
    assert np.array_equal(wide.values, [[1.5, np.nan], [4.0, 4.0]], equal_nan=True)
    assert wide_table(Ratings.from_columns(**COLUMNS), ("system", "clip")).columns == (
        ("x", "c1"),
        ("y", "c1"),
        ("y", "c2"),
    )


def test_wide_table_equals_numpy_on_a_full_study(paperlike):
    ratings = select(paperlike("aist_v2a", "temporal_sync"), system="cmmd")
    wide = wide_table(ratings, ("clip",))
    for i, rater in enumerate(wide.raters):
        for j, (clip,) in enumerate(wide.columns):
            assert wide.values[i, j] == ratings.score[(ratings.rater == rater) & (ratings.clip == clip)].mean()


def test_exact_means_tie_where_floats_do_not():
    # Three raters, each with the same difference of a third between their means.
    scores = {"x": [(4, 3, 5), (5, 3, 2), (2, 2, 4)], "y": [(3, 3, 5), (4, 3, 2), (2, 1, 4)]}
    rows = [
        {"rater": r, "system": system, "clip": c, "score": score}
        for system, raters in scores.items()
        for r, triple in enumerate(raters)
        for c, score in enumerate(triple)
    ]
    means = exact_means(Ratings.from_records(rows), ("system", "rater"))
    differences = {means["x", str(r)] - means["y", str(r)] for r in range(3)}
    assert differences == {Fraction(1, 3)}
    floats = {sum(x) / 3 - sum(y) / 3 for x, y in zip(scores["x"], scores["y"], strict=True)}
    assert len(floats) > 1


def test_exact_reads_numbers_as_they_are_written():
    assert exact(3.3) - exact(3.0) == exact(2.2) - exact(1.9) == exact(Decimal("0.3")) == Fraction(3, 10)
    assert exact(np.float32(3.3)) == Fraction(33, 10)
    assert exact(np.int64(4)) == exact(4) == 4
    assert exact(Fraction(1, 3)) == Fraction(1, 3)
    for bad in (float("nan"), float("inf"), True, np.bool_(False)):
        with pytest.raises(ValueError, match="a score must be a"):
            exact(bad)


def test_whole_numbers_keep_proportions():
    assert whole_numbers([Fraction(1, 3), Fraction(-1, 2), Fraction(2)]) == ([2, -3, 12], 6)
    assert whole_numbers([]) == ([], 1)


def test_means_by_an_unknown_field_are_refused():
    with pytest.raises(ValueError, match="by must be fields"):
        exact_means(Ratings.from_columns(**COLUMNS), ("item",))
