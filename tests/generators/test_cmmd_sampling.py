"""Sampling of pairs: the published states, a plain form of every method, the gradient of guidance, independence."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from generators.known_denoisers import ALPHA_BAR, Recorded, Start, gaussian_pair, published_toy
from generators.made import TWO_LEVELS
from torch import Tensor, nn

from cmmd_gen.cmmd.sampling import reconstruction_gradient, sample
from cmmd_gen.cmmd.unet import CMMDUNet
from cmmd_gen.diffusion.schedules import cosine
from cmmd_gen.diffusion.velocity import eps_from_velocity, noised, x0_from_velocity
from cmmd_gen.noise import Noise
from cmmd_gen.types import Pair

FIXTURE = Path(__file__).parents[1] / "data" / "generators" / "vpred_ddim_reference.npz"
STEP_OF_TRACE = (1, 100, 199, 200)
SMALL = replace(TWO_LEVELS, frames=5, latent_size=4, mel_length=12, mel_bands=10)
SHAPES = (SMALL.video_shape, SMALL.audio_shape)


def awake(seed: int = 0) -> CMMDUNet:
    """A small network whose zeros have been replaced, so that every part of it speaks."""
    torch.manual_seed(seed)
    network = CMMDUNet(SMALL).eval()
    with torch.no_grad():
        for weight in network.parameters():
            if not weight.any():
                weight.copy_(torch.randn_like(weight) / math.sqrt(weight[0].numel()))
    return network


def clean(side: int, batch: int) -> Tensor:
    return Noise(range(100, 100 + batch)).normal(*SHAPES[side])


def test_trailing_ddim_follows_the_published_states():
    stored = np.load(FIXTURE)
    toy = Recorded(published_toy)
    out = sample(
        toy,
        "joint",
        alpha_bar=ALPHA_BAR,
        noise=Start(torch.from_numpy(stored["x_init"])),
        shapes=((1, 1, 4, 8), (4, 8)),
    )
    assert toy.steps == stored["ddim200.trailing.timesteps"].tolist()
    visited = [*toy.states[1:], out]
    for step, expected in zip(STEP_OF_TRACE, stored["ddim200.trailing.traj_0_99_198_199"], strict=True):
        np.testing.assert_allclose(visited[step - 1].audio.numpy(), expected, atol=2e-5)
        np.testing.assert_allclose(visited[step - 1].video.numpy().reshape(1, 4, 8), expected, atol=2e-5)


@pytest.mark.parametrize("spacing", ["leading", "linspace"])
def test_the_step_itself_holds_for_other_spacings(spacing):
    # `sample` offers trailing steps only; here its step is walked along the published steps, each landing 5 lower.
    stored = np.load(FIXTURE)
    x, visited = torch.from_numpy(stored["x_init"]), []
    for n in stored[f"ddim200.{spacing}.timesteps"].tolist():
        v = 0.3 * x + 0.1 * math.sin(0.01 * n)
        here, below = ALPHA_BAR[n], ALPHA_BAR[n - 5] if n >= 5 else torch.tensor(1.0)
        x = noised(x0_from_velocity(x, v, here), eps_from_velocity(x, v, here), below)
        visited.append(x)
    for step, expected in zip(STEP_OF_TRACE, stored[f"ddim200.{spacing}.traj_0_99_198_199"], strict=True):
        np.testing.assert_allclose(visited[step - 1].numpy(), expected, atol=2e-5)


def coupling() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    draw = np.random.default_rng(4)
    return tuple(0.4 * draw.standard_normal(shape) for shape in ((6, 6), (6, 8), (8, 6), (8, 8)))


def linear_pair(video: Tensor, audio: Tensor, n: Tensor) -> Pair:
    """Velocities linear in both sides, whose gradients are known on paper: video of 6 values, audio of 8."""
    vv, va, av, aa = (torch.from_numpy(matrix).float() for matrix in coupling())
    v, a = video.flatten(1), audio.flatten(1)
    return Pair((v @ vv.T + a @ va.T).reshape(video.shape), (v @ av.T + a @ aa.T).reshape(audio.shape))


def plain_sampling(task, start, condition, *, steps, guidance, eps_mode, solver, audio_range) -> np.ndarray:
    """The generated side of one sample, in float64: Eq. 3 and 5 written out, and DPM-Solver++ 2M in its own terms."""
    (vv, va, av, aa), ab = coupling(), cosine(1000)
    v, a = (side.double().numpy().ravel() for side in start)
    fixed, known = (v if task == "v2a" else a).copy(), condition.double().numpy().ravel()
    levels = [ab[1000 - 1 - 1000 // steps * i] for i in range(steps)] + [1.0]
    history = []
    for i in range(steps):
        s, t = math.sqrt(levels[i]), math.sqrt(1 - levels[i])
        s2, t2 = math.sqrt(levels[i + 1]), math.sqrt(1 - levels[i + 1])
        if task == "v2a":
            v = s * known + t * fixed
        else:
            a = s * known + t * fixed
        velocity = {"v": vv @ v + va @ a, "a": av @ v + aa @ a}
        x0 = {"v": s * v - t * velocity["v"], "a": s * a - t * velocity["a"]}
        eps = {"v": s * velocity["v"] + t * v, "a": s * velocity["a"] + t * a}
        # The reconstruction is s x - t (coupling @ other + ...), so its derivative by the other side is -t coupling.
        if task == "v2a":
            gradient = 2 * t * va.T @ (known - x0["v"])
            x, mean, noise = a, x0["a"], eps["a"]
        else:
            gradient = 2 * t * av.T @ (known - x0["a"])
            x, mean, noise = v, x0["v"], eps["v"]
        moved = mean - guidance * s * gradient
        if audio_range and task == "v2a":
            moved = np.clip(moved, *audio_range)
        if eps_mode == "rederived":
            noise = (x - s * moved) / t
        if solver == "ddim" or i in (0, steps - 1):
            x = s2 * moved + t2 * noise
        else:
            h, h_before = (math.log(p / q) - math.log(r / u) for p, q, r, u in ((s2, t2, s, t), (s, t, *history[1:])))
            extrapolated = moved + h / (2 * h_before) * (moved - history[0])
            x = t2 / t * (s * moved + t * noise) - s2 * math.expm1(-h) * extrapolated
        history = [moved, s, t]
        if task == "v2a":
            a = x
        else:
            v = x
    return a if task == "v2a" else v


@pytest.mark.parametrize("task", ["v2a", "a2v"])
@pytest.mark.parametrize("solver", ["ddim", "dpm++2m"])
@pytest.mark.parametrize(
    ("guidance", "eps_mode", "audio_range"),
    [
        (0.0, "predicted", None),
        (0.2, "predicted", None),
        (1.0, "rederived", None),
        (0.2, "predicted", (-0.5, 0.4)),
        (0.2, "rederived", (-0.5, 0.4)),
    ],
)
def test_conditional_sampling_is_the_plain_form(task, solver, guidance, eps_mode, audio_range):
    shapes = ((3, 1, 2, 1), (2, 4))
    draws = Noise([7, 8])
    start = Pair(draws.normal(*shapes[0]), draws.normal(*shapes[1]))
    condition = Noise([1, 2]).normal(*shapes[task == "a2v"])
    options = {"steps": 20, "guidance": guidance, "eps_mode": eps_mode, "solver": solver, "audio_range": audio_range}
    out = sample(
        linear_pair, task, alpha_bar=ALPHA_BAR, noise=Noise([7, 8]), shapes=shapes, condition=condition, **options
    )
    made = out.audio if task == "v2a" else out.video
    for index in range(2):
        expected = plain_sampling(task, Pair(start.video[index], start.audio[index]), condition[index], **options)
        np.testing.assert_allclose(made[index].numpy().ravel(), expected, atol=1e-5)
    assert torch.equal(out.video if task == "v2a" else out.audio, condition)


@pytest.mark.parametrize("given", ["video", "audio"])
def test_guidance_gradient_is_the_slope_of_the_reconstruction_error(given):
    network = awake().double()
    state = Pair(*(clean(side, 2).double() for side in (0, 1)))
    target = torch.randn(getattr(state, given).shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    n = torch.tensor([400, 400])
    level = ALPHA_BAR[400]
    _, gradient = reconstruction_gradient(network, state, n, level, given=given, clean=target)

    @torch.no_grad()
    def error(video: Tensor, audio: Tensor) -> float:
        v = network(video, audio, n)
        x, velocity = (video, v.video) if given == "video" else (audio, v.audio)
        return float((target - (level.sqrt() * x - (1 - level).sqrt() * velocity)).square().sum())

    for seed in range(3):
        way = torch.randn(gradient.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        step = 1e-5 * way
        moved = [
            error(state.video, state.audio + sign * step)
            if given == "video"
            else error(state.video + sign * step, state.audio)
            for sign in (1, -1)
        ]
        slope = (moved[0] - moved[1]) / 2e-5
        assert float((gradient * way).sum()) == pytest.approx(slope, rel=1e-4)


@pytest.mark.parametrize("task", ["v2a", "a2v"])
def test_the_condition_keeps_its_noise_at_every_step(task):
    given = 0 if task == "v2a" else 1
    condition = clean(given, 2)
    network = Recorded(awake())
    sample(
        network,
        task,
        alpha_bar=ALPHA_BAR,
        noise=Noise([1, 2]),
        shapes=SHAPES,
        condition=condition,
        steps=4,
        guidance=0.1,
    )
    draws = Noise([1, 2])
    eps = (draws.normal(*SHAPES[0]), draws.normal(*SHAPES[1]))[given]
    assert network.steps == [999, 749, 499, 249]
    for n, state in zip(network.steps, network.states, strict=True):
        assert torch.equal(state[given], noised(condition, eps, ALPHA_BAR[n]))


def test_no_guidance_differentiates_nothing_and_is_replacement_in_either_mode():
    network = Recorded(awake())
    made = [
        sample(
            network,
            "v2a",
            alpha_bar=ALPHA_BAR,
            noise=Noise([1]),
            shapes=SHAPES,
            condition=clean(0, 1),
            steps=5,
            guidance=0.0,
            eps_mode=mode,
        )
        for mode in ("predicted", "rederived")
    ]
    assert not any(network.graphs)
    assert torch.equal(made[0].audio, made[1].audio)


def test_parameters_are_frozen_meanwhile_and_as_before_afterwards():
    network = awake()
    fixed = next(network.parameters()).requires_grad_(False)
    seen = []

    class Watched(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = network

        def forward(self, video: Tensor, audio: Tensor, n: Tensor) -> Pair:
            seen.append(any(weight.requires_grad for weight in self.parameters()))
            if len(seen) > 2:
                raise RuntimeError("enough")
            return self.inner(video, audio, n)

    with pytest.raises(RuntimeError, match="enough"):
        sample(
            Watched(),
            "v2a",
            alpha_bar=ALPHA_BAR,
            noise=Noise([1]),
            shapes=SHAPES,
            condition=clean(0, 1),
            steps=5,
            guidance=1.0,
        )
    assert seen == [False] * 3
    assert [weight for weight in network.parameters() if not weight.requires_grad] == [fixed]
    assert all(weight.grad is None for weight in network.parameters())


@pytest.mark.parametrize(("task", "guidance"), [("joint", 0.0), ("v2a", 0.0), ("v2a", 0.05), ("a2v", 0.05)])
def test_a_sample_does_not_depend_on_the_samples_beside_it(task, guidance):
    network, seeds = awake(), [11, 12, 13, 14]
    condition = {"v2a": clean(0, 4), "a2v": clean(1, 4), "joint": None}[task]

    def made(order: list[int]) -> Pair:
        return sample(
            network,
            task,
            alpha_bar=ALPHA_BAR,
            noise=Noise([seeds[i] for i in order]),
            shapes=SHAPES,
            condition=None if condition is None else condition[order],
            steps=3,
            guidance=guidance,
        )

    together, turned = made([0, 1, 2, 3]), made([2, 0, 3, 1])
    # In batches of one size a place is as good as any other, bit for bit.
    assert torch.equal(together.video[[2, 0, 3, 1]], turned.video)
    assert torch.equal(together.audio[[2, 0, 3, 1]], turned.audio)
    # Between sizes, convolutions and products of matrices round differently.
    for index in range(4):
        alone = made([index])
        torch.testing.assert_close(alone.video[0], together.video[index], atol=2e-5, rtol=1e-5)
        torch.testing.assert_close(alone.audio[0], together.audio[index], atol=2e-5, rtol=1e-5)


def test_a_range_holds_generated_audio_and_nothing_else():
    network = awake()
    options = {"alpha_bar": ALPHA_BAR, "noise": Noise([1, 2]), "shapes": SHAPES, "steps": 6}
    both = sample(network, "joint", **options, audio_range=(-0.3, 0.2))
    assert both.audio.min() >= -0.3
    assert both.audio.max() <= 0.2
    assert both.video.abs().max() > 0.3
    heard = clean(1, 2)
    assert torch.equal(sample(network, "a2v", **options, condition=heard, audio_range=(-0.3, 0.2)).audio, heard)


def test_with_the_exact_denoiser_pairs_have_the_right_distribution_and_guidance_ties_them():
    shapes = ((4000, 1, 1, 1), (1, 4000))
    options = {"alpha_bar": ALPHA_BAR, "shapes": shapes, "steps": 100}

    def correlation(pair: Pair) -> float:
        return float(np.corrcoef(pair.video.numpy().ravel(), pair.audio.numpy().ravel())[0, 1])

    joint = sample(gaussian_pair(0.9), "joint", noise=Noise([1]), **options)
    assert correlation(joint) == pytest.approx(0.9, abs=0.01)
    assert float(joint.audio.std()) == pytest.approx(1, abs=0.03)
    seen = Noise([9]).normal(*shapes[0])
    replaced, guided = (
        sample(gaussian_pair(0.9), "v2a", noise=Noise([1]), condition=seen, guidance=guidance, **options)
        for guidance in (0.0, 0.01)
    )
    # Replacement alone conditions too weakly: the known side's noise never agrees with what is generated.
    assert correlation(replaced) < correlation(guided)


def test_progress_is_told_once_per_step():
    told = []
    sample(
        published_toy,
        "joint",
        alpha_bar=ALPHA_BAR,
        noise=Noise([1]),
        shapes=((1, 1, 1, 1), (1, 1)),
        steps=7,
        advance=lambda: told.append(1),
    )
    assert len(told) == 7


@pytest.mark.parametrize(
    ("task", "condition", "guidance", "says"),
    [
        ("v2a", None, 0.0, "the clean video"),
        ("a2v", None, 0.0, "the clean audio"),
        ("joint", torch.zeros(1, 2, 3), 0.0, "None"),
        ("a2v", torch.zeros(1, 2, 4), 0.0, r"\(1, 2, 3\), got \(1, 2, 4\)"),
        ("v2a", torch.zeros(1, 1, 1, 1, 1), -0.1, "at least 0"),
        ("joint", None, 0.1, "joint"),
    ],
)
def test_wrong_requests_are_refused(task, condition, guidance, says):
    with pytest.raises(ValueError, match=says):
        sample(
            published_toy,
            task,
            alpha_bar=ALPHA_BAR,
            noise=Noise([1]),
            shapes=((1, 1, 1, 1), (2, 3)),
            condition=condition,
            guidance=guidance,
        )


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [("solver", "dpm++", "dpm..2m"), ("eps_mode", "fixed", "rederived"), ("guidance", float("nan"), "at least 0")],
)
def test_unknown_ways_are_refused(option, value, says):
    with pytest.raises(ValueError, match=says):
        sample(
            published_toy,
            "joint",
            alpha_bar=ALPHA_BAR,
            noise=Noise([1]),
            shapes=((1, 1, 1, 1), (2, 3)),
            **{option: value},
        )
