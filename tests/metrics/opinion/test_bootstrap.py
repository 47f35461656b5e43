import numpy as np
import pytest

from cmmd_bench.metrics.opinion import bootstrap_difference, select, subset, wide_table


def plain_bootstrap(tables, *, over, draws, seed):
    """One draw at a time, by indices. tables: (R, I, K) of either system."""
    rng = np.random.default_rng(seed)
    n_raters, n_clips, _ = tables[0].shape
    values = []
    for _ in range(draws):
        raters = rng.integers(0, n_raters, n_raters)
        clips = np.arange(n_clips) if over == "raters" else rng.integers(0, n_clips, n_clips)
        means = []
        for table in tables:
            drawn = table[np.ix_(raters, clips)]
            if over == "raters, clips and samples":
                k = rng.integers(0, table.shape[2], (1, n_clips, table.shape[2]))
                drawn = np.take_along_axis(drawn, np.broadcast_to(k, drawn.shape), axis=2)
            means.append(drawn.mean())
        values.append(means[0] - means[1])
    return np.quantile(values, [0.025, 0.975])


def arrays(ratings, *systems):
    shape = len(np.unique(ratings.rater)), len(np.unique(ratings.clip)), -1
    return [wide_table(select(ratings, system=name), ("clip", "sample")).values.reshape(shape) for name in systems]


def test_golden_intervals(paperlike):
    ratings = paperlike("aist_v2a", "temporal_sync")
    both = bootstrap_difference(ratings, "cmmd", "ncmmd")
    assert both.estimate == pytest.approx(0.357143, abs=5e-7)
    assert (both.low, both.high) == pytest.approx((0.03, 0.70), abs=0.01)
    assert (both.draws, both.redrawn, both.claim) == (10_000, 0, "clips like these")
    raters = bootstrap_difference(ratings, "cmmd", "ncmmd", over="raters")
    assert (raters.low, raters.high) == pytest.approx((0.16, 0.57), abs=0.01)
    assert raters.claim == "these clips"


@pytest.mark.parametrize("over", ["raters and clips", "raters, clips and samples", "raters"])
@pytest.mark.parametrize("other", ["ncmmd", "mmd"])
def test_equals_drawing_by_indices(paperlike, over, other):
    ratings = paperlike("aist_v2a", "temporal_sync")
    ours = bootstrap_difference(ratings, "cmmd", other, over=over)
    plain = plain_bootstrap(arrays(ratings, "cmmd", other), over=over, draws=4000, seed=1)
    # Monte Carlo error of a 2.5 % quantile at 4000 draws is 0.04 of the interval's standard deviation.
    assert (ours.low, ours.high) == pytest.approx(plain, abs=0.04 * (ours.high - ours.low))


def test_seeded_and_independent_of_the_order_of_rows(paperlike):
    ratings = paperlike("aist_v2a", "temporal_sync")
    first = bootstrap_difference(ratings, "cmmd", "gt", draws=500)
    shuffled = subset(ratings, np.random.default_rng(0).permutation(len(ratings)))
    assert bootstrap_difference(shuffled, "cmmd", "gt", draws=500) == first
    assert bootstrap_difference(ratings, "cmmd", "gt", draws=500, seed=1).low != first.low


def test_missing_cells_are_weighted_by_what_is_there(paperlike):
    ratings = paperlike("aist_v2a", "temporal_sync")
    kept = subset(ratings, np.random.default_rng(0).permutation(len(ratings))[:200])
    a, b = (select(kept, system=name).score.mean() for name in ("cmmd", "mmd"))
    for over in ("raters and clips", "raters, clips and samples"):
        ours = bootstrap_difference(kept, "cmmd", "mmd", over=over, draws=1000)
        assert ours.low < ours.estimate < ours.high
        assert ours.estimate == pytest.approx(a - b, abs=0.1)


def test_draws_without_a_system_are_drawn_again(full_study):
    scores = np.random.default_rng(0).integers(1, 6, (4, 3, 1))
    ratings = full_study(a=scores, b=scores)
    one_cell = (ratings.system == "a") | ((ratings.rater == "r00") & (ratings.clip == "c00"))
    ours = bootstrap_difference(subset(ratings, one_cell), "a", "b", draws=500)
    assert ours.redrawn > 0
    assert np.isfinite([ours.low, ours.high]).all()


def test_all_ties(full_study):
    ties = np.full((3, 3, 2), 4)
    ours = bootstrap_difference(full_study(a=ties, b=ties), "a", "b", draws=200)
    assert (ours.estimate, ours.low, ours.high) == (0, 0, 0)


def test_refusals(paperlike):
    ratings = paperlike("aist_v2a", "temporal_sync")
    with pytest.raises(ValueError, match="found 1 and 5"):
        bootstrap_difference(select(ratings, rater="r01"), "cmmd", "gt")
    with pytest.raises(ValueError, match="found 14 and 1"):
        bootstrap_difference(select(ratings, clip="aist_v2a_c1"), "cmmd", "gt")
    assert bootstrap_difference(select(ratings, clip="aist_v2a_c1"), "cmmd", "gt", over="raters", draws=100).high < 0
    for options, message in [
        ({"over": "clips"}, "over must be one of"),
        ({"level": 2}, "level must be between"),
        ({"draws": 10}, "draws must be at least 100"),
    ]:
        with pytest.raises(ValueError, match=message):
            bootstrap_difference(ratings, "cmmd", "gt", **options)
    with pytest.raises(ValueError, match="two systems"):
        bootstrap_difference(ratings, "gt", "gt")
    with pytest.raises(ValueError, match="one question"):
        bootstrap_difference(paperlike("aist_v2a"), "cmmd", "gt")
