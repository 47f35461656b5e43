from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from generators.recipe import recipe_input, recipe_tensors
from safetensors.torch import load_file

from cmmd_bench.errors import UserError
from cmmd_gen.checkpoint import Card, save
from cmmd_gen.vocoder.config import NETWORKS, GeneratorConfig, MelGANConfig
from cmmd_gen.vocoder.mel import MEL_16K, MEL_22K
from cmmd_gen.vocoder.melgan import Generator, load_generator, load_official, vocode
from cmmd_gen.vocoder.opening import open_vocoder
from cmmd_gen.vocoder.weight_norm import folded

DATA = Path(__file__).parents[1] / "data" / "generators"


def shapes(name: str) -> dict[str, tuple[int, ...]]:
    rows = [line.split("\t") for line in (DATA / name).read_text().splitlines()]
    return {key: tuple(int(size) for size in shape.split(",")) for key, shape in rows}


def count(network: torch.nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


@pytest.fixture(scope="module")
def published() -> dict[str, torch.Tensor]:
    """The state dict of a published checkpoint, by recipe."""
    return recipe_tensors(shapes("melgan_generator_keys.tsv"))


@pytest.fixture(scope="module")
def small() -> Generator:
    tensors = load_file(DATA / "melgan_generator_small.safetensors")
    generator = Generator(GeneratorConfig(base=8))
    generator.load_state_dict({key[2:]: t.float() for key, t in tensors.items() if key.startswith("w.")})
    return generator


def test_names_shapes_and_sizes_of_the_published_generator():
    generator = Generator(NETWORKS["paper"].generator)
    state = {key: tuple(t.shape) for key, t in generator.state_dict().items()}
    assert list(state.items()) == list(shapes("melgan_generator_keys.tsv").items())
    assert len(state) == 126
    assert count(generator) == 4_266_050
    assert count(folded(generator)) == 4_260_257


@torch.no_grad()
def test_the_small_generator_of_the_public_code(small):
    golden = load_file(DATA / "melgan_generator_small.safetensors")
    np.testing.assert_allclose(small(golden["mel"]), golden["audio"][:, 0], atol=1e-4, rtol=0)


@torch.no_grad()
def test_the_full_generator_of_the_public_code(published):
    generator = Generator(GeneratorConfig())
    generator.load_state_dict(published)
    with np.load(DATA / "melgan_full_recipe.npz") as golden:
        np.testing.assert_allclose(generator(recipe_input(32, 1, 80, 32)), golden["G_audio"][:, 0], atol=1e-4, rtol=0)


@torch.no_grad()
def test_folding_leaves_the_function_and_the_original(small):
    mel = recipe_input(1, 2, 80, 9)
    before = small(mel)
    copy = folded(small)
    torch.testing.assert_close(copy(mel), before, atol=1e-5, rtol=0)
    assert not [key for key in copy.state_dict() if "weight_" in key]
    assert count(small) == 322_514
    assert torch.equal(small(mel), before)


@torch.no_grad()
def test_weights_are_directions_times_gains():
    generator = Generator(GeneratorConfig(base=2))
    state = generator.state_dict()
    plain = folded(generator).state_dict()
    for name in ("model.1", "model.3", "model.4.block.2"):
        g, v = state[f"{name}.weight_g"].double().numpy(), state[f"{name}.weight_v"].double().numpy()
        by_hand = np.stack([g[i] * v[i] / np.sqrt((v[i] ** 2).sum()) for i in range(len(v))])
        np.testing.assert_allclose(plain[f"{name}.weight"], by_hand, rtol=1e-5)


@torch.no_grad()
def test_a_sample_does_not_depend_on_its_batch(small):
    mel = recipe_input(2, 3, 80, 8)
    # Sums in another order, of sound within ±1: 1.2e-6 with AVX-512, less elsewhere.
    torch.testing.assert_close(small(mel), torch.cat([small(one[None]) for one in mel]), atol=4e-6, rtol=0)


@pytest.mark.parametrize("samples", [1, 2816, 2820, 2944, 4000])
def test_the_sound_is_as_long_as_asked(small, samples):
    mel = recipe_input(3, 1, 80, 11)
    sound = vocode(small, mel, samples)
    assert sound.shape == (1, samples)
    assert sound.abs().max() <= 1


@torch.no_grad()
def test_whole_frames_are_what_the_generator_makes(small):
    mel = recipe_input(3, 1, 80, 11)
    assert torch.equal(vocode(small, mel, 2800), small(mel)[:, :2800])


def test_the_last_frame_is_held_to_the_end(small):
    mel = recipe_input(4, 1, 80, 11)
    longer = torch.cat([mel, mel[:, :, -1:]], dim=2)
    assert torch.equal(vocode(small, mel, 2944), vocode(small, longer, 2944))


@pytest.mark.parametrize(("shape", "samples"), [((1, 80, 3), 100), ((80, 9), 100), ((1, 80, 9), 0)])
def test_what_cannot_be_vocoded(small, shape, samples):
    with pytest.raises(ValueError, match="mel must be"):
        vocode(small, torch.zeros(shape), samples)


@torch.no_grad()
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_a_checkpoint_comes_back(tmp_path, small, dtype):
    config = MelGANConfig(generator=GeneratorConfig(base=8))
    path = tmp_path / "model.safetensors"
    save(path, small.state_dict(), Card("melgan", "small", asdict(config), 1, {}), dtype=dtype)
    generator, settings = load_generator(path)
    assert settings == MEL_16K
    mel = recipe_input(5, 1, 80, 8)
    # The stored weights of the fixture are exact in float16; only their folding rounds.
    torch.testing.assert_close(generator(mel), small(mel), atol=1e-5, rtol=0)
    assert not generator.training
    assert not any(p.requires_grad for p in generator.parameters())


def test_a_checkpoint_of_other_sizes_is_refused(tmp_path, small):
    path = tmp_path / "model.safetensors"
    save(path, small.state_dict(), Card("melgan", "paper", asdict(NETWORKS["paper"]), 1, {}))
    with pytest.raises(UserError, match=r"not the weights of melgan.*model\.1\.bias"):
        load_generator(path)


@pytest.mark.parametrize(
    ("config", "told"),
    [({}, "has no 'mel'"), ({**asdict(NETWORKS["tiny"]), "mel": {"bands": 80, "loud": 1}}, "does not fit.*loud")],
)
def test_a_card_that_says_something_else(tmp_path, small, config, told):
    path = tmp_path / "odd.safetensors"
    save(path, small.state_dict(), Card("melgan", "tiny", config, 1, {}))
    with pytest.raises(UserError, match=rf"odd\.safetensors: the config on its card {told}"):
        load_generator(path)


def test_vocoders_by_name(tmp_path, small):
    device = torch.device("cpu")
    assert open_vocoder("griffin-lim", device).digest == "griffin-lim"
    path = tmp_path / "model.safetensors"
    save(
        path,
        small.state_dict(),
        Card("melgan", "small", asdict(MelGANConfig(generator=GeneratorConfig(base=8))), 1, {}),
    )
    assert open_vocoder(str(path), device)(torch.zeros(1, 80, 8), 2000).shape == (1, 2000)
    # The published network is not the small one that ships.
    with pytest.raises(UserError, match="none ships. Give the option vocoder"):
        open_vocoder("melgan", device)
    with pytest.raises(UserError, match=r"nothing\.safetensors is not there"):
        open_vocoder(str(tmp_path / "nothing.safetensors"), device)


@torch.no_grad()
def test_a_published_checkpoint_is_read(tmp_path, published):
    torch.save(published, tmp_path / "multi_speaker.pt")
    generator, settings = load_official(tmp_path / "multi_speaker.pt")
    assert settings == MEL_22K
    with np.load(DATA / "melgan_full_recipe.npz") as golden:
        made = generator(recipe_input(32, 1, 80, 32))
        np.testing.assert_allclose(made, golden["G_audio"][:, 0], atol=1e-4, rtol=0)
    del published["model.24.bias"]
    torch.save(published, tmp_path / "torn.pt")
    with pytest.raises(UserError, match=r"1 missing \(model\.24\.bias\)"):
        load_official(tmp_path / "torn.pt")


@pytest.mark.parametrize("name", NETWORKS)
def test_a_configuration_survives_json(name):
    import json

    assert MelGANConfig.from_json(json.loads(json.dumps(asdict(NETWORKS[name])))) == NETWORKS[name]


def test_the_tiny_generator_fits_in_a_megabyte_of_float16():
    assert 2 * count(Generator(NETWORKS["tiny"].generator)) < 1e6


def test_configurations_that_cannot_be():
    with pytest.raises(ValueError, match="ratios"):
        GeneratorConfig(ratios=(3, 5))
    with pytest.raises(ValueError, match="base must be 1 or more"):
        GeneratorConfig(base=0)
    with pytest.raises(ValueError, match="hop 256 and 80 bands, the generator 64 and 80"):
        MelGANConfig(generator=GeneratorConfig(ratios=(8, 8)))
