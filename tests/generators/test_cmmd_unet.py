"""The CMMD network: sizes, the untrained prediction, lengths, independence of samples, gradients, shape errors."""

from copy import deepcopy
from dataclasses import asdict, replace
from functools import cache

import pytest
import torch
from torch.nn.functional import conv1d, conv3d, cosine_similarity

from cmmd_gen.cmmd.config import PRESETS, CMMDConfig
from cmmd_gen.cmmd.layers import (
    AudioConv,
    AudioPointwise,
    GroupNorm,
    SpatialConv,
    TemporalConv,
    VideoPointwise,
)
from cmmd_gen.cmmd.unet import CMMDUNet

STAGES = {
    "time": 33_024,
    "stem": 54_016 + 30_848,
    "encoder": 35_088_640,
    "middle": 14_708_736,
    "decoder": 56_273_664,
    "heads": 4_868 + 31_056,
}
BLOCKS = {
    "encoder.0.blocks": [412_032, 412_032],
    "encoder.1.blocks": [1_975_552, 2_303_232],
    "encoder.2.blocks": [4_683_904, 5_076_864],
    "encoder.3.blocks": [8_539_136, 8_931_840],
    "middle": [8_931_840, 5_776_896],
    "decoder.0.blocks": [13_129_216, 13_129_216],
    "decoder.1.blocks": [8_127_104, 7_438_464],
    "decoder.2.blocks": [3_812_608, 3_353_344],
    "decoder.3.blocks": [904_832, 674_944],
}
RESAMPLERS = {
    "encoder.0.down": 196_864,
    "encoder.1.down": 786_944,
    "encoder.2.down": 1_770_240,
    "decoder.0.up": 3_146_752,
    "decoder.1.up": 1_770_240,
    "decoder.2.up": 786_944,
}
SMALL = CMMDConfig(
    video_widths=(8, 16),
    audio_widths=(16, 24),
    blocks=1,
    attention_levels=(1,),
    head_width=8,
    groups=4,
    time_width=16,
    frames=3,
    latent_size=4,
    mel_length=8,
    latent_channels=2,
    mel_bands=6,
)


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


@cache
def on_meta(preset):
    with torch.device("meta"):
        return CMMDUNet(PRESETS[preset])


def random_network(config, seed=0):
    """No weight is zero, activations stay of order one."""
    torch.manual_seed(seed)
    network = CMMDUNet(config).eval()
    for parameter in network.parameters():
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=parameter[0].numel() ** -0.5)
        else:
            torch.nn.init.normal_(parameter, mean=parameter.detach().mean().round().item(), std=0.1)
    return network


def inputs(config, batch=2, seed=0, frames=None, size=None, length=None):
    random = torch.Generator().manual_seed(seed)
    size = size or config.latent_size
    video = torch.randn(
        batch,
        frames or config.frames,
        config.latent_channels,
        size,
        size,
        generator=random,
    )
    audio = torch.randn(batch, config.mel_bands, length or config.mel_length, generator=random)
    return video, audio, torch.randint(0, 1000, (batch,), generator=random)


class TestSize:
    def test_paper_has_the_papers_106_million(self):
        assert count(on_meta("paper")) == 106_224_852

    def test_stages_of_paper(self):
        network = on_meta("paper")
        assert {name: count(stage) for name, stage in network.named_children()} == STAGES
        assert {name: [count(block) for block in network.get_submodule(name)] for name in BLOCKS} == BLOCKS
        assert {name: count(network.get_submodule(name)) for name in RESAMPLERS} == RESAMPLERS

    def test_tiny(self):
        assert 3_000_000 < count(on_meta("tiny")) < 5_000_000

    @pytest.mark.parametrize("preset", PRESETS)
    def test_no_state_beside_the_parameters(self, preset):
        network = on_meta(preset)
        assert network.state_dict().keys() == dict(network.named_parameters()).keys()


class TestConfig:
    @pytest.mark.parametrize("preset", PRESETS)
    def test_survives_json(self, preset):
        lists = {
            key: list(value) if isinstance(value, tuple) else value for key, value in asdict(PRESETS[preset]).items()
        }
        assert CMMDConfig(**lists) == PRESETS[preset]

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"audio_widths": (16,)}, "one entry per level"),
            ({"video_widths": (), "audio_widths": ()}, "one entry per level"),
            ({"blocks": 0}, "blocks must be at least 1, got 0"),
            ({"time_width": 15}, "time_width must be even"),
            ({"attention_levels": (2,)}, r"attention_levels must lie in 0\.\.1"),
            ({"groups": 3}, r"multiple of groups \(3\), got 8"),
            ({"head_width": 16}, r"head_width \(16\), got 24"),
            ({"latent_size": 5}, "latent_size must be a multiple of 2, got 5"),
            ({"mel_length": 9}, "mel_length must be a multiple of 2, got 9"),
        ],
    )
    def test_what_does_not_fit(self, change, message):
        with pytest.raises(ValueError, match=message):
            replace(SMALL, **change)


