import io
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from torch.distributions import Normal, kl_divergence

from cmmd_gen.diffusion.gaussian import chain
from cmmd_gen.diffusion.schedules import linear
from cmmd_gen.diffusion.velocity import noised
from cmmd_gen.noise import Noise
from cmmd_gen.superres import objective, sampling
from cmmd_gen.superres.config import SuperresConfig
from cmmd_gen.superres.parametrization import estimated, hidden, limited, log_variance, shown, target
from cmmd_gen.superres.sampling import upscale
from cmmd_gen.superres.spoiling import GREY, Spoiling, shrunk, spoiled, through_jpeg
from cmmd_gen.superres.unet import SuperresUNet, enlarged

FRAMES = SuperresConfig(size=8, width=4, multipliers=(1, 2), blocks=1, attention=(2,), heads=2, groups=2, factor=2)
DETAIL = replace(FRAMES, detail=0.2, patch=2)
BOTH = pytest.mark.parametrize("config", [FRAMES, DETAIL], ids=["noise in frames", "detail itself"])


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def frames(count: int, size: int, seed: int = 0) -> torch.Tensor:
    """8-bit frames (count, 3, size, size) with black and white among them."""
    levels = torch.randint(256, (count, 3, size, size), generator=torch.Generator().manual_seed(seed))
    levels.flatten()[:2] = torch.tensor([0, 255])
    return levels / 127.5 - 1


def network(config: SuperresConfig, seed: int = 0) -> SuperresUNet:
    torch.manual_seed(seed)
    unet = SuperresUNet(config).eval()
    for parameter in unet.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return unet


# What the network's numbers stand for


@BOTH
def test_a_network_that_knows_gives_the_truth(config):
    large = frames(3, 8)
    small = shrunk(large, 2, "area")
    x0, eps = hidden(large, small, config), random(3, 3, 8, 8)
    torch.testing.assert_close(shown(x0, small, config), large, atol=1e-6, rtol=0)
    level = torch.from_numpy(linear())[torch.tensor([0, 300, 700])]
    x = noised(x0, eps, level)
    found = estimated(x, target(x0, eps, config), level, config)
    torch.testing.assert_close(found, x0, atol=1e-4, rtol=1e-4)


def test_a_detail_network_that_knows_nothing_gives_smooth_frames():
    small = shrunk(frames(2, 8), 2, "area")
    torch.testing.assert_close(shown(torch.zeros(2, 3, 8, 8), small, DETAIL), enlarged(small, 2))


@BOTH
def test_limits_are_those_of_pixels(config):
    small = shrunk(frames(2, 8), 2, "area")
    x0 = 50 * random(2, 3, 8, 8)
    seen = shown(limited(x0, small, config), small, config)
    torch.testing.assert_close(seen, shown(x0, small, config).clamp(-1, 1), atol=1e-5, rtol=0)


def test_variances_lie_between_the_bounds_at_minus_one_and_one():
    low, high = torch.tensor([-9.0, -5.0]).double(), torch.tensor([-3.0, -1.0]).double()
    placed = torch.tensor([-1.0, 0.0, 1.0]).expand(2, 1, 1, 3)
    assert log_variance(placed, low, high)[:, 0, 0].tolist() == [[-9, -6, -3], [-5, -3, -1]]


# The objective


