from pathlib import Path

import numpy as np
import pytest
import torch
from generators.recipe import recipe_input, recipe_tensors
from generators.test_melgan import count, shapes

from cmmd_gen.vocoder.config import NETWORKS, DiscriminatorConfig
from cmmd_gen.vocoder.discriminator import Discriminator

DATA = Path(__file__).parents[1] / "data" / "generators"


def test_names_shapes_and_sizes_of_the_published_discriminator():
    discriminator = Discriminator(NETWORKS["paper"].discriminator)
    state = {key: tuple(t.shape) for key, t in discriminator.state_dict().items()}
    assert list(state.items()) == list(shapes("melgan_discriminator_keys.tsv").items())
    assert count(discriminator) == 16_924_086


@torch.no_grad()
def test_the_features_of_the_public_code():
    discriminator = Discriminator(DiscriminatorConfig())
    discriminator.load_state_dict(recipe_tensors(shapes("melgan_discriminator_keys.tsv"), gain=1.5))
    opinions = discriminator(recipe_input(33, 1, 8192, scale=0.3))
    assert len(opinions) == 3
    with np.load(DATA / "melgan_full_recipe.npz") as golden:
        for i, opinion in enumerate(opinions):
            seen = [*opinion.features, opinion.score]
            assert len(seen) == 7
            for j, x in enumerate(seen):
                assert x.shape == tuple(golden[f"D{i}_{j}_shape"])
                sample = x[0, :: max(1, x.shape[1] // 8), :: max(1, x.shape[2] // 64)]
                np.testing.assert_allclose(sample, golden[f"D{i}_{j}_sample"], atol=1e-4, rtol=0)
                assert x.abs().double().mean().item() == pytest.approx(golden[f"D{i}_{j}_abs_mean"].item(), rel=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("config", [NETWORKS["tiny"].discriminator, DiscriminatorConfig(2, 8, 64, 3, 2)])
def test_other_sizes_work(config):
    opinions = Discriminator(config)(torch.zeros(2, 2048))
    assert len(opinions) == config.scales
    assert {len(opinion.features) for opinion in opinions} == {config.layers + 2}


def test_a_configuration_that_cannot_be():
    with pytest.raises(ValueError, match="multiples of 4"):
        DiscriminatorConfig(base=6)
    with pytest.raises(ValueError, match="groups"):
        DiscriminatorConfig(base=12, widest=40, stride=2)
    with pytest.raises(ValueError, match="scales must be 1 or more"):
        DiscriminatorConfig(scales=0)
