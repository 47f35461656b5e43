"""I3D against golden outputs of the published port with recipe weights, layer by layer, and against plain layers."""

import numpy as np
import pytest
import torch
from i3d_recipe import arrays, network, parameters, recipe_video, shapes, weights
from torch import nn
from torch.nn.functional import conv3d, max_pool3d, pad

from cmmd_bench.embedders.i3d.network import ConvUnit, InceptionI3d, SamePool, load_i3d, same_padding
from cmmd_bench.errors import ENVIRONMENT, UserError

TOLERANCE = 1e-4


@pytest.fixture(scope="module")
def golden():
    return arrays("forward.npz")


def run(x, net=None):
    with torch.inference_mode():
        return (net or network())(x)[0].numpy()


def test_the_recipe_is_the_one_of_the_golden_data(golden):
    stored = [key for key in golden if key.startswith("w:")]
    assert stored
    for key in stored:
        assert np.array_equal(weights()[key.removeprefix("w:")].flatten()[:8].numpy(), golden[key])


def test_parameters_have_the_names_shapes_and_order_of_the_published_file():
    own = {name: tuple(tensor.shape) for name, tensor in InceptionI3d().state_dict().items()}
    assert list(own.items()) == list(shapes().items())


@pytest.mark.parametrize("frames", [9, 16, 17, pytest.param(32, marks=pytest.mark.slow)])
def test_logits_and_features(golden, frames):
    x = recipe_video(frames)
    assert np.array_equal(x[0, :, [0, -1], 0, :4], golden[f"T{frames}.x_check"])
    with torch.inference_mode():
        features = network().features(x)
        over_time = network().logits_over_time(features)
    np.testing.assert_allclose(features[0].numpy(), golden[f"T{frames}.feat1024"], atol=TOLERANCE, rtol=0)
    logits = over_time.mean(2)[0].numpy()
    np.testing.assert_allclose(logits, golden[f"T{frames}.logits"], atol=TOLERANCE, rtol=0)
    np.testing.assert_allclose(logits, golden[f"T{frames}.logits_f64"], atol=TOLERANCE, rtol=0)
    if frames == 17:
        np.testing.assert_allclose(over_time[0].numpy(), golden["T17.logits_time"], atol=TOLERANCE, rtol=0)


@pytest.mark.slow
@pytest.mark.parametrize("frames", [9, 16, 17, 32])
def test_logits_in_float64(golden, frames):
    double = load_i3d(weights(), dtype=torch.float64)
    logits = run(recipe_video(frames).double(), double)
    np.testing.assert_allclose(logits, golden[f"T{frames}.logits_f64"], atol=1e-10, rtol=0)


