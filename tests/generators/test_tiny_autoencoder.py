import hashlib
from dataclasses import asdict

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from cmmd_bench.errors import UserError
from cmmd_gen.autoencoder import open_autoencoder, opening
from cmmd_gen.autoencoder.digest import tensors_digest
from cmmd_gen.autoencoder.frames import CHUNK
from cmmd_gen.autoencoder.objective import DIVERGENCE, SQUARED, autoencoder_loss
from cmmd_gen.autoencoder.objective import kl_divergence as divergence
from cmmd_gen.autoencoder.presets import PRESETS
from cmmd_gen.autoencoder.tiny import HIGHEST, LOWEST, TinyAutoencoder, TinyConfig
from cmmd_gen.checkpoint import Card, save
from cmmd_gen.data.pictures import psnr

SMALL = TinyConfig(widths=(8, 16, 16), encoder_blocks=(0, 1, 1), decoder_blocks=(1, 1, 1))


def make(config: TinyConfig = SMALL, seed: int = 0) -> TinyAutoencoder:
    torch.manual_seed(seed)
    return TinyAutoencoder(config).eval().requires_grad_(False)


def frames(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def count(config: TinyConfig) -> int:
    """Numbers of the network, counted from its description alone."""

    def conv(inputs: int, outputs: int, kernel: int) -> int:
        return inputs * outputs * kernel**2 + outputs

    def blocks(numbers: tuple[int, ...]) -> int:
        return sum(n * (2 * width + 2 * conv(width, width, 3)) for n, width in zip(numbers, config.widths, strict=True))

    half, quarter, eighth = config.widths
    encoder = conv(12, half, 3) + conv(4 * half, quarter, 1) + conv(4 * quarter, eighth, 1) + 2 * eighth
    decoder = conv(8, eighth, 3) + conv(eighth, 4 * quarter, 1) + conv(quarter, 4 * half, 1) + 2 * half
    ends = conv(eighth, 16, 3) + conv(half, 12, 3)
    return encoder + decoder + ends + blocks(config.encoder_blocks) + blocks(config.decoder_blocks)


def test_the_preset_has_999_740_parameters():
    config = PRESETS["tiny"].network
    network = TinyAutoencoder(config)
    assert sum(p.numel() for p in network.parameters()) == count(config) == 999_740


def test_a_file_in_half_precision_is_at_most_two_megabytes(tmp_path):
    path = tmp_path / "model.safetensors"
    card = Card("autoencoder", "tiny", {}, 0, {})
    save(path, TinyAutoencoder(PRESETS["tiny"].network).state_dict(), card, dtype=torch.float16)
    assert path.stat().st_size <= 2 * 2**20


def test_shapes_and_ranges():
    network = make()
    mean, log_variance = network.encode(frames(2, 3, 3, 64, 48))
    assert mean.shape == log_variance.shape == (2, 3, 8, 8, 6)
    assert network.latent_size(64) == 8
    # Latents far from any that were seen: pictures keep their range.
    made = network.decode(mean * 1e4)
    assert made.shape == (2, 3, 3, 64, 48)
    assert made.min() >= -1
    assert made.max() <= 1


def test_log_variances_are_bounded():
    network = make()
    network.encoder[-1].bias[8:] = torch.tensor([1e6, -1e6, *[0.0] * 6])
    _, log_variance = network.encode(frames(1, 1, 3, 16, 16))
    assert log_variance[0, 0, 0].unique().tolist() == [HIGHEST]
    assert log_variance[0, 0, 1].unique().tolist() == [LOWEST]


def test_chunks_equal_the_whole_and_frames_do_not_see_each_other():
    network = make()
    clips = frames(3, CHUNK - 1, 3, 32, 32)
    mean, log_variance = network.encode(clips)
    made = network.decode(mean)
    # Chunks cross the borders between clips; every frame alone must give the same.
    for b in range(3):
        for f in (0, CHUNK // 2, CHUNK - 2):
            alone = clips[b, f][None, None]
            torch.testing.assert_close(network.encode(alone)[0][0, 0], mean[b, f], atol=1e-5, rtol=1e-5)
            torch.testing.assert_close(network.encode(alone)[1][0, 0], log_variance[b, f], atol=1e-5, rtol=1e-5)
            torch.testing.assert_close(network.decode(mean[b, f][None, None])[0, 0], made[b, f], atol=1e-5, rtol=1e-5)
    whole = network.moments(clips.flatten(0, 1))[0].unflatten(0, (3, CHUNK - 1))
    torch.testing.assert_close(mean, whole, atol=1e-5, rtol=1e-5)


def test_training_draws_latents_and_decodes_them():
    network = make()
    pictures, noise = frames(2, 3, 16, 16), torch.randn(2, 8, 2, 2)
    made, mean, log_variance = network(pictures, noise)
    drawn = Normal(mean, torch.exp(log_variance / 2)).icdf(Normal(0, 1).cdf(noise))
    torch.testing.assert_close(made, network.decoder(drawn), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (frames(1, 1, 3, 60, 64), r"height and width must be divisible by 8, found \(60, 64\)"),
        (frames(1, 3, 64, 64), r"\(B, F, 3, H, W\).*found \(1, 3, 64, 64\)"),
        (frames(1, 1, 1, 64, 64), r"found \(1, 1, 1, 64, 64\)"),
        (frames(1, 0, 3, 64, 64), "not empty"),
        (torch.zeros(1, 1, 3, 8, 8, dtype=torch.uint8), r"floating point in \[-1, 1\], found torch.uint8"),
        (torch.full((1, 1, 3, 8, 8), 255.0), r"in \[-1, 1\], found 255 to 255"),
        (torch.full((1, 1, 3, 8, 8), float("nan")), "found nan to nan"),
    ],
)
def test_what_is_no_clip_is_refused(given, told):
    with pytest.raises(ValueError, match=told):
        make().encode(given)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (torch.zeros(1, 1, 3, 8, 8), r"\(B, F, 8, h, w\).*found \(1, 1, 3, 8, 8\)"),
        (torch.zeros(1, 8, 8, 8), r"found \(1, 8, 8, 8\)"),
        (torch.zeros(1, 1, 8, 8, 8, dtype=torch.int64), "found torch.int64"),
    ],
)
def test_what_is_no_latent_is_refused(given, told):
    with pytest.raises(ValueError, match=told):
        make().decode(given)


