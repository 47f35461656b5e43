"""Random numbers that belong to a sample, so that a clip does not depend on the batch it was made in."""

from collections.abc import Sequence

import torch
from torch import Tensor


class Noise:
    """Standard normal draws for a batch, each sample from its own seed.

    Drawn on the CPU and moved, so that every device sees the same numbers. The order of the calls matters.
    """

    def __init__(self, seeds: Sequence[int], device: torch.device | str = "cpu") -> None:
        self._sources = [torch.Generator().manual_seed(seed % 2**63) for seed in seeds]
        self._device = device

    def normal(self, *shape: int) -> Tensor:
        """One draw of `shape` per sample, (B, *shape) float32."""
        return torch.stack([torch.randn(shape, generator=source) for source in self._sources]).to(self._device)