def reference_bound(said, x, x0, n):
    """L_n of one sample, in bits, straight from the definitions, in float64 and with distributions of torch."""
    alpha_bar = linear()
    before = alpha_bar[n - 1] if n else 1.0
    beta = 1 - alpha_bar[n] / before
    said, x, x0 = said.double(), x.double(), x0.double()
    a, s = math.sqrt(alpha_bar[n]), math.sqrt(1 - alpha_bar[n])
    guess = (x - s * said[:3]) / a

    def posterior_mean(clean):
        return (math.sqrt(before) * beta * clean + math.sqrt(1 - beta) * (1 - before) * x) / (1 - alpha_bar[n])

    variance = beta * (1 - before) / (1 - alpha_bar[n])
    if n == 0:
        second = 1 - alpha_bar[1] / alpha_bar[0]
        variance = second * (1 - alpha_bar[0]) / (1 - alpha_bar[1])
    share = (said[3:] + 1) / 2
    deviation = torch.exp(0.5 * (share * math.log(beta) + (1 - share) * math.log(variance)))
    if n:
        true = Normal(posterior_mean(x0), math.sqrt(variance))
        return float(kl_divergence(true, Normal(posterior_mean(guess), deviation)).mean()) / math.log(2)
    step = Normal(posterior_mean(guess), deviation)
    total, levels = 0.0, torch.round((x0 + 1) * 127.5)
    upper, lower = step.cdf((levels + 0.5) / 127.5 - 1), step.cdf((levels - 0.5) / 127.5 - 1)
    for level, up, down in zip(levels.flatten(), upper.flatten(), lower.flatten(), strict=True):
        mass = (1.0 if level == 255 else float(up)) - (0.0 if level == 0 else float(down))
        total -= math.log2(max(mass, 1e-12))
    return total / levels.numel()


@pytest.mark.parametrize("n", [0, 1, 400, 999])
def test_the_bound_against_its_definition(n):
    x0, eps = frames(2, 8), random(2, 3, 8, 8)
    tables, steps = objective.tables(chain(linear())), torch.tensor([n, n])
    x = noised(x0, eps, tables.alpha_bar[steps])
    said = torch.cat([eps + 0.1 * random(2, 3, 8, 8, seed=1), random(2, 3, 8, 8, seed=2)], 1)
    found = objective.bound(said, x, x0, steps, tables, FRAMES)
    expected = [reference_bound(said[i], x[i], x0[i], n) for i in range(2)]
    assert found.tolist() == pytest.approx(expected, rel=2e-3, abs=1e-5)


def test_the_bound_is_zero_for_the_posterior_itself_and_teaches_only_the_variance():
    x0, eps = frames(2, 8), random(2, 3, 8, 8)
    tables, n = objective.tables(chain(linear())), torch.tensor([100, 600])
    x = noised(x0, eps, tables.alpha_bar[n])
    said = torch.cat([eps, torch.full((2, 3, 8, 8), -1.0)], 1)
    assert objective.bound(said, x, x0, n, tables, FRAMES).tolist() == pytest.approx([0, 0], abs=1e-4)
    wrong = (said + 0.3).requires_grad_()
    objective.bound(wrong, x, x0, n, tables, FRAMES).sum().backward()
    assert not wrong.grad[:, :3].any()
    assert wrong.grad[:, 3:].all()


def test_the_objective_is_the_error_of_the_noise_and_the_bound_or_that_of_the_detail():
    x0, eps, x = frames(2, 8), random(2, 3, 8, 8), random(2, 3, 8, 8, seed=3)
    tables, n = objective.tables(chain(linear())), torch.tensor([100, 600])
    said = random(2, 6, 8, 8, seed=4)
    simple, vlb = objective.objective(said, x, x0, eps, n, tables, FRAMES)
    assert float(simple) == pytest.approx(float(((said[:, :3] - eps) ** 2).mean()))
    assert float(vlb) == pytest.approx(float(objective.bound(said, x, x0, n, tables, FRAMES).mean()))
    simple, vlb = objective.objective(said[:, :3], x, x0, eps, n, tables, DETAIL)
    assert float(simple) == pytest.approx(float(((said[:, :3] - x0) ** 2).mean()))
    assert vlb is None


def test_masses_of_all_grey_levels_sum_to_one():
    levels = torch.arange(256) / 127.5 - 1
    for mean, deviation in ((0.0, 0.3), (-0.99, 0.05), (1.2, 0.5)):
        found = objective.pixel_log_likelihood(levels, torch.tensor(mean), torch.tensor(2 * math.log(deviation)))
        assert float(found.double().exp().sum()) == pytest.approx(1, abs=1e-4)
    # Impossible pixels cost what the floor says, and no more.
    far = objective.pixel_log_likelihood(torch.tensor(0.0), torch.tensor(0.9), torch.tensor(-20.0))
    assert float(far) == pytest.approx(math.log(1e-12))


