"""VideoMAE models from folders, small ones made here, against transformers used directly."""

import json
import shutil

import numpy as np
import pytest
import torch
from clips import clicks, moving_square
from safetensors.torch import load_file, save_file

from cmmd_bench.embedders import get_embedder
from cmmd_bench.embedders.videomae import middles, open_videomae, prepare
from cmmd_bench.errors import ENVIRONMENT, UserError
from cmmd_bench.types import Clip
from cmmd_bench.weights import registry
from cmmd_bench.weights.registry import WeightFile, Weights

PREPARATION = {
    "size": {"shortest_edge": 224},
    "crop_size": {"height": 224, "width": 224},
    "resample": 2,
    "image_mean": [0.4, 0.5, 0.6],
    "image_std": [0.2, 0.25, 0.3],
}


def save(model, folder, preparation=PREPARATION):
    """A folder as the Hub keeps it; every parameter drawn, since constructors leave norms and biases at 1 and 0."""
    torch.manual_seed(3)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    model.save_pretrained(folder)
    if preparation is not None:
        (folder / "preprocessor_config.json").write_text(json.dumps(preparation))
    return folder


def configuration(**changes):
    from transformers import VideoMAEConfig

    small = {"patch_size": 56, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    decoder = {"decoder_num_hidden_layers": 1, "decoder_hidden_size": 16, "decoder_num_attention_heads": 2}
    return VideoMAEConfig(**{**small, **decoder, "intermediate_size": 64, "num_labels": 5, **changes})


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    from transformers import VideoMAEForVideoClassification

    return save(VideoMAEForVideoClassification(configuration()), tmp_path_factory.mktemp("classifier"))


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory):
    from transformers import VideoMAEForPreTraining

    model = VideoMAEForPreTraining(configuration(use_mean_pooling=False))
    return save(model, tmp_path_factory.mktemp("pretrained"))


@pytest.fixture
def copy(classifier, tmp_path):
    return shutil.copytree(classifier, tmp_path / "model")


def clip_of(frames=20, side=64, seed=0):
    return Clip(video=moving_square(frames, side, seed), fps=10)


def test_a_classifier_gives_what_its_last_layer_sees(classifier):
    from transformers import VideoMAEForVideoClassification

    embedder = open_videomae(str(classifier))
    clip = clip_of()
    row = embedder.embed(clip)
    assert row.shape == (1, 32)
    assert row.dtype == np.float32
    assert (embedder.name, embedder.modality, len(embedder.digest)) == (f"videomae:{classifier}", "video", 64)
    model = VideoMAEForVideoClassification.from_pretrained(classifier, local_files_only=True).eval()
    with torch.inference_mode():
        logits = model(pixel_values=prepare(clip.video, embedder.look)).logits
        through_ours = model.classifier(torch.from_numpy(row))
    torch.testing.assert_close(through_ours, logits, atol=1e-5, rtol=1e-5)


def test_a_pretrained_model_gives_its_mean_token(pretrained):
    from transformers import VideoMAEModel

    embedder = open_videomae(str(pretrained))
    clip = clip_of()
    model = VideoMAEModel.from_pretrained(pretrained, local_files_only=True).eval()
    with torch.inference_mode():
        tokens = model(pixel_values=prepare(clip.video, embedder.look)).last_hidden_state
    np.testing.assert_allclose(embedder.embed(clip), tokens.mean(dim=1).numpy(), atol=1e-5)


