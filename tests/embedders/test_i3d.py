"""`i3d` and its variants as embedders: from weights on disk to a row of logits, and what is said when that fails."""

import hashlib
import pickle
import warnings
from fractions import Fraction

import numpy as np
import pytest
import torch
from clips import clicks
from i3d_recipe import PRESETS, arrays, network, weights
from torch import Tensor, nn
from torch.nn.functional import interpolate

from cmmd_bench import embedders
from cmmd_bench.embedders import get_embedder
from cmmd_bench.embedders.i3d import SCRIPT, SCRIPT_DIALECTS, STATE_DICT, VARIANTS, open_i3d
from cmmd_bench.embedders.i3d.preprocess import DIALECTS, prepare
from cmmd_bench.errors import ENVIRONMENT, UserError
from cmmd_bench.types import Clip
from cmmd_bench.weights import registry
from cmmd_bench.weights.registry import WeightFile, Weights

FILES = {STATE_DICT: "i3d_pretrained_400.pt", SCRIPT: "i3d_torchscript.pt"}


class Detector(nn.Module):
    """The interface of StyleGAN-V's module around our network, so that a file of its kind exists here."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor, rescale: bool = False, resize: bool = False, return_features: bool = False) -> Tensor:
        if rescale:
            x = x / 255 * 2 - 1
        if resize:
            n, c, t, h, w = x.shape
            frames = x.transpose(1, 2).reshape(n * t, c, h, w)
            frames = interpolate(frames, size=(224, 224), mode="bilinear", align_corners=False)
            x = frames.reshape(n, t, c, 224, 224).transpose(1, 2)
        logits = self.inner(x)
        return logits if return_features else logits.softmax(1)


def save_script(make, path):
    with warnings.catch_warnings():
        # The format is deprecated, and tracing a network warns of every size that it takes for a constant.
        warnings.simplefilter("ignore")
        torch.jit.script(make()).save(path)


def detector():
    # A trace holds for the number of frames that it was made with, here that of the clip `odd`.
    return Detector(torch.jit.trace(network(), torch.zeros(1, 3, 11, 224, 224), check_trace=False))


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A folder of weights with both files in the recipe's values, the table's digests set to theirs."""
    root = tmp_path_factory.mktemp("weights")
    for name in FILES:
        (root / name).mkdir()
    torch.save(weights(), root / STATE_DICT / FILES[STATE_DICT])
    save_script(detector, root / SCRIPT / FILES[SCRIPT])
    return root


@pytest.fixture
def here(store, monkeypatch):
    """The store in place: published digests are those of the recipe's files."""
    monkeypatch.setenv("CMMD_BENCH_WEIGHTS", str(store))
    sha256 = {name: hashlib.sha256((store / name / file).read_bytes()).hexdigest() for name, file in FILES.items()}
    entries = (entry(name, sha256[name]) for name in FILES)
    monkeypatch.setattr(registry, "WEIGHTS", tuple(entries))
    return sha256


@pytest.fixture
def own_store(tmp_path, monkeypatch):
    """An empty store, and a function that puts a file into it whose digest nobody publishes."""
    monkeypatch.setenv("CMMD_BENCH_WEIGHTS", str(tmp_path))
    monkeypatch.setattr(registry, "WEIGHTS", tuple(entry(name) for name in FILES))

    def put(name: str, content: bytes) -> None:
        (tmp_path / name).mkdir()
        (tmp_path / name / FILES[name]).write_bytes(content)

    return put


def entry(name, sha256=None):
    file = WeightFile(FILES[name], (f"https://example.org/{FILES[name]}",), sha256=sha256)
    return Weights(name, (file,), "CC0-1.0", "https://example.org", "FVD")


def clip_of(frames=11):
    return Clip(video=arrays("clips.npz")["odd"][:frames], fps=10)


def short():
    return clip_of(9)


@pytest.mark.parametrize("preset", ["videogpt", "fvd_comparison", "tats", "mmdiff64_noantialias"])
def test_golden_logits_from_a_file(here, preset):
    embedder = open_i3d(PRESETS[preset])
    row = embedder.embed(clip_of())
    assert row.shape == (1, 400)
    assert row.dtype == np.float32
    assert embedder.name == f"i3d:{PRESETS[preset]}"
    assert embedder.modality == "video"
    assert embedder.digest == here[SCRIPT if preset == "fvd_comparison" else STATE_DICT]
    np.testing.assert_allclose(row[0], arrays("presets.npz")[f"odd.{preset}.logits"], atol=1e-4, rtol=0)


def test_the_default_is_videogpt(here):
    default, named = open_i3d(), open_i3d("videogpt")
    assert default.name == "i3d"
    assert (default.dialect, default.digest, default.version) == (named.dialect, named.digest, named.version)
    assert np.array_equal(default.embed(short()), named.embed(short()))


def test_styleganv_has_the_file_resize_and_scale(here):
    embedder = open_i3d("styleganv")
    assert embedder.name == "i3d:styleganv"
    assert embedder.digest == here[SCRIPT]
    rows = [embedder.embed(clip_of()) for _ in range(3)]
    assert np.array_equal(rows[0], rows[1])
    assert np.array_equal(rows[0], rows[2])
    # This stand-in resizes as TATS does, in another order of operations.
    np.testing.assert_allclose(rows[0][0], arrays("presets.npz")["odd.tats.logits"], atol=1e-4, rtol=0)


