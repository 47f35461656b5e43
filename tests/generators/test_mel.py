from pathlib import Path

import numpy as np
import pytest
import torch

from cmmd_gen.vocoder.mel import FLOOR, MEL_16K, MEL_22K, MelSettings, log_mel, mel_basis

SETTINGS = {"16k_512": MEL_16K, "22k_1024": MEL_22K}


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    with np.load(Path(__file__).parents[1] / "data" / "generators" / "melgan_audio2mel.npz") as archive:
        return dict(archive)


@pytest.mark.parametrize("name", SETTINGS)
def test_the_values_of_the_public_front_end(golden, name):
    ours = log_mel(torch.from_numpy(golden["wav"])[None], SETTINGS[name])
    assert ours.shape == (1, 80, 112)
    np.testing.assert_allclose(ours.numpy(), golden[f"logmel_{name}"], atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", SETTINGS)
def test_the_filters_of_the_public_front_end(golden, name):
    np.testing.assert_allclose(mel_basis(SETTINGS[name]), golden[f"basis_{name}"], atol=1e-8, rtol=0)


@pytest.mark.parametrize("settings", [MEL_16K, MEL_22K, MelSettings(44_100, 2048, 512, 64, 40.0, 12_000.0)])
def test_the_filters_of_librosa(settings):
    from librosa.filters import mel

    theirs = mel(
        sr=settings.sample_rate,
        n_fft=settings.n_fft,
        n_mels=settings.bands,
        fmin=settings.lowest,
        fmax=settings.highest,
        dtype=np.float64,
    )
    np.testing.assert_allclose(mel_basis(settings), theirs, atol=1e-12, rtol=1e-12)


def test_one_frame_by_hand(golden):
    wav, j = golden["wav"].astype(np.float64), 7
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(512) / 512)
    magnitude = np.abs(np.fft.rfft(wav[256 * j - 128 : 256 * j + 384] * hann))
    by_hand = np.log10(np.maximum(mel_basis() @ magnitude, 1e-5))
    np.testing.assert_allclose(log_mel(torch.from_numpy(wav)[None])[0, :, j].numpy(), by_hand, atol=1e-5)


def test_a_sample_does_not_depend_on_its_batch():
    wav = torch.randn(5, 4000, generator=torch.Generator().manual_seed(1)).clamp(-1, 1)
    alone = torch.cat([log_mel(one[None]) for one in wav])
    torch.testing.assert_close(log_mel(wav), alone, atol=1e-6, rtol=0)


def test_silence_is_the_floor_and_has_a_gradient():
    wav = torch.zeros(1, 2560, requires_grad=True)
    mel = log_mel(wav)
    mel.sum().backward()
    assert (mel == np.log10(FLOOR)).all()
    assert wav.grad is not None
    assert (wav.grad == 0).all()


def test_the_gradient_is_the_slope():
    source = torch.Generator().manual_seed(2)
    wav = (0.1 * torch.randn(1, 1024, generator=source)).requires_grad_()
    along = torch.randn(1, 1024, generator=source)
    log_mel(wav).sum().backward()
    step = 1e-4
    with torch.no_grad():
        slope = (log_mel(wav + step * along).double().sum() - log_mel(wav - step * along).double().sum()) / (2 * step)
    assert wav.grad is not None
    assert (wav.grad * along).sum().item() == pytest.approx(slope.item(), rel=1e-2)


def test_autocast_changes_nothing():
    wav = torch.randn(1, 2048, generator=torch.Generator().manual_seed(3))
    with torch.autocast("cpu", torch.bfloat16):
        mel = log_mel(wav)
    torch.testing.assert_close(mel, log_mel(wav), atol=0, rtol=0)


def test_what_inference_left_behind_serves_training():
    settings = MelSettings(bands=79)
    with torch.inference_mode():
        log_mel(torch.zeros(1, 600), settings)
    log_mel(torch.ones(1, 600, requires_grad=True), settings).sum().backward()


@pytest.mark.parametrize(("samples", "frames"), [(256, 1), (511, 1), (512, 2), (28_800, 112), (57_600, 225)])
def test_frames(samples, frames):
    assert MEL_16K.frames(samples) == frames
    assert log_mel(torch.zeros(1, samples)).shape[2] == frames


@pytest.mark.parametrize("shape", [(1, 255), (256,), (1, 1, 256), (1, 0)])
def test_what_is_no_sound(shape):
    with pytest.raises(ValueError, match=r"wav must be \(B, T\) with T >= 256"):
        log_mel(torch.zeros(shape))


def test_settings_that_cannot_be():
    with pytest.raises(ValueError, match="hop"):
        MelSettings(hop=513)
    with pytest.raises(ValueError, match="even"):
        MelSettings(hop=255)
    with pytest.raises(ValueError, match="lowest < highest"):
        MelSettings(highest=8001.0)