def test_frames_on_the_cpu_are_encoded_where_the_weights_are():
    mean, log_variance = make().to("meta").encode(frames(1, 2, 3, 16, 16))
    assert (mean.device.type, log_variance.device.type, mean.shape) == ("meta", "meta", (1, 2, 8, 2, 2))


def test_sizes_that_do_not_divide():
    for size in (0, 4, 60):
        with pytest.raises(ValueError, match=f"multiples of 8, found {size}"):
            make().latent_size(size)


def test_configurations():
    assert TinyConfig(widths=[8, 16, 16]) == TinyConfig(widths=(8, 16, 16))  # type: ignore[arg-type]  # as from JSON
    with pytest.raises(ValueError, match="widths must be multiples of 8"):
        TinyConfig(widths=(8, 20, 16))
    with pytest.raises(ValueError, match="decoder_blocks must be three numbers"):
        TinyConfig(decoder_blocks=(1, 2))  # type: ignore[arg-type]


def test_divergence_is_that_of_torch():
    mean, log_variance = torch.randn(5, 4, 2, 2) * 3, torch.randn(5, 4, 2, 2) * 4
    expected = kl_divergence(Normal(mean, torch.exp(0.5 * log_variance)), Normal(0.0, 1.0))
    torch.testing.assert_close(divergence(mean, log_variance), expected, atol=1e-4, rtol=1e-4)
    assert divergence(torch.zeros(3), torch.zeros(3)).tolist() == [0, 0, 0]


