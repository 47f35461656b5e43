import numpy as np
import pytest
from scipy import stats

from cmmd_bench.metrics.opinion import Ratings, crossed_mean, mos_table, select, subset, t_interval, wide_table

# Golden case 12.
VOTES = [4, 4, 5, 3, 4, 4, 3, 5, 4, 4, 2, 4, 5, 4, 3, 4, 4, 5, 3, 4, 4, 3, 4, 5]


def row(ratings, system):
    return next(row for row in mos_table(ratings) if row.system == system)


def test_24_votes():
    interval = t_interval(VOTES)
    assert interval.mean == pytest.approx(3.916667, abs=5e-7)
    assert interval.half_width == pytest.approx(0.327478, abs=5e-7)
    assert interval.claim == "treats ratings as independent"
    one_clip = Ratings.from_columns(rater=range(24), system=["x"] * 24, clip=["c"] * 24, score=VOTES)
    score = row(one_clip, "x")
    assert score.sd == pytest.approx(0.775532, abs=5e-7)
    assert score.independent == interval
    assert score.by_raters.half_width == pytest.approx(interval.half_width)
    assert (score.crossed, score.no_crossed) == (None, "needs at least 2 raters and 2 clips, found 24 and 1")


def test_paper_shaped_study(paperlike):
    ratings = paperlike("aist_v2a", "temporal_sync")
    table = mos_table(ratings)
    assert [score.system for score in table] == ["cmmd", "gt", "mmd", "ncmmd"]
    cmmd = table[0]
    assert (cmmd.question, cmmd.n_ratings, cmmd.n_raters, cmmd.n_clips) == ("temporal_sync", 140, 14, 5)
    assert round(cmmd.mean, 3) == 3.114
    assert round(cmmd.independent.half_width, 3) == 0.160
    assert round(cmmd.by_raters.half_width, 3) == 0.314
    assert (cmmd.by_raters.claim, cmmd.crossed.claim) == ("these clips", "clips like these")
    cells = wide_table(select(ratings, system="cmmd"), ("clip",)).values
    assert cmmd.crossed.mean == pytest.approx(cmmd.mean)
    assert cmmd.crossed.high == pytest.approx(crossed_mean(cells).high)
    assert cmmd.crossed.half_width > cmmd.by_raters.half_width > cmmd.independent.half_width


def test_rows_equal_scipy_on_pooled_ratings(paperlike):
    for score in mos_table(paperlike("epic_v2a"), level=0.9):
        pooled = select(paperlike("epic_v2a"), question=score.question, system=score.system).score
        low, high = stats.t.interval(0.9, len(pooled) - 1, pooled.mean(), stats.sem(pooled))
        assert (score.independent.low, score.independent.high) == pytest.approx((low, high))
        assert (score.mean, score.sd) == pytest.approx((pooled.mean(), pooled.std(ddof=1)))


def test_a_missing_cell_costs_the_crossed_interval_alone(paperlike):
    ratings = paperlike("aist_v2a", "temporal_sync")
    hole = (ratings.rater == "r01") & (ratings.clip == "aist_v2a_c1") & (ratings.system == "gt")
    score = row(subset(ratings, ~hole), "gt")
    assert score.n_ratings == 69
    assert score.independent is not None
    assert score.crossed is None
    assert score.no_crossed == "needs every rater's scores for every clip, found 1 of 70 missing"


def test_one_rating_one_rater_and_all_ties(full_study):
    single = row(full_study(x=[[[4]]]), "x")
    assert (single.mean, single.sd, single.independent, single.by_raters, single.crossed) == (4, None, None, None, None)
    one_rater = row(full_study(x=np.array([[[4], [5]]])), "x")
    assert one_rater.independent is not None
    assert one_rater.by_raters is None
    ties = row(full_study(x=np.full((3, 4, 1), 4)), "x")
    assert (ties.sd, ties.independent.half_width) == (0, 0)
    assert ties.crossed is None
    assert "same value" in ties.no_crossed


def test_refuses_bad_levels_and_scores():
    with pytest.raises(ValueError, match="level must be between 0 and 1"):
        mos_table(Ratings.from_columns(rater="a", system="x", clip="c", score=[1]), level=95)
    with pytest.raises(ValueError, match="finite numbers"):
        t_interval([1.0, float("nan")])
    assert t_interval([]) is None
