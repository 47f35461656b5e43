import logging
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from generators.recipe import recipe_input, recipe_tensors

from cmmd_bench.errors import UserError
from cmmd_gen.checkpoint import Card, save
from cmmd_gen.superres.config import NETWORKS, SuperresConfig, config_from
from cmmd_gen.superres.presets import PRESETS
from cmmd_gen.superres.unet import Attention, SuperresUNet, enlarged
from cmmd_gen.superres.weights import load_official, open_superres, start_from_guided_diffusion

DATA = Path(__file__).resolve().parents[1] / "data" / "generators"
SMALL = SuperresConfig(size=64, width=32, multipliers=(1, 2, 3, 4), blocks=1, attention=(4, 8))
TOY = SuperresConfig(size=8, width=4, multipliers=(1, 2), blocks=1, attention=(2,), heads=2, groups=2, factor=2)


def keys(name: str) -> dict[str, tuple[int, ...]]:
    rows = [line.split("\t") for line in (DATA / name).read_text().splitlines()]
    return {key: tuple(int(size) for size in shape.split(",")) for key, shape in rows}


def shapes(config: SuperresConfig) -> dict[str, tuple[int, ...]]:
    with torch.device("meta"):
        return {key: tuple(tensor.shape) for key, tensor in SuperresUNet(config).state_dict().items()}


def test_the_official_network_has_its_566_tensors_in_order():
    found = shapes(NETWORKS["paper"])
    assert list(found.items()) == list(keys("sr_official_keys.tsv").items())
    assert len(found) == 566
    assert sum(int(np.prod(shape)) for shape in found.values()) == 311_027_910


def test_the_small_network_has_its_tensors_and_computes_what_the_original_does():
    listed = keys("sr_small_keys.tsv")
    assert list(shapes(SMALL).items()) == list(listed.items())
    golden = np.load(DATA / "sr_unet_small_recipe.npz")
    weights, x = recipe_tensors(listed, "sr."), recipe_input(111, 1, 3, 64, 64)
    first = weights["input_blocks.0.0.weight"].flatten()[:8]
    assert np.abs(first.numpy() - golden["w:input_blocks.0.0.weight"]).max() == 0
    assert np.abs(x.flatten()[:8].numpy() - golden["x_first8"]).max() == 0
    unet = SuperresUNet(SMALL)
    unet.load_state_dict(weights)
    with torch.no_grad():
        out = unet(x, torch.from_numpy(golden["low_res"]), torch.from_numpy(golden["t"]))
    assert np.abs(out[0, :, ::2, ::2].numpy() - golden["out_stride"]).max() <= 1e-4


def test_the_tiny_network_fits_a_file_of_1_1_megabytes(tmp_path):
    network = SuperresUNet(NETWORKS["tiny"])
    assert sum(p.numel() for p in network.parameters()) <= 550_000
    card = Card("mmdiff-sr", "tiny", {"network": asdict(NETWORKS["tiny"])}, 0, {})
    save(tmp_path / "model.safetensors", network.state_dict(), card, dtype=torch.float16)
    assert (tmp_path / "model.safetensors").stat().st_size <= 1_100_000


