"""The adapter around diffusers, on a small network of the same kind with random weights, saved as the Hub has it."""

import json
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from cmmd_bench.errors import ENVIRONMENT, UserError
from cmmd_bench.weights import registry
from cmmd_gen.autoencoder import open_autoencoder
from cmmd_gen.autoencoder.frames import CHUNK
from cmmd_gen.autoencoder.sd_vae import NAME, TENSORS, load_sd_vae
from cmmd_gen.cmmd.presets import PRESETS

diffusers = pytest.importorskip("diffusers")

PUBLISHED = {
    "act_fn": "silu",
    "block_out_channels": [128, 256, 512, 512],
    "down_block_types": ["DownEncoderBlock2D"] * 4,
    "in_channels": 3,
    "latent_channels": 4,
    "layers_per_block": 2,
    "norm_num_groups": 32,
    "out_channels": 3,
    "sample_size": 256,
    "up_block_types": ["UpDecoderBlock2D"] * 4,
}
"""The published config.json says no more than this; the rest is diffusers' defaults."""
SMALL = {**PUBLISHED, "block_out_channels": [8, 8, 16, 16], "layers_per_block": 1, "norm_num_groups": 4}
OLD = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}


def write(folder: Path, config: dict, tensors: dict[str, torch.Tensor]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps({"_class_name": "AutoencoderKL", **config}))
    save_file(tensors, folder / TENSORS, metadata={"format": "pt"})
    return folder


