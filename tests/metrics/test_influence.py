import numpy as np
import pytest

from cmmd_bench.metrics import Gaussian, GaussianStatistics, frechet_distance
from cmmd_bench.metrics.influence import (
    frechet_influence,
    frechet_influence_interval,
    frechet_influence_of_clips,
)
from cmmd_bench.metrics.leave_out import frechet_leave_out


def rows(seed, n, d, offset=0.0, scale=1.0):
    return np.random.default_rng(seed).standard_normal((n, d)) * scale * np.linspace(1.5, 0.5, d) + offset


def weighted_distance(x, weights, mean, covariance, ddof):
    """Fréchet distance of weighted rows by the textbook formula, with the eigenvalues of a product of covariances."""
    weights = weights / weights.sum()
    centre = weights @ x
    own = (x - centre).T @ ((x - centre) * weights[:, None]) * len(x) / (len(x) - ddof)
    gap = centre - mean
    roots = np.sqrt(np.linalg.eigvals(own @ covariance).astype(complex)).real.sum()
    return gap @ gap + np.trace(own) + np.trace(covariance) - 2 * roots


@pytest.mark.parametrize("ddof", [0, 1])
def test_is_the_derivative_of_the_distance_in_a_rows_weight(ddof):
    x, y = rows(0, 30, 4, 0.3, 0.8), rows(1, 50, 4)
    mean, covariance = y.mean(axis=0), np.cov(y, rowvar=False)
    influence = frechet_influence(x, np.arange(30), Gaussian.from_moments(mean, covariance), ddof=ddof)
    step = 1e-4
    for i, label in enumerate(influence.labels):
        towards = np.eye(30)[int(label)]
        values = [
            weighted_distance(x, (1 - t) * np.full(30, 1 / 30) + t * towards, mean, covariance, ddof)
            for t in (step, -step)
        ]
        assert influence.sums[i] == pytest.approx((values[0] - values[1]) / (2 * step), abs=1e-4)
    assert influence.value == pytest.approx(weighted_distance(x, np.ones(30), mean, covariance, ddof), rel=1e-9)
    assert influence.value == pytest.approx(frechet_distance(x, y) if ddof else influence.value, rel=1e-12)
    assert influence.full_rank


def test_sums_over_clusters_and_vanishes_over_the_set():
    x, reference = rows(2, 60, 5, 0.2), rows(3, 80, 5)
    labels = [f"clip {i % 12:02}" for i in range(60)]
    alone, together = frechet_influence(x, np.arange(60), reference), frechet_influence(x, labels, reference)
    single = dict(zip(alone.labels, alone.sums, strict=True))
    for label, rows_of, total in zip(together.labels, together.rows, together.sums, strict=True):
        members = [i for i in range(60) if labels[i] == label]
        assert rows_of == len(members) == 5
        assert total == pytest.approx(sum(single[str(i)] for i in members), abs=1e-9)
    assert abs(together.sums.sum()) < 1e-9 * np.abs(together.sums).sum()
    assert together.standard_error == pytest.approx(np.sqrt(12 / 11 * np.sum(together.sums**2)) / 60, rel=1e-12)


@pytest.mark.parametrize(("n_clips", "per_clip", "d"), [(400, 1, 6), (150, 4, 8)])
def test_agrees_with_leaving_each_clip_out_where_rows_are_many(n_clips, per_clip, d):
    x = rows(4, n_clips * per_clip, d, 0.3, 0.8)
    clusters = np.repeat(np.arange(n_clips), per_clip)
    reference = rows(5, 500, d)
    influence, exact = frechet_influence(x, clusters, reference), frechet_leave_out(x, clusters, reference)
    assert influence.labels == exact.labels
    assert np.corrcoef(influence.effects, exact.effects)[0, 1] > 0.99
    assert np.argmax(influence.effects) == np.argmax(exact.effects)
    # What is left is of the second order: a constant, which the mean of the exact effects shows.
    gap = influence.effects - exact.effects
    assert np.abs(gap - gap.mean()).max() < 0.1 * np.abs(exact.effects).max()


