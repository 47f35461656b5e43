from itertools import pairwise

import numpy as np
import pytest
import torch
from generators.toy import DATA, SHAPES, Asked, Recorded, distance, toy
from torch import nn

from cmmd_gen.diffusion.gaussian import chain
from cmmd_gen.diffusion.schedules import linear
from cmmd_gen.diffusion.spacing import trailing
from cmmd_gen.mmdiff.conditional import PUBLISHED_SCALE, conditional, conditional_few_step, corrected_scale
from cmmd_gen.noise import Noise
from cmmd_gen.types import Pair

LINEAR = linear()
TEN = chain(LINEAR, "10")
SIDES = {"v2a": ("video", "audio"), "a2v": ("audio", "video")}


@pytest.fixture(scope="module")
def golden():
    return np.load(DATA / "diffusion_sampling_toy.npz")


def _condition(golden, task):
    return torch.from_numpy(golden[f"cond_{SIDES[task][0]}"])


def _recorded(golden, run):
    return Recorded(golden[f"{run}.noise_video"], golden[f"{run}.noise_audio"])


@pytest.mark.parametrize(
    ("task", "name", "settings"),
    [
        ("v2a", "replace", {}),
        ("a2v", "replace", {}),
        ("v2a", "grad3", {"guidance": "gradient", "scale": 3.0}),
        ("a2v", "grad3", {"guidance": "gradient", "scale": 3.0}),
        ("v2a", "grad3_fp16flag", {"guidance": "gradient", "scale": 3.0, "fp16_flag": True}),
    ],
)
def test_official_runs(golden, task, name, settings):
    run = f"ddpm10.{task}_{name}"
    asked, done = Asked(), []
    pair = conditional(
        asked,
        task,
        _condition(golden, task),
        chain=TEN,
        noise=_recorded(golden, run),
        shapes=SHAPES,
        quirks="official",
        advance=lambda: done.append(1),
        **settings,
    )
    assert distance(pair, golden[f"{run}.sample_video"], golden[f"{run}.sample_audio"]) <= 1e-4
    assert asked.steps == TEN.steps[::-1].tolist()
    assert len(done) == 10
    assert not any(side.requires_grad for side in pair)


@pytest.mark.parametrize("task", SIDES)
def test_the_corrected_scale_guides_as_strongly_as_the_published_one(golden, task):
    condition = _condition(golden, task)
    # Weak enough for the toy, which the published strength would throw out of its range.
    weak = PUBLISHED_SCALE / 2**16
    batch, elements = len(condition), condition[0].numel()
    published, corrected = (
        conditional(
            toy,
            task,
            condition,
            chain=TEN,
            noise=_recorded(golden, f"ddpm10.{task}_grad3"),
            shapes=SHAPES,
            guidance="gradient",
            **settings,
        )
        for settings in (
            {"scale": weak, "quirks": "official", "fp16_flag": True},
            {"scale": corrected_scale(weak, batch=batch, elements=elements)},
        )
    )
    side = SIDES[task][1]
    torch.testing.assert_close(getattr(published, side), getattr(corrected, side), atol=1e-5, rtol=0)


@pytest.mark.parametrize("task", SIDES)
def test_fixed_is_official_but_for_its_units(golden, task):
    run = f"ddpm10.{task}_grad3"
    condition = _condition(golden, task)
    pair = conditional(
        toy,
        task,
        condition,
        chain=TEN,
        noise=_recorded(golden, run),
        shapes=SHAPES,
        guidance="gradient",
        scale=3.0 / condition.numel(),
    )
    given, made = SIDES[task]
    np.testing.assert_allclose(getattr(pair, made).numpy(), golden[f"{run}.sample_{made}"], atol=1e-5)
    assert torch.equal(getattr(pair, given), condition)


def _run(denoiser, task, condition, seeds, **settings):
    if "steps" in settings:
        return conditional_few_step(
            denoiser, task, condition, alpha_bar=LINEAR, noise=Noise(seeds), shapes=SHAPES, **settings
        )
    return conditional(denoiser, task, condition, chain=TEN, noise=Noise(seeds), shapes=SHAPES, **settings)


GRADIENT = {"guidance": "gradient", "scale": 0.5}


@pytest.mark.parametrize("task", SIDES)
@pytest.mark.parametrize("settings", [{}, GRADIENT, {"steps": 6}, {"steps": 6, **GRADIENT}, {"steps": 6, "order": 1}])
def test_a_clip_does_not_depend_on_its_batch(task, settings):
    condition = 0.5 * torch.randn(3, *SHAPES[0 if task == "v2a" else 1], generator=torch.Generator().manual_seed(0))
    together = _run(toy, task, condition, [5, 6, 7], **settings)
    alone = _run(toy, task, condition[1:2], [6], **settings)
    for many, one in zip(together, alone, strict=True):
        torch.testing.assert_close(many[1:2], one, rtol=0, atol=1e-6)
    assert torch.equal(getattr(together, SIDES[task][0]), condition)


