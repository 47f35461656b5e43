import numpy as np
import pytest
import torch
from generators.toy import DATA

from cmmd_gen.diffusion.schedules import cosine
from cmmd_gen.diffusion.spacing import trailing
from cmmd_gen.diffusion.velocity import eps_from_velocity, noised, velocity, x0_from_velocity


@pytest.fixture
def draws():
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(4, 3, 5, generator=generator, dtype=torch.float64) for _ in range(2)]


def test_one_level_per_sample_against_a_plain_loop(draws):
    x0, eps = draws
    levels = torch.tensor([0.0, 0.3, 0.99, 1.0], dtype=torch.float64)
    x_n, v = noised(x0, eps, levels), velocity(x0, eps, levels)
    for b, level in enumerate(levels.tolist()):
        signal, noise = level**0.5, (1 - level) ** 0.5
        torch.testing.assert_close(x_n[b], signal * x0[b] + noise * eps[b])
        torch.testing.assert_close(v[b], signal * eps[b] - noise * x0[b])


def test_turning_back_gives_x0_and_eps(draws):
    x0, eps = draws
    levels = torch.from_numpy(cosine()[[0, 300, 700, 999]])
    x_n, v = noised(x0, eps, levels), velocity(x0, eps, levels)
    torch.testing.assert_close(x0_from_velocity(x_n, v, levels), x0)
    torch.testing.assert_close(eps_from_velocity(x_n, v, levels), eps)
    torch.testing.assert_close(x_n**2 + v**2, x0**2 + eps**2)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_dtype_of_x_is_kept_and_levels_may_broadcast(draws, dtype):
    x0, eps = (draw.to(dtype) for draw in draws)
    level = torch.tensor(0.4, dtype=torch.float64)
    x_n = noised(x0, eps, level)
    assert x_n.dtype == dtype
    assert torch.equal(x_n, noised(x0, eps, level.expand(4)))
    assert torch.equal(x_n, noised(x0, eps, level.expand(1, 3, 1)))


@pytest.mark.parametrize("spacing", ["trailing", "leading"])
def test_ddim_on_velocities_is_that_of_diffusers(spacing):
    golden = np.load(DATA / "vpred_ddim_reference.npz")
    alpha_bar = torch.from_numpy(cosine())
    steps = golden[f"ddim200.{spacing}.timesteps"]
    if spacing == "trailing":
        assert (steps == trailing(1000, 200)).all()
    one = torch.ones((), dtype=torch.float64)
    x, trace = torch.from_numpy(golden["x_init"]), []
    for n in steps.tolist():
        below = alpha_bar[n - 5] if n >= 5 else one
        v = 0.3 * x + 0.1 * np.sin(0.01 * n)
        x0, eps = x0_from_velocity(x, v, alpha_bar[n]), eps_from_velocity(x, v, alpha_bar[n])
        x = noised(x0, eps, below)
        trace.append(x)
    expected = golden[f"ddim200.{spacing}.traj_0_99_198_199"]
    np.testing.assert_allclose(torch.stack([trace[i] for i in (0, 99, 198, 199)]).numpy(), expected, atol=1e-5)
