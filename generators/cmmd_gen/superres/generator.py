"""Super-resolution as the last part of a pipeline: from a file to something that enlarges videos."""

from pathlib import Path

import torch
from torch import Tensor

from cmmd_bench.content import content_digest
from cmmd_gen.noise import Noise
from cmmd_gen.superres.presets import PRESETS
from cmmd_gen.superres.sampling import upscale
from cmmd_gen.superres.unet import SuperresUNet
from cmmd_gen.superres.weights import load_official, open_superres


class Upscaler:
    """A network and the steps it is sampled with; digest: of its file."""

    def __init__(self, unet: SuperresUNet, spec: str, digest: str) -> None:
        self.digest = digest
        self._unet, self._spec = unet, spec

    def __call__(self, video: Tensor, noise: Noise) -> Tensor:
        """See `superres.sampling.upscale`."""
        return upscale(self._unet, video, noise, self._spec)


def open_upscaler(path: Path, device: torch.device) -> Upscaler:
    """A checkpoint of `train mmdiff-sr`, or an official .pt, which has no card.

    Raises UserError (environment): see `open_superres` and `load_official`.
    """
    if path.suffix == ".pt":
        unet, preset = load_official(path), "paper"
    else:
        unet, card = open_superres(path, presets=PRESETS)
        preset = card.preset
    return Upscaler(unet.to(device), PRESETS[preset].spec, content_digest(path))
