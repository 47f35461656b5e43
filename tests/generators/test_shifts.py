import numpy as np
import pytest
import torch
from generators.recipe import recipe_input, recipe_tensors

from cmmd_gen.diffusion.gaussian import chain
from cmmd_gen.diffusion.schedules import linear
from cmmd_gen.mmdiff.conditional import conditional
from cmmd_gen.mmdiff.config import MMDiffConfig
from cmmd_gen.mmdiff.sampling import few_step
from cmmd_gen.mmdiff.shifts import with_shifts
from cmmd_gen.mmdiff.unet import MMDiffUNet
from cmmd_gen.noise import Noise

FRAMES, SIZE, SAMPLES = 8, 8, 1024
SHAPES = (FRAMES, 3, SIZE, SIZE), (1, SAMPLES)
WINDOWS = (1, 3, 5)


@pytest.fixture(scope="module")
def unet():
    config = MMDiffConfig(
        frames=FRAMES,
        size=SIZE,
        samples=SAMPLES,
        width=32,
        multipliers=(1, 1, 1, 1),
        blocks=1,
        windows=WINDOWS,
        head_width=32,
        dropout=0,
    )
    network = MMDiffUNet(config).eval()
    network.load_state_dict(recipe_tensors({key: tuple(value.shape) for key, value in network.state_dict().items()}))
    return network


@pytest.fixture
def inputs():
    return recipe_input(1, 1, *SHAPES[0]), recipe_input(2, 1, *SHAPES[1]), torch.tensor([300])


def test_shifts_come_from_their_seed_alone(unet, inputs):
    first, again, other = with_shifts(unet, 7), with_shifts(unet, 7), with_shifts(unet, 8)
    with torch.no_grad():
        one, two = first(*inputs), first(*inputs)
        torch.manual_seed(99)
        assert torch.equal(again(*inputs).video, one.video)
        assert torch.equal(again(*inputs).video, two.video)
        assert not torch.equal(one.video, two.video)
        assert not torch.equal(other(*inputs).video, one.video)
        expected = unet.draw_shifts(torch.Generator().manual_seed(7), FRAMES)
        assert torch.equal(unet(*inputs, shifts=expected).audio, one.audio)


def test_the_quirk_changes_no_forward_pass(unet, inputs):
    with torch.no_grad():
        plain, quirky = (with_shifts(unet, 7, quirks=quirks)(*inputs) for quirks in ("fixed", "official"))
    assert torch.equal(plain.video, quirky.video)
    with torch.enable_grad():
        video = inputs[0].clone().requires_grad_()
        quirky = with_shifts(unet, 7, quirks="official")(video, *inputs[1:])
    assert torch.equal(plain.video, quirky.video.detach())
    assert torch.equal(plain.audio, quirky.audio.detach())


def _audio_gradient(denoiser, inputs):
    """Of the squared error of the video, as guidance of v2a takes it."""
    video, audio, n = inputs
    audio = audio.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(denoiser(video, audio, n).video.square().sum(), audio)
    return gradient


def test_the_fixed_gradient_is_that_of_the_forward_pass(unet, inputs):
    """A slope along the gradient itself, by differences, within 1 %."""
    gradient = _audio_gradient(with_shifts(unet, 7), inputs)
    direction = gradient / gradient.norm()

    def loss(step):
        with torch.no_grad():
            out = with_shifts(unet, 7)(inputs[0], inputs[1] + step * direction, inputs[2])
        return float(out.video.double().square().sum())

    slope = (loss(0.01) - loss(-0.01)) / 0.02
    assert float(gradient.norm()) == pytest.approx(slope, rel=1e-2)


def test_the_official_gradient_is_not(unet, inputs):
    right = _audio_gradient(with_shifts(unet, 7), inputs)
    wrong = _audio_gradient(with_shifts(unet, 7, quirks="official"), inputs)
    assert float(torch.cosine_similarity(right.flatten(), wrong.flatten(), dim=0)) < 0.9