def test_every_frame_counts_and_nothing_but_frames(here):
    embedder, video = open_i3d("tats"), arrays("clips.npz")["odd"]
    row = embedder.embed(short())
    with_sound = Clip(video[:9], Fraction(30_000, 1001), clicks(1.0), 16_000)
    assert np.array_equal(row, embedder.embed(with_sound))
    assert np.abs(row - embedder.embed(clip_of(10))).max() > 1e-3


def test_by_name(here):
    embedders._built.cache_clear()
    try:
        assert get_embedder("i3d:tats") is get_embedder("i3d:tats")
        assert get_embedder("i3d:tats").name == "i3d:tats"
        assert get_embedder("i3d").name == "i3d"
    finally:
        embedders._built.cache_clear()


def test_variants():
    assert set(SCRIPT_DIALECTS) < set(VARIANTS) == set(DIALECTS)
    with pytest.raises(UserError, match=r"no variant of i3d named 'mm-difusion'. Did you mean 'mm-diffusion'\?"):
        open_i3d("mm-difusion")


@pytest.mark.parametrize("variant", ["tats", "styleganv"])
def test_clips_that_cannot_be_seen(here, variant):
    embedder = open_i3d(variant)
    with pytest.raises(ValueError, match=f"i3d:{variant} needs video, found a clip without it"):
        embedder.embed(Clip(audio=clicks(1.0), sample_rate=16_000))
    for frames in (1, 8):
        with pytest.raises(ValueError, match=f"i3d:{variant} needs at least 9 frames, found {frames}"):
            embedder.embed(clip_of(frames))


def test_one_colour_and_a_single_pixel(here):
    embedder = open_i3d()
    black = embedder.embed(Clip(video=np.zeros((9, 1, 1, 3), np.uint8), fps=10))
    assert np.isfinite(black).all()
    assert np.array_equal(black, embedder.embed(Clip(video=np.zeros((9, 64, 64, 3), np.uint8), fps=25)))


def failure(variant):
    with pytest.raises(UserError) as caught:
        open_i3d(variant)
    assert caught.value.exit_code == ENVIRONMENT
    return str(caught.value)


@pytest.mark.parametrize("variant", VARIANTS)
def test_missing_weights_are_named_with_the_command_that_gets_them(own_store, variant):
    name = SCRIPT if variant in SCRIPT_DIALECTS else STATE_DICT
    assert f"cmmd-bench weights get {name}" in failure(variant)


def test_a_file_with_another_digest_is_not_opened(here, store, tmp_path, monkeypatch):
    monkeypatch.setenv("CMMD_BENCH_WEIGHTS", str(tmp_path))
    for name, file in FILES.items():
        content = bytearray((store / name / file).read_bytes())
        content[len(content) // 2] ^= 1
        (tmp_path / name).mkdir()
        (tmp_path / name / file).write_bytes(content)
    assert "SHA-256" in failure("tats")
    assert "SHA-256" in failure("styleganv")


def test_damaged_and_foreign_files(own_store, store):
    whole = (store / STATE_DICT / FILES[STATE_DICT]).read_bytes()
    own_store(STATE_DICT, whole[: len(whole) // 2])
    assert FILES[STATE_DICT] in failure("tats")
    own_store(SCRIPT, b"<html>quota exceeded</html>")
    assert FILES[SCRIPT] in failure("styleganv")


def test_a_pickle_that_would_run_is_refused(own_store, tmp_path):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "sprung"), "w"))

    own_store(STATE_DICT, pickle.dumps({"state_dict": Trap()}))
    assert FILES[STATE_DICT] in failure("tats")
    assert not (tmp_path / "sprung").exists()


def test_the_weights_of_another_network(own_store, tmp_path):
    torch.save({"conv1.weight": torch.zeros(64, 3, 7, 7)}, tmp_path / "resnet.pt")
    own_store(STATE_DICT, (tmp_path / "resnet.pt").read_bytes())
    told = failure("tats")
    assert FILES[STATE_DICT] in told
    assert "conv1.weight" in told


class Other(nn.Module):
    """A script, but not the one of StyleGAN-V."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, image: Tensor) -> Tensor:
        return image * self.scale


def test_a_script_that_takes_something_else(own_store, tmp_path):
    save_script(Other, tmp_path / "other.pt")
    own_store(SCRIPT, (tmp_path / "other.pt").read_bytes())
    told = failure("styleganv")
    assert "its module takes image, expected" in told
    assert "return_features" in told


def test_weights_in_a_wrapper_are_found(own_store, tmp_path):
    torch.save({"epoch": 3, "state_dict": weights()}, tmp_path / "wrapped.pt")
    own_store(STATE_DICT, (tmp_path / "wrapped.pt").read_bytes())
    with torch.inference_mode():
        expected = network()(prepare(arrays("clips.npz")["odd"][:9], "videogpt")).numpy()
    assert np.array_equal(open_i3d().embed(short()), expected)
