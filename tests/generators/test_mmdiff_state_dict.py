import json
import pickle
from dataclasses import asdict
from pathlib import Path

import pytest
import torch

from cmmd_bench.errors import UserError
from cmmd_gen.mmdiff.config import PRESETS, MMDiffConfig, config_from
from cmmd_gen.mmdiff.state_dict import load_official
from cmmd_gen.mmdiff.unet import MMDiffUNet

CONFIG = MMDiffConfig(
    frames=4, size=4, samples=128, width=32, multipliers=(1, 1), blocks=1, windows=(2,), head_width=32
)


@pytest.fixture
def network():
    torch.manual_seed(0)
    return MMDiffUNet(CONFIG)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_an_official_file(network, tmp_path, dtype):
    path = tmp_path / "model.pt"
    torch.save({key: tensor.to(dtype) for key, tensor in network.state_dict().items()}, path)
    made = load_official(path, CONFIG)
    assert not made.training
    for (name, own), other in zip(made.named_parameters(), network.parameters(), strict=True):
        assert own.dtype == torch.float32, name
        assert own.requires_grad
        assert torch.equal(own, other.to(dtype).float()), name
    path.unlink()
    with torch.no_grad():
        made(torch.zeros(1, 4, 3, 4, 4), torch.zeros(1, 1, 128), torch.tensor([1]))


def test_another_network_is_told_apart(network, tmp_path):
    path = tmp_path / "model.pt"
    torch.save(network.state_dict(), path)
    total = sum(parameter.numel() for parameter in network.parameters())
    with pytest.raises(UserError, match="model.pt has ") as told:
        load_official(path)
    assert f"{len(network.state_dict())} tensors, {total:,} numbers" in str(told.value)
    assert "of 1046 tensors" in str(told.value)


class Code:
    def __reduce__(self):
        return Path.unlink, (Path("never"),)


def test_a_pickle_that_asks_for_code(network, tmp_path):
    path = tmp_path / "model.pt"
    path.write_bytes(pickle.dumps({"weight": Code()}, protocol=2))
    with pytest.raises(UserError, match="code"):
        load_official(path, CONFIG)


def test_no_file(tmp_path):
    with pytest.raises(UserError, match="missing.pt is not there"):
        load_official(tmp_path / "missing.pt")


@pytest.mark.parametrize("config", [*PRESETS.values(), CONFIG])
def test_a_config_survives_json(config):
    assert config_from(json.loads(json.dumps(asdict(config)))) == config


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"width": 48}, "multiple of 32, the groups of a norm, got 48"),
        ({"windows": (1, 4)}, "one for each level but the first"),
        ({"heads": 7}, "must divide"),
        ({"head_width": 48}, "must divide"),
        ({"frames": 7}, "at least 8 frames"),
        ({"size": 36}, "multiples of 8"),
        ({"samples": 25_601}, "multiple of 64"),
    ],
)
def test_a_config_that_cannot_be(fields, message):
    with pytest.raises(ValueError, match=message):
        MMDiffConfig(**fields)
