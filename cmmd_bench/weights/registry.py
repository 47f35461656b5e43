"""The table of pretrained weights: where they are published, how large they are, what proves them, who may use them.

Nothing here is bundled and nothing is fetched by itself; `cmmd-bench weights get NAME` does it when asked. A size or
digest is given only where its publisher or several independent projects state it; None means that nobody does. Such a
file is pinned on this machine: the SHA-256 of its first whole fetch is written down and every later copy must equal it.

Sizes are in bytes. Digests are lower-case hex: `sha256` of the bytes, `git_blob` = SHA-1 of b"blob <size>\\0" + bytes,
the name that Git gives the content. Names with a slash are models of the Hugging Face Hub under their own names.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from cmmd_bench.errors import UserError, unknown_name


@dataclass(frozen=True, slots=True)
class WeightFile:
    """One file: its name on disk, where it can be had (mirrors in order), and what proves it."""

    name: str
    urls: tuple[str, ...] = ()
    size: int | None = None
    sha256: str | None = None
    git_blob: str | None = None


@dataclass(frozen=True, slots=True)
class Weights:
    """One entry: its files, licence, the page that publishes it, and what uses it."""

    name: str
    files: tuple[WeightFile, ...]
    licence: str
    source: str
    used_by: str

    @property
    def size(self) -> int | None:
        """Bytes of all files together, or None if one of them is unknown."""
        sizes = [file.size for file in self.files]
        return None if None in sizes else sum(size for size in sizes if size is not None)


def entry(name: str) -> Weights:
    """The entry called `name`; a UserError with the nearest name if there is none."""
    for weights in WEIGHTS:
        if weights.name == name:
            return weights
    raise unknown_name("weights", name, names())


def names() -> list[str]:
    """Every registered name, in the order of the table."""
    return [weights.name for weights in WEIGHTS]


def entries(wanted: Iterable[str]) -> list[Weights]:
    """The entries called so, each once; all of the table if none is named."""
    return [entry(name) for name in dict.fromkeys(wanted)] or list(WEIGHTS)


def only_file(weights: Weights) -> WeightFile:
    """The file of an entry that has one; a UserError for an entry of several."""
    if len(weights.files) != 1:
        listing = ", ".join(file.name for file in weights.files)
        raise UserError(f"weights {weights.name!r} are a folder ({listing}); ask for the folder instead of one file.")
    return weights.files[0]


def _hub(repository: str, revision: str, *files: WeightFile) -> tuple[WeightFile, ...]:
    base = f"https://huggingface.co/{repository}/resolve/{revision}"
    return tuple(replace(file, urls=(f"{base}/{file.name}", *file.urls)) for file in files)


_LAION = "https://huggingface.co/lukewys/laion_clap"

WEIGHTS: tuple[Weights, ...] = (
    Weights(
        name="i3d-torchscript",
        files=(
            WeightFile(
                "i3d_torchscript.pt",
                (
                    "https://huggingface.co/flateon/FVD-I3D-torchscript/resolve/"
                    "1c2d61711c52571ad617a1063e6fa691b212e184/i3d_torchscript.pt",
                    "https://www.dropbox.com/s/ge9e5ujwgetktms/i3d_torchscript.pt?dl=1",
                ),
                size=51_235_320,
                sha256="bec6519f66ea534e953026b4ae2c65553c17bf105611c746d904657e5860a5e2",
            ),
        ),
        licence="Apache-2.0 (module it is ported from)",
        source="https://github.com/universome/stylegan-v",
        used_by="FVD, KVD",
    ),
    Weights(
        name="i3d-pretrained-400",
        files=(
            WeightFile(
                "i3d_pretrained_400.pt",
                (
                    "https://github.com/songweige/TATS/raw/main/tats/fvd/i3d_pretrained_400.pt",
                    "https://drive.usercontent.google.com/download?id=1mQK8KD8G6UWRa5t87SRMm5PVXtlpneJT"
                    "&export=download&confirm=t",
                ),
                git_blob="a867b87ac3a9097d200598b1d48a1b890d8ec744",
            ),
        ),
        licence="Apache-2.0 (module it is ported from)",
        source="https://github.com/songweige/TATS",
        used_by="FVD, KVD",
    ),
    Weights(
        name="clap-laion-audio",
        files=(WeightFile("630k-audioset-best.pt", (f"{_LAION}/resolve/main/630k-audioset-best.pt",)),),
        licence="CC0-1.0",
        source=_LAION,
        used_by="FAD",
    ),
    Weights(
        name="clap-laion-music",
        files=(
            WeightFile(
                "music_audioset_epoch_15_esc_90.14.pt",
                (f"{_LAION}/resolve/main/music_audioset_epoch_15_esc_90.14.pt",),
            ),
        ),
        licence="CC0-1.0",
        source=_LAION,
        used_by="FAD",
    ),
    Weights(
        name="clap-2023",
        files=_hub("microsoft/msclap", "main", WeightFile("CLAP_weights_2023.pth")),
        licence="MIT",
        source="https://huggingface.co/microsoft/msclap",
        used_by="FAD",
    ),
    Weights(
        name="laion/clap-htsat-unfused",
        files=_hub("laion/clap-htsat-unfused", "main", WeightFile("config.json"), WeightFile("model.safetensors")),
        licence="Apache-2.0",
        source="https://huggingface.co/laion/clap-htsat-unfused",
        used_by="FAD",
    ),
    Weights(
        name="MCG-NJU/videomae-base",
        files=_hub("MCG-NJU/videomae-base", "main", WeightFile("config.json"), WeightFile("model.safetensors")),
        licence="CC-BY-NC-4.0",
        source="https://huggingface.co/MCG-NJU/videomae-base",
        used_by="FVD",
    ),
)
