import math

import numpy as np
import pytest
import torch
from generators.toy import DATA, SHAPES, Asked, Recorded, distance, toy

from cmmd_gen.diffusion.schedules import cosine, linear
from cmmd_gen.diffusion.spacing import trailing
from cmmd_gen.diffusion.velocity import x0_from_velocity
from cmmd_gen.mmdiff import dpm_solver as solver
from cmmd_gen.mmdiff import sampling

LINEAR = linear()
START, END = solver.lambda_of(LINEAR, 1.0), solver.lambda_of(LINEAR, 0.001)


@pytest.fixture(scope="module")
def golden():
    return np.load(DATA / "diffusion_sampling_toy.npz")


@pytest.mark.parametrize(
    ("run", "sampler"),
    [("dpm_singlestep3", sampling.dpm_solver), ("dpmpp_adaptive2", sampling.dpm_solver_adaptive)],
)
def test_samplers_are_the_official_ones(golden, run, sampler):
    asked, done = Asked(), []
    noise = Recorded(golden["dpm.xT_video"][None], golden["dpm.xT_audio"][None])
    pair = sampler(asked, alpha_bar=LINEAR, noise=noise, shapes=SHAPES, advance=lambda: done.append(1))
    assert asked.steps == golden[f"{run}.model_t"].tolist()
    assert len(done) == len(asked.steps)
    assert distance(pair, golden[f"{run}.sample_video"], golden[f"{run}.sample_audio"]) <= 1e-4


def test_multistep_is_the_official_one(golden):
    asked = []

    def model(x, lam):
        asked.append(solver.step_of(LINEAR, lam))
        eps = toy(*x, torch.full((2,), asked[-1]))
        return tuple((a - solver.sigma(lam) * e) / solver.alpha(lam) for a, e in zip(x, eps, strict=True))

    x = tuple(torch.from_numpy(golden[f"dpm.xT_{side}"]) for side in ("video", "audio"))
    grid = [solver.lambda_of(LINEAR, t) for t in np.linspace(1, 0.001, 21)]
    x = solver.multistep(model, x, grid)
    assert asked == golden["dpmpp_multistep2.model_t"].tolist()
    run = "dpmpp_multistep2.sample"
    assert distance(x, golden[f"{run}_video"], golden[f"{run}_audio"]) <= 1e-4


def test_multistep_is_that_of_diffusers():
    golden = np.load(DATA / "vpred_ddim_reference.npz")
    alpha_bar = cosine()

    def model(x, lam):
        n = solver.step_of(alpha_bar, lam)
        v = 0.3 * x[0] + 0.1 * math.sin(0.01 * n)
        return (x0_from_velocity(x[0], v, torch.tensor(alpha_bar[n])),)

    (x,) = solver.multistep(model, (torch.from_numpy(golden["x_init"]),), sampling.trailing_grid(alpha_bar, 20))
    # diffusers keeps sigma in float32, whose first value, 20291, is off by a few thousandths of itself.
    np.testing.assert_allclose(x.numpy(), golden["dpmpp2m20.sample"], atol=1e-4)


@pytest.mark.parametrize("schedule", [linear, cosine])
def test_every_step_of_a_schedule_is_found_again(schedule):
    alpha_bar = schedule()
    for n in range(1000):
        lam = solver.lambda_of(alpha_bar, (n + 1) / 1000)
        assert lam == pytest.approx(math.log(alpha_bar[n] / (1 - alpha_bar[n])) / 2, abs=1e-6)
        assert solver.step_of(alpha_bar, lam) == n
        assert solver.alpha(lam) ** 2 + solver.sigma(lam) ** 2 == pytest.approx(1)
        assert solver.alpha(lam) ** 2 == pytest.approx(alpha_bar[n], rel=1e-6)
    middle = solver.lambda_of(alpha_bar, 0.3005)
    assert solver.step_of(alpha_bar, middle) == 299


def _gaussian(data: bool):
    """Models of data N(1, 1/4), and where the ODE takes x from START to END: a point keeps its quantile."""

    def model(x, lam):
        alpha, sigma = solver.alpha(lam), solver.sigma(lam)
        x0 = 1 + alpha / 4 * (x[0] - alpha) / (alpha**2 / 4 + sigma**2)
        return (x0 if data else (x[0] - alpha * x0) / sigma,)

    def scale(lam):
        return (solver.alpha(lam) ** 2 / 4 + solver.sigma(lam) ** 2) ** 0.5

    x = torch.linspace(-2, 2, 9, dtype=torch.float64)[None]
    exact = solver.alpha(END) + (x - solver.alpha(START)) / scale(START) * scale(END)
    return model, (x,), exact


def _error(x, exact):
    return float((x[0] - exact).abs().max())


def test_singlestep_is_of_third_order():
    model, x, exact = _gaussian(data=False)
    # 2 modulo 3, so that the one step of lower order has order 2, and an error of order 3 like the others together.
    errors = [_error(solver.singlestep(model, x, START, END, evaluations=n), exact) for n in (62, 125)]
    assert errors[1] < errors[0] / 7


@pytest.mark.parametrize(("order", "gain"), [(1, 1.9), (2, 3.6)])
def test_multistep_is_of_its_order(order, gain):
    model, x, exact = _gaussian(data=True)
    errors = [
        _error(solver.multistep(model, x, np.linspace(START, END, n + 1).tolist(), order=order), exact)
        for n in (80, 160)
    ]
    assert errors[1] < errors[0] / gain


def test_adaptive_comes_as_close_as_asked():
    model, x, exact = _gaussian(data=True)
    errors = [
        _error(solver.adaptive(model, x, START, END, absolute=size, relative=size), exact) for size in (1e-2, 1e-4)
    ]
    assert errors[0] < 5e-2
    assert errors[1] < 5e-4


@pytest.mark.parametrize("evaluations", range(1, 13))
def test_singlestep_spends_the_evaluations_it_is_given(evaluations):
    asked = Asked()
    noise = Recorded(*(np.ones((1, 2, *shape), dtype=np.float32) for shape in SHAPES))
    sampling.dpm_solver(asked, alpha_bar=LINEAR, noise=noise, shapes=SHAPES, evaluations=evaluations)
    assert len(asked.steps) == evaluations
    assert asked.steps[0] == 999


def test_a_chain_that_ends_clean_ends_at_its_last_estimate():
    def model(x, lam):
        return (torch.full_like(x[0], lam),)

    grid = sampling.trailing_grid(LINEAR, 7)
    (x,) = solver.multistep(model, (torch.zeros(1, 3),), grid)
    assert torch.equal(x, torch.full((1, 3), grid[-2]))
    assert solver.step_of(LINEAR, grid[-2]) == trailing(1000, 7)[-1]


def test_what_makes_no_sense_is_refused():
    def broken(x, lam):
        return (x[0] * math.nan,)

    with pytest.raises(ValueError, match="model must return finite values"):
        solver.adaptive(broken, (torch.ones(1, 2),), START, END)
    with pytest.raises(ValueError, match="evaluations must be at least 1, got 0"):
        solver.singlestep(broken, (torch.ones(1, 2),), START, END, evaluations=0)
    for grid in ([], [0.0], [0.0, 0.0], [1.0, 0.0]):
        with pytest.raises(ValueError, match="grid must increase"):
            solver.multistep(broken, (torch.ones(1, 2),), grid)
