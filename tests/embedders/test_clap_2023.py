"""Microsoft's CLAP of 2023 against the stored results of fadtk with msclap; wrong checkpoints and unusual sounds."""

import numpy as np
import pytest
import torch
from clap_recipe import arrays, microsoft_state, parameters, pcm, sound

from cmmd_bench.embedders.clap.frontend import log_mel
from cmmd_bench.embedders.clap.msclap import load_microsoft, microsoft_clap, open_clap_2023
from cmmd_bench.embedders.clap.windows import unit_scale, windows
from cmmd_bench.errors import UserError
from cmmd_bench.types import Clip

PARAMETERS = parameters("clap_2023_params.json")
GOLDEN = arrays("clap_2023_outputs.npz")
RATE = PARAMETERS["sample_rate"]
TOLERANCE = PARAMETERS["tolerance"]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    path = tmp_path_factory.mktemp("microsoft") / "CLAP_weights_2023.pth"
    torch.save({"model": microsoft_state()}, path)
    yield path
    path.unlink()


@pytest.fixture(scope="module")
def embedder(checkpoint):
    return microsoft_clap(checkpoint, name="toy", digest="0")


@pytest.mark.parametrize("name", PARAMETERS["frames"])
def test_frames_of_fadtk(embedder, name):
    samples = pcm(PARAMETERS["waveforms"][name], RATE)
    middle = len(samples) // 2
    check = np.concatenate([samples[:8], samples[middle : middle + 8], samples[-8:]])
    assert np.array_equal(check, GOLDEN[f"{name}.pcm_check"])
    found = embedder.embed(sound(samples, RATE))
    assert found.dtype == np.float32
    assert found.shape == (PARAMETERS["frames"][name], 1024)
    np.testing.assert_allclose(found, GOLDEN[f"{name}.frames"], atol=TOLERANCE["frames"], rtol=0)


@pytest.mark.parametrize("name", ["s1_3", "s7"])
def test_stages(checkpoint, name):
    network, front_end = load_microsoft(checkpoint, what="toy")
    heard = unit_scale(pcm(PARAMETERS["waveforms"][name], RATE))
    spectrogram = log_mel(next(windows(heard, length=7 * RATE, step=RATE)), front_end)
    seen = {"logmel": spectrogram[::10]}
    encoder = network.audio_model.audio_encoder

    def keep(stage, pick):
        def hook(module, inputs, output):
            seen[stage] = pick(inputs, output).detach().numpy()

        return hook

    encoder.batch_norm.register_forward_hook(keep("after_bn0", lambda _, o: o.transpose(1, 3)[0, 0, ::50, ::4]))
    encoder.patch_embed.register_forward_hook(keep("image", lambda i, _: i[0][0, 0, ::8, ::8]))
    encoder.patch_embed.register_forward_hook(keep("patch_embed", lambda _, o: o[0, ::64, ::8]))
    encoder.norm.register_forward_hook(keep("final_norm", lambda _, o: o[0, ::8, ::24]))
    network.audio_projection.register_forward_hook(keep("latent", lambda i, _: i[0][0]))
    with torch.inference_mode():
        network(torch.from_numpy(spectrogram)[None, None])
    assert seen.keys() == TOLERANCE.keys() - {"frames"}
    for stage, value in seen.items():
        np.testing.assert_allclose(value, GOLDEN[f"{name}.{stage}"], atol=TOLERANCE[stage], rtol=0, err_msg=stage)


def test_rows_keep_their_length(embedder):
    """fadtk does not normalise this network's rows, so neither may we."""
    found = embedder.embed(sound(pcm(PARAMETERS["waveforms"]["s1_3"], RATE), RATE))
    assert np.linalg.norm(found, axis=1).min() > 10


def test_a_window_alone_is_the_window_in_its_clip(embedder):
    samples = pcm(PARAMETERS["waveforms"]["s8_6"], RATE)[: 4 * RATE]
    rows = embedder.embed(sound(samples, RATE))
    assert np.array_equal(rows[2:], embedder.embed(sound(samples[2 * RATE :], RATE)))


def test_a_checkpoint_of_floats_alone(embedder, tmp_path):
    """The published file keeps no whole numbers: counters and indices are floats there, or absent."""
    whole = ("relative_position_index", "num_batches_tracked")
    state = {key: value for key, value in microsoft_state().items() if not key.endswith(whole)}
    state |= {key: torch.tensor(0.0) for key in microsoft_state() if key.endswith("relative_position_index")}
    torch.save({"model": state}, tmp_path / "c.pth")
    clip = sound(pcm(PARAMETERS["waveforms"]["s1_3"], RATE), RATE)
    assert np.array_equal(microsoft_clap(tmp_path / "c.pth", name="a", digest="").embed(clip), embedder.embed(clip))
    (tmp_path / "c.pth").unlink()


def test_other_checkpoints_are_refused(tmp_path):
    state, key = microsoft_state(), "audio_encoder.projection.linear2.weight"
    cases = [
        ({k: v for k, v in state.items() if k != key}, r"1 missing \(audio_encoder\.projection\.linear2\.weight\)"),
        (state | {"audio_encoder.other.weight": torch.zeros(2)}, r"1 unexpected \(audio_encoder\.other\.weight\)"),
        ({f"audio_branch.{k}": v for k, v in state.items()}, "no such tensor"),
    ]
    for bad, message in cases:
        torch.save({"model": bad}, tmp_path / "bad.pth")
        with pytest.raises(UserError, match=message):
            microsoft_clap(tmp_path / "bad.pth", name="clap-2023", digest="0")
    (tmp_path / "bad.pth").unlink()


def test_missing_weights_name_the_command(tmp_path, monkeypatch):
    monkeypatch.setenv("CMMD_BENCH_WEIGHTS", str(tmp_path))
    with pytest.raises(UserError, match="cmmd-bench weights get clap-2023"):
        open_clap_2023()


def test_unusual_sounds(embedder):
    for audio in (np.zeros(RATE, np.float32), np.array([0.5], np.float32), np.full(RATE // 2, 0.5, np.float32)):
        rows = embedder.embed(Clip(audio=audio, sample_rate=RATE))
        assert rows.shape == (1, 1024)
        assert np.isfinite(rows).all()
