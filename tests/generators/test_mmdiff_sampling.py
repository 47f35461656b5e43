import numpy as np
import pytest
import torch
from generators.toy import DATA, SHAPES, Asked, Recorded, distance, toy

from cmmd_gen.diffusion.gaussian import chain
from cmmd_gen.diffusion.schedules import linear
from cmmd_gen.diffusion.spacing import trailing
from cmmd_gen.mmdiff import sampling
from cmmd_gen.mmdiff.objective import objective
from cmmd_gen.noise import Noise
from cmmd_gen.types import Pair


@pytest.fixture(scope="module")
def golden():
    return np.load(DATA / "diffusion_sampling_toy.npz")


@pytest.mark.parametrize(
    ("run", "sampler", "spec"),
    [("ddpm10.uncond", sampling.ancestral, "10"), ("ddim25.uncond", sampling.ddim, "ddim25")],
)
def test_chains_are_the_official_ones(golden, run, sampler, spec):
    steps = chain(linear(), spec)
    noise = Recorded(golden[f"{run}.noise_video"], golden[f"{run}.noise_audio"])
    asked, done = Asked(), []
    pair = sampler(asked, chain=steps, noise=noise, shapes=SHAPES, advance=lambda: done.append(1))
    assert distance(pair, golden[f"{run}.sample_video"], golden[f"{run}.sample_audio"]) <= 1e-5
    assert asked.steps == steps.steps[::-1].tolist()
    assert len(done) == len(steps.steps)


@pytest.mark.parametrize("order", [1, 2])
def test_few_step_against_its_definition(order):
    alpha_bar, steps = linear(), 12
    start = [torch.from_numpy(draw) for draw in _draws(3)]
    asked = Asked()
    pair = sampling.few_step(asked, alpha_bar=alpha_bar, noise=_given(start), shapes=SHAPES, steps=steps, order=order)
    assert asked.steps == trailing(1000, steps).tolist()

    levels = [*alpha_bar[trailing(1000, steps)].tolist(), 1.0]
    x, before, history = [t.double() for t in start], None, []
    for k, n in enumerate(asked.steps):
        signal, noise = levels[k] ** 0.5, (1 - levels[k]) ** 0.5
        eps = toy(*x, torch.full((2,), n))
        x0 = [((a - noise * e) / signal).clamp(-1, 1) for a, e in zip(x, eps, strict=True)]
        history.append(np.log(signal / noise))
        # DDIM with the noise that is left over, plus half of what x0 would change by once more.
        left = [(a - signal * b) / noise for a, b in zip(x, x0, strict=True)]
        x = [levels[k + 1] ** 0.5 * b + (1 - levels[k + 1]) ** 0.5 * e for b, e in zip(x0, left, strict=True)]
        if order == 2 and 0 < k < steps - 1:
            h, h_before = np.log(levels[k + 1] / (1 - levels[k + 1])) / 2 - history[k], history[k] - history[k - 1]
            weight = levels[k + 1] ** 0.5 * (1 - np.exp(-h)) * h / h_before / 2
            x = [a + weight * (b - c) for a, b, c in zip(x, x0, before, strict=True)]
        before = x0
    assert distance(pair, *(a.numpy() for a in x)) < 1e-5
    assert max(side.abs().max() for side in pair) <= 1


@pytest.mark.parametrize(
    ("sampler", "settings"),
    [
        (sampling.ancestral, {"chain": chain(linear(), "10")}),
        (sampling.ddim, {"chain": chain(linear(), "ddim10")}),
        (sampling.dpm_solver, {"alpha_bar": linear(), "evaluations": 6}),
        (sampling.few_step, {"alpha_bar": linear(), "steps": 5}),
    ],
)
def test_a_clip_does_not_depend_on_its_batch(sampler, settings):
    together = sampler(toy, noise=Noise([5, 6, 7]), shapes=SHAPES, **settings)
    alone = sampler(toy, noise=Noise([6]), shapes=SHAPES, **settings)
    for many, one in zip(together, alone, strict=True):
        assert torch.equal(many[1:2], one)
        assert many.dtype == torch.float32
    assert not torch.equal(together.audio[0], together.audio[1])


def test_a_perfect_model_of_one_point_finds_it():
    target = Pair(torch.full((1, *SHAPES[0]), 0.25), torch.full((1, *SHAPES[1]), -0.5))
    alpha_bar = torch.from_numpy(linear())

    def perfect(video, audio, n):
        level = alpha_bar[n[0]].float()
        return Pair(
            *((x - level.sqrt() * x0) / (1 - level).sqrt() for x, x0 in zip((video, audio), target, strict=True))
        )

    steps = chain(linear(), "ddim10")
    for pair in (
        sampling.ancestral(perfect, chain=steps, noise=Noise([1]), shapes=SHAPES),
        sampling.ddim(perfect, chain=steps, noise=Noise([1]), shapes=SHAPES),
        sampling.few_step(perfect, alpha_bar=linear(), noise=Noise([1]), shapes=SHAPES, steps=4),
    ):
        assert distance(pair, *(side.numpy() for side in target)) < 1e-4


def test_samplers_build_no_graph():
    weight = torch.ones((), requires_grad=True)

    def learned(video, audio, n):
        return Pair(*(weight * side for side in toy(video, audio, n)))

    for pair in (
        sampling.ddim(learned, chain=chain(linear(), "10"), noise=Noise([1]), shapes=SHAPES),
        sampling.few_step(learned, alpha_bar=linear(), noise=Noise([1]), shapes=SHAPES, steps=2),
        sampling.dpm_solver(learned, alpha_bar=linear(), noise=Noise([1]), shapes=SHAPES, evaluations=2),
    ):
        assert not any(side.requires_grad for side in pair)


def test_the_objective_is_the_official_one(golden):
    pair, noise = (
        Pair(*(torch.from_numpy(golden[f"{kind}_{side}"]) for side in ("video", "audio")))
        for kind in ("cond", "train.noise")
    )
    losses = objective(toy, pair, torch.from_numpy(golden["train.t"]), noise, torch.from_numpy(linear()))
    np.testing.assert_allclose(losses.video.numpy(), golden["train.mse_video"], rtol=1e-5)
    np.testing.assert_allclose(losses.audio.numpy(), golden["train.mse_audio"], rtol=1e-5)
    np.testing.assert_allclose((losses.video + losses.audio).numpy(), golden["train.loss"], rtol=1e-5)


def test_the_objective_of_a_model_that_says_nothing_is_one():
    pair, noise = (Pair(torch.randn(64, *SHAPES[0]), torch.randn(64, *SHAPES[1])) for _ in range(2))
    n = torch.randint(1000, (64,))
    losses = objective(lambda v, a, n: Pair(0 * v, 0 * a), pair, n, noise, torch.from_numpy(linear()))
    assert losses.video.shape == losses.audio.shape == (64,)
    assert losses.video.mean() == pytest.approx(1, abs=0.1)
    assert losses.audio.mean() == pytest.approx(1, abs=0.1)


def _draws(seed):
    source = np.random.default_rng(seed)
    return [source.standard_normal((2, *shape)).astype(np.float32) for shape in SHAPES]


def _given(start):
    return Recorded(*(side.numpy()[None] for side in start))
