"""CLAP models of the Hub from a folder, against transformers' own model and extractor on small random networks."""

import json
from functools import cache

import numpy as np
import pytest
import torch
from clap_recipe import parameters, pcm, sound
from safetensors.torch import load_file, save_file
from transformers import ClapConfig, ClapFeatureExtractor, ClapModel

from cmmd_bench.embedders.clap.hub import hub_clap, open_clap_hub
from cmmd_bench.embedders.clap.windows import laion_scale, windows
from cmmd_bench.errors import UserError

RATE = 48_000


@cache
def model(fused):
    """A random CLAP with a narrow audio tower and hardly any text tower."""
    audio = {
        "patch_embeds_hidden_size": 16,
        "hidden_size": 128,
        "depths": [2, 2, 2, 2],
        "num_attention_heads": [1, 2, 4, 8],
        "enable_fusion": fused,
    }
    text = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 8}
    config = ClapConfig(audio_config=audio, text_config={**text, "vocab_size": 20}, projection_dim=24)
    torch.manual_seed(1)
    return ClapModel(config).eval()


def extractor(fused):
    return ClapFeatureExtractor(frequency_min=50, truncation="fusion" if fused else "rand_trunc")


@pytest.fixture(params=[False, True], ids=["unfused", "fused"])
def fused(request):
    return request.param


@pytest.fixture
def folder(tmp_path, fused):
    model(fused).save_pretrained(tmp_path)
    extractor(fused).save_pretrained(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def samples():
    return pcm(parameters("params.json")["waveforms"]["s1_3"], RATE)


@torch.inference_mode()
def by_transformers(samples, fused):
    rows = []
    for window in windows(laion_scale(samples), length=10 * RATE, step=RATE):
        inputs = extractor(fused)(window, sampling_rate=RATE, return_tensors="pt")
        # The extractor calls a window of fused models longer at random when none is; none is.
        inputs["is_longer"] = torch.zeros(1, 1, dtype=torch.bool)
        if not fused:
            del inputs["is_longer"]
        rows.append(model(fused).get_audio_features(**inputs).pooler_output)
    return torch.cat(rows).numpy()


def test_rows_are_those_of_transformers(folder, fused, samples):
    found = open_clap_hub(str(folder)).embed(sound(samples, RATE))
    assert found.shape == (2, 24)
    np.testing.assert_allclose(found, by_transformers(samples, fused), atol=2e-6)


def test_without_extractor_settings_laions_hold(folder, samples):
    """The settings file only says what LAION's models have in common."""
    first = hub_clap(folder, name="a")
    (folder / "preprocessor_config.json").unlink()
    second = hub_clap(folder, name="a")
    assert np.array_equal(first.embed(sound(samples, RATE)), second.embed(sound(samples, RATE)))
    assert first.digest != second.digest


def test_an_older_file_of_tensors(folder, samples):
    expected = hub_clap(folder, name="a").embed(sound(samples, RATE))
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    assert np.array_equal(hub_clap(folder, name="a").embed(sound(samples, RATE)), expected)


def test_digest_is_that_of_the_files(folder):
    first = hub_clap(folder, name="a").digest
    assert first == hub_clap(folder, name="b").digest
    tensors = load_file(folder / "model.safetensors")
    tensors["audio_projection.linear1.bias"][0] += 1
    save_file(tensors, folder / "model.safetensors")
    assert hub_clap(folder, name="a").digest != first
    assert hub_clap(folder, name="a", digest="given").digest == "given"


def change_json(path, **values):
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_what_is_missing_or_of_another_kind_is_named(folder):
    change_json(folder / "preprocessor_config.json", sampling_rate=16_000)
    with pytest.raises(UserError, match="sampling_rate is 16000, only 48000 is known"):
        hub_clap(folder, name="a")
    (folder / "preprocessor_config.json").write_text("[")
    with pytest.raises(UserError, match=r"preprocessor_config\.json is not a JSON object"):
        hub_clap(folder, name="a")
    (folder / "preprocessor_config.json").unlink()
    tensors = load_file(folder / "model.safetensors")
    tensors["audio_model.audio_encoder.extra"] = torch.zeros(1)
    del tensors["audio_projection.linear2.bias"]
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(UserError, match=r"missing \(audio_projection\.linear2\.bias\), 1 unexpected"):
        hub_clap(folder, name="a")
    (folder / "model.safetensors").unlink()
    with pytest.raises(UserError, match=r"holds no model\.safetensors or pytorch_model\.bin"):
        hub_clap(folder, name="a")
    change_json(folder / "config.json", model_type="clip")
    with pytest.raises(UserError, match="type 'clip', expected 'clap'"):
        hub_clap(folder, name="a")
    (folder / "config.json").unlink()
    with pytest.raises(UserError, match=r"holds no config\.json"):
        hub_clap(folder, name="a")


def test_names(tmp_path, monkeypatch):
    monkeypatch.setenv("CMMD_BENCH_WEIGHTS", str(tmp_path))
    with pytest.raises(UserError, match="clap-hub needs a model"):
        open_clap_hub("")
    with pytest.raises(UserError, match="Did you mean 'laion/clap-htsat-unfused'"):
        open_clap_hub("laion/clap-htsat-unfuse")
    with pytest.raises(UserError, match="cmmd-bench weights get laion/clap-htsat-unfused"):
        open_clap_hub("laion/clap-htsat-unfused")