@pytest.mark.parametrize("size", [(96, 128), (150, 100), (67, 101), (240, 320), (224, 224), (224, 300), (5, 7)])
def test_frames_are_prepared_as_transformers_does(classifier, size):
    from transformers.models.videomae.image_processing_pil_videomae import VideoMAEImageProcessorPil

    look = open_videomae(str(classifier)).look
    video = np.random.default_rng(6).integers(0, 256, (16, *size, 3), dtype=np.uint8)
    theirs = VideoMAEImageProcessorPil.from_pretrained(classifier)(list(video), return_tensors="pt")["pixel_values"]
    ours = prepare(video, look)
    assert ours.shape == theirs.shape == (1, 16, 3, 224, 224)
    # Pillow and PyTorch weigh pixels in fixed-point numbers of different length: noise, the hardest input, moves by one
    # grey level in one pixel of a hundred.
    level = 1 / 255 / min(PREPARATION["image_std"])
    far = (ours - theirs).abs()
    assert far.max() <= 1.01 * level
    assert (far > 1e-5).float().mean() < 0.02


def test_old_names_of_biases_are_understood(copy, classifier):
    path = copy / "model.safetensors"
    renamed = {
        name.replace("query.bias", "q_bias").replace("value.bias", "v_bias"): tensor
        for name, tensor in load_file(path).items()
    }
    assert any(name.endswith("q_bias") for name in renamed)
    save_file(renamed, path)
    clip = clip_of()
    assert np.array_equal(open_videomae(str(copy)).embed(clip), open_videomae(str(classifier)).embed(clip))


def test_the_same_bits_again_and_other_clips_differ(classifier):
    embedder = open_videomae(str(classifier))
    row = embedder.embed(clip_of())
    assert np.array_equal(row, embedder.embed(clip_of()))
    assert np.array_equal(row, open_videomae(str(classifier)).embed(clip_of()))
    assert np.array_equal(row, embedder.embed(Clip(clip_of().video, 25, clicks(1.0), 16_000)))
    assert not np.array_equal(row, embedder.embed(clip_of(seed=1)))
    assert not np.array_equal(row, embedder.embed(Clip(clip_of().video[..., ::-1].copy(), 10)))


def test_still_and_single_coloured_clips(classifier):
    embedder = open_videomae(str(classifier))
    assert np.isfinite(embedder.embed(Clip(np.zeros((16, 1, 1, 3), np.uint8), 10))).all()


@pytest.mark.parametrize("frames", [16, 17, 18, 32, 100, 101])
def test_frames_are_spread_evenly_in_time(frames):
    chosen = middles(frames, 16)
    assert len(chosen) == 16
    # Frame f plays from f to f + 1; the middle of stretch k lies at (k + 1/2) F / 16.
    middle = (np.arange(16) + 0.5) * frames / 16
    assert (chosen <= middle).all()
    assert (middle < chosen + 1).all()
    assert np.array_equal(middles(16, 16), np.arange(16))


def test_clips_that_cannot_be_seen(classifier):
    embedder = open_videomae(str(classifier))
    with pytest.raises(ValueError, match="needs video, found a clip without it"):
        embedder.embed(Clip(audio=clicks(1.0), sample_rate=16_000))
    with pytest.raises(ValueError, match="needs at least 16 frames, found 15"):
        embedder.embed(clip_of(15))


def test_by_registered_name(classifier, tmp_path, monkeypatch):
    monkeypatch.setenv("CMMD_BENCH_WEIGHTS", str(tmp_path))
    files = tuple(WeightFile(name, (f"https://example.org/{name}",)) for name in ("config.json", "model.safetensors"))
    table = (Weights("lab/small", files, "CC0-1.0", "https://example.org", "FVD"),)
    monkeypatch.setattr(registry, "WEIGHTS", table)
    with pytest.raises(UserError, match="cmmd-bench weights get lab/small"):
        open_videomae("lab/small")
    (tmp_path / "lab" / "small").mkdir(parents=True)
    for file in files:
        shutil.copy(classifier / file.name, tmp_path / "lab" / "small")
    embedder = open_videomae("lab/small")
    assert embedder.name == "videomae:lab/small"
    # Without its own preparation a model is shown what VideoMAE was trained on.
    assert embedder.look.mean == (0.485, 0.456, 0.406)
    assert embedder.digest != open_videomae(str(classifier)).digest
    assert np.array_equal(get_embedder("videomae:lab/small").embed(clip_of()), embedder.embed(clip_of()))


