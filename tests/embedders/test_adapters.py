"""The adapters, on stand-ins that have the interfaces of fadtk 1.1.0 and laion-clap 1.1.7 but no networks of theirs.

The packages themselves cannot be installed beside this one; how the adapters did with them is in
tests/data/metrics/clap/README.md.
"""

import hashlib
import sys

import numpy as np
import pytest
import soundfile
import torch
from clap_recipe import laion_state, parameters, pcm, sound

from cmmd_bench.embedders.adapters import FADTK_NAMES, _fadtk_class, open_fadtk, open_laion_clap
from cmmd_bench.embedders.clap.resample import resample
from cmmd_bench.errors import ENVIRONMENT, UserError
from cmmd_bench.types import Clip

MODEL_LOADER = '''
"""Stand-in for fadtk.model_loader: the base class' reading and storing, and two models that sum what they hear."""
from pathlib import Path
import numpy as np, soundfile, torch

class ModelLoader:
    def __init__(self, name, num_features, sr, min_len=-1):
        self.model, self.sr, self.num_features, self.name, self.min_len = None, sr, num_features, name, min_len
        self.device = torch.device("cpu")
    def get_embedding(self, audio):
        embd = self._get_embedding(audio).detach().numpy()
        return embd.astype(np.float16) if embd.dtype == np.float32 else embd
    def load_wav(self, wav_file):
        wav_data, rate = soundfile.read(wav_file, dtype="int16")
        assert rate == self.sr
        return wav_data / 32768.0

class VGGishModel(ModelLoader):
    def __init__(self):
        super().__init__("vggish", 2, 16000, min_len=1)
    def load_model(self):
        print("loading")
        self.model = torch.nn.Linear(1, 2)
        with torch.no_grad():
            self.model.weight.copy_(torch.tensor([[1.0], [2.0]]))
            self.model.bias.zero_()
    def _get_embedding(self, audio):
        seconds = [audio[i : i + self.sr] for i in range(0, len(audio), self.sr)]
        rows = [self.model(torch.tensor([second.mean()]).float()) for second in seconds]
        return torch.stack(rows) if len(rows) > 1 else rows[0]

class CLAPModel(ModelLoader):
    def __init__(self, type):
        super().__init__(f"clap-{type}", 1024, 44100)
        self.model_file = Path(__file__).parent / ".model-checkpoints" / "CLAP_weights_2023.pth"
    def load_model(self):
        self.model = object()
    def _get_embedding(self, audio):
        return torch.full((-(-len(audio) // self.sr), 4), float(np.abs(audio).max()))

class EncodecEmbModel(ModelLoader):
    def __init__(self, variant="24k"):
        super().__init__("encodec-emb", 3, 24000)
    def load_model(self):
        self.model = "not a module"
    def _get_embedding(self, audio):
        return torch.zeros(1, 3, dtype=torch.float64)
'''

LAION_CLAP = '''
"""Stand-in for laion_clap: one module with its loading and its call."""
import torch

class CLAP_Module(torch.nn.Module):
    def __init__(self, enable_fusion=False, device=None, amodel="HTSAT-tiny", tmodel="roberta"):
        super().__init__()
        assert not enable_fusion and device == "cpu"
        self.amodel = amodel
    def load_ckpt(self, ckpt=None, model_id=-1, verbose=True):
        print("Load the specified checkpoint", ckpt)
        self.bias = torch.load(ckpt, weights_only=True)["state_dict"]["module.audio_projection.2.bias"]
    def get_audio_embedding_from_data(self, x, use_tensor=False):
        assert use_tensor and x.shape == (1, 480000) and x.dtype == torch.float32
        return torch.nn.functional.normalize(self.bias[None] + x.mean(), dim=-1)
'''


