"""`clap-laion-audio`, `clap-laion-music`: LAION's published CLAP checkpoints, as fadtk 1.1.0 uses them.

48 kHz, windows of 10 s every second, mel bands from 50 to 14000 Hz, no fusion; rows of length 1 in 512 dimensions.
These are not the Hub's models of similar names (`clap-hub`). Checkpoints: CC0-1.0, https://github.com/LAION-AI/CLAP.
"""

from pathlib import Path

import torch

from cmmd_bench.embedders.clap.embedder import ClapEmbedder
from cmmd_bench.embedders.clap.frontend import FrontEnd, mel_filters, published_front_end
from cmmd_bench.embedders.clap.key_map import LAION_HTSAT, Source, htsat_source, left_out, take, without_module
from cmmd_bench.embedders.clap.tower import BASE, TINY, Size, audio_config, build, check_size, learned, load
from cmmd_bench.embedders.clap.windows import laion_scale
from cmmd_bench.weights import load_tensors, weights_digest, weights_file

RATE = 48_000
SECONDS = 10
HOP = 480
UNUSED = ("text_branch.", "text_transform.", "text_projection.", "audio_transform.", "logit_scale_")
_PROJECTION = {"audio_projection.linear1.": "audio_projection.0.", "audio_projection.linear2.": "audio_projection.2."}


def open_laion_audio(*, device: str = "cpu") -> ClapEmbedder:
    """`clap-laion-audio` with the registered checkpoint; UserError with the command to get it if it is not here."""
    return _registered("clap-laion-audio", TINY, device)


def open_laion_music(*, device: str = "cpu") -> ClapEmbedder:
    """`clap-laion-music` with the registered checkpoint; UserError with the command to get it if it is not here."""
    return _registered("clap-laion-music", BASE, device)


def laion_clap(path: Path, size: Size, *, name: str, digest: str, device: str = "cpu") -> ClapEmbedder:
    """An embedder from a checkpoint of LAION's training code, whole or its state dict alone.

    Raises UserError (environment) if the file holds anything else than this network; see `key_map.take`.
    """
    tower, front_end = load_laion(path, size, what=name)
    tower.to(device)
    return ClapEmbedder(
        name=name,
        digest=digest,
        rate=RATE,
        seconds=SECONDS,
        scale=laion_scale,
        front_end=front_end,
        network=lambda spectrogram: tower(spectrogram).audio_embeds,
        unit=True,
        device=device,
    )


def load_laion(path: Path, size: Size, *, what: str) -> tuple[torch.nn.Module, FrontEnd]:
    """transformers' `ClapAudioModelWithProjection` and the front end of a checkpoint; raises as `laion_clap` does."""
    from transformers import ClapAudioModelWithProjection

    tensors = without_module(load_tensors(path, what=what))
    check_size(tensors, prefix=LAION_HTSAT, expected=size, what=what)
    tower = build(lambda: ClapAudioModelWithProjection(audio_config(size)))
    wanted = learned(tower)
    sources = {name: _source(name) for name in wanted}
    load(tower, take(tensors, wanted, sources, unused=UNUSED + left_out(LAION_HTSAT), what=what))
    filters = mel_filters(RATE, lowest=50, highest=14_000)
    return tower, published_front_end(tensors, prefix=LAION_HTSAT, hop=HOP, filters=filters, what=what)


def _registered(name: str, size: Size, device: str) -> ClapEmbedder:
    return laion_clap(weights_file(name), size, name=name, digest=weights_digest(name), device=device)


def _source(name: str) -> Source:
    for ours, theirs in _PROJECTION.items():
        if name.startswith(ours):
            return Source(theirs + name.removeprefix(ours))
    return htsat_source(name.removeprefix("audio_model.audio_encoder."), prefix=LAION_HTSAT)