@pytest.mark.parametrize("config", [SMALL, NETWORKS["tiny"], TOY])
def test_an_untrained_network_says_nothing(config):
    unet = SuperresUNet(config)
    x = torch.randn(2, 3, config.size, config.size)
    small = torch.randn(2, 3, config.size // config.factor, config.size // config.factor)
    out = unet(x, small, torch.tensor([0, 999]))
    # A network of detail learns no variance.
    assert out.shape == (2, 6 if config.detail is None else 3, config.size, config.size)
    assert not out.any()


def test_attention_against_a_loop_over_heads_and_positions():
    torch.manual_seed(0)
    attention = Attention(SuperresConfig(size=8, width=8, multipliers=(1,), heads=2, groups=4), 8)
    torch.nn.init.normal_(attention.proj_out.weight)
    x = torch.randn(2, 8, 2, 3)
    out = attention(x)
    flat = x.reshape(2, 8, 6)
    qkv = attention.qkv(torch.nn.functional.group_norm(flat, 4, attention.norm.weight, attention.norm.bias))
    heads = []
    for head in qkv.split(12, dim=1):
        q, k, v = head.double().split(4, dim=1)
        weights = torch.softmax(torch.einsum("bci,bcj->bij", q, k) / 4**0.5, dim=2)
        heads.append(torch.einsum("bij,bcj->bci", weights, v))
    expected = flat + attention.proj_out(torch.cat(heads, 1).float())
    torch.testing.assert_close(out.reshape(2, 8, 6), expected, atol=1e-5, rtol=1e-5)


def test_a_patch_is_one_position():
    """With patches of 2 a network of one level sees what the same network sees on the rearranged grid."""
    config = SuperresConfig(size=8, factor=2, width=4, multipliers=(1,), heads=2, groups=2, patch=2, attention=())
    torch.manual_seed(0)
    unet = SuperresUNet(config)
    for parameter in unet.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    x, small, n = torch.randn(1, 3, 8, 8), torch.randn(1, 3, 4, 4), torch.tensor([5])
    seen = torch.cat([x, enlarged(small, 2)], 1)
    # Channel c of pixel (row, column) of a patch is channel 4 c + 2 row + column of its position.
    expected = torch.stack([seen[0, c, i::2, j::2] for c in range(6) for i in range(2) for j in range(2)])
    given = []
    unet.input_blocks[0].register_forward_pre_hook(lambda module, args: given.append(args[0]))
    out = unet(x, small, n)
    assert torch.equal(given[0][0], expected)
    assert out.shape == (1, 6, 8, 8)


def test_enlarging_is_bilinear_between_centres():
    small = torch.tensor([[0.0, 1.0]]).expand(1, 3, 1, 2)
    # Centres of the two pixels lie at 2 and 6 of 8 positions; beyond them the value stays.
    expected = [0, 0, 0.125, 0.375, 0.625, 0.875, 1, 1]
    assert enlarged(small, 4)[0, 0, 0].tolist() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("x", "small", "told"),
    [
        ((1, 3, 8, 8), (1, 3, 8, 8), r"small \(N, 3, H / 2, W / 2\), got \(1, 3, 8, 8\) and \(1, 3, 8, 8\)"),
        ((2, 3, 8, 8), (1, 3, 4, 4), "x must be"),
        ((1, 6, 8, 8), (1, 3, 4, 4), "x must be"),
        ((1, 3, 9, 8), (1, 3, 4, 4), "multiples of 2 .the factor., got 9 and 8"),
    ],
)
def test_sizes_that_do_not_fit(x, small, told):
    with pytest.raises(ValueError, match=told):
        SuperresUNet(TOY)(torch.zeros(x), torch.zeros(small), torch.zeros(x[0]))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"groups": 5}, "groups and heads must divide.*5 groups.*192 wide"),
        ({"heads": 5}, "5 heads"),
        ({"size": 130}, "multiples of 4 .the factor., got 130"),
        ({"size": 132}, "multiples of 32 .the patch and the levels., got 132"),
        ({"detail": 0.0}, "detail must be above 0"),
        ({"width": 3, "groups": 1, "heads": 1}, "width must be even"),
    ],
)
def test_configurations(change, told):
    with pytest.raises(ValueError, match=told):
        SuperresConfig(**change)


def test_a_configuration_survives_json():
    fields = {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(SMALL).items()}
    assert config_from(fields) == SMALL
    assert all(preset.network == NETWORKS[name] for name, preset in PRESETS.items())


def test_official_files_load_strictly(tmp_path):
    weights = recipe_tensors(shapes(TOY))
    torch.save(weights, tmp_path / "SR.pt")
    unet = load_official(tmp_path / "SR.pt", TOY)
    assert not unet.training
    assert all(torch.equal(tensor, weights[name]) for name, tensor in unet.state_dict().items())

    torch.save({name: tensor for name, tensor in weights.items() if name != "out.2.bias"}, tmp_path / "less.pt")
    with pytest.raises(UserError, match=r"super-resolution of MM-Diffusion, 4 channels.*1 missing \(out.2.bias\)"):
        load_official(tmp_path / "less.pt", TOY)
    with pytest.raises(UserError, match="nowhere.pt is not there"):
        load_official(tmp_path / "nowhere.pt", TOY)


def test_guided_diffusion_gives_all_but_its_classes(tmp_path):
    weights = recipe_tensors(shapes(TOY))
    torch.save({**weights, "label_emb.weight": torch.zeros(1000, 16)}, tmp_path / "upsampler.pt")
    start, dropped = start_from_guided_diffusion(tmp_path / "upsampler.pt", TOY)
    assert dropped == ["label_emb.weight"]
    assert start.keys() == weights.keys()
    assert all(torch.equal(tensor, weights[name]) for name, tensor in start.items())
    # A published model of super-resolution has none.
    torch.save(weights, tmp_path / "SR.pt")
    assert start_from_guided_diffusion(tmp_path / "SR.pt", TOY)[1] == []
    torch.save({**weights, "extra": torch.zeros(2)}, tmp_path / "other.pt")
    with pytest.raises(UserError, match=r"guided diffusion's upsampler.*1 unexpected \(extra\)"):
        start_from_guided_diffusion(tmp_path / "other.pt", TOY)


def test_our_own_files_say_what_they_are(tmp_path, caplog):
    weights = recipe_tensors(shapes(TOY))
    card = Card("mmdiff-sr", "tiny", {"network": asdict(TOY)}, 7, {})
    save(tmp_path / "model.safetensors", weights, card)
    unet, found = open_superres(tmp_path / "model.safetensors")
    assert unet.config == TOY
    assert found.step == 7
    assert all(torch.equal(tensor, weights[name]) for name, tensor in unet.state_dict().items())
    save(tmp_path / "other.safetensors", weights, Card("mmdiff", "tiny", {}, 0, {}))
    with pytest.raises(UserError, match="holds the model 'mmdiff'"):
        open_superres(tmp_path / "other.safetensors")
    save(tmp_path / "paper.safetensors", weights, Card("mmdiff-sr", "paper", {"network": asdict(SMALL)}, 0, {}))
    with pytest.raises(UserError, match=r"not the weights of mmdiff-sr \(paper\)"):
        open_superres(tmp_path / "paper.safetensors")
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
