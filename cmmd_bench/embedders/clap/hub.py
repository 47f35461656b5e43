"""`clap-hub:MODEL`: CLAP models of the Hugging Face Hub under their own names, from a folder on this machine.

MODEL is a registered name (`laion/clap-htsat-unfused`) or a folder with config.json and model.safetensors (or
pytorch_model.bin), and preprocessor_config.json; without the last, LAION's own settings hold (mel bands from 50 to
14000 Hz). Windows are those of LAION's networks in fadtk: 48 kHz, 10 s every second, zero-padded, 16 bits; rows of
length 1. Each window is as long as the network hears, so neither the random crop nor the repetition of transformers'
own preparation takes place, and fused models take their path for short sounds.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import torch

from cmmd_bench.embedders.clap.embedder import ClapEmbedder
from cmmd_bench.embedders.clap.frontend import BANDS, WINDOW, FrontEnd, mel_filters
from cmmd_bench.embedders.clap.key_map import Source, take
from cmmd_bench.embedders.clap.laion import HOP, RATE, SECONDS
from cmmd_bench.embedders.clap.tower import build, learned, load
from cmmd_bench.embedders.clap.windows import laion_scale
from cmmd_bench.embedders.hub_folder import CONFIG, PREPROCESSOR, digest_of, read_json
from cmmd_bench.errors import ENVIRONMENT, UserError
from cmmd_bench.weights import load_tensors, weights_digest, weights_folder

UNUSED = ("text_model.", "text_projection.", "logit_scale_")
TENSORS = ("model.safetensors", "pytorch_model.bin")


def open_clap_hub(variant: str, *, device: str = "cpu") -> ClapEmbedder:
    """A CLAP model by its registered Hub name or its folder; UserError with what to do if it is not here."""
    if not variant:
        raise UserError("clap-hub needs a model, such as clap-hub:laion/clap-htsat-unfused or clap-hub:FOLDER.")
    name = f"clap-hub:{variant}"
    if Path(variant).is_dir():
        return hub_clap(Path(variant), name=name, device=device)
    return hub_clap(weights_folder(variant), name=name, digest=weights_digest(variant), device=device)


def hub_clap(folder: Path, *, name: str, digest: str | None = None, device: str = "cpu") -> ClapEmbedder:
    """An embedder from a folder as the Hub keeps it; `digest` is taken from the files if it is not given.

    Raises UserError (environment): a file is missing, or the folder holds something else than a CLAP model at 48 kHz.
    """
    preparation = read_json(folder / PREPROCESSOR) if (folder / PREPROCESSOR).is_file() else None
    tower, fused = load_hub(folder, what=name)
    tower.to(device)
    return ClapEmbedder(
        name=name,
        digest=digest if digest is not None else digest_of(folder, _tensors_file(folder)),
        rate=RATE,
        seconds=SECONDS,
        scale=laion_scale,
        front_end=_front_end(preparation, fused=fused, path=folder / PREPROCESSOR),
        network=_fused(tower) if fused else lambda spectrogram: tower(spectrogram).audio_embeds,
        unit=True,
        device=device,
    )


def load_hub(folder: Path, *, what: str) -> tuple[torch.nn.Module, bool]:
    """transformers' `ClapAudioModelWithProjection` from a folder, and whether it is a fused model."""
    from transformers import ClapAudioModelWithProjection, ClapConfig

    described = read_json(folder / CONFIG)
    if described.get("model_type") != "clap":
        raise UserError(
            f"{folder / CONFIG} describes a model of type {described.get('model_type')!r}, expected 'clap'.",
            exit_code=ENVIRONMENT,
        )
    config: Any = ClapConfig.from_pretrained(folder, local_files_only=True).audio_config
    tensors = load_tensors(_tensors_file(folder), what=what)
    tower = build(lambda: ClapAudioModelWithProjection(config))
    wanted = learned(tower)
    load(tower, take(tensors, wanted, {key: Source(key) for key in wanted}, unused=UNUSED, what=what))
    return tower, bool(config.enable_fusion)


def _fused(tower: torch.nn.Module) -> Callable[[torch.Tensor], torch.Tensor]:
    """The path of a fused model for a sound that fits its window: the same spectrogram four times, none longer."""
    short = torch.zeros(1, 1, dtype=torch.bool)

    def embed(spectrogram: torch.Tensor) -> torch.Tensor:
        embeds: torch.Tensor = tower(
            spectrogram.expand(-1, 4, -1, -1), is_longer=short.to(spectrogram.device)
        ).audio_embeds
        return embeds

    return embed


def _front_end(preparation: dict[str, Any] | None, *, fused: bool, path: Path) -> FrontEnd:
    if preparation is None:
        scale: Literal["slaney", "htk"] = "htk" if fused else "slaney"
        return FrontEnd(HOP, mel_filters(RATE, lowest=50, highest=14_000, scale=scale))
    only = {"sampling_rate": RATE, "max_length_s": SECONDS, "fft_window_size": WINDOW, "feature_size": BANDS}
    for key, known in only.items():
        if preparation.get(key, known) != known:
            raise UserError(f"{path}: {key} is {preparation[key]!r}, only {known} is known.", exit_code=ENVIRONMENT)
    filters = mel_filters(
        RATE,
        # What a file leaves out has the value of transformers' extractor.
        lowest=preparation.get("frequency_min", 0),
        highest=preparation.get("frequency_max", 14_000),
        # There the scale follows the way in which long sounds are cut.
        scale="htk" if preparation.get("truncation", "fusion") == "fusion" else "slaney",
    )
    return FrontEnd(int(preparation.get("hop_length", HOP)), filters)


def _tensors_file(folder: Path) -> Path:
    for name in TENSORS:
        if (folder / name).is_file():
            return folder / name
    raise UserError(f"{folder} holds no {' or '.join(TENSORS)}.", exit_code=ENVIRONMENT)
