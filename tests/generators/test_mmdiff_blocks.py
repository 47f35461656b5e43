"""Single blocks against the published ones (golden data), and where that is silent against the plain form."""

from pathlib import Path

import pytest
import torch
from generators.plain_mmdiff import residual
from generators.recipe import recipe_input
from safetensors.torch import load_file

from cmmd_gen.diffusion.steps import step_embedding
from cmmd_gen.mmdiff.blocks import ResBlock, Stem
from cmmd_gen.mmdiff.cross_attention import CrossAttention

DATA = Path(__file__).resolve().parents[1] / "data" / "generators"
TOLERANCE = {"rtol": 0, "atol": 1e-5}


@pytest.fixture(scope="module")
def blocks():
    return load_file(DATA / "mmdiff_blocks.safetensors")


@pytest.fixture(scope="module")
def rsmma():
    return load_file(DATA / "mmdiff_rsmma.safetensors")


def weights(tensors, prefix):
    return {key.removeprefix(prefix): t.float() for key, t in tensors.items() if key.startswith(prefix)}


def last(video, audio):
    return video.permute(0, 1, 3, 4, 2).contiguous(), audio.transpose(1, 2).contiguous()


def assert_same(pair, video, audio):
    torch.testing.assert_close(pair[0].permute(0, 1, 4, 2, 3), video, **TOLERANCE)
    torch.testing.assert_close(pair[1].transpose(1, 2), audio, **TOLERANCE)


CASES = {
    "res_vattn_32_64_d8": {"inputs": 32, "dilation": 8, "heads": 4},
    "res_down_64": {"inputs": 64, "dilation": 4, "resample": "down"},
    "res_up_64": {"inputs": 64, "dilation": 2, "resample": "up"},
    "res_vattn_aattn_64": {"inputs": 64, "dilation": 4, "heads": 4, "audio_attention": True},
}


@pytest.mark.parametrize("name", CASES)
def test_residual_block(blocks, name):
    block = ResBlock(outputs=64, embedding=32, groups=32, dropout=0.0, **CASES[name])
    block.load_state_dict(weights(blocks, f"{name}.w."))
    given = last(blocks[f"{name}.video"], blocks[f"{name}.audio"])
    with torch.no_grad():
        made = block(*given, blocks[f"{name}.emb"])
    assert_same(made, blocks[f"{name}.out_video"], blocks[f"{name}.out_audio"])


def test_stem(blocks):
    stem = Stem(32)
    stem.load_state_dict(weights(blocks, "initial.w."))
    with torch.no_grad():
        made = stem(*last(blocks["initial.video"], blocks["initial.audio"]))
    assert_same(made, blocks["initial.out_video"], blocks["initial.out_audio"])


@pytest.mark.parametrize("width", [32, 128])
def test_step_embedding(blocks, width):
    made = step_embedding(blocks["temb.t"], width)
    torch.testing.assert_close(made, blocks[f"temb.dim{width}"], rtol=0, atol=1e-6)


@pytest.mark.parametrize("case", range(8))
def test_random_shift_attention(rsmma, case):
    window, shift = rsmma[f"case{case}.win_shift"].tolist()
    frames = rsmma[f"case{case}.video"].shape[1]
    block = CrossAttention(64, 32, None if window == frames else window, 32)
    block.load_state_dict(weights(rsmma, "w."))
    with torch.no_grad():
        made = block(*last(rsmma[f"case{case}.video"], rsmma[f"case{case}.audio"]), max(shift, 0))
    assert_same(made, rsmma[f"case{case}.out_video"], rsmma[f"case{case}.out_audio"])


@pytest.mark.parametrize("resample", ["down", "up"])
@pytest.mark.parametrize("dilation", [1, 2, 8, 64])
def test_resampling_may_move(resample, dilation):
    torch.manual_seed(0)
    block = ResBlock(32, 32, 16, 32, dilation=dilation, dropout=0.0, resample=resample)
    for parameter in block.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    video, audio, embedding = recipe_input(1, 2, 3, 32, 4, 6), recipe_input(2, 2, 32, 48), recipe_input(3, 2, 16)
    made = block(*last(video, audio), embedding)
    expected = residual(block, video, audio, embedding)
    assert made.video.shape[2:4] == ((8, 12) if resample == "up" else (2, 3))
    torch.testing.assert_close(made.video.permute(0, 1, 4, 2, 3), expected[0], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(made.audio.transpose(1, 2), expected[1], rtol=1e-4, atol=1e-4)
    g = [torch.randn_like(each) for each in expected]
    parameters = list(block.parameters())
    own = torch.autograd.grad([made.video.permute(0, 1, 4, 2, 3), made.audio.transpose(1, 2)], parameters, g)
    for one, other in zip(own, torch.autograd.grad(expected, parameters, g), strict=True):
        # A bias before a norm of a channel of its own has no gradient but what rounding leaves.
        assert float((one - other).norm()) <= 1e-4 * float(other.norm()) + 1e-3


def test_dropout_is_for_training():
    torch.manual_seed(0)
    block = ResBlock(32, 32, 16, 32, dilation=1, dropout=0.5)
    torch.nn.init.normal_(block.video_out_layers[3].video_conv.weight)
    given = *last(recipe_input(1, 1, 2, 32, 2, 2), recipe_input(2, 1, 32, 16)), recipe_input(3, 1, 16)
    with torch.no_grad():
        assert not torch.equal(block(*given).video, block(*given).video)
        block.eval()
        assert torch.equal(block(*given).video, block(*given).video)
