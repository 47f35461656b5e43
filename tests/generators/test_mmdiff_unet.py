from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from generators.plain_mmdiff import plain
from generators.recipe import recipe_input, recipe_tensors
from safetensors.torch import load_file

from cmmd_gen.mmdiff.config import PRESETS, MMDiffConfig
from cmmd_gen.mmdiff.state_dict import loaded
from cmmd_gen.mmdiff.unet import MMDiffUNet

DATA = Path(__file__).resolve().parents[1] / "data" / "generators"
SMALL = MMDiffConfig(
    frames=10, size=16, samples=1920, width=32, multipliers=(1, 1, 1, 2), blocks=1, head_width=32, dropout=0.0
)


def keys(name):
    rows = [line.split("\t") for line in (DATA / name).read_text().splitlines()]
    return {key: tuple(int(size) for size in shape.split(",")) for key, shape in rows}


@pytest.fixture(scope="module")
def unet():
    return loaded(load_file(DATA / "mmdiff_tiny_weights.safetensors"), SMALL, what="the small network")


@pytest.fixture(scope="module")
def golden():
    return load_file(DATA / "mmdiff_tiny_io.safetensors")


def given(golden, case):
    return golden[f"{case}.video"], golden[f"{case}.audio"], golden[f"{case}.t"]


@pytest.mark.parametrize("case", ["base", "uneven", "long"])
def test_small_network(unet, golden, case):
    probes = {}

    def keep(name):
        return lambda module, inputs, output: probes.__setitem__(name, output)

    hooks = [
        stage.register_forward_hook(keep(f"{way}.{i}"))
        for way in ("input_blocks", "output_blocks")
        for i, stage in enumerate(getattr(unet, way))
    ]
    hooks.append(unet.middle_blocks.register_forward_hook(keep("middle_blocks")))
    with torch.no_grad():
        made = unet(*given(golden, case), shifts=golden[f"{case}.shifts"].tolist())
    for hook in hooks:
        hook.remove()
    # In order, so that the first to fail is the block at fault.
    for name, (video, audio) in probes.items():
        probe = f"{case}.probe.{name}"
        if f"{probe}.video" in golden:
            video, audio = video.permute(0, 1, 4, 2, 3), audio.transpose(1, 2)
            torch.testing.assert_close(
                video[0, ::3, ::8, ::4, ::4], golden[f"{probe}.video"], rtol=0, atol=1e-4, msg=name
            )
            torch.testing.assert_close(audio[0, ::8, ::64], golden[f"{probe}.audio"], rtol=0, atol=1e-4, msg=name)
    torch.testing.assert_close(made.video, golden[f"{case}.out_video"], rtol=0, atol=1e-4)
    torch.testing.assert_close(made.audio, golden[f"{case}.out_audio"], rtol=0, atol=1e-4)
    assert len(probes) == 17


def test_keys_are_the_published_ones():
    with torch.device("meta"):
        network = MMDiffUNet(PRESETS["paper"])
    state = {key: tuple(tensor.shape) for key, tensor in network.state_dict().items()}
    assert list(state.items()) == list(keys("mmdiff_official_keys.tsv").items())
    assert len(state) == 1046
    assert sum(parameter.numel() for parameter in network.parameters()) == 133_675_524
    assert list(MMDiffUNet(SMALL).state_dict()) == list(keys("mmdiff_tiny_keys.tsv"))


@pytest.mark.slow
def test_published_network():
    stored = np.load(DATA / "mmdiff_official_recipe.npz")
    tensors = recipe_tensors(keys("mmdiff_official_keys.tsv"))
    for name in stored.files:
        if name.startswith("w:"):
            made = tensors[name[2:].replace("/", ".")].flatten()[: stored[name].size]
            np.testing.assert_allclose(made, stored[name], rtol=1e-6)
    network = loaded(tensors, PRESETS["paper"], what="the published network")
    del tensors
    video, audio = recipe_input(1, 1, 16, 3, 64, 64), recipe_input(2, 1, 1, 25_600)
    with torch.inference_mode():
        made = network(video, audio, torch.from_numpy(stored["t"]), shifts=stored["shifts"].tolist())
    np.testing.assert_allclose(made.video[0, :, :, ::8, ::8], stored["out_video_stride"], rtol=0, atol=1e-4)
    np.testing.assert_allclose(made.audio[0, 0, ::25], stored["out_audio_stride"], rtol=0, atol=1e-4)
    for side, name in zip(made, ("out_video_stats", "out_audio_stats"), strict=True):
        mean, std, total = stored[name]
        assert float(side.mean()) == pytest.approx(mean, abs=1e-5)
        assert float(side.std()) == pytest.approx(std, abs=1e-5)
        assert float(side.abs().sum()) == pytest.approx(total, rel=1e-5)


