"""What MM-Diffusion sees and hears of clips, what it is asked for, and the way back."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from cmmd_gen.diffusion.schedules import cosine
from cmmd_gen.diffusion.velocity import noised, velocity
from cmmd_gen.mmdiff.objective import as_noise, objective
from cmmd_gen.mmdiff.windows import compressed, expanded, held
from cmmd_gen.types import Pair

ALPHA_BAR = torch.from_numpy(cosine())


def test_mu_law_keeps_sign_and_full_scale_and_comes_back() -> None:
    audio = torch.linspace(-1, 1, 101)
    louder = compressed(audio, 15.0)
    assert louder[[0, 50, 100]].tolist() == pytest.approx([-1, 0, 1], abs=1e-6)
    assert float(compressed(torch.tensor([1 / 15]), 15.0)) == pytest.approx(1 / 4)  # log 2 / log 16
    torch.testing.assert_close(expanded(louder, 15.0), audio, atol=1e-6, rtol=0)
    assert torch.equal(compressed(audio, 0.0), audio)
    assert expanded(torch.tensor([-1e6, 1.5]), 15.0).tolist() == pytest.approx([-1, 1])
    assert torch.equal(expanded(audio, 0.0), audio)


def test_low_rate_samples_are_held() -> None:
    audio = np.arange(6, dtype=np.float32) / 10
    assert np.array_equal(held(audio, 16_000), audio)
    assert np.array_equal(held(audio, 8_000), np.repeat(audio, 2))
    # 3,840 Hz: 4 1/6 samples each, 25 of six.
    longer = held(audio, 3_840)
    assert len(longer) == 25
    assert np.bincount((longer * 10).round().astype(int)).tolist() == [5, 4, 4, 4, 4, 4]


class Knows(nn.Module):
    """Predicts what it is told of."""

    def __init__(self, answer: Pair) -> None:
        super().__init__()
        self.answer = answer

    def forward(self, video: Tensor, audio: Tensor, n: Tensor) -> Pair:
        return self.answer


@pytest.fixture
def drawn() -> tuple[Pair, Pair, Tensor]:
    random = torch.Generator().manual_seed(0)
    shapes = ((3, 2, 3, 4, 4), (3, 1, 50))
    clean, noise = (Pair(*(torch.randn(shape, generator=random) for shape in shapes)) for _ in range(2))
    return clean, noise, torch.tensor([0, 400, 999])


def test_the_objective_is_nothing_for_who_knows(drawn: tuple[Pair, Pair, Tensor]) -> None:
    clean, noise, n = drawn
    v = Pair(*(velocity(x0, eps, ALPHA_BAR[n]) for x0, eps in zip(clean, noise, strict=True)))
    assert float(sum(objective(Knows(noise), clean, n, noise, ALPHA_BAR)).abs().max()) == 0
    assert float(sum(objective(Knows(v), clean, n, noise, ALPHA_BAR, "velocity")).abs().max()) == 0
    silent = Pair(*(torch.zeros_like(side) for side in noise))
    for prediction, wanted in (("noise", noise), ("velocity", v)):
        found = objective(Knows(silent), clean, n, noise, ALPHA_BAR, prediction)
        assert found.audio.tolist() == pytest.approx(wanted.audio.square().mean((1, 2)).tolist())


def test_a_velocity_becomes_the_noise_that_it_was_made_of(drawn: tuple[Pair, Pair, Tensor]) -> None:
    clean, noise, n = drawn
    level = ALPHA_BAR[n]
    seen = [noised(x0, eps, level) for x0, eps in zip(clean, noise, strict=True)]
    v = Pair(*(velocity(x0, eps, level) for x0, eps in zip(clean, noise, strict=True)))
    for found, wanted in zip(as_noise(Knows(v), ALPHA_BAR)(*seen, n), noise, strict=True):
        torch.testing.assert_close(found, wanted, atol=1e-5, rtol=0)