# Small frames for training


def test_shrinking():
    large = frames(2, 8)
    area = shrunk(large, 4, "area")
    assert float(area[1, 2, 1, 0]) == pytest.approx(float(large[1, 2, 4:8, 0:4].mean()), abs=1e-6)
    ramp = torch.linspace(-0.5, 0.5, 16).expand(1, 3, 16, 16)
    # Inside, four cubic taps give a straight line back: pixel 1 of 4 lies at 5.5 of the 16.
    assert float(shrunk(ramp, 4, "bicubic")[0, 0, 0, 1]) == pytest.approx(-0.5 + 5.5 / 15, abs=1e-6)
    checkers = torch.sign(random(1, 3, 16, 16))
    assert shrunk(checkers, 4, "bicubic").abs().max() <= 1


def test_noise_has_the_frequency_and_range_it_should():
    grey = torch.zeros(2000, 3, 8, 8)
    how = Spoiling(shrink="area", jpeg=0.0)
    found = spoiled(grey, 1, how, torch.Generator().manual_seed(0)).flatten(1)
    deviations = found.std(1, correction=0) / GREY
    noisy = deviations > 0
    assert 0.45 < float(noisy.float().mean()) < 0.55
    assert found.mean(1)[noisy].abs().max() < 5 * 20 * GREY / math.sqrt(192)
    # Even from 0 to 20: mean 10, variance 20^2 / 12; 192 pixels know their own deviation to 5 %.
    assert float(deviations[noisy].mean()) == pytest.approx(10, abs=0.6)
    assert float(deviations[noisy].std()) == pytest.approx(20 / math.sqrt(12), abs=0.4)
    assert deviations.max() < 20 * 1.25


def test_jpeg_has_the_frequency_and_qualities_it_should(monkeypatch):
    asked = []
    module = "cmmd_gen.superres.spoiling.through_jpeg"
    monkeypatch.setattr(module, lambda frame, quality: asked.append(quality) or frame)
    spoiled(torch.zeros(2000, 3, 2, 2), 1, Spoiling(shrink="area", noise=0.0), torch.Generator().manual_seed(0))
    assert 900 < len(asked) < 1100
    assert min(asked) == 20
    assert max(asked) == 79
    assert np.mean(asked) == pytest.approx(49.5, abs=2)


def test_jpeg_is_that_of_pillow_and_gets_worse_with_quality():
    frame = frames(1, 16)[0]
    pixels = ((frame + 1) * 127.5).round().to(torch.uint8).permute(1, 2, 0).numpy()
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "jpeg", quality=35)
    expected = np.asarray(Image.open(stream)).astype(np.float32) / 127.5 - 1
    assert np.abs(through_jpeg(frame, 35).permute(1, 2, 0).numpy() - expected).max() < 1e-6
    errors = [float((through_jpeg(frame, quality) - frame).square().mean()) for quality in (95, 60, 20)]
    assert errors[0] < errors[1] < errors[2]
    assert through_jpeg(frame * 3, 90).abs().max() <= 1


def test_without_luck_small_frames_are_only_shrunk():
    large, clean = frames(3, 8), Spoiling(shrink="area", noise=0.0, jpeg=0.0)
    assert torch.equal(spoiled(large, 2, clean, torch.Generator()), shrunk(large, 2, "area"))
    one, two = (spoiled(large, 2, Spoiling(), torch.Generator().manual_seed(s)) for s in (5, 5))
    assert torch.equal(one, two)


@pytest.mark.parametrize(
    ("change", "told"),
    [({"noise": 1.5}, "noise must be a probability"), ({"jpeg": -1}, "jpeg"), ({"quality": (80, 20)}, "quality")],
)
def test_spoilings_that_are_none(change, told):
    with pytest.raises(ValueError, match=told):
        Spoiling(**change)


# Sampling