def test_gradients_are_those_of_the_plain_form(unet, golden):
    video, audio, n = given(golden, "base")
    shifts = golden["base.shifts"].tolist()
    video, audio = video.clone().requires_grad_(), audio.clone().requires_grad_()
    made = unet(video, audio, n, shifts=shifts)
    expected = plain(unet, video, audio, n, shifts)
    torch.testing.assert_close(tuple(made), expected, rtol=0, atol=1e-4)
    leaves = {"video": video, "audio": audio, **dict(unet.named_parameters())}
    g = [torch.randn(each.shape, generator=torch.Generator().manual_seed(0)) for each in made]
    own = torch.autograd.grad(made, list(leaves.values()), g)
    other = torch.autograd.grad(expected, list(leaves.values()), g)
    for name, one, two in zip(leaves, own, other, strict=True):
        # A bias before a norm of a channel of its own has no gradient but what rounding leaves.
        assert float((one - two).norm()) <= 1e-4 * float(two.norm()) + 1e-3, name


def test_guidance_needs_no_gradient_of_the_weights(unet, golden):
    video, audio, n = given(golden, "base")
    shifts = golden["base.shifts"].tolist()
    video = video.clone().requires_grad_()
    (wanted,) = torch.autograd.grad(unet(video, audio, n, shifts=shifts).audio.square().sum(), video)
    frozen = loaded(unet.state_dict(), SMALL, what="a copy").requires_grad_(False)
    (made,) = torch.autograd.grad(frozen(video, audio, n, shifts=shifts).audio.square().sum(), video)
    torch.testing.assert_close(made, wanted, rtol=0, atol=1e-5 * float(wanted.abs().max()))


def test_shifts_are_uniform_in_their_windows_range(unet):
    generator = torch.Generator().manual_seed(0)
    draws = np.array([unet.draw_shifts(generator, 10) for _ in range(600)])
    windows = [1, 4, 8, 8, 8, 4, 4, 1, 1]
    assert draws.shape == (600, len(windows))
    for column, window in zip(draws.T, windows, strict=True):
        counts = np.bincount(column, minlength=10 - window + 1)
        assert counts.size == 10 - window + 1
        expected = 600 / counts.size
        # Five standard deviations of a count.
        assert np.abs(counts - expected).max() < 5 * np.sqrt(expected)


def test_a_largest_shift_bounds_those_of_all_windows():
    generator = torch.Generator().manual_seed(0)
    for most in (0, 3):
        small = MMDiffUNet(replace(SMALL, max_shift=most))
        draws = np.array([small.draw_shifts(generator, 10) for _ in range(60)])
        # No window of 8 among 10 frames can be shifted by more than 2.
        assert draws.max(axis=0).tolist() == [min(most, 10 - window) for window in (1, 4, 8, 8, 8, 4, 4, 1, 1)]
    with pytest.raises(ValueError, match="max_shift must be from 0, or None, got -1"):
        replace(SMALL, max_shift=-1)


def test_a_call_draws_its_own_shifts(unet, golden):
    inputs = given(golden, "long")
    with torch.no_grad():
        drawn = unet(*inputs, generator=torch.Generator().manual_seed(3))
        shifts = unet.draw_shifts(torch.Generator().manual_seed(3), 20)
        held = unet(*inputs, shifts=shifts)
        other = unet(*inputs, shifts=[0] * 9)
    assert torch.equal(drawn.video, held.video)
    assert float((other.audio - held.audio).abs().max()) > 0.1


def test_a_sample_does_not_see_its_batch(unet, golden):
    video, audio, n = given(golden, "base")
    shifts = golden["base.shifts"].tolist()
    with torch.no_grad():
        both = unet(video, audio, n, shifts=shifts)
        alone = unet(video[1:], audio[1:], n[1:], shifts=shifts)
    torch.testing.assert_close(both.video[1:], alone.video, rtol=0, atol=2e-5)
    torch.testing.assert_close(both.audio[1:], alone.audio, rtol=0, atol=2e-5)


