"""`clap-2023`: Microsoft's CLAP of 2023 (Elizalde et al., arXiv 2309.05767), as fadtk 1.1.0 uses it.

44.1 kHz, windows of 7 s every second, HTSAT-tiny, projection to 1024 dimensions; rows are not brought to length 1.

The published configuration says mel bands from 50 to 8000 Hz at 44.1 kHz. The published code does not read that for
this network: it hears 44.1 kHz through a front end made for 32 kHz, hop 320 and bands from 50 to 14000 Hz of that,
which reach to 19.3 kHz of the sound. So does this one; the other filters would move a coordinate by 0.9.
Code: MIT, https://github.com/microsoft/CLAP; checkpoint: MS-PL as https://huggingface.co/microsoft/msclap states.
"""

from pathlib import Path

import torch

from cmmd_bench.embedders.clap.embedder import ClapEmbedder
from cmmd_bench.embedders.clap.frontend import FrontEnd, mel_filters, published_front_end
from cmmd_bench.embedders.clap.key_map import MICROSOFT_HTSAT, Source, htsat_source, left_out, take, without_module
from cmmd_bench.embedders.clap.tower import TINY, audio_config, build, check_size, learned, load
from cmmd_bench.embedders.clap.windows import unit_scale
from cmmd_bench.weights import load_tensors, weights_digest, weights_file

RATE = 44_100
SECONDS = 7
HOP = 320
FRONT_END_RATE = 32_000
WIDTH = 1024
UNUSED = ("caption_encoder.", "logit_scale")


class Projection(torch.nn.Module):
    """Two bias-free layers, the second around a GELU and added to the first, then layer normalisation."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear1 = torch.nn.Linear(width, WIDTH, bias=False)
        self.linear2 = torch.nn.Linear(WIDTH, WIDTH, bias=False)
        self.layer_norm = torch.nn.LayerNorm(WIDTH)

    def forward(self, latent: torch.Tensor) -> torch.Tensor:
        """(N, width) to (N, 1024)."""
        straight = self.linear1(latent)
        projected: torch.Tensor = self.layer_norm(straight + self.linear2(torch.nn.functional.gelu(straight)))
        return projected


class Network(torch.nn.Module):
    """HTS-AT and the projection, under the names that transformers' CLAP gives them."""

    def __init__(self) -> None:
        from transformers import ClapAudioModel

        super().__init__()
        config = audio_config(TINY)
        self.audio_model = ClapAudioModel(config)
        self.audio_projection = Projection(config.hidden_size)

    def forward(self, spectrogram: torch.Tensor) -> torch.Tensor:
        """(N, 1, frames, 64) to (N, 1024)."""
        projected: torch.Tensor = self.audio_projection(self.audio_model(spectrogram).pooler_output)
        return projected


def open_clap_2023(*, device: str = "cpu") -> ClapEmbedder:
    """`clap-2023` with the registered checkpoint; UserError with the command to get it if it is not here."""
    path, digest = weights_file("clap-2023"), weights_digest("clap-2023")
    return microsoft_clap(path, name="clap-2023", digest=digest, device=device)


def microsoft_clap(path: Path, *, name: str, digest: str, device: str = "cpu") -> ClapEmbedder:
    """An embedder from a checkpoint of msclap's 2023 version.

    Raises UserError (environment) if the file holds anything else than this network; see `key_map.take`.
    """
    network, front_end = load_microsoft(path, what=name)
    return ClapEmbedder(
        name=name,
        digest=digest,
        rate=RATE,
        seconds=SECONDS,
        scale=unit_scale,
        front_end=front_end,
        network=network.to(device),
        unit=False,
        device=device,
    )


def load_microsoft(path: Path, *, what: str) -> tuple[Network, FrontEnd]:
    """The network and the front end of a checkpoint; raises as `microsoft_clap` does."""
    tensors = without_module(load_tensors(path, what=what))
    check_size(tensors, prefix=MICROSOFT_HTSAT, expected=TINY, what=what)
    network = build(Network)
    wanted = learned(network)
    sources = {name: _source(name) for name in wanted}
    load(network, take(tensors, wanted, sources, unused=UNUSED + left_out(MICROSOFT_HTSAT), what=what))
    filters = mel_filters(FRONT_END_RATE, lowest=50, highest=14_000)
    return network, published_front_end(tensors, prefix=MICROSOFT_HTSAT, hop=HOP, filters=filters, what=what)


def _source(name: str) -> Source:
    if name.startswith("audio_projection."):
        return Source("audio_encoder.projection." + name.removeprefix("audio_projection."))
    return htsat_source(name.removeprefix("audio_model.audio_encoder."), prefix=MICROSOFT_HTSAT)
