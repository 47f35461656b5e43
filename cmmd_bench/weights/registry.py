"""The table of pretrained weights: where they are published, how large they are, what proves them, who may use them.

Nothing here is bundled and nothing is fetched by itself; `cmmd-bench weights get NAME` does it when asked. A size or
digest stands here only where the publisher's own page or several independent projects state it; where nobody does it
is None, and the file is pinned on this machine: the SHA-256 of its first whole fetch is written down and every later
copy must equal it.

Sizes are in bytes; `about` is a published size that was rounded, for people only. Digests are lower-case hex: `sha256`
of the bytes, `git_blob` = SHA-1 of b"blob <size>\\0" + bytes, the name that Git gives the content. Addresses carry a
revision where one is known, so that what they mean cannot change. Names with a slash are models of the Hugging Face
Hub under their own names.
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
    about: int | None = None
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
    """The entries called so, each once, in the order of `wanted`."""
    return [entry(name) for name in dict.fromkeys(wanted)]


def only_file(weights: Weights) -> WeightFile:
    """The file of an entry that has one; a UserError for an entry of several."""
    if len(weights.files) != 1:
        listing = ", ".join(file.name for file in weights.files)
        raise UserError(f"weights {weights.name!r} are a folder ({listing}); ask for the folder instead of one file.")
    return weights.files[0]


def _hub(repository: str, revision: str, *files: WeightFile) -> tuple[WeightFile, ...]:
    base = f"https://huggingface.co/{repository}/resolve/{revision}"
    return tuple(replace(file, urls=(f"{base}/{file.name}", *file.urls)) for file in files)


_I3D = "none stated (its origin: Apache-2.0, unconfirmed)"
_LAION = "b3708341862f581175dba5c356a4ebf74a9b6651"
_NON_COMMERCIAL = "CC-BY-NC-4.0 (not for commercial use)"

WEIGHTS: tuple[Weights, ...] = (
    Weights(
        name="i3d-torchscript",
        files=_hub(
            "flateon/FVD-I3D-torchscript",
            "1c2d61711c52571ad617a1063e6fa691b212e184",
            WeightFile(
                "i3d_torchscript.pt",
                (
                    "https://huggingface.co/ByteDance/LatentSync-1.6/resolve/main/auxiliary/i3d_torchscript.pt",
                    "https://www.dropbox.com/s/ge9e5ujwgetktms/i3d_torchscript.pt?dl=1",
                ),
                size=51_235_320,
                sha256="bec6519f66ea534e953026b4ae2c65553c17bf105611c746d904657e5860a5e2",
            ),
        ),
        licence=_I3D,
        source="https://github.com/universome/stylegan-v",
        used_by="FVD, KVD (i3d)",
    ),
    Weights(
        name="i3d-pretrained-400",
        files=(
            WeightFile(
                "i3d_pretrained_400.pt",
                (
                    "https://huggingface.co/spaces/LanguageBind/Open-Sora-Plan-v1.0.0/resolve/"
                    "810fa8c4bdb3a4c8eec9bd57375c29bde6fb46de/opensora/eval/fvd/videogpt/i3d_pretrained_400.pt",
                    "https://raw.githubusercontent.com/songweige/TATS/26c33f5bb762f86589c0971e98d0c4565f9a7f63/"
                    "tats/fvd/i3d_pretrained_400.pt",
                    "https://drive.usercontent.google.com/download?id=1mQK8KD8G6UWRa5t87SRMm5PVXtlpneJT"
                    "&export=download&confirm=t",
                ),
                about=50_900_000,
                git_blob="a867b87ac3a9097d200598b1d48a1b890d8ec744",
            ),
        ),
        licence=_I3D,
        source="https://github.com/songweige/TATS",
        used_by="FVD, KVD (i3d)",
    ),
    Weights(
        name="MCG-NJU/videomae-base",
        files=_hub(
            "MCG-NJU/videomae-base",
            "dc740ceda42fce44faed2ea03c6d447db72f6af9",
            WeightFile("config.json", about=725),
            WeightFile(
                "model.safetensors",
                size=376_873_760,
                sha256="bc053ca2840a038b1068269a4eec06ca569689e9a1ed9376a5b2b8a111be5290",
            ),
        ),
        licence=_NON_COMMERCIAL,
        source="https://huggingface.co/MCG-NJU/videomae-base",
        used_by="FVD, KVD (videomae)",
    ),
    Weights(
        name="MCG-NJU/videomae-base-finetuned-kinetics",
        files=_hub(
            "MCG-NJU/videomae-base-finetuned-kinetics",
            "488eb9a0565f257b32866000305c8178965eb9f6",
            WeightFile("config.json", about=22_900),
            WeightFile("model.safetensors", about=346_000_000),
        ),
        licence=_NON_COMMERCIAL,
        source="https://huggingface.co/MCG-NJU/videomae-base-finetuned-kinetics",
        used_by="FVD, KVD (videomae)",
    ),
    Weights(
        name="clap-laion-audio",
        files=_hub(
            "lukewys/laion_clap",
            _LAION,
            WeightFile(
                "630k-audioset-best.pt",
                size=1_863_587_645,
                sha256="8053c9775516af2f4902e1e8281e356cc1bf7a85e8b761908170767b77c3f037",
            ),
        ),
        licence="CC0-1.0",
        source="https://huggingface.co/lukewys/laion_clap",
        used_by="FAD",
    ),
    Weights(
        name="clap-laion-music",
        files=_hub(
            "lukewys/laion_clap",
            _LAION,
            WeightFile(
                "music_audioset_epoch_15_esc_90.14.pt",
                size=2_352_471_003,
                sha256="fae3e9c087f2909c28a09dc31c8dfcdacbc42ba44c70e972b58c1bd1caf6dedd",
            ),
        ),
        licence="CC0-1.0",
        source="https://huggingface.co/lukewys/laion_clap",
        used_by="FAD",
    ),
    Weights(
        name="clap-2023",
        files=_hub("microsoft/msclap", "main", WeightFile("CLAP_weights_2023.pth", about=690_000_000)),
        licence="MS-PL",
        source="https://huggingface.co/microsoft/msclap",
        used_by="FAD",
    ),
    Weights(
        name="laion/clap-htsat-unfused",
        files=_hub(
            "laion/clap-htsat-unfused",
            "8fa0f1c6d0433df6e97c127f64b2a1d6c0dcda8a",
            WeightFile(
                "config.json",
                size=5_390,
                sha256="9efb9557bc804f2ca6e394486af2e45dfed0b18554909735a99c6220b84e4288",
                git_blob="70624c940dc3d35b36bc9de57ee5a958c86e032a",
            ),
            WeightFile(
                "pytorch_model.bin",
                size=614_525_833,
                sha256="1cd3c601bc4afe0fa87be3de4c13dd2cfadd249fac1e29acf74a9b296c3219bb",
            ),
        ),
        licence="Apache-2.0",
        source="https://huggingface.co/laion/clap-htsat-unfused",
        used_by="FAD",
    ),
    Weights(
        name="laion/larger_clap_general",
        files=_hub(
            "laion/larger_clap_general",
            "ada0c23a36c4e8582805bb38fec3905903f18b41",
            WeightFile("config.json", about=643),
            WeightFile(
                "pytorch_model.bin",
                size=776_444_665,
                sha256="314eb00cce6ad68d25237b8446b659ccdb136ed4672c1bca470f142f72455026",
            ),
        ),
        licence="Apache-2.0",
        source="https://huggingface.co/laion/larger_clap_general",
        used_by="FAD",
    ),
    Weights(
        name="laion/larger_clap_music",
        files=_hub(
            "laion/larger_clap_music",
            "a0b4534a14f58e20944452dff00a22a06ce629d1",
            WeightFile("config.json", about=628),
            WeightFile(
                "pytorch_model.bin",
                size=776_444_665,
                sha256="5c289311f4a030d768af7ffbfdecd01b008aa64824211899a4e59f4f9d154fd1",
            ),
        ),
        licence="Apache-2.0",
        source="https://huggingface.co/laion/larger_clap_music",
        used_by="FAD",
    ),
    Weights(
        # Public projects name two different digests for this revision's file, so none is believed here.
        name="laion/larger_clap_music_and_speech",
        files=_hub(
            "laion/larger_clap_music_and_speech",
            "195c3a3e68faebb3e2088b9a79e79b43ddbda76b",
            WeightFile("config.json"),
            WeightFile("pytorch_model.bin", about=776_000_000),
        ),
        licence="Apache-2.0",
        source="https://huggingface.co/laion/larger_clap_music_and_speech",
        used_by="FAD",
    ),
    Weights(
        name="stabilityai/sd-vae-ft-mse",
        files=_hub(
            "stabilityai/sd-vae-ft-mse",
            "31f26fdeee1355a5c34592e401dd41e45d25a493",
            WeightFile(
                "config.json",
                size=547,
                sha256="92d3dfb746fca211a2c9e019e285f8597412211728dce3c5bcf4eda0f2d62e7e",
            ),
            WeightFile(
                "diffusion_pytorch_model.safetensors",
                size=334_643_276,
                sha256="a1d993488569e928462932c8c38a0760b874d166399b14414135bd9c42df5815",
            ),
        ),
        licence="MIT",
        source="https://huggingface.co/stabilityai/sd-vae-ft-mse",
        used_by="CMMD (preset paper)",
    ),
)