def test_the_tiny_preset():
    config = PRESETS["tiny"]
    network = MMDiffUNet(config).eval()
    assert sum(parameter.numel() for parameter in network.parameters()) <= 2_600_000
    assert config.samples / config.sample_rate == config.frames / config.fps == 1.8
    with torch.no_grad():
        made = network(torch.randn(1, 8, 3, 16, 16), torch.randn(1, 1, 8 * 384), torch.tensor([5]))
    assert (made.video.shape, made.audio.shape) == ((1, 8, 3, 16, 16), (1, 1, 8 * 384))
    # The heads start at zero, as do all residual branches.
    assert not made.video.any()
    assert not made.audio.any()


def test_learning_moves_every_weight(golden):
    torch.manual_seed(0)
    network = MMDiffUNet(SMALL).train()
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    before = {name: parameter.detach().clone() for name, parameter in network.named_parameters()}
    video, audio, n = given(golden, "base")
    losses = []
    for _ in range(4):
        made = network(video, audio, n, shifts=[0] * 9)
        loss = (made.video - video).square().mean() + (made.audio - audio).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    still = [name for name, parameter in network.named_parameters() if torch.equal(parameter, before[name])]
    assert not still


def cosine(one, other):
    return float(torch.cosine_similarity(one.flatten().double(), other.flatten().double(), dim=0))


@pytest.mark.parametrize("way", ["converted", "autocast"])
def test_half_precision(golden, way):
    network = MMDiffUNet(SMALL).eval()
    network.load_state_dict(recipe_tensors(keys("mmdiff_tiny_keys.tsv")))
    inputs, shifts = given(golden, "base"), golden["base.shifts"].tolist()
    with torch.no_grad():
        full = network(*inputs, shifts=shifts)
        if way == "converted":
            network.to_half(torch.bfloat16)
            half = network(*inputs, shifts=shifts)
            for name, parameter in network.named_parameters():
                kept = "GroupNorm" in name or "emb" in name
                assert parameter.dtype == (torch.float32 if kept else torch.bfloat16), name
        else:
            with torch.autocast("cpu", torch.bfloat16):
                half = network(*inputs, shifts=shifts)
    assert half.video.dtype == half.audio.dtype == torch.float32
    assert cosine(full.video, half.video) > 0.999
    assert cosine(full.audio, half.audio) > 0.999


@pytest.mark.parametrize(
    ("video", "audio", "n", "shifts", "message"),
    [
        ((1, 7, 3, 16, 16), (1, 1, 1920), (1,), None, "at least 8 frames, the largest window, got 7"),
        ((1, 10, 3, 12, 16), (1, 1, 1920), (1,), None, "multiples of 8, got 12 and 16"),
        ((1, 10, 3, 16, 16), (1, 1, 1900), (1,), None, "multiple of 64 samples.* got 1900"),
        ((1, 10, 3, 16, 16), (1, 1, 576), (1,), None, "as many for each frame, got 576 samples for 10 frames"),
        ((1, 10, 16, 16, 3), (1, 1, 1920), (1,), None, r"video must be \(B, F, 3, H, W\)"),
        ((10, 3, 16, 16), (10, 1, 1920), (10,), None, r"video must be \(B, F, 3, H, W\)"),
        ((2, 10, 3, 16, 16), (1, 1, 1920), (2,), None, r"audio must be \(B, 1, L\) with B = 2"),
        ((1, 10, 3, 16, 16), (1, 2, 1920), (1,), None, r"audio must be \(B, 1, L\)"),
        ((2, 10, 3, 16, 16), (2, 1, 1920), (1,), None, r"n must be \(B,\) with B = 2"),
        ((1, 10, 3, 16, 16), (1, 1, 1920), (1,), [0] * 8, "shifts must be 9.* got 8"),
        ((1, 10, 3, 16, 16), (1, 1, 1920), (1,), [0, 7, *[0] * 7], "here 10 - 4, got 7"),
        ((1, 10, 3, 16, 16), (1, 1, 1920), (1,), [-1, *[0] * 8], "here 10 - 1, got -1"),
    ],
)
def test_what_does_not_fit_is_refused(unet, video, audio, n, shifts, message):
    with pytest.raises(ValueError, match=message):
        unet(torch.zeros(video), torch.zeros(audio), torch.zeros(n, dtype=torch.int64), shifts=shifts)
