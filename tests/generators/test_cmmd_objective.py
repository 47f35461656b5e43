"""The joint loss and the contrastive loss beside the same formulas written plainly, one sample at a time."""

import math

import numpy as np
import pytest
import torch
from generators.known_denoisers import ALPHA_BAR
from generators.made import TWO_LEVELS
from scipy.stats import chisquare
from torch import Tensor, nn

from cmmd_gen.cmmd.objective import (
    HINGE,
    HINGED_FROM,
    contrastive_loss,
    gradient_ratio,
    joint_loss,
)
from cmmd_gen.cmmd.unet import CMMDUNet
from cmmd_gen.diffusion.steps import draw_steps
from cmmd_gen.diffusion.velocity import velocity
from cmmd_gen.types import Pair

BATCH, STEPS = 3, torch.tensor([20, 500, 930])
VIDEO, AUDIO = (2, 3, 2, 2), (5, 4)


class Coupled(nn.Module):
    """A network small enough to write out: two layers over both sides and the step."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        size = math.prod(VIDEO) + math.prod(AUDIO)
        self.first, self.second = nn.Linear(size + 1, 16), nn.Linear(16, size)

    def forward(self, video: Tensor, audio: Tensor, n: Tensor) -> Pair:
        x = torch.cat([video.flatten(1), audio.flatten(1), n[:, None] / 1000], 1)
        out = self.second(torch.tanh(self.first(x)))
        split = math.prod(VIDEO)
        return Pair(out[:, :split].reshape(video.shape), out[:, split:].reshape(audio.shape))


def pair(seed: int, scale: float = 1.0) -> Pair:
    generator = torch.Generator().manual_seed(seed)
    return Pair(*(scale * torch.randn(BATCH, *shape, generator=generator) for shape in (VIDEO, AUDIO)))


def plain_error(
    network: nn.Module, video: Tensor, audio: Tensor, n: int, eps_video: Tensor, eps_audio: Tensor
) -> Tensor:
    """L of one sample (Eq. 2): (video, audio) mean squares, against the velocities of these very inputs."""
    s, t = math.sqrt(ALPHA_BAR[n]), math.sqrt(1 - ALPHA_BAR[n])
    v = network((s * video + t * eps_video)[None], (s * audio + t * eps_audio)[None], torch.tensor([n]))
    return torch.stack(
        [
            ((v.video[0] - (s * eps_video - t * video)) ** 2).mean(),
            ((v.audio[0] - (s * eps_audio - t * audio)) ** 2).mean(),
        ]
    )


def inputs() -> tuple[Pair, Pair, Pair, Pair]:
    """Positives, negatives, and the noises of either."""
    return pair(1), pair(2, scale=2.0), pair(3), pair(4)


def plain_terms(network: nn.Module) -> Tensor:
    """(3, B, 2): positives, negative videos, negative audios; each sample; error of video and of audio."""
    positive, negative, eps, negative_eps = inputs()
    rows = []
    for video, audio, eps_video, eps_audio in (
        (positive.video, positive.audio, eps.video, eps.audio),
        (negative.video, positive.audio, negative_eps.video, eps.audio),
        (positive.video, negative.audio, eps.video, negative_eps.audio),
    ):
        rows.append(
            torch.stack(
                [
                    plain_error(network, video[i], audio[i], int(STEPS[i]), eps_video[i], eps_audio[i])
                    for i in range(BATCH)
                ]
            )
        )
    return torch.stack(rows)


def gradients(loss: Tensor, network: nn.Module) -> list[Tensor]:
    return list(torch.autograd.grad(loss, list(network.parameters()), retain_graph=True))


def assert_same(found: list[Tensor], expected: list[Tensor], **tolerance: float) -> None:
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, **tolerance)


def evaluate(network, *, eta: float, hinge: float | None = None):
    positive, negative, eps, negative_eps = inputs()
    return contrastive_loss(network, positive, negative, STEPS, eps, negative_eps, ALPHA_BAR, eta=eta, hinge=hinge)


def test_joint_loss_is_the_plain_form():
    network = Coupled()
    positive, _, eps, _ = inputs()
    losses = joint_loss(network, positive, STEPS, eps, ALPHA_BAR)
    torch.testing.assert_close(torch.stack([losses.video, losses.audio], 1), plain_terms(network)[0])


@pytest.mark.parametrize("eta", [0.0, 5e-5, 0.05])
def test_contrastive_loss_and_its_gradient_are_the_plain_form(eta):
    network = Coupled()
    terms = plain_terms(network)
    totals = terms.sum(2)
    expected = (totals[0] - eta * (totals[1] + totals[2])).mean()
    found = evaluate(network, eta=eta, hinge=math.inf)
    torch.testing.assert_close(found.loss, expected)
    for part, plain in zip((found.positive, found.negative_video, found.negative_audio), terms, strict=True):
        torch.testing.assert_close(torch.stack([part.video, part.audio], 1), plain)
    torch.testing.assert_close(found.weighted_negatives, eta * (totals[1] + totals[2]).mean())
    assert found.hinged == 0
    assert_same(gradients(found.loss, network), gradients(expected, network), atol=1e-6, rtol=1e-4)


def test_without_weight_the_gradient_is_that_of_the_joint_loss():
    network = Coupled()
    positive, _, eps, _ = inputs()
    losses = joint_loss(network, positive, STEPS, eps, ALPHA_BAR)
    expected = gradients((losses.video + losses.audio).mean(), network)
    assert_same(gradients(evaluate(network, eta=0.0).loss, network), expected, atol=1e-7, rtol=1e-6)


def test_the_network_is_asked_once_for_all_three_terms():
    asked = []
    network = Coupled()

    def counted(video: Tensor, audio: Tensor, n: Tensor) -> Pair:
        asked.append(n.tolist())
        return network(video, audio, n)

    evaluate(counted, eta=5e-5)
    assert asked == [STEPS.tolist() * 3]


def test_a_hinge_cuts_each_sample_and_stops_its_gradient():
    network, eta = Coupled(), 0.05
    totals = plain_terms(network).sum(2)
    ratios = totals[1:] / totals[0]
    hinge = float(ratios.detach().quantile(0.5))
    cut = ratios > hinge
    assert 0 < cut.sum() < cut.numel()
    expected = (totals[0] - eta * torch.where(cut, hinge * totals[0].detach(), totals[1:]).sum(0)).mean()
    found = evaluate(network, eta=eta, hinge=hinge)
    torch.testing.assert_close(found.loss, expected)
    assert_same(gradients(found.loss, network), gradients(expected, network), atol=1e-6, rtol=1e-4)
    assert found.hinged == pytest.approx(cut.float().mean().item())


def test_with_every_negative_cut_only_the_positives_are_learned():
    network = Coupled()
    positive, _, eps, _ = inputs()
    losses = joint_loss(network, positive, STEPS, eps, ALPHA_BAR)
    found = evaluate(network, eta=0.4, hinge=1e-6)
    assert found.hinged == 1
    assert_same(
        gradients(found.loss, network), gradients((losses.video + losses.audio).mean(), network), atol=1e-7, rtol=1e-6
    )


@pytest.mark.parametrize(("eta", "hinge"), [(5e-5, math.inf), (9e-4, math.inf), (HINGED_FROM, HINGE), (0.05, HINGE)])
def test_strong_negatives_are_hinged_by_themselves(eta, hinge):
    positive, negative, eps, negative_eps = inputs()
    far = Pair(*(20 * side for side in negative))
    by_itself, told = (
        contrastive_loss(Coupled(), positive, far, STEPS, eps, negative_eps, ALPHA_BAR, eta=eta, hinge=given)
        for given in (None, hinge)
    )
    assert torch.equal(by_itself.loss, told.loss)
    assert (by_itself.hinged > 0) == (hinge == HINGE)


def test_a_perfect_network_has_no_loss_and_no_nan():
    clean, eps = pair(1), pair(2)

    def perfect(video: Tensor, audio: Tensor, n: Tensor) -> Pair:
        level = ALPHA_BAR[n]
        triple = (Pair(*(torch.cat([side] * 3) for side in sides)) for sides in (clean, eps))
        return Pair(*(velocity(x0, noise, level) for x0, noise in zip(*triple, strict=True)))

    for hinge in (None, math.inf, 4.0):
        found = contrastive_loss(perfect, clean, clean, STEPS, eps, eps, ALPHA_BAR, eta=5e-5, hinge=hinge)
        assert float(found.loss) == 0


def test_gradient_ratio_is_that_of_the_two_norms_and_keeps_the_graph():
    network, eta = Coupled(), 0.01
    totals = plain_terms(network).sum(2)
    norms = [
        math.sqrt(sum(float((g**2).sum()) for g in gradients(loss, network)))
        for loss in (eta * (totals[1] + totals[2]).mean(), totals[0].mean())
    ]
    found = evaluate(network, eta=eta, hinge=math.inf)
    assert gradient_ratio(found, list(network.parameters())) == pytest.approx(norms[0] / norms[1], rel=1e-4)
    assert all(weight.grad is None for weight in network.parameters())
    found.loss.backward()
    assert gradient_ratio(evaluate(network, eta=0.0), list(network.parameters())) == 0


def test_an_untrained_network_costs_about_one_per_side():
    torch.manual_seed(0)
    data, eps = (
        Pair(torch.randn(4, *TWO_LEVELS.video_shape), torch.randn(4, *TWO_LEVELS.audio_shape)) for _ in range(2)
    )
    n = draw_steps(4, 1000, torch.Generator().manual_seed(0), stratified=True)
    losses = joint_loss(CMMDUNet(TWO_LEVELS), data, n, eps, ALPHA_BAR)
    for side in losses:
        assert side.shape == (4,)
        # The mean square of unit normal values: 1, with a standard deviation of sqrt(2 / their number).
        torch.testing.assert_close(side, torch.ones(4), atol=5 * math.sqrt(2 / 4608), rtol=0)


def test_a_network_in_bfloat16_is_measured_in_float32():
    network = Coupled()
    positive, _, eps, _ = inputs()
    losses = joint_loss(lambda *x: Pair(*(side.bfloat16() for side in network(*x))), positive, STEPS, eps, ALPHA_BAR)
    assert {side.dtype for side in losses} == {torch.float32}
    torch.testing.assert_close(losses.video, plain_terms(network)[0, :, 0], rtol=0.02, atol=0.02)


@pytest.mark.parametrize(
    ("eta", "hinge", "says"),
    [(-0.1, None, "eta"), (0.5, None, "eta"), (5.0, None, "eta"), (0.1, 0.0, "hinge"), (0.1, math.nan, "hinge")],
)
def test_weights_that_would_teach_the_opposite_are_refused(eta, hinge, says):
    with pytest.raises(ValueError, match=says):
        evaluate(Coupled(), eta=eta, hinge=hinge)


@pytest.mark.parametrize("stratified", [True, False])
@pytest.mark.parametrize(("batch", "steps"), [(8, 1000), (7, 10), (3, 2), (1, 4)])
def test_steps_are_uniform_at_every_place_of_a_batch(batch, steps, stratified):
    generator = torch.Generator().manual_seed(1)
    drawn = torch.stack([draw_steps(batch, steps, generator, stratified=stratified) for _ in range(4000)]).numpy()
    assert drawn.dtype == np.int64
    assert drawn.min() >= 0
    assert drawn.max() < steps
    cells = min(steps, 10)
    for place in (0, batch - 1):
        assert chisquare(np.bincount(drawn[:, place] * cells // steps, minlength=cells)).pvalue > 0.001


def test_stratified_steps_cover_the_range():
    generator = torch.Generator().manual_seed(0)
    for _ in range(50):
        drawn = draw_steps(8, 1000, generator, stratified=True)
        assert sorted((drawn // 125).tolist()) == list(range(8))
