"""Golden cases 6 and 11 (lme4, lmerTest), and a dense n x n likelihood with numerical derivatives as the reference."""

import numpy as np
import pytest
from scipy import stats

from cmmd_bench.metrics.opinion import (
    Ratings,
    crossed_test,
    fit_mixed_model,
    mixed_model_test,
    select,
    subset,
)

# Randall 1989: bitterness of 8 bottles by 9 judges; bottles 5 to 8 warm, 3, 4, 7 and 8 with skin contact.
WINE = np.array(
    [
        [2, 3, 3, 4, 4, 4, 5, 5],
        [1, 2, 1, 3, 2, 3, 5, 4],
        [2, 3, 3, 2, 5, 5, 4, 4],
        [3, 2, 3, 2, 3, 2, 5, 3],
        [2, 3, 4, 3, 3, 3, 3, 3],
        [3, 2, 3, 2, 2, 4, 5, 4],
        [1, 1, 2, 2, 2, 3, 2, 3],
        [2, 2, 2, 3, 3, 3, 3, 4],
        [1, 2, 3, 2, 3, 2, 4, 4],
    ]
)
JUDGE, BOTTLE = (index.ravel() for index in np.indices(WINE.shape))
WINE_X = np.column_stack([np.ones(72), BOTTLE // 4, BOTTLE // 2 % 2])


def dense_deviance(variances, y, x, groupings):
    """-2 restricted log-likelihood at variances (groupings', residual last), and Var(β): n x n, term by term."""
    v = variances[-1] * np.eye(len(y))
    for variance, labels in zip(variances, groupings.values(), strict=False):
        labels = np.asarray(labels)
        v += variance * (labels[:, None] == labels)
    inverse = np.linalg.inv(v)
    covariance = np.linalg.inv(x.T @ inverse @ x)
    residual = y - x @ covariance @ x.T @ inverse @ y
    logs = np.linalg.slogdet(v)[1] - np.linalg.slogdet(covariance)[1]
    return logs + residual @ inverse @ residual + (len(y) - x.shape[1]) * np.log(2 * np.pi), covariance


def numerical(function, at, step=1e-4):
    """Gradient by central differences, of each entry of what `function` returns."""
    rows = []
    for k in range(len(at)):
        move = np.eye(len(at))[k] * step * max(at[k], 0.01)
        rows.append((function(at + move) - function(at - move)) / (2 * move[k]))
    return np.array(rows)


def random_study(seed):
    """An incomplete study with every component well above zero, and its table."""
    rng = np.random.default_rng(seed)
    rows = []
    rater, clip = rng.normal(0, 0.9, 7), rng.normal(0, 0.8, 6)
    rater_clip, rater_system = rng.normal(0, 0.8, (7, 6)), rng.normal(0, 0.8, (7, 2))
    clip_system, sample = rng.normal(0, 0.8, (6, 2)), rng.normal(0, 0.8, (6, 2, 2))
    for r, i, s, k in np.ndindex(7, 6, 2, 2):
        if rng.random() < 0.75:
            mean = rater[r] + clip[i] + rater_clip[r, i] + rater_system[r, s] + clip_system[i, s] + sample[i, s, k]
            rows.append((f"r{r}", f"c{i}", "ab"[s], k, 5 + mean + rng.normal(0, 0.6)))
    columns = dict(zip(("rater", "clip", "system", "sample", "score"), zip(*rows, strict=True), strict=True))
    return Ratings.from_columns(**columns, scale=(-20, 20))


def test_wine_as_in_lme4():
    fit = fit_mixed_model(WINE.ravel(), WINE_X, {"judge": JUDGE})
    assert fit.coefficients == pytest.approx([2.0, 1.166667, 0.666667], abs=5e-7)
    assert fit.standard_errors == pytest.approx([0.209966, 0.170716, 0.170716], abs=5e-7)
    assert fit.sd["judge"] == pytest.approx(0.447271, abs=5e-7)
    assert fit.residual_sd == pytest.approx(0.724286, abs=5e-7)
    assert fit.log_likelihood == pytest.approx(-86.273843, abs=5e-7)
    # Both factors vary within judges of a balanced design: 72 - 9 - 2.
    assert fit.df[1:] == pytest.approx([61, 61])


def test_a_component_at_zero_changes_nothing():
    fit = fit_mixed_model(WINE.ravel(), WINE_X, {"judge": JUDGE})
    both = fit_mixed_model(WINE.ravel(), WINE_X, {"bottle": BOTTLE, "judge": JUDGE})
    assert both.sd["bottle"] == 0
    assert both.log_likelihood == pytest.approx(fit.log_likelihood, abs=1e-9)
    assert both.standard_errors == pytest.approx(fit.standard_errors, rel=1e-6)
    assert both.df == pytest.approx(fit.df, rel=1e-5)


def test_paper_shaped_study_as_in_lmertest(paperlike):
    test = mixed_model_test(paperlike("aist_v2a", "temporal_sync"), "cmmd", "ncmmd")
    assert test.difference == pytest.approx(0.357143, abs=5e-7)
    assert test.standard_error == pytest.approx(0.154523, abs=5e-7)
    assert test.df == pytest.approx(6.0279, abs=5e-5)
    assert test.p == pytest.approx(0.059966, abs=5e-7)
    assert test.log_likelihood == pytest.approx(-343.510179, abs=5e-7)
    assert test.left_out == ()
    assert (test.n_ratings, test.n_raters, test.n_clips, test.claim) == (280, 14, 5, "clips like these")
    z_p = 2 * stats.norm.sf(test.t)
    assert z_p == pytest.approx(0.021, abs=5e-4)


@pytest.mark.parametrize("seed", [0, 1])
def test_equals_the_dense_likelihood_and_its_numerical_derivatives(seed):
    ratings = random_study(seed)
    names = {"rater": ratings.rater, "clip": ratings.clip}
    names["both"] = np.char.add(np.char.add(ratings.rater, ":"), ratings.clip)
    x = np.column_stack([np.ones(len(ratings)), ratings.system == "a"])
    fit = fit_mixed_model(ratings.score, x, names)
    found = np.array([*fit.sd.values(), fit.residual_sd]) ** 2

    def deviance(variances):
        return dense_deviance(variances, ratings.score, x, names)[0]

    def error(variances):
        return dense_deviance(variances, ratings.score, x, names)[1].diagonal()

    assert fit.log_likelihood == pytest.approx(-deviance(found) / 2, rel=1e-10)
    assert numerical(deviance, found) == pytest.approx(0, abs=1e-4)
    elsewhere = np.exp(np.random.default_rng(seed).normal(0, 1, (100, 4)))
    assert min(deviance(variances) for variances in elsewhere) > deviance(found)
    assert fit.standard_errors**2 == pytest.approx(error(found), rel=1e-9)
    # Satterthwaite with the covariance of the variances that lmerTest uses: twice the inverse Hessian of the deviance.
    hessian = numerical(lambda variances: numerical(deviance, variances, 1e-3), found, 1e-3)
    slopes = numerical(error, found)
    spread = np.einsum("kp,kl,lp->p", slopes, 2 * np.linalg.inv((hessian + hessian.T) / 2), slopes)
    assert fit.df == pytest.approx(2 * error(found) ** 2 / spread, rel=1e-3)


def test_equals_the_crossed_test_on_a_complete_study_of_one_sample(full_study):
    # One rating a cell and components above zero: REML then is the analysis of variance.
    rng = np.random.default_rng(5)
    shared = rng.normal(0, 1, (12, 1)) + rng.normal(0, 1, (1, 7)) + rng.normal(0, 0.8, (12, 7))
    scores = [
        5 + shared + rng.normal(0, 0.6, (12, 1)) + rng.normal(0, 0.6, (1, 7)) + rng.normal(0, 0.5, (12, 7))
        for _ in range(2)
    ]
    a, b = (np.clip(np.round(score, 3), 0, 10)[..., None] for score in scores)
    ratings = full_study(a=a, b=b)
    mixed, crossed = mixed_model_test(ratings, "a", "b"), crossed_test(ratings, "a", "b")
    assert min(mixed.sd.values()) > 0
    assert mixed.left_out == ("clip:system:sample",)
    assert mixed.difference == pytest.approx(crossed.mean)
    assert mixed.standard_error == pytest.approx(crossed.standard_error, rel=1e-5)
    assert mixed.df == pytest.approx(crossed.df, rel=1e-4)
    assert (mixed.low, mixed.high) == pytest.approx((crossed.low, crossed.high), rel=1e-4)


def test_missing_cells_and_order_of_rows(paperlike):
    ratings = paperlike("aist_v2a", "temporal_sync")
    rng = np.random.default_rng(0)
    kept = subset(ratings, rng.permutation(len(ratings))[:300])
    test = mixed_model_test(kept, "cmmd", "mmd")
    shuffled = mixed_model_test(subset(kept, rng.permutation(300)), "cmmd", "mmd")
    assert shuffled.standard_error == pytest.approx(test.standard_error, rel=1e-5)
    assert shuffled.p == pytest.approx(test.p, rel=1e-4)
    assert test.low < test.difference < test.high
    swapped = mixed_model_test(kept, "mmd", "cmmd")
    assert (swapped.difference, swapped.low) == pytest.approx((-test.difference, -test.high), rel=1e-4)


def test_refusals(paperlike, full_study):
    ratings = paperlike("aist_v2a", "temporal_sync")
    with pytest.raises(ValueError, match="at least 2 raters for 'cmmd', found 1"):
        mixed_model_test(select(ratings, rater="r01"), "cmmd", "gt")
    with pytest.raises(ValueError, match="at least 2 clips for 'cmmd', found 1"):
        mixed_model_test(select(ratings, clip="aist_v2a_c1"), "cmmd", "gt")
    with pytest.raises(ValueError, match="one question"):
        mixed_model_test(paperlike("aist_v2a"), "cmmd", "gt")
    with pytest.raises(ValueError, match="two systems"):
        mixed_model_test(ratings, "gt", "gt")
    with pytest.raises(ValueError, match="level must be"):
        mixed_model_test(ratings, "cmmd", "gt", level=0)
    straight_lines = np.arange(1, 4)[:, None, None] + np.zeros((3, 4, 2))
    with pytest.raises(ValueError, match="no residual variation: they fit every row"):
        mixed_model_test(full_study(a=straight_lines, b=straight_lines[::-1]), "a", "b")
    ties = np.full((3, 4, 2), 4)
    for other in (ties, ties - 1):
        with pytest.raises(ValueError, match="no residual variation"):
            mixed_model_test(full_study(a=ties, b=other), "a", "b")


@pytest.mark.parametrize(
    ("y", "x", "groupings", "message"),
    [
        ([1, 2, 3], np.ones((2, 1)), {}, r"y must have shape \(n,\) and x \(n, p\)"),
        ([1, 2, np.nan], np.ones((3, 1)), {}, "must be finite"),
        ([1, 2, 3], np.ones((3, 2)), {}, "full column rank"),
        ([1], np.ones((1, 1)), {}, "more rows than columns"),
        ([1, 2, 3], np.ones((3, 1)), {"g": [1, 2, 3]}, "'g' must have fewer levels than rows"),
        ([1, 2, 3], np.ones((3, 1)), {"g": [1, 2]}, "'g' must have one label per row, found 2 for 3"),
        ([1, 2, 3], np.ones((3, 1)), {"g": "aab", "h": "xxy"}, "'h' to be the same as 'g'"),
        ([2, 2, 2], np.ones((3, 1)), {"g": "aab"}, "no residual variation"),
    ],
)
def test_models_that_cannot_be_fitted(y, x, groupings, message):
    with pytest.raises(ValueError, match=message):
        fit_mixed_model(np.array(y), x, groupings)


def test_without_groupings_it_is_least_squares():
    fit = fit_mixed_model(WINE.ravel(), WINE_X, {})
    beta, (rss,), *_ = np.linalg.lstsq(WINE_X, WINE.ravel().astype(float), rcond=None)
    assert fit.coefficients == pytest.approx(beta)
    assert fit.residual_sd == pytest.approx((rss / 69) ** 0.5)
    assert fit.df == pytest.approx([69] * 3)
