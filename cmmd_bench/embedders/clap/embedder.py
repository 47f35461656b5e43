"""One class for every CLAP network: a clip's sound to one row for each second."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from cmmd_bench.embedders.clap.frontend import FrontEnd, log_mel
from cmmd_bench.embedders.clap.resample import pcm16, resample
from cmmd_bench.embedders.clap.windows import windows
from cmmd_bench.types import Clip, Features, Modality

VERSION = "1"


@dataclass(slots=True, eq=False)
class ClapEmbedder:
    """Rows of one network for windows of `seconds` that start every second, (ceil(T / sample_rate), D) per clip.

    rate: Hz that the network hears; scale: 16-bit samples to its input; network: (1, 1, frames, bands) to (1, D);
    unit: whether rows are brought to length 1; device: where the network is.
    """

    name: str
    digest: str
    rate: int
    seconds: int
    scale: Callable[[NDArray[np.int16]], NDArray[np.float32]]
    front_end: FrontEnd
    network: Callable[[torch.Tensor], torch.Tensor]
    unit: bool
    device: str = "cpu"
    version: str = VERSION
    modality: Modality = "audio"

    def embed(self, clip: Clip) -> Features:
        """Features of the sound, one row for each second begun; raises ValueError without audio."""
        if clip.audio is None:
            raise ValueError(f"{self.name} needs audio, found a clip without it")
        heard = self.scale(pcm16(resample(clip.audio, clip.sample_rate, self.rate)))
        # One window at a time, as fadtk does: a row then depends on its window alone, to the last bit.
        rows = [self._row(window) for window in windows(heard, length=self.seconds * self.rate, step=self.rate)]
        return np.concatenate(rows)

    @torch.inference_mode()
    def _row(self, window: NDArray[np.float32]) -> Features:
        spectrogram = torch.from_numpy(log_mel(window, self.front_end))[None, None].to(self.device)
        with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
            row = self.network(spectrogram)
        if self.unit:
            row = torch.nn.functional.normalize(row, dim=-1)
        return row.cpu().numpy()