def test_the_loss_is_its_terms():
    made, pictures = frames(2, 3, 8, 8, seed=1), frames(2, 3, 8, 8, seed=2)
    mean, log_variance = torch.randn(2, 4, 1, 1), torch.randn(2, 4, 1, 1)
    terms = autoencoder_loss(made, pictures, mean, log_variance)
    differences = [float(a) - float(b) for a, b in zip(made.flatten(), pictures.flatten(), strict=True)]
    l1 = sum(abs(d) for d in differences) / len(differences)
    mse = sum(d * d for d in differences) / len(differences)
    kl = float(kl_divergence(Normal(mean, torch.exp(0.5 * log_variance)), Normal(0.0, 1.0)).mean())
    assert [float(term) for term in terms] == pytest.approx([l1 + SQUARED * mse + DIVERGENCE * kl, l1, mse, kl])
    perfect = autoencoder_loss(pictures, pictures, torch.zeros(2, 4, 1, 1), torch.zeros(2, 4, 1, 1))
    assert [float(term) for term in perfect] == [0, 0, 0, 0]


def test_psnr_of_eight_bit_pictures():
    pictures = torch.zeros(2, 3, 4, 4)
    # One step of 255 everywhere: 20 log10(255) dB.
    made = torch.stack([pictures[0] + 2 / 255, torch.full((3, 4, 4), 7.0)])
    found = psnr(made, pictures)
    # What lies beyond the range is shown as its end.
    assert found.tolist() == pytest.approx([48.1308, 6.0206], abs=1e-4)
    assert psnr(pictures, pictures).tolist() == [float("inf")] * 2


def test_a_checkpoint_is_opened_by_its_path_and_known_by_its_weights(tmp_path, monkeypatch):
    network = make()
    config = {name: list(getattr(SMALL, name)) for name in ("widths", "encoder_blocks", "decoder_blocks")}
    card = Card("autoencoder", "tiny", config, 7, {})
    save(tmp_path / "model.safetensors", network.state_dict(), card)
    opened = open_autoencoder(str(tmp_path / "model.safetensors"))
    clips = frames(1, 2, 3, 16, 16)
    assert torch.equal(opened.encode(clips)[0], network.encode(clips)[0])
    assert opened.digest == network.digest != make(seed=1).digest
    assert opened.latent_size(64) == 8
    monkeypatch.setattr(opening, "shipped", lambda model: tmp_path / "model.safetensors")
    assert open_autoencoder("tiny").digest == network.digest


def test_what_is_no_checkpoint_of_an_autoencoder_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"nowhere is not there\. Give sd-vae, tiny"):
        open_autoencoder(str(tmp_path / "nowhere"))
    save(tmp_path / "other.safetensors", make().state_dict(), Card("melgan", "tiny", {}, 0, {}))
    with pytest.raises(UserError, match="holds the model 'melgan'.*autoencoder was expected"):
        open_autoencoder(str(tmp_path / "other.safetensors"))


def test_a_card_that_does_not_fit_its_weights_is_refused(tmp_path):
    path = tmp_path / "odd.safetensors"
    config = asdict(SMALL)
    save(path, make().state_dict(), Card("autoencoder", "tiny", config | {"widths": [8, 16, 24]}, 0, {}))
    with pytest.raises(UserError, match=r"not the weights of autoencoder \(tiny\).*odd\.safetensors.*of another shape"):
        open_autoencoder(str(path))
    save(path, make().state_dict(), Card("autoencoder", "tiny", config | {"depth": 3}, 0, {}))
    with pytest.raises(
        UserError, match=r"odd\.safetensors: the config on its card does not fit \(TypeError: .*'depth'"
    ):
        open_autoencoder(str(path))


def test_the_digest_is_over_names_types_shapes_and_bytes():
    tensors = {"b": torch.tensor([[1.0, 2.0]]), "a": torch.tensor(3)}
    plain = hashlib.sha256()
    plain.update(b"a torch.int64 ()\n" + (3).to_bytes(8, "little"))
    plain.update(b"b torch.float32 (1, 2)\n" + tensors["b"].numpy().tobytes())
    assert tensors_digest(tensors) == plain.hexdigest()
    assert tensors_digest(dict(reversed(tensors.items()))) == plain.hexdigest()
    others = [{**tensors, "b": tensors["b"].T}, {**tensors, "b": tensors["b"].half()}, {"b": tensors["b"]}]
    assert plain.hexdigest() not in {tensors_digest(other) for other in others}
