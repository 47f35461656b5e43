"""DPM-Solver++ 2M on pairs: the published sample, and what it saves."""

from pathlib import Path

import numpy as np
import pytest
import torch
from generators.known_denoisers import ALPHA_BAR, Recorded, Start, gaussian_pair, published_toy
from torch import Tensor

from cmmd_gen.cmmd.sampling import sample
from cmmd_gen.noise import Noise

FIXTURE = Path(__file__).parents[1] / "data" / "generators" / "vpred_ddim_reference.npz"


def test_dpm_solver_lands_on_the_published_sample():
    stored = np.load(FIXTURE)
    toy = Recorded(published_toy)
    start = Start(torch.from_numpy(stored["x_init"]))
    out = sample(
        toy, "joint", alpha_bar=ALPHA_BAR, noise=start, shapes=((1, 1, 4, 8), (4, 8)), steps=20, solver="dpm++2m"
    )
    assert toy.steps == stored["dpmpp2m20.timesteps"].tolist()
    np.testing.assert_allclose(out.audio.numpy(), stored["dpmpp2m20.sample"], atol=2e-6)
    np.testing.assert_allclose(out.video.numpy().reshape(1, 4, 8), stored["dpmpp2m20.sample"], atol=2e-6)


@pytest.mark.parametrize(
    ("task", "guidance", "eps_mode"), [("joint", 0, "predicted"), ("v2a", 0, "predicted"), ("v2a", 0.5, "rederived")]
)
def test_few_steps_of_dpm_solver_come_closer_than_few_of_ddim(task, guidance, eps_mode):
    shapes = ((64, 1, 1, 1), (1, 64))
    condition = Noise([9]).normal(*shapes[0]) if task == "v2a" else None

    def made(steps: int, solver: str) -> Tensor:
        return sample(
            gaussian_pair(0.9),
            task,
            alpha_bar=ALPHA_BAR,
            noise=Noise([1]),
            shapes=shapes,
            condition=condition,
            steps=steps,
            solver=solver,
            guidance=guidance,
            eps_mode=eps_mode,
        ).audio

    exact = made(400, "ddim")
    slow, fast = ((made(25, solver) - exact).square().mean().sqrt() for solver in ("ddim", "dpm++2m"))
    assert fast < slow / 2
