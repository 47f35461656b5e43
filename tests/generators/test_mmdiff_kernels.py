"""Values and gradients against torch's own layers, in float64."""

import pytest
import torch
import torch.nn.functional as f
from torch import nn

from cmmd_gen.mmdiff.kernels import MANY, group_norm, moments, three_taps, three_taps_as_image


def plain_norm(x, weight, bias, scale, shift, activate):
    y = f.group_norm(x.transpose(1, 2), 4, weight, bias, 1e-5).transpose(1, 2)
    if scale is not None:
        y = y * (1 + scale[:, None]) + shift[:, None]
    return f.silu(y) if activate else y


@pytest.mark.parametrize("activate", [False, True])
@pytest.mark.parametrize("modulated", [False, True])
@pytest.mark.parametrize("tokens", [7, MANY])
@pytest.mark.parametrize("channels", [4, 12])
def test_group_norm(channels, tokens, modulated, activate):
    torch.manual_seed(0)
    x = torch.randn(3, tokens, channels, dtype=torch.float64) * 2 + 3
    vectors = [torch.randn(channels, dtype=torch.float64) for _ in range(2)]
    modulation = [torch.randn(3, channels, dtype=torch.float64) if modulated else None for _ in range(2)]
    inputs = [each.requires_grad_() for each in (x, *vectors, *modulation) if each is not None]
    given = (x, *vectors, *modulation)
    y = group_norm(*given, groups=4, activate=activate)
    expected = plain_norm(*given, activate)
    torch.testing.assert_close(y, expected)
    g = torch.randn_like(y)
    for own, other in zip(torch.autograd.grad(y, inputs, g), torch.autograd.grad(expected, inputs, g), strict=True):
        torch.testing.assert_close(own, other)
    y.data.zero_()  # what was given stays as it was
    assert x.abs().min() > 0


def test_moments():
    torch.manual_seed(0)
    x = torch.randn(2, 50, 8) * 3 + 10
    mean, rstd = moments(x, 4)
    grouped = x.double().view(2, 50, 4, 2)
    torch.testing.assert_close(mean.double(), grouped.mean((1, 3)), rtol=1e-6, atol=1e-6)
    wanted = (grouped.var((1, 3), correction=0) + 1e-5).rsqrt()
    torch.testing.assert_close(rstd.double(), wanted, rtol=1e-5, atol=0)
    # Where there is nothing to see, rounding must not make a variance negative.
    assert torch.isfinite(moments(torch.full((1, 64, 4), 1000.1), 4)[1]).all()


@pytest.mark.parametrize("distance", [1, 3, 4, 11, 12, 500])
@pytest.mark.parametrize(("inputs", "outputs"), [(5, 3), (1, 4), (4, 1)])
def test_three_taps(inputs, outputs, distance):
    torch.manual_seed(0)
    layer = nn.Conv1d(inputs, outputs, 3)
    x = torch.randn(2, 12, inputs, requires_grad=True)
    leaves = [x, layer.weight, layer.bias]
    y = three_taps(x, layer, distance)
    exact = [leaf.detach().double().requires_grad_() for leaf in leaves]
    expected = f.conv1d(exact[0].transpose(1, 2), *exact[1:], padding=distance, dilation=distance).transpose(1, 2)
    image = three_taps_as_image(x, layer.weight, layer.bias, distance)
    g = torch.randn_like(y)
    wanted = torch.autograd.grad(expected, exact, g.double())
    for made in (y, image):
        torch.testing.assert_close(made.double(), expected, rtol=1e-5, atol=1e-5)
        for own, other in zip(torch.autograd.grad(made, leaves, g), wanted, strict=True):
            torch.testing.assert_close(own.double(), other, rtol=1e-5, atol=1e-5)


def test_frozen_taps_give_the_input_its_gradient():
    torch.manual_seed(0)
    layer = nn.Conv1d(3, 2, 3)
    x = torch.randn(2, 9, 3, requires_grad=True)
    (wanted,) = torch.autograd.grad(three_taps(x, layer, 2).square().sum(), x)
    layer.requires_grad_(False)
    (frozen,) = torch.autograd.grad(three_taps(x, layer, 2).square().sum(), x)
    assert torch.equal(frozen, wanted)