class TestForward:
    def test_untrained_predicts_zero(self):
        out = CMMDUNet(PRESETS["tiny"])(*inputs(PRESETS["tiny"]))
        assert out.video.count_nonzero() == 0
        assert out.audio.count_nonzero() == 0

    @pytest.mark.parametrize("length", [{}, {"frames": 36, "length": 224}, {"size": 64}])
    def test_lengths_and_sizes_of_paper(self, length):
        video, audio, n = (tensor.to("meta") for tensor in inputs(PRESETS["paper"], batch=1, **length))
        out = on_meta("paper")(video, audio, n)
        assert out.video.shape == video.shape
        assert out.audio.shape == audio.shape

    def test_double_length(self):
        video, audio, n = inputs(PRESETS["tiny"], frames=36, length=224)
        out = random_network(PRESETS["tiny"])(video, audio, n)
        assert out.video.shape == video.shape
        assert out.audio.shape == audio.shape
        assert out.video.isfinite().all()
        assert out.audio.isfinite().all()

    def test_any_number_of_frames_and_a_flat_picture(self):
        network = random_network(SMALL)
        out = network(torch.randn(1, 1, 2, 2, 6), torch.randn(1, 6, 10), torch.tensor([999]))
        assert out.video.shape == (1, 1, 2, 2, 6)
        assert out.audio.shape == (1, 6, 10)

    def test_a_sample_does_not_depend_on_its_batch(self):
        network = random_network(PRESETS["tiny"])
        video, audio, n = inputs(PRESETS["tiny"], batch=3)
        with torch.no_grad():
            together = network(video, audio, n)
            alone = [network(*(tensor[i : i + 1] for tensor in (video, audio, n))) for i in range(3)]
        torch.testing.assert_close(
            torch.cat([one.video for one in alone]),
            together.video,
            atol=1e-5,
            rtol=1e-5,
        )
        torch.testing.assert_close(
            torch.cat([one.audio for one in alone]),
            together.audio,
            atol=1e-5,
            rtol=1e-5,
        )

    def test_either_side_reads_the_other_and_n(self):
        network = random_network(PRESETS["tiny"])
        video, audio, n = inputs(PRESETS["tiny"], batch=1)
        with torch.no_grad():
            out = network(video, audio, n)
            assert (network(video, audio.flip(2), n).video - out.video).abs().max() > 1e-3
            assert (network(video.flip(1), audio, n).audio - out.audio).abs().max() > 1e-3
            assert (network(video, audio, n + 100).video - out.video).abs().max() > 1e-3
            assert (network(video, audio, n + 100).audio - out.audio).abs().max() > 1e-3

    @pytest.mark.parametrize(
        ("video", "audio", "n", "message"),
        [
            (
                (2, 3, 5, 4, 4),
                (2, 6, 8),
                torch.zeros(2, dtype=torch.int64),
                r"video must be \(B, F, 2, H, W\)",
            ),
            (
                (2, 3, 2, 4),
                (2, 6, 8),
                torch.zeros(2, dtype=torch.int64),
                r"video must be \(B, F, 2, H, W\)",
            ),
            (
                (2, 3, 2, 4, 4),
                (2, 5, 8),
                torch.zeros(2, dtype=torch.int64),
                r"audio must be \(B, 6, T\)",
            ),
            (
                (2, 3, 2, 4, 4),
                (2, 8),
                torch.zeros(2, dtype=torch.int64),
                r"audio must be \(B, 6, T\)",
            ),
            (
                (2, 3, 2, 4, 4),
                (1, 6, 8),
                torch.zeros(2, dtype=torch.int64),
                "of one batch, got 2 videos, 1 sounds",
            ),
            ((2, 3, 2, 4, 4), (2, 6, 8), torch.tensor(3), "of one batch"),
            (
                (2, 3, 2, 4, 4),
                (2, 6, 8),
                torch.zeros(2),
                "n must be whole numbers, got torch.float32",
            ),
            (
                (2, 3, 2, 5, 4),
                (2, 6, 8),
                torch.zeros(2, dtype=torch.int64),
                "H must be a multiple of 2, got 5",
            ),
            (
                (2, 3, 2, 4, 0),
                (2, 6, 8),
                torch.zeros(2, dtype=torch.int64),
                "W must be a multiple of 2, got 0",
            ),
            (
                (2, 3, 2, 4, 4),
                (2, 6, 9),
                torch.zeros(2, dtype=torch.int64),
                "T must be a multiple of 2, got 9",
            ),
            (
                (2, 0, 2, 4, 4),
                (2, 6, 8),
                torch.zeros(2, dtype=torch.int64),
                "F must be at least 1",
            ),
            (
                (0, 3, 2, 4, 4),
                (0, 6, 8),
                torch.zeros(0, dtype=torch.int64),
                "B must be at least 1",
            ),
        ],
    )
    def test_shapes_that_do_not_fit(self, video, audio, n, message):
        with pytest.raises(ValueError, match=message):
            CMMDUNet(SMALL)(torch.zeros(video), torch.zeros(audio), n)


