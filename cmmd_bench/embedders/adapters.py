"""`laion-clap:CHECKPOINT` and `fadtk:MODEL`: embeddings by these packages themselves, where they are installed.

Both ask for versions that cannot be had beside this package (numpy below 2, transformers below 5), so neither is a
dependency: they are imported when asked for, and what is lacking is named. They serve to check this package against its
references; `clap-laion-audio`, `clap-laion-music` and `clap-2023` need neither.

Sound is resampled and brought to 16 bits as fadtk does it (clap/resample.py) and handed to the package. laion-clap gets
fadtk's windows and gives rows of length 1; fadtk's rows come as it stores them, rounded to float16. fadtk fetches the
weights of most models by itself when it loads them; its CLAP checkpoints have to be in place.
"""

import contextlib
import hashlib
import io
import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from cmmd_bench.embedders.clap.key_map import LAION_HTSAT, without_module
from cmmd_bench.embedders.clap.laion import RATE, SECONDS
from cmmd_bench.embedders.clap.resample import pcm16, resample
from cmmd_bench.embedders.clap.tower import published_size
from cmmd_bench.embedders.clap.windows import laion_scale, windows
from cmmd_bench.errors import ENVIRONMENT, UserError, unknown_name
from cmmd_bench.types import Clip, Features, Modality
from cmmd_bench.weights import load_tensors, weights_digest, weights_file
from cmmd_bench.weights.digests import digests

CHECKPOINTS = ("clap-laion-audio", "clap-laion-music")
FADTK_CHECKPOINTS = {
    "clap-2023": "CLAP_weights_2023.pth",
    "clap-laion-audio": "630k-audioset-best.pt",
    "clap-laion-music": "music_audioset_epoch_15_esc_90.14.pt",
}
FADTK_NAMES = (
    *FADTK_CHECKPOINTS,
    *("vggish", "encodec-emb", "encodec-emb-48k", "dac-44kHz", "cdpam-acoustic", "cdpam-content"),
    *("MERT-v1-95M[-LAYER]", "w2v2-base[-LAYER]", "w2v2-large[-LAYER]", "hubert-base[-LAYER]", "hubert-large[-LAYER]"),
    *("wavlm-base[-LAYER]", "wavlm-base-plus[-LAYER]", "wavlm-large[-LAYER]"),
    *("whisper-tiny", "whisper-base", "whisper-small", "whisper-medium", "whisper-large"),
)


@dataclass(slots=True, eq=False)
class AdapterEmbedder:
    """Rows that another package computes. rate: Hz that it hears; rows: its answer to 16-bit samples, (n, D)."""

    name: str
    version: str
    digest: str
    rate: int
    rows: Callable[[NDArray[np.int16]], Features]
    modality: Modality = "audio"

    def embed(self, clip: Clip) -> Features:
        """Features of the sound, (n, D); raises ValueError without audio."""
        if clip.audio is None:
            raise ValueError(f"{self.name} needs audio, found a clip without it")
        return self.rows(pcm16(resample(clip.audio, clip.sample_rate, self.rate)))


def open_laion_clap(variant: str) -> AdapterEmbedder:
    """`laion-clap:CHECKPOINT`: a registered name or the path of a checkpoint without fusion, run by laion-clap.

    Raises UserError: the package or the checkpoint is not here, or it is no CLAP checkpoint of LAION's.
    """
    name = f"laion-clap:{variant}"
    if variant not in CHECKPOINTS and not Path(variant).is_file():
        raise UserError(f"{name!r} names no checkpoint: use {', '.join(CHECKPOINTS)} or the path of a file.")
    package = _import("laion_clap", "laion-clap", name)
    path = weights_file(variant) if variant in CHECKPOINTS else Path(variant)
    # Read as data first: the package unpickles whatever it is given.
    size = published_size(without_module(load_tensors(path, what=name)), prefix=LAION_HTSAT, what=name)
    with _silent():
        model = package.CLAP_Module(enable_fusion=False, device="cpu", amodel=size.name)
        model.load_ckpt(str(path), verbose=False)
    model.eval()

    @torch.inference_mode()
    def rows(pcm: NDArray[np.int16]) -> Features:
        cut = windows(laion_scale(pcm), length=SECONDS * RATE, step=RATE)
        each = [model.get_audio_embedding_from_data(x=torch.from_numpy(w)[None], use_tensor=True) for w in cut]
        return torch.cat(each).float().numpy()

    digest = weights_digest(variant) if variant in CHECKPOINTS else digests(path).sha256
    return AdapterEmbedder(name, f"laion-clap {_version('laion-clap')}", digest, RATE, rows)