def test_a_clip_far_from_all_others_is_overrated_by_the_first_order():
    # It widens the covariance that it is judged by; without it the map between the two sets is another.
    x, reference = rows(4, 400, 6, 0.3, 0.8), rows(5, 500, 6)
    x[0] += 3.0
    influence, exact = (f(x, np.arange(400), reference) for f in (frechet_influence, frechet_leave_out))
    assert influence.effects[0] > 3 * exact.effects[0] > 0


def test_fewer_rows_than_features_have_a_derivative_too_and_say_so():
    x, reference = rows(6, 12, 30, 0.5), rows(7, 100, 30)
    influence = frechet_influence(x, np.arange(12) // 2, reference)
    assert not influence.full_rank
    assert abs(influence.sums.sum()) < 1e-8 * np.abs(influence.sums).sum()
    interval = frechet_influence_interval(x, np.arange(12) // 2, reference)
    assert "too few rows for all features" in interval.method
    assert interval.estimate == pytest.approx(frechet_distance(x, reference), rel=1e-10)
    # Nor with a reference that spans too little.
    assert not frechet_influence(reference, np.arange(100), x).full_rank


def test_a_set_against_itself_is_moved_by_nothing():
    x = rows(8, 50, 4)
    influence = frechet_influence(x, np.arange(50), x)
    assert abs(influence.value) < 1e-12
    assert np.abs(influence.sums).max() < 1e-10


def test_the_interval():
    x, reference = rows(9, 100, 4, 0.4), rows(10, 100, 4)
    interval = frechet_influence_interval(x, np.arange(100) // 2, reference)
    influence = frechet_influence(x, np.arange(100) // 2, reference)
    assert interval.standard_error == influence.standard_error
    assert interval.low < interval.estimate < interval.high
    assert interval.method == "influence function over 50 generated clusters, reference fixed, t(49)"
    assert interval.about == "the value at this n"
    assert frechet_influence_interval(x, ["one"] * 100, reference) is None


def test_long_sets_are_read_in_blocks():
    x, reference = rows(11, 9000, 3, 0.2), rows(12, 100, 3)
    whole = frechet_influence(x, np.arange(9000), reference)
    by_label = dict(zip(whole.labels, whole.sums, strict=True))
    halves = frechet_influence(x, np.arange(9000) // 4500, reference)
    assert halves.sums[0] == pytest.approx(sum(by_label[str(i)] for i in range(4500)), abs=1e-6)


def test_malformed_input_is_refused():
    x = rows(13, 10, 3)
    with pytest.raises(ValueError, match="one label per row of x, found 9 labels for 10 rows"):
        frechet_influence(x, np.arange(9), x)
    with pytest.raises(ValueError, match="influence compares clusters, found 1"):
        frechet_influence(x, ["a"] * 10, x)
    with pytest.raises(ValueError, match="x must be finite"):
        frechet_influence(x * np.nan, np.arange(10), x)
    with pytest.raises(ValueError, match="same number of features, found 3 and 2"):
        frechet_influence(x, np.arange(10), x[:, :2])


def test_a_stream_of_clips_has_the_influence_of_its_rows():
    clips = [rows(k, 2 + k % 3, 4, 0.2) for k in range(12)]
    clusters = [f"c{k % 5}" for k in range(12)]
    together, reference = np.concatenate(clips), rows(99, 60, 4)
    labels = [label for label, clip in zip(clusters, clips, strict=True) for _ in clip]
    whole = frechet_influence(together, labels, reference)
    statistics = GaussianStatistics.from_features(together)
    streamed = frechet_influence_of_clips(statistics, iter(clips), clusters, reference)
    assert streamed.labels == whole.labels
    assert streamed.value == pytest.approx(whole.value, rel=1e-10)
    np.testing.assert_allclose(streamed.sums, whole.sums, rtol=1e-8, atol=1e-10)
    assert streamed.rows.tolist() == whole.rows.tolist()
    with pytest.raises(ValueError, match="clips must be those of the statistics, 36 rows, found 34"):
        frechet_influence_of_clips(
            statistics, iter([clip[: len(clip)] for clip in clips[:-1]] + [clips[0]]), clusters, reference
        )
    with pytest.raises(ValueError, match="influence compares clusters, found 1"):
        frechet_influence_of_clips(statistics, iter(clips), ["one"] * 12, reference)