class TestLayers:
    """Each against the convolution whose weights it has."""

    @pytest.mark.parametrize(
        ("layer", "shape"),
        [
            (SpatialConv(3, 5), (2, 4, 6, 2, 3)),
            (SpatialConv(3, 5, stride=2), (2, 4, 6, 2, 3)),
            (SpatialConv(33, 5), (1, 2, 2, 2, 33)),
            (SpatialConv(33, 5, stride=2), (1, 1, 4, 2, 33)),
            (TemporalConv(3), (2, 4, 6, 2, 3)),
            (TemporalConv(3), (1, 1, 1, 1, 3)),
            (VideoPointwise(3, 5), (2, 4, 6, 2, 3)),
            (AudioConv(3, 5), (2, 8, 3)),
            (AudioConv(3, 5, stride=2), (2, 8, 3)),
            (AudioPointwise(3, 5), (2, 8, 3)),
        ],
    )
    def test_is_the_plain_convolution(self, layer, shape):
        x = torch.randn(shape, generator=torch.Generator().manual_seed(0))
        plain = conv1d if x.ndim == 3 else conv3d
        expected = plain(x.movedim(-1, 1), layer.weight, layer.bias, layer.stride, layer.padding).movedim(1, -1)
        torch.testing.assert_close(layer(x), expected, atol=1e-5, rtol=1e-5)

    @pytest.mark.parametrize("shape", [(2, 4, 6, 2, 8), (2, 7, 8), (1, 1, 8)])
    def test_group_norm(self, shape):
        x = torch.randn(shape, generator=torch.Generator().manual_seed(0))
        layer = GroupNorm(4, 8)
        torch.nn.init.normal_(layer.weight)
        torch.nn.init.normal_(layer.bias)
        groups = x.reshape(shape[0], -1, 4, 2)
        variance, mean = torch.var_mean(groups, (1, 3), correction=0, keepdim=True)
        expected = ((groups - mean) / (variance + layer.eps).sqrt()).reshape(shape) * layer.weight + layer.bias
        torch.testing.assert_close(layer(x), expected, atol=1e-5, rtol=1e-5)


class TestBfloat16:
    def test_velocities_point_the_same_way(self):
        network = random_network(PRESETS["tiny"])
        video, audio, n = inputs(PRESETS["tiny"])
        with torch.no_grad():
            exact, rounded = (
                network(video, audio, n),
                deepcopy(network).to_half(torch.bfloat16)(video, audio, n),
            )
        for before, after in zip(exact, rounded, strict=True):
            assert after.dtype == torch.float32
            assert not torch.equal(before, after)
            assert cosine_similarity(before.flatten(1), after.flatten(1)).min() > 0.999

    def test_what_stays_exact(self):
        network = random_network(SMALL)
        rounded = deepcopy(network).to_half(torch.bfloat16)
        exact = {name for name, p in rounded.named_parameters() if p.dtype == torch.float32}
        assert exact == {name for name, _ in rounded.named_parameters() if "norm" in name or "time" in name.split(".")}
        assert all(p.dtype == torch.float32 for p in network.parameters())

    def test_gradient_of_the_inputs(self):
        network = random_network(SMALL).requires_grad_(False)
        video, audio, n = inputs(SMALL)
        audio.requires_grad_()
        exact, rounded = (
            torch.autograd.grad(model(video, audio, n).video.square().sum(), audio)[0]
            for model in (network, deepcopy(network).to_half(torch.bfloat16))
        )
        assert cosine_similarity(exact.flatten(), rounded.flatten(), 0) > 0.99


class TestGradient:
    def test_with_respect_to_the_inputs(self):
        """Against finite differences, and with frozen parameters, as guidance takes it."""
        network = random_network(SMALL).double().requires_grad_(False)
        video, audio, n = inputs(SMALL)
        video, audio = (side.double().requires_grad_() for side in (video, audio))

        def error(video, audio):
            out = network(video, audio, n)
            return out.video.square().sum() + out.audio.square().sum()

        gradients = torch.autograd.grad(error(video, audio), (video, audio))
        step = 1e-5
        for side, gradient in enumerate(gradients):
            direction = torch.randn(
                gradient.shape,
                dtype=torch.float64,
                generator=torch.Generator().manual_seed(1),
            )
            moved = [[video, audio], [video, audio]]
            moved[0][side] = moved[0][side] + step * direction
            moved[1][side] = moved[1][side] - step * direction
            with torch.no_grad():
                slope = (error(*moved[0]) - error(*moved[1])) / (2 * step)
            torch.testing.assert_close((gradient * direction).sum(), slope, rtol=1e-6, atol=0)
        assert all(parameter.grad is None for parameter in network.parameters())

    def test_every_parameter_gets_one(self):
        network = random_network(SMALL)
        out = network(*inputs(SMALL))
        (out.video.square().mean() + out.audio.square().mean()).backward()
        without = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()]
        assert without == []