@pytest.fixture
def packages(tmp_path, monkeypatch):
    """The stand-ins can be imported, and are forgotten afterwards."""
    for package, files in {
        "fadtk": {"__init__.py": "", "model_loader.py": MODEL_LOADER},
        "laion_clap": {"__init__.py": LAION_CLAP},
    }.items():
        (tmp_path / package).mkdir()
        for name, text in files.items():
            (tmp_path / package / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in [name for name in sys.modules if name.split(".")[0] in ("fadtk", "laion_clap")]:
        del sys.modules[name]


@pytest.mark.parametrize(
    ("opened", "package"), [(lambda: open_fadtk("vggish"), "fadtk"), (lambda: laion_file(), "laion-clap")]
)
def test_a_missing_package_is_named(opened, package, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "some.pt").touch()
    with pytest.raises(UserError, match=f"needs the package {package}.*pip install --no-deps {package}") as error:
        opened()
    assert error.value.exit_code == ENVIRONMENT


def laion_file():
    return open_laion_clap("some.pt")


def test_a_package_that_does_not_import_says_why(packages):
    (packages / "fadtk" / "__init__.py").write_text("import torchaudio_that_is_not_here\n")
    with pytest.raises(UserError, match="needs fadtk to work, which fails: No module named 'torchaudio_that_is_not"):
        open_fadtk("vggish")


def test_fadtk_hears_a_file_at_its_rate_and_rounds_to_float16(packages, capsys):
    embedder = open_fadtk("vggish")
    assert capsys.readouterr().out == ""
    assert (embedder.name, embedder.rate, embedder.modality) == ("fadtk:vggish", 16_000, "audio")
    audio = np.random.default_rng(0).uniform(-0.5, 0.9, 2 * 44_100).astype(np.float32)
    rows = embedder.embed(Clip(audio=audio, sample_rate=44_100))
    heard = np.floor(32768.0 * resample(audio, 44_100, 16_000).astype(np.float64)) / 32768.0
    expected = np.array([[second.mean(), 2 * second.mean()] for second in (heard[:16_000], heard[16_000:])])
    assert rows.dtype == np.float32
    np.testing.assert_allclose(rows, expected, rtol=2e-3)
    assert np.array_equal(rows, rows.astype(np.float16).astype(np.float32))
    # One second: fadtk gives a bare row.
    assert embedder.embed(Clip(audio=audio[:100], sample_rate=44_100)).shape == (1, 2)
    with pytest.raises(ValueError, match="fadtk:vggish needs audio, found a clip without it"):
        embedder.embed(Clip(video=np.zeros((2, 4, 4, 3), np.uint8), fps=8))


def test_fadtks_weights_are_identified_where_they_can_be(packages):
    first = open_fadtk("vggish")
    weight, bias = np.array([[1.0], [2.0]], np.float32), np.zeros(2, np.float32)
    content = b"bias (2,) torch.float32\n" + bias.tobytes() + b"weight (2, 1) torch.float32\n" + weight.tobytes()
    assert first.digest == hashlib.sha256(content).hexdigest()
    assert first.version == "fadtk of unknown version"
    unseen = open_fadtk("encodec-emb")
    assert unseen.digest == ""
    assert unseen.version.endswith(", weights unknown")


def test_fadtk_never_fetches_clap_by_itself(packages):
    with pytest.raises(UserError, match=r"needs .*CLAP_weights_2023\.pth, which is not there.*weights get clap-2023"):
        open_fadtk("clap-2023")
    folder = packages / "fadtk" / ".model-checkpoints"
    folder.mkdir()
    (folder / "CLAP_weights_2023.pth").write_bytes(b"weights")
    embedder = open_fadtk("clap-2023")
    assert embedder.digest == hashlib.sha256(b"weights").hexdigest()
    rows = embedder.embed(Clip(audio=np.full(66_150, 0.25, np.float32), sample_rate=44_100))
    assert rows.tolist() == [[0.25] * 4] * 2


def test_fadtks_models_by_name():
    assert _fadtk_class("MERT-v1-95M") == ("MERTModel", ("v1-95M", 12))
    assert _fadtk_class("MERT-v1-95M-4") == ("MERTModel", ("v1-95M", 4))
    assert _fadtk_class("w2v2-large") == ("W2V2Model", ("large", 24))
    assert _fadtk_class("wavlm-base-plus-3") == ("WavLMModel", ("base-plus", 3))
    assert _fadtk_class("encodec-emb") == ("EncodecEmbModel", ("24k",))
    assert _fadtk_class("encodec-emb-48k") == ("EncodecEmbModel", ("48k",))
    for name in FADTK_NAMES:
        assert _fadtk_class(name.removesuffix("[-LAYER]"))
    for name in ("MERT-v1-95M-13", "w2v2-base-0", "wavlm", ""):
        with pytest.raises(UserError, match="no fadtk model named"):
            open_fadtk(name)
    with pytest.raises(UserError, match="Did you mean 'vggish'"):
        open_fadtk("vgish")


def test_laion_clap_gets_windows_and_the_size_of_its_checkpoint(packages, capsys):
    path = packages / "c.pt"
    torch.save({"state_dict": laion_state("tiny")}, path)
    embedder = open_laion_clap(str(path))
    assert capsys.readouterr().out == ""
    assert embedder.digest == hashlib.sha256(path.read_bytes()).hexdigest()
    rows = embedder.embed(sound(pcm(parameters("params.json")["waveforms"]["s1_3"], 48_000), 48_000))
    assert rows.shape == (2, 512)
    assert rows.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)
    path.unlink()


def test_laion_claps_checkpoints(packages, monkeypatch):
    monkeypatch.setenv("CMMD_BENCH_WEIGHTS", str(packages))
    with pytest.raises(UserError, match=r"names no checkpoint: use clap-laion-audio, clap-laion-music or the path"):
        open_laion_clap("630k")
    with pytest.raises(UserError, match="cmmd-bench weights get clap-laion-music"):
        open_laion_clap("clap-laion-music")
    torch.save({"state_dict": {"other": torch.zeros(3)}}, packages / "other.pt")
    with pytest.raises(UserError, match="not the weights of laion-clap:"):
        open_laion_clap(str(packages / "other.pt"))


def test_sixteen_bits_survive_the_file(tmp_path):
    """What the fadtk adapter writes is what fadtk reads, for every value."""
    every = np.arange(-32768, 32768).astype(np.int16)
    soundfile.write(tmp_path / "a.wav", every, 48_000, subtype="PCM_16")
    assert np.array_equal(soundfile.read(tmp_path / "a.wav", dtype="int16")[0], every)