@pytest.mark.parametrize("settings", [{}, {"steps": 6}])
def test_vanishing_guidance_is_replacement(golden, settings):
    condition = _condition(golden, "v2a")
    replaced = _run(toy, "v2a", condition, [1, 2], **settings)
    guided = _run(toy, "v2a", condition, [1, 2], guidance="gradient", scale=1e-9, **settings)
    torch.testing.assert_close(guided.audio, replaced.audio, rtol=0, atol=1e-6)


def _bent(video, audio, n):
    """Coupled without being linear, and never so large that x0 is clipped."""
    v = 0.3 * torch.tanh(video * (1 + audio.mean((1, 2)))[:, None, None, None, None])
    a = 0.4 * torch.sin(audio + video.mean((1, 2, 3, 4))[:, None, None])
    return Pair(v, a + 0.1 * audio.square().mean((1, 2), keepdim=True))


def _slope(loss, x, direction, step):
    return (loss(x + step * direction) - loss(x - step * direction)) / (2 * step)


@pytest.mark.parametrize("task", SIDES)
def test_the_guidance_gradient_against_finite_differences(task):
    """The push at the first step is -scale sqrt(alpha_bar) times the slope of the loss, written out here again."""
    # Little noise, so that x0 stays inside [-1, 1] and the loss is smooth.
    schedule = np.linspace(0.9, 0.6, 4)
    steps, i = chain(schedule), 3
    g = np.random.default_rng(0)
    draws = Recorded(*(g.standard_normal((4, 2, *shape)) for shape in SHAPES))
    kept = {side: list(draw) for side, draw in draws.left.items()}
    condition = torch.from_numpy(g.uniform(-0.5, 0.5, (2, *SHAPES[0 if task == "v2a" else 1])))
    c, m = (0, 1) if task == "v2a" else (1, 0)
    z, fresh = (torch.from_numpy(kept[SHAPES[c]][k]) for k in (0, 1))
    start = torch.from_numpy(kept[SHAPES[m]][0])

    inputs = {}
    for scale in (0.0, 2.0):
        asked = Asked(_bent)
        conditional(
            asked,
            task,
            condition,
            chain=steps,
            noise=Recorded(*(np.stack(kept[shape]) for shape in SHAPES)),
            shapes=SHAPES,
            guidance="gradient" if scale else "replacement",
            scale=scale,
        )
        inputs[scale] = asked.inputs[1][m]
    push = inputs[2.0] - inputs[0.0]
    gradient = -push / (2.0 * schedule[i] ** 0.5)

    level, below, beta = (float(table[i]) for table in (steps.alpha_bar, steps.alpha_bar_before, steps.beta))

    def loss(x):
        c_n = level**0.5 * condition + (1 - level) ** 0.5 * z
        eps = _bent(c_n, x, None)[c] if c == 0 else _bent(x, c_n, None)[c]
        x0 = ((c_n - (1 - level) ** 0.5 * eps) / level**0.5).clamp(-1, 1)
        mean = beta * below**0.5 / (1 - level) * x0 + (1 - below) * (1 - beta) ** 0.5 / (1 - level) * c_n
        reference = below**0.5 * condition + (1 - below) ** 0.5 * z
        return float((mean + beta**0.5 * fresh - reference).square().sum())

    for _ in range(3):
        direction = torch.from_numpy(g.standard_normal(start.shape))
        claimed = float((gradient * direction).sum())
        assert claimed == pytest.approx(_slope(loss, start, direction, 1e-5), rel=1e-2)
        assert claimed != 0


@pytest.mark.parametrize("task", SIDES)
@pytest.mark.parametrize("order", [1, 2])
def test_few_step_guidance_is_reconstruction_guidance(task, order):
    """Against Ho et al.'s formula on x0 with w_r = 2 scale, its gradient by automatic differentiation of x0^c."""
    scale, count = 0.3, 5
    c, m = (0, 1) if task == "v2a" else (1, 0)
    g = np.random.default_rng(3)
    start = [torch.from_numpy(g.standard_normal((2, *shape))) for shape in SHAPES]
    condition = torch.from_numpy(g.uniform(-0.5, 0.5, (2, *SHAPES[c])))
    pair = conditional_few_step(
        _bent,
        task,
        condition,
        alpha_bar=LINEAR,
        noise=Recorded(*(side.numpy()[None] for side in start)),
        shapes=SHAPES,
        steps=count,
        order=order,
        guidance="gradient",
        scale=scale,
    )

    levels = [*LINEAR[trailing(1000, count)].tolist(), 1.0]
    lams = [np.log(level / (1 - level)) / 2 for level in levels[:-1]]
    x, before = start[m], None
    for k, (level, below) in enumerate(pairwise(levels)):
        signal, noise = level**0.5, (1 - level) ** 0.5
        x = x.detach().requires_grad_()
        now = [None, None]
        now[c], now[m] = signal * condition + noise * start[c], x
        x0 = [(side - noise * eps) / signal for side, eps in zip(now, _bent(*now, None), strict=True)]
        (gradient,) = torch.autograd.grad((condition - x0[c]).square().sum(), x)
        made = (x0[m] - 2 * scale * signal / 2 * gradient).clamp(-1, 1).detach()
        eps = (x.detach() - signal * made) / noise
        x = below**0.5 * made + (1 - below) ** 0.5 * eps
        if order == 2 and 0 < k < count - 1:
            h, h_before = lams[k + 1] - lams[k], lams[k] - lams[k - 1]
            x = x + below**0.5 * (1 - np.exp(-h)) * h / h_before / 2 * (made - before)
        before = made
    torch.testing.assert_close(pair[m], x, rtol=0, atol=1e-9)