def test_the_preparation_is_part_of_the_digest(copy, classifier):
    before = open_videomae(str(classifier)).digest
    assert open_videomae(str(copy)).digest == before
    (copy / "preprocessor_config.json").write_text(json.dumps({**PREPARATION, "image_mean": [0.5, 0.5, 0.5]}))
    assert open_videomae(str(copy)).digest != before


def test_names_that_lead_nowhere():
    with pytest.raises(UserError, match="videomae needs a model: videomae:FOLDER or one of videomae:MCG-NJU/videomae"):
        open_videomae("")
    with pytest.raises(UserError, match="Did you mean 'MCG-NJU/videomae-base'"):
        open_videomae("MCG-NJU/videomae-bas")


def failure(folder):
    with pytest.raises(UserError) as caught:
        open_videomae(str(folder))
    assert caught.value.exit_code == ENVIRONMENT
    return str(caught.value)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_missing_files(copy, name):
    (copy / name).unlink()
    assert name in failure(copy)


def test_a_pickle_does_not_stand_in(copy):
    tensors = load_file(copy / "model.safetensors")
    (copy / "model.safetensors").unlink()
    torch.save(tensors, copy / "pytorch_model.bin")
    assert "model.safetensors" in failure(copy)


def test_a_truncated_file(copy):
    path = copy / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    assert str(path) in failure(copy)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"model_type": "clap"}, "model_type is 'clap', expected 'videomae'"),
        ({"num_channels": 1}, "num_channels is 1, expected 3"),
        ({"num_frames": 15}, "num_frames is 15, expected a multiple of the tubelet size 2"),
        ({"num_frames": 0}, "num_frames is 0"),
        ({"patch_size": 50}, "whole patches of 50"),
        ({"patch_size": 0}, "describes no VideoMAE model"),
        ({"image_size": [224, 112]}, "image_size is"),
        ({"image_size": 112}, "size is"),
        ({"hidden_size": "wide"}, "describes no VideoMAE model"),
        ({"num_attention_heads": 5}, "describes no VideoMAE model"),
        ({"hidden_size": 64}, "of another shape"),
        ({"num_hidden_layers": 3}, "missing"),
        ({"num_hidden_layers": 1}, "unexpected"),
        ({"use_mean_pooling": False}, "layernorm.weight"),
    ],
)
def test_configurations_that_do_not_fit(copy, changes, told):
    path = copy / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    said = failure(copy)
    assert told in said
    assert str(copy) in said


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"do_normalize": False}, "do_normalize is False, expected true"),
        ({"size": {"height": 224, "width": 224}}, "size is"),
        ({"size": 256}, "size is 256"),
        ({"crop_size": 192}, "crop_size is 192"),
        ({"resample": 3}, "resample is 3"),
        ({"rescale_factor": 1 / 127.5}, "rescale_factor is"),
        ({"rescale_factor": "1/255"}, "rescale_factor is '1/255'"),
        ({"image_mean": None}, "image_mean is None, expected three numbers"),
        ({"image_mean": [0.5]}, "image_mean is"),
        ({"image_std": [0.5, 0.5, 0.0]}, "image_std is"),
    ],
)
def test_preparations_that_do_not_fit(copy, changes, told):
    (copy / "preprocessor_config.json").write_text(json.dumps({**PREPARATION, **changes}))
    said = failure(copy)
    assert told in said
    assert "preprocessor_config.json" in said


@pytest.mark.parametrize("name", ["config.json", "preprocessor_config.json"])
@pytest.mark.parametrize("content", ["", "[]", "{", "\x00"])
def test_files_that_are_no_json(copy, name, content):
    (copy / name).write_text(content)
    assert f"{name} is not a JSON object" in failure(copy)


def test_a_model_without_its_last_norm(copy):
    path = copy / "model.safetensors"
    save_file({name: tensor for name, tensor in load_file(path).items() if "fc_norm" not in name}, path)
    assert "fc_norm.weight" in failure(copy)