def open_fadtk(variant: str) -> AdapterEmbedder:
    """`fadtk:MODEL`: a model of fadtk 1.1.0 by the name it has there, such as `vggish` or `MERT-v1-95M-4`.

    The digest is of the checkpoint or the tensors it loaded; where neither can be seen it is empty, and the version
    says so. Raises UserError: unknown model, or the package or a CLAP checkpoint is not here.
    """
    name = f"fadtk:{variant}"
    kind, arguments = _fadtk_class(variant)
    package = _import("fadtk", "fadtk", name)
    if variant in FADTK_CHECKPOINTS:
        path = Path(package.__file__).parent / ".model-checkpoints" / FADTK_CHECKPOINTS[variant]
        if not path.is_file():
            raise UserError(
                f"{name} needs {path}, which is not there. Put the file of `cmmd-bench weights get {variant}` there.",
                exit_code=ENVIRONMENT,
            )
    with _silent():
        loader = getattr(import_module("fadtk.model_loader"), kind)(*arguments)
        loader.device = torch.device("cpu")
        loader.load_model()

    def rows(pcm: NDArray[np.int16]) -> Features:
        import soundfile

        # fadtk's models each read a file in their own way, so they get one.
        with tempfile.TemporaryDirectory() as folder, _silent(), torch.no_grad():
            path = Path(folder) / "sound.wav"
            soundfile.write(path, pcm, loader.sr, subtype="PCM_16")
            found = loader.get_embedding(loader.load_wav(path))
        return np.atleast_2d(np.asarray(found, np.float32))

    digest = _fadtk_digest(loader)
    version = f"fadtk {_version('fadtk')}" + ("" if digest else ", weights unknown")
    return AdapterEmbedder(name, version, digest, int(loader.sr), rows)


_Arguments = tuple[str | int, ...]
_FADTK_MODELS: tuple[tuple[str, str, Callable[..., _Arguments]], ...] = (
    (r"clap-(2023)", "CLAPModel", lambda kind: (kind,)),
    (r"clap-laion-(audio|music)", "CLAPLaionModel", lambda kind: (kind,)),
    (r"vggish", "VGGishModel", lambda: ()),
    (r"encodec-emb(-48k)?", "EncodecEmbModel", lambda kind: ("48k" if kind else "24k",)),
    (r"dac-44kHz", "DACModel", lambda: ()),
    (r"cdpam-(acoustic|content)", "CdpamModel", lambda kind: (kind,)),
    (r"MERT-(v1-95M)(?:-([1-9]|1[01]))?", "MERTModel", lambda size, layer: (size, int(layer or 12))),
    (r"w2v2-(base)(?:-([1-9]|1[01]))?", "W2V2Model", lambda size, layer: (size, int(layer or 12))),
    (r"w2v2-(large)(?:-([1-9]|1\d|2[0-3]))?", "W2V2Model", lambda size, layer: (size, int(layer or 24))),
    (r"hubert-(base)(?:-([1-9]|1[01]))?", "HuBERTModel", lambda size, layer: (size, int(layer or 12))),
    (r"hubert-(large)(?:-([1-9]|1\d|2[0-3]))?", "HuBERTModel", lambda size, layer: (size, int(layer or 24))),
    (r"wavlm-(base|base-plus)(?:-([1-9]|1[01]))?", "WavLMModel", lambda size, layer: (size, int(layer or 12))),
    (r"wavlm-(large)(?:-([1-9]|1\d|2[0-3]))?", "WavLMModel", lambda size, layer: (size, int(layer or 24))),
    (r"whisper-(tiny|base|small|medium|large)", "WhisperModel", lambda size: (size,)),
)
"""How fadtk 1.1.0 makes each of its models: its name there, the class in `fadtk.model_loader`, the arguments."""


def _fadtk_class(variant: str) -> tuple[str, _Arguments]:
    for pattern, kind, arguments in _FADTK_MODELS:
        found = re.fullmatch(pattern, variant)
        if found:
            return kind, arguments(*found.groups())
    raise unknown_name("fadtk model", variant, FADTK_NAMES)


def _fadtk_digest(loader: Any) -> str:
    file = getattr(loader, "model_file", None)
    if file is not None:
        return digests(Path(file)).sha256
    if not isinstance(loader.model, torch.nn.Module):
        return ""
    digest = hashlib.sha256()
    for key, tensor in sorted(loader.model.state_dict().items()):
        digest.update(f"{key} {tuple(tensor.shape)} {tensor.dtype}\n".encode())
        digest.update(tensor.contiguous().cpu().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _import(module: str, package: str, name: str) -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        lacking = f"the package {package}" if error.name == module else f"{package} to work, which fails: {error}"
        raise UserError(
            f"{name} needs {lacking}. Install it with `pip install --no-deps {package}`, then what it names as "
            "missing in the same way: its requirements exclude the versions used here. "
            "clap-laion-audio, clap-laion-music and clap-2023 need no package.",
            exit_code=ENVIRONMENT,
        ) from None


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "of unknown version"


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """These packages print; nothing of ours may stand on standard output but results."""
    with contextlib.redirect_stdout(io.StringIO()):
        yield