def test_guidance_brings_the_prediction_to_the_condition(golden):
    """What few-step guidance is for: with it, the model finds the given side less surprising."""
    condition = _condition(golden, "v2a")

    def surprise(scale):
        asked, errors = Asked(), []
        settings = {"guidance": "gradient", "scale": scale} if scale else {}
        _run(asked, "v2a", condition, [1, 2], steps=10, **settings)
        z = Noise([1, 2]).normal(*SHAPES[0])
        for video, audio, n in asked.inputs[1:]:
            errors.append(float((toy(video, audio, n).video - z).square().sum()))
        return np.mean(errors)

    values = [surprise(scale) for scale in (0.0, 1.0, 10.0)]
    assert values[0] > values[1] > values[2]


def test_guided_samples_come_to_the_true_conditional_mean():
    """Of a Gaussian pair with its exact model: what replacement leaves is far more than what a few guided steps do."""
    size, batch = 24, 64
    g = torch.Generator().manual_seed(0)
    mixing = 0.12 * torch.randn(2 * size, 6, generator=g, dtype=torch.float64)
    covariance = mixing @ mixing.T + 0.03**2 * torch.eye(2 * size)
    values, vectors = torch.linalg.eigh(covariance)
    alpha_bar = torch.from_numpy(LINEAR)

    def exact(video, audio, n):
        level = alpha_bar[n[0]]
        x = torch.cat([video.flatten(1), audio.flatten(1)], dim=1).double()
        eps = (1 - level).sqrt() * ((x @ vectors) / (level * values + 1 - level)) @ vectors.T
        return Pair(
            *(part.reshape(side.shape).to(side) for part, side in zip(eps.split(size, 1), (video, audio), strict=True))
        )

    given = (torch.randn(batch, 6, generator=g, dtype=torch.float64) @ mixing.T)[:, :size]
    mean = given @ torch.linalg.solve(covariance[:size, :size], covariance[:size, size:])
    shapes = (2, 3, 2, 2), (1, size)
    condition = given.reshape(batch, *shapes[0]).float()

    def error(steps, **settings):
        pair = conditional_few_step(
            exact, "v2a", condition, alpha_bar=LINEAR, noise=Noise(range(batch)), shapes=shapes, steps=steps, **settings
        )
        return float((pair.audio.flatten(1) - mean).square().mean())

    replaced = error(20)
    for steps, scale in ((20, 1.0), (20, 3.0), (50, 1.0), (50, 3.0)):
        assert error(steps, guidance="gradient", scale=scale) < replaced / 5


class _Learned(nn.Module):
    def __init__(self):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(()))
        self.still = nn.Parameter(torch.ones(()), requires_grad=False)
        self.seen = []

    def forward(self, video, audio, n):
        self.seen.append(self.gain.requires_grad)
        return Pair(*(self.gain * side for side in toy(video, audio, n)))


@pytest.mark.parametrize("settings", [GRADIENT, {"steps": 3, **GRADIENT}])
def test_parameters_are_frozen_meanwhile(golden, settings):
    model = _Learned()
    _run(model, "v2a", _condition(golden, "v2a"), [1, 2], **settings)
    assert not any(model.seen)
    assert model.gain.requires_grad
    assert not model.still.requires_grad
    assert model.gain.grad is None


def test_what_does_not_fit_is_refused(golden):
    condition = _condition(golden, "v2a")
    for settings in (
        {"scale": 3.0},
        {"guidance": "gradient"},
        {"guidance": "gradient", "scale": -1.0},
        {"guidance": "gradient", "scale": float("nan")},
    ):
        for few in ({}, {"steps": 3}):
            with pytest.raises(ValueError, match='scale must be 0 for "replacement" and above 0 for "gradient"'):
                _run(toy, "v2a", condition, [1, 2], **settings, **few)
    with pytest.raises(ValueError, match="fp16_flag needs"):
        _run(toy, "v2a", condition, [1, 2], fp16_flag=True, **GRADIENT)
    for few in ({}, {"steps": 3}):
        with pytest.raises(ValueError, match=r"condition must have the shape of its noise, \(2, 1, 32\)"):
            _run(toy, "a2v", condition, [1, 2], **few)
