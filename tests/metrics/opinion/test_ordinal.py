"""Cumulative logit models: the wine data of R's `ordinal`, and likelihoods computed the long way."""

from math import inf

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import check_grad
from scipy.special import expit
from scipy.stats import norm

from cmmd_bench.metrics.opinion.ordinal import clm, clmm, indicator_columns
from cmmd_bench.metrics.opinion.ordinal_likelihood import MixedLikelihood, plain_likelihood

# Bitterness of 8 bottles by 9 judges (Randall 1989): two each of cold, cold with skin contact, warm, warm with contact.
BITTERNESS = np.array(
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
JUDGE = np.repeat([f"j{j}" for j in range(9)], 8)
BOTTLE = np.tile(np.arange(8), 9)
WARM_CONTACT = np.stack([BOTTLE >= 4, BOTTLE % 4 >= 2], axis=1).astype(float)
Y = BITTERNESS.ravel()


def test_clm_of_the_wine_data():
    fit = clm(Y, WARM_CONTACT)
    np.testing.assert_allclose(fit.thresholds, [-1.344383, 1.250809, 3.466887, 5.006404], atol=1e-6)
    np.testing.assert_allclose(fit.coefficients, [2.503102, 1.527798], atol=1e-6)
    assert fit.log_likelihood == pytest.approx(-86.491923, abs=1e-6)
    assert (fit.levels, fit.rater_sd, fit.n) == ((1, 2, 3, 4, 5), None, 72)


def test_clmm_of_the_wine_data():
    fit = clmm(Y, WARM_CONTACT, JUDGE)
    # R's optimiser stops with 1e-5 to go: at its printed values the likelihood is lower than at ours.
    np.testing.assert_allclose(fit.thresholds, [-1.623487, 1.512796, 4.227053, 6.086152], atol=1e-5)
    np.testing.assert_allclose(fit.coefficients, [3.061891, 1.833433], atol=1e-5)
    np.testing.assert_allclose(fit.standard_errors, [0.595076, 0.512171], atol=2e-6)
    assert fit.rater_sd == pytest.approx(1.134783, abs=1e-5)
    assert fit.log_likelihood == pytest.approx(-81.532461, abs=1e-6)
    assert (fit.n_raters, fit.boundary) == (9, False)
    np.testing.assert_allclose(fit.p_values, 2 * norm.sf(fit.coefficients / fit.standard_errors))
    finer = clmm(Y, WARM_CONTACT, JUDGE, n_points=30)
    assert finer.log_likelihood == pytest.approx(fit.log_likelihood, abs=1e-8)


def marginal_log_likelihood(fit, y, x, raters):
    edges = np.concatenate([[-inf], fit.thresholds, [inf]])
    total = 0.0
    for rater in np.unique(raters):
        mine = raters == rater
        code, eta = np.searchsorted(fit.levels, y[mine]), x[mine] @ fit.coefficients

        def integrand(u, code=code, eta=eta):
            at = eta + fit.rater_sd * u
            return np.prod(expit(edges[code + 1] - at) - expit(edges[code] - at)) * norm.pdf(u)

        total += np.log(quad(integrand, -8, 8, epsabs=0, epsrel=1e-11)[0])
    return total


def test_the_quadrature_is_the_integral():
    fit = clmm(Y, WARM_CONTACT, JUDGE)
    assert fit.log_likelihood == pytest.approx(marginal_log_likelihood(fit, Y, WARM_CONTACT, JUDGE), abs=1e-7)


@pytest.mark.parametrize("mixed", [False, True])
def test_gradient_and_hessian_by_differences(mixed):
    code, group = Y - 1, np.unique(JUDGE, return_inverse=True)[1]
    phi = np.array([-1.2, 0.7, 2.9, 5.0, 2.0, 1.0] + ([0.8] if mixed else []))
    if mixed:
        likelihood = MixedLikelihood(code, WARM_CONTACT, group, 5, 25)
    else:

        def likelihood(p):
            return plain_likelihood(p, code, WARM_CONTACT, 5)

    assert check_grad(lambda p: likelihood(p)[0], lambda p: likelihood(p)[1], phi) < 1e-4
    step = 1e-5 * np.eye(len(phi))
    differences = np.array([(likelihood(phi + s)[1] - likelihood(phi - s)[1]) / 2e-5 for s in step])
    np.testing.assert_allclose(likelihood(phi)[2], differences, atol=1e-5)


def simulated(seed, *, sd=1.5, n_raters=60, n_clips=12):
    rng = np.random.default_rng(seed)
    rater, clip, system = (a.ravel() for a in np.mgrid[0:n_raters, 0:n_clips, 0:2])
    latent = 1.0 * system + rng.normal(size=n_clips)[clip] + sd * rng.normal(size=n_raters)[rater]
    latent += rng.logistic(size=len(latent))
    columns, names = indicator_columns([f"c{c:02d}" for c in clip])
    assert len(names) == n_clips - 1
    design = np.concatenate([system[:, None], columns], axis=1).astype(float)
    return np.searchsorted([-2, -0.5, 1, 2.5], latent) + 1, design, rater


def test_clips_as_fixed_effects_and_what_was_put_in_comes_out():
    y, design, rater = simulated(1)
    fit = clmm(y, design, rater)
    assert abs(fit.coefficients[0] - 1.0) < 3 * fit.standard_errors[0]
    assert fit.rater_sd == pytest.approx(1.5, rel=0.3)
    assert fit.log_likelihood > clm(y, design).log_likelihood + 20


def test_order_of_rows_and_names_of_answers_do_not_matter():
    order = np.random.default_rng(0).permutation(72)
    fit = clmm(Y, WARM_CONTACT, JUDGE)
    other = clmm(Y[order] * 10.0, WARM_CONTACT[order], JUDGE[order])
    assert other.levels == (10, 20, 30, 40, 50)
    np.testing.assert_allclose(other.coefficients, fit.coefficients, rtol=1e-6)
    mirrored = clmm(6 - Y, WARM_CONTACT, JUDGE)
    np.testing.assert_allclose(mirrored.coefficients, -fit.coefficients, rtol=1e-6)
    np.testing.assert_allclose(mirrored.thresholds, -fit.thresholds[::-1], rtol=1e-6)


def test_raters_without_a_spread_of_their_own_are_the_plain_model():
    # Every rater gives each answer once to each system: less alike than chance would have it.
    y = np.tile([1, 2, 3, 4, 5, 2, 3, 4, 5, 5], 6)
    x = np.tile(np.repeat([0.0, 1.0], 5), 6)[:, None]
    plain, mixed = clm(y, x), clmm(y, x, np.repeat(np.arange(6), 10))
    assert (mixed.rater_sd, mixed.boundary) == (0, True)
    np.testing.assert_array_equal(mixed.coefficients, plain.coefficients)
    assert mixed.log_likelihood == plain.log_likelihood


def test_two_answers_are_a_logistic_regression():
    rng = np.random.default_rng(2)
    x = rng.normal(size=(300, 2))
    y = (rng.random(300) < expit(x @ [1.0, -0.5] + 0.3)).astype(int)
    fit = clm(y, x)
    beta = np.zeros(3)
    design = np.concatenate([np.ones((300, 1)), x], axis=1)
    for _ in range(30):
        p = expit(design @ beta)
        information = design.T @ (design * (p * (1 - p))[:, None])
        beta = beta + np.linalg.solve(information, design.T @ (y - p))
    np.testing.assert_allclose([-fit.thresholds[0], *fit.coefficients], beta, atol=1e-8)
    np.testing.assert_allclose(fit.standard_errors, np.sqrt(np.diag(np.linalg.inv(information)))[1:], atol=1e-8)


def test_malformed_data_are_refused():
    ones = np.ones((4, 1))
    for y, x, match in (
        ([1, 2, 3], np.ones((4, 1)), r"ratings must be \(N,\) and the design \(N, P\)"),
        ([1, 2, 3, np.nan], ones * [[0], [1], [0], [1]], "must be finite; leave out the rows of missing ratings"),
        ([2, 2, 2, 2], ones * [[0], [1], [0], [1]], r"at least 2 different values, found \[2.0\]"),
        ([1, 2, 1, 2], ones, "linearly independent, found rank 1 of 2"),
        ([1, 1, 2, 2], ones * [[0], [0], [1], [1]], "separate the ratings perfectly"),
    ):
        with pytest.raises(ValueError, match=match):
            clm(np.array(y, dtype=float), x)
    with pytest.raises(ValueError, match="raters must be at least 2"):
        clmm(Y, WARM_CONTACT, ["same"] * 72)
    with pytest.raises(ValueError, match="one label per rating, found shape"):
        clmm(Y, WARM_CONTACT, JUDGE[:-1])
    with pytest.raises(ValueError, match="n_points must be at least 5, found 1"):
        clmm(Y, WARM_CONTACT, JUDGE, n_points=1)
    with pytest.raises(ValueError, match=r"reference must be one of the labels \(a, b\), found 'c'"):
        indicator_columns(["a", "b"], reference="c")


def test_indicator_columns():
    columns, names = indicator_columns(["b", "a", "c", "a"], reference="b")
    assert names == ("a", "c")
    np.testing.assert_array_equal(columns, [[0, 0], [1, 0], [0, 1], [1, 0]])
    assert indicator_columns(["a", "a"])[0].shape == (2, 0)