def test_only_the_shifts_make_the_difference(unet, inputs, monkeypatch):
    """Were the second draw the same as the first, the official gradient would be the right one."""
    drawn = unet.draw_shifts(torch.Generator().manual_seed(3), FRAMES)
    monkeypatch.setattr(unet, "draw_shifts", lambda generator, frames: drawn)
    right = _audio_gradient(with_shifts(unet, 0), inputs)
    same = _audio_gradient(with_shifts(unet, 0, quirks="official"), inputs)
    torch.testing.assert_close(same, right, rtol=1e-4, atol=1e-5 * float(right.abs().max()))


def test_each_block_is_differentiated_with_its_own_second_draw(unet, inputs, monkeypatch):
    """Against the chain rule through the first cross attention by hand: its inputs as they were, its shift anew."""
    block = unet.input_blocks[3][1]
    first = unet.draw_shifts(torch.Generator().manual_seed(3), FRAMES)
    second = [(first[0] + 3) % (FRAMES - WINDOWS[0] + 1), *first[1:]]
    draws = iter([first, second])
    monkeypatch.setattr(unet, "draw_shifts", lambda generator, frames: next(draws))
    quirky = _audio_gradient(with_shifts(unet, 0, quirks="official"), inputs)

    video, audio, n = inputs
    audio = audio.clone().requires_grad_()
    kept = {}

    def keep(module, arguments, output):
        kept["in"], kept["out"] = arguments[:2], output
        return output

    with block.register_forward_hook(keep):
        loss = unet(video, audio, n, shifts=first).video.square().sum()
    to_out = torch.autograd.grad(loss, kept["out"], retain_graph=True)
    leaves = [tensor.detach().requires_grad_() for tensor in kept["in"]]
    to_in = torch.autograd.grad(block(*leaves, second[0]), leaves, to_out)
    # The way around the block, through the skip connections of the stages before it.
    around = torch.autograd.grad(loss, audio, retain_graph=True)[0]
    through = torch.autograd.grad(kept["out"], audio, to_out, retain_graph=True)[0]
    expected = around - through + torch.autograd.grad(kept["in"], audio, to_in)[0]
    torch.testing.assert_close(quirky, expected, rtol=1e-3, atol=1e-4 * float(expected.abs().max()))


def test_no_hook_stays(unet, inputs):
    for _ in range(2):
        _audio_gradient(with_shifts(unet, 7, quirks="official"), inputs)
    assert not any(module._forward_hooks for module in unet.modules())


@pytest.mark.parametrize("quirks", ["fixed", "official"])
def test_the_network_samples_under_guidance(unet, quirks):
    condition = recipe_input(5, 2, *SHAPES[0], scale=0.3).clamp(-1, 1)
    pair = conditional(
        with_shifts(unet, 1, quirks=quirks),
        "v2a",
        condition,
        chain=chain(linear(), "3"),
        noise=Noise([1, 2]),
        shapes=SHAPES,
        guidance="gradient",
        scale=0.1,
        quirks=quirks,
    )
    assert pair.audio.shape == (2, *SHAPES[1])
    assert pair.audio.isfinite().all()
    assert all(parameter.requires_grad for parameter in unet.parameters())


def test_a_clip_does_not_depend_on_its_batch(unet):
    # Mild noise, for x0 divides what rounding does by sqrt(alpha_bar). Batches of one and two round differently: about
    # 1e-4 in one evaluation of this network of random weights.
    levels = np.linspace(0.95, 0.4, 100)
    together = few_step(with_shifts(unet, 1), alpha_bar=levels, noise=Noise([4, 5]), shapes=SHAPES, steps=3)
    alone = few_step(with_shifts(unet, 1), alpha_bar=levels, noise=Noise([5]), shapes=SHAPES, steps=3)
    for many, one in zip(together, alone, strict=True):
        torch.testing.assert_close(many[1:], one, rtol=0, atol=1e-3)