def old_names(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    renamed = {}
    for key, tensor in tensors.items():
        for new, old in OLD.items():
            key = key.replace(f"attentions.0.{new}.", f"attentions.0.{old}.")
        renamed[key] = tensor
    return renamed


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return diffusers.AutoencoderKL.from_config(SMALL).eval().requires_grad_(False)


@pytest.fixture
def folder(network, tmp_path) -> Path:
    return write(tmp_path / "vae", SMALL, network.state_dict())


@pytest.fixture
def clips() -> torch.Tensor:
    return torch.rand(2, CHUNK - 1, 3, 32, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.fixture(autouse=True)
def _no_network(monkeypatch):
    def refuse(*_):
        raise AssertionError("a socket was opened")

    monkeypatch.setattr("socket.socket.connect", refuse)


def test_the_published_network_has_83_653_863_parameters():
    with torch.device("meta"):
        network = diffusers.AutoencoderKL.from_config(PUBLISHED)
    assert sum(p.numel() for p in network.parameters()) == 83_653_863
    assert network.config.scaling_factor == PRESETS["paper"].latent_scale == 0.18215


def test_encoding_and_decoding_are_diffusers_own(network, folder, clips):
    vae = load_sd_vae(folder)
    mean, log_variance = vae.encode(clips)
    expected = network.encode(clips.flatten(0, 1)).latent_dist
    shape = (2, CHUNK - 1, 4, 4, 2)
    torch.testing.assert_close(mean, expected.mean.view(shape), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(log_variance, expected.logvar.view(shape), atol=1e-5, rtol=1e-5)
    made = vae.decode(mean)
    plain = network.decode(expected.mean).sample
    torch.testing.assert_close(made, plain.clamp(-1, 1).view(clips.shape), atol=1e-5, rtol=1e-5)
    assert vae.latent_size(128) == 16


def test_names_of_2022_and_of_today_give_the_same(network, folder, tmp_path, clips):
    renamed = old_names(network.state_dict())
    # Both attentions, four projections with weight and bias each.
    assert sum(key not in network.state_dict() for key in renamed) == 16
    older = write(tmp_path / "old", SMALL, renamed)
    new, old = load_sd_vae(folder), open_autoencoder(str(older))
    assert torch.equal(new.encode(clips)[0], old.encode(clips)[0])
    assert new.digest == old.digest


def test_the_digest_follows_the_weights(network, folder, tmp_path):
    tensors = {**network.state_dict(), "quant_conv.bias": network.state_dict()["quant_conv.bias"] + 1}
    assert load_sd_vae(folder).digest != load_sd_vae(write(tmp_path / "other", SMALL, tensors)).digest


def test_frames_on_the_cpu_are_encoded_where_the_weights_are(folder, clips):
    vae = load_sd_vae(folder)
    vae._network.to("meta")
    mean, log_variance = vae.encode(clips)
    assert (mean.device.type, log_variance.device.type) == ("meta", "meta")


def test_wrong_input(folder):
    vae = load_sd_vae(folder)
    with pytest.raises(ValueError, match="divisible by 8"):
        vae.encode(torch.zeros(1, 1, 3, 20, 16))
    with pytest.raises(ValueError, match=r"found 0 to 255"):
        vae.encode(torch.tensor([0.0, 255.0]).expand(1, 1, 3, 8, 2).repeat(1, 1, 1, 1, 4))
    with pytest.raises(ValueError, match=r"\(B, F, 4, h, w\)"):
        vae.decode(torch.zeros(1, 1, 8, 2, 2))


def test_a_pickle_is_not_read(network, folder):
    (folder / TENSORS).unlink()
    torch.save(network.state_dict(), folder / "diffusion_pytorch_model.bin")
    with pytest.raises(UserError, match=r"diffusion_pytorch_model\.bin, a pickle, which may run code") as caught:
        load_sd_vae(folder)
    assert caught.value.exit_code == ENVIRONMENT


def test_missing_and_damaged_files(folder):
    whole = (folder / TENSORS).read_bytes()
    (folder / TENSORS).write_bytes(whole[:-100])
    with pytest.raises(UserError, match="is cut off or damaged"):
        load_sd_vae(folder)
    (folder / TENSORS).unlink()
    with pytest.raises(UserError, match=r"diffusion_pytorch_model\.safetensors is not there"):
        load_sd_vae(folder)
    (folder / "config.json").write_text("[]")
    with pytest.raises(UserError, match=r"config\.json is not a JSON object"):
        load_sd_vae(folder)
    (folder / "config.json").unlink()
    with pytest.raises(UserError, match=r"holds no config\.json"):
        load_sd_vae(folder)


def test_tensors_that_do_not_fit(network, folder):
    tensors = load_file(folder / TENSORS)
    write(folder, SMALL, {key: t for key, t in tensors.items() if key != "quant_conv.bias"})
    with pytest.raises(UserError, match="does not fit its own config.json: 1 missing keys"):
        load_sd_vae(folder)
    write(folder, SMALL, {**tensors, "extra": torch.zeros(1)})
    with pytest.raises(UserError, match="1 unexpected keys"):
        load_sd_vae(folder)
    write(folder, {**SMALL, "block_out_channels": [8, 8, 16, 32]}, tensors)
    with pytest.raises(UserError, match=r"does not fit|cannot be read"):
        load_sd_vae(folder)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"_class_name": "UNet2DModel"}, "holds UNet2DModel with 4 latent channels and 4 levels"),
        ({"latent_channels": 16}, "with 16 latent channels"),
        ({"block_out_channels": [8, 16]}, "and 2 levels"),
    ],
)
def test_another_network_is_named(folder, change, told):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | change))
    with pytest.raises(UserError, match=told):
        load_sd_vae(folder)


def test_the_name_is_a_folder_of_the_store(tmp_path, monkeypatch):
    monkeypatch.setenv("CMMD_BENCH_WEIGHTS", str(tmp_path))
    assert {file.name for file in registry.entry(NAME).files} == {"config.json", TENSORS}
    with pytest.raises(UserError, match=f"cmmd-bench weights get {NAME}"):
        open_autoencoder("sd-vae")


def test_without_diffusers_the_extra_is_named(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "diffusers", None)
    with pytest.raises(UserError, match=r"pip install 'cmmd-bench\[sd-vae\]'") as caught:
        load_sd_vae(folder)
    assert caught.value.exit_code == ENVIRONMENT
