"""Scales of latents and mels: unit variance as measured, or the factor that an autoencoder is published with."""

import pytest
import torch

from cmmd_gen.cmmd.presets import PRESETS
from cmmd_gen.cmmd.scales import Scales, measured


@pytest.fixture
def latents() -> list[torch.Tensor]:
    random = torch.Generator().manual_seed(0)
    spread = torch.tensor([0.5, 2.0, 7.0, 1.0])[:, None, None]
    return [3.0 + spread * torch.randn(6, 4, 5, 5, generator=random) for _ in range(3)]


@pytest.fixture
def mels() -> list[torch.Tensor]:
    return [torch.linspace(-5, 1, 80 * 9).view(80, 9)]


def test_each_channel_has_unit_variance(latents, mels):
    scaled = measured(latents, mels, mel_spread=0.5).latents(torch.cat(latents))
    torch.testing.assert_close(scaled.mean(dim=(0, 2, 3)), torch.zeros(4), atol=1e-4, rtol=0)
    torch.testing.assert_close(scaled.std(dim=(0, 2, 3)), torch.ones(4), atol=1e-4, rtol=0)


def test_latents_of_stable_diffusion_are_multiplied_by_its_factor(latents, mels):
    factor = PRESETS["paper"].latent_scale
    assert factor == 0.18215
    scales = measured(latents, mels, latent_scale=factor, mel_spread=1.0)
    torch.testing.assert_close(scales.latents(latents[0]), 0.18215 * latents[0])
    torch.testing.assert_close(scales.raw_latents(scales.latents(latents[0])), latents[0])


@pytest.mark.parametrize("spread", [1.0, 0.5])
def test_mels_have_the_spread_asked_for_and_a_range_that_holds_them(latents, mels, spread):
    scales = measured(latents, mels, mel_spread=spread)
    scaled = scales.mel(mels[0])
    assert float(scaled.mean()) == pytest.approx(0, abs=1e-4)
    assert float(scaled.std()) == pytest.approx(spread, rel=1e-4)
    torch.testing.assert_close(scales.raw_mel(scaled), mels[0])
    lowest, highest = scales.mel_range
    assert (float(scaled.min()), float(scaled.max())) == pytest.approx((lowest, highest), abs=1e-4)


def test_what_a_card_holds_is_read_back(latents, mels):
    scales = measured(latents, mels, mel_spread=1.0)
    fields = {name: list(value) if isinstance(value, tuple) else value for name, value in vars(scales).items()}
    assert Scales(**fields) == scales