def test_every_layer(golden):
    seen = {}
    hooks = [
        layer.register_forward_hook(lambda _, __, out, name=name: seen.__setitem__(name, out.clone()))
        for name, layer in network().named_children()
    ]
    try:
        run(recipe_video(17))
    finally:
        for hook in hooks:
            hook.remove()
    probes = [key for key in golden if key.startswith("T17.probe.")]
    assert len(probes) == 16
    for key in probes:
        h = seen[key.removeprefix("T17.probe.")][0]
        every = [max(1, h.shape[axis] // parts) for axis, parts in ((0, 8), (2, 4), (3, 4))]
        thinned = h[:: every[0], :, :: every[1], :: every[2]].numpy()
        np.testing.assert_allclose(thinned, golden[key], atol=TOLERANCE, rtol=0, err_msg=key)


@pytest.mark.parametrize("trap", ["bn_eps_1e-3", "rgb_reversed"])
def test_traps_are_far_away(golden, trap):
    wrong = golden[f"T16.logits_trap_{trap}"]
    assert np.abs(golden["T16.logits"] - wrong).max() > 100 * TOLERANCE


def test_the_traps_are_what_they_are_called(golden):
    x = recipe_video(16)
    reversed_channels = run(x.flip(1))
    np.testing.assert_allclose(reversed_channels, golden["T16.logits_trap_rgb_reversed"], atol=TOLERANCE, rtol=0)
    plain = InceptionI3d()
    plain.load_state_dict(weights())
    for layer in plain.modules():
        if isinstance(layer, nn.BatchNorm3d):
            assert layer.eps == 1e-5
            layer.eps = 1e-3
    np.testing.assert_allclose(run(x, plain), golden["T16.logits_trap_bn_eps_1e-3"], atol=TOLERANCE, rtol=0)


def test_a_batch_is_its_clips():
    x = recipe_video(9)
    both = torch.cat([x, x.flip(2)])
    with torch.inference_mode():
        together, alone = network()(both), torch.cat([network()(x), network()(x.flip(2))])
    assert together.shape == (2, 400)
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=0)


def test_the_same_bits_again_and_almost_the_same_with_other_threads():
    x, threads = recipe_video(9), torch.get_num_threads()
    try:
        seen = []
        for count in (1, 1, 2):
            torch.set_num_threads(count)
            seen.append(run(x))
    finally:
        torch.set_num_threads(threads)
    assert np.array_equal(seen[0], seen[1])
    np.testing.assert_allclose(seen[0], seen[2], atol=1e-5, rtol=0)


@pytest.mark.parametrize("shape", [(1, 3, 8, 224, 224), (1, 3, 1, 224, 224)])
def test_too_few_frames(shape):
    with pytest.raises(ValueError, match=f"I3D needs at least 9 frames, found {shape[2]}"):
        network()(torch.zeros(shape))


@pytest.mark.parametrize("shape", [(3, 16, 224, 224), (1, 16, 3, 224, 224), (1, 3, 16, 112, 112), (1, 1, 16, 224, 224)])
def test_other_shapes(shape):
    with pytest.raises(ValueError, match=r"shape \(N, 3, T, 224, 224\), found"):
        network()(torch.zeros(shape))


def test_files_without_batch_counters_are_accepted():
    without = {key: tensor for key, tensor in weights().items() if not key.endswith("num_batches_tracked")}
    assert len(without) == len(weights()) - 57
    loaded, reference = load_i3d(without).state_dict(), network().state_dict()
    assert loaded.keys() == reference.keys()
    assert all(torch.equal(loaded[name], reference[name]) for name in reference)


def test_other_weights_are_refused():
    def failure(tensors):
        with pytest.raises(UserError) as caught:
            load_i3d(tensors, what="I3D in x.pt")
        assert caught.value.exit_code == ENVIRONMENT
        return str(caught.value)

    def having(**changes):
        return {**weights(), **{key.replace("__", "."): value for key, value in changes.items()}}

    last = "logits.conv3d.bias"
    assert "I3D in x.pt" in failure({})
    assert last in failure({key: value for key, value in weights().items() if key != last})
    assert "600" in failure(having(logits__conv3d__bias=torch.zeros(600)))
    assert "rgb.weight" in failure(having(rgb__weight=torch.zeros(1)))
    assert "not finite" in failure(having(logits__conv3d__bias=torch.full((400,), torch.nan)))
    assert "below 0" in failure(having(Conv3d_1a_7x7__bn__running_var=torch.full((64,), -1.0)))


def test_half_precision_files_load_as_float32():
    half = {key: tensor.half() if tensor.is_floating_point() else tensor for key, tensor in weights().items()}
    assert load_i3d(half).logits.conv3d.bias.dtype == torch.float32


@pytest.mark.parametrize("size", range(1, 20))
@pytest.mark.parametrize(("kernel", "stride"), [(7, 2), (3, 2), (3, 1), (2, 2), (1, 1), (1, 2)])
def test_same_padding_by_its_definition(size, kernel, stride):
    before, after = same_padding(size, kernel, stride)
    outputs = -(-size // stride)
    needed = max((outputs - 1) * stride + kernel - size, 0)
    assert before + after == needed
    assert 0 <= after - before <= 1


@pytest.mark.parametrize("sizes", [(9, 14, 14), (4, 7, 8), (5, 6, 3)])
@pytest.mark.parametrize(("kernel", "stride"), [((1, 3, 3), (1, 2, 2)), ((3, 3, 3), (2, 2, 2)), ((2, 2, 2), (2, 2, 2))])
def test_pooling_against_plain_pooling(sizes, kernel, stride):
    x = torch.rand(2, 3, *sizes, generator=torch.Generator().manual_seed(1)).sub_(0.5).relu_()
    around = [same_padding(*numbers) for numbers in zip(sizes, kernel, stride, strict=True)]
    padded = pad(x, [side for pair in around[::-1] for side in pair])
    assert torch.equal(SamePool(kernel, stride=stride)(x), max_pool3d(padded, kernel, stride))


@pytest.mark.parametrize(("kernel", "stride"), [((7, 7, 7), (2, 2, 2)), ((3, 3, 3), (1, 1, 1)), ((1, 1, 1), (1, 1, 1))])
def test_a_unit_against_plain_layers(kernel, stride):
    torch.manual_seed(2)
    unit = ConvUnit(3, 4, kernel, stride=stride).eval()
    unit.bn.running_mean.uniform_(-1, 1)
    unit.bn.running_var.uniform_(0.5, 2)
    x = torch.randn(1, 3, 10, 9, 8)
    around = [same_padding(*numbers) for numbers in zip(x.shape[2:], kernel, stride, strict=True)]
    y = conv3d(pad(x, [side for pair in around[::-1] for side in pair]), unit.conv3d.weight, stride=stride)
    column = [values[:, None, None, None] for values in (unit.bn.running_mean, unit.bn.running_var)]
    expected = ((y - column[0]) / torch.sqrt(column[1] + 1e-5)).clamp(min=0)
    with torch.no_grad():
        torch.testing.assert_close(unit(x), expected, atol=1e-5, rtol=1e-5)


def test_smallest_number_of_frames_is_that_of_the_reference():
    assert parameters()["min_frames"] == 9