def reference_upscale(unet, small, start, count):
    """DDIM of one frame in float64 state, from the definitions; `count` divides 1000."""
    alpha_bar, config = linear(), unet.config
    x, smooth = start.double()[None], enlarged(small[None], config.factor).double()
    visited = list(range(0, 1000, 1000 // count))
    for k in reversed(range(count)):
        level, after = alpha_bar[visited[k]], alpha_bar[visited[k - 1]] if k else 1.0
        said = unet(x.float(), small[None], torch.tensor([visited[k]]))[:, :3].double()
        if config.detail is None:
            x0 = ((x - math.sqrt(1 - level) * said) / math.sqrt(level)).clamp(-1, 1)
        else:
            x0 = ((smooth + config.detail * said).clamp(-1, 1) - smooth) / config.detail
        eps = (x - math.sqrt(level) * x0) / math.sqrt(1 - level)
        x = math.sqrt(after) * x0 + math.sqrt(1 - after) * eps
    return (x if config.detail is None else smooth + config.detail * x)[0]


@BOTH
@pytest.mark.parametrize("count", [2, 10])
def test_upscaling_against_its_definition(config, count):
    unet = network(config)
    video = frames(4, 4).reshape(2, 2, 3, 4, 4)
    found = upscale(unet, video, Noise([7, 8]), f"ddim{count}")
    assert found.shape == (2, 2, 3, 8, 8)
    assert found.abs().max() <= 1
    starts = Noise([7, 8]).normal(3, 8, 8)
    with torch.no_grad():
        for b in range(2):
            for f in range(2):
                # Every frame of a clip starts from the same noise.
                expected = reference_upscale(unet, video[b, f], starts[b], count)
                torch.testing.assert_close(found[b, f].double(), expected, atol=2e-3, rtol=0)


def test_a_clip_does_not_depend_on_those_beside_it(monkeypatch):
    unet, video = network(DETAIL), frames(9, 4).reshape(3, 3, 3, 4, 4)
    whole = upscale(unet, video, Noise([1, 2, 3]), "ddim5")
    for b in range(3):
        assert torch.equal(upscale(unet, video[b : b + 1], Noise([b + 1]), "ddim5")[0], whole[b])
    assert not torch.equal(upscale(unet, video[:1], Noise([9]), "ddim5")[0], whole[0])
    monkeypatch.setattr(sampling, "PIXELS", 2 * 64)
    torch.testing.assert_close(upscale(unet, video, Noise([1, 2, 3]), "ddim5"), whole, atol=1e-4, rtol=0)


def test_equal_frames_stay_equal():
    video = frames(1, 4).expand(1, 4, 3, 4, 4)
    made = upscale(network(FRAMES), video, Noise([0]), "ddim5")
    torch.testing.assert_close(made[0, 1:], made[0, :1].expand(3, -1, -1, -1), atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("shape", "seeds", "spec", "told"),
    [
        ((1, 3, 4, 4), [0], "ddim5", r"video must be \(B, F, 3, h, w\).*\(1, 3, 4, 4\)"),
        ((1, 2, 1, 4, 4), [0], "ddim5", "video must be"),
        ((1, 0, 3, 4, 4), [0], "ddim5", "not empty"),
        ((1, 2, 3, 5, 4), [0], "ddim5", "multiples of 4 .the patch and the levels., got 10 and 8"),
        ((2, 2, 3, 4, 4), [0], "ddim5", "one source per clip, got 1 for 2 clips"),
        ((1, 2, 3, 4, 4), [0], "ddim300", "no whole stride"),
        ((1, 2, 3, 4, 4), [0], "quick", 'spec must be "ddim"'),
    ],
)
def test_what_cannot_be_upscaled(shape, seeds, spec, told):
    with pytest.raises(ValueError, match=told):
        upscale(network(DETAIL), torch.zeros(shape), Noise(seeds), spec)


def test_whole_numbers_are_no_video():
    with pytest.raises(ValueError, match=r"floating point.*torch.uint8"):
        upscale(network(FRAMES), torch.zeros(1, 1, 3, 4, 4, dtype=torch.uint8), Noise([0]))
