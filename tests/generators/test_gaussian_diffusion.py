import numpy as np
import pytest
import torch
from generators.toy import DATA

from cmmd_gen.diffusion.gaussian import (
    ancestral_step,
    chain,
    ddim_step,
    posterior_mean,
    thresholded,
    x0_from_eps,
)
from cmmd_gen.diffusion.schedules import cosine, linear
from cmmd_gen.diffusion.velocity import noised

SCHEDULES = {"linear": linear, "cosine": cosine}


@pytest.fixture(scope="module")
def golden():
    return np.load(DATA / "diffusion_schedules.npz")


@pytest.mark.parametrize("name", SCHEDULES)
def test_tables_are_the_official_ones(golden, name):
    tables = chain(SCHEDULES[name]())
    expected = {
        "betas": tables.beta,
        "alphas_cumprod": tables.alpha_bar,
        "posterior_variance": tables.posterior_variance,
        "posterior_log_variance_clipped": tables.posterior_log_variance,
        "posterior_mean_coef1": tables.posterior_x0,
        "posterior_mean_coef2": tables.posterior_xn,
    }
    for key, table in expected.items():
        np.testing.assert_allclose(table, golden[f"{name}.{key}"], rtol=1e-9, atol=1e-12, err_msg=key)


@pytest.mark.parametrize("name", SCHEDULES)
def test_steps_are_the_official_ones(golden, name):
    tables = chain(SCHEDULES[name]())
    x0, eps, x = (torch.from_numpy(golden[key]) for key in ("x0", "eps", "xt"))
    n = torch.from_numpy(golden["t"])
    q = noised(x0, eps, torch.from_numpy(tables.alpha_bar)[n])
    np.testing.assert_allclose(q.numpy(), golden[f"{name}.q_sample"], atol=1e-6)
    for b, i in enumerate(n.tolist()):
        mean = posterior_mean(tables, i, x[b], x0[b])
        np.testing.assert_allclose(mean.numpy(), golden[f"{name}.post_mean"][b], atol=1e-6)
        assert tables.posterior_variance[i] == pytest.approx(golden[f"{name}.post_var"][b], abs=1e-6)
        assert tables.posterior_log_variance[i] == pytest.approx(golden[f"{name}.post_logvar"][b], abs=1e-6)
        back = x0_from_eps(tables, i, x[b], eps[b])
        np.testing.assert_allclose(back.numpy(), golden[f"{name}.x0_from_eps"][b], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("spec", ["ddim25", "ddim50", "10", "25", "200"])
def test_shorter_chains_are_the_official_ones(golden, spec):
    short = chain(linear(), spec)
    np.testing.assert_array_equal(short.steps, golden[f"respace.{spec}.timestep_map"])
    np.testing.assert_allclose(short.beta, golden[f"respace.{spec}.betas"], rtol=1e-9)
    np.testing.assert_allclose(short.alpha_bar, linear()[short.steps], rtol=0, atol=0)
    np.testing.assert_allclose(np.cumprod(1 - short.beta), short.alpha_bar, rtol=1e-12)


@pytest.mark.parametrize("i", [1, 4, 9])
def test_the_posterior_is_what_bayes_says(i):
    tables = chain(cosine(), "10")
    x0, x = 0.7, -0.4
    # x_{i-1} given x0 is one Gaussian, x given x_{i-1} another: their product over a fine line.
    line = np.linspace(-8, 8, 200_001)
    prior = -((line - tables.alpha_bar_before[i] ** 0.5 * x0) ** 2) / (1 - tables.alpha_bar_before[i])
    likelihood = -((x - (1 - tables.beta[i]) ** 0.5 * line) ** 2) / tables.beta[i]
    weight = np.exp((prior + likelihood) / 2)
    weight /= weight.sum()
    mean = (weight * line).sum()
    x0, x = torch.tensor(x0, dtype=torch.float64), torch.tensor(x, dtype=torch.float64)
    assert posterior_mean(tables, i, x, x0).item() == pytest.approx(mean, abs=1e-9)
    assert tables.posterior_variance[i] == pytest.approx((weight * (line - mean) ** 2).sum(), rel=1e-6)


def test_a_ddim_step_with_the_true_x0_keeps_the_true_noise():
    tables = chain(linear(), "ddim25")
    generator = torch.Generator().manual_seed(1)
    x0, eps = (torch.randn(2, 6, generator=generator, dtype=torch.float64) for _ in range(2))
    for i in (24, 12, 1):
        x = noised(x0, eps, torch.tensor(tables.alpha_bar[i]))
        torch.testing.assert_close(ddim_step(tables, i, x, x0), noised(x0, eps, torch.tensor(tables.alpha_bar[i - 1])))
    torch.testing.assert_close(ddim_step(tables, 0, noised(x0, eps, torch.tensor(tables.alpha_bar[0])), x0), x0)


def test_an_ancestral_step_adds_beta_and_nothing_at_the_end():
    tables = chain(linear(), "10")
    x, x0, noise = (torch.full((3,), value, dtype=torch.float64) for value in (0.5, 0.2, 1.0))
    for i in (9, 1):
        added = ancestral_step(tables, i, x, x0, noise) - ancestral_step(tables, i, x, x0, None)
        torch.testing.assert_close(added, torch.full((3,), float(tables.beta[i] ** 0.5), dtype=torch.float64))
    assert torch.equal(ancestral_step(tables, 0, x, x0, noise), posterior_mean(tables, 0, x, x0))


def test_thresholding_against_a_plain_loop():
    generator = torch.Generator().manual_seed(2)
    x0 = torch.randn(3, 2, 4, 5, generator=generator) * torch.tensor([0.1, 1.0, 5.0])[:, None, None, None]
    for sample, held in zip(x0.numpy(), thresholded(x0).numpy(), strict=True):
        limit = max(1.0, np.quantile(np.abs(sample), 0.995))
        np.testing.assert_allclose(held, np.clip(sample, -limit, limit) / limit, rtol=1e-5)
    assert torch.equal(thresholded(x0[:1]), x0[:1])


def test_a_chain_of_one_step_is_refused():
    with pytest.raises(ValueError, match="at least 2 steps, got 1"):
        chain(linear(), "1")
