"""MelGAN's critics: sound (B, T) -> for each scale, what its layers saw and a score per stretch of sound.

Kumar et al., NeurIPS 2019, with the layers and the state dict of the published code: 16,924,086 parameters at the
paper's size. The first critic hears the sound as it is, each further one at half the rate of the one before; the
coarsest sees about 19,800 samples (1.24 s at 16 kHz).
"""

from itertools import pairwise
from typing import NamedTuple

from torch import Tensor, nn

from cmmd_gen.vocoder.config import DiscriminatorConfig
from cmmd_gen.vocoder.melgan import SLOPE
from cmmd_gen.vocoder.weight_norm import NormedConv1d


class Opinion(NamedTuple):
    """Of one critic. features: the activations (B, C, T') of every hidden layer; score (B, 1, T'')."""

    features: tuple[Tensor, ...]
    score: Tensor


class Discriminator(nn.Module):
    """Critics of the same shape at falling rates."""

    def __init__(self, config: DiscriminatorConfig) -> None:
        super().__init__()
        self.model = nn.ModuleDict({f"disc_{scale}": Critic(config) for scale in range(config.scales)})
        self.downsample = nn.AvgPool1d(4, stride=2, padding=1, count_include_pad=False)

    def forward(self, sound: Tensor) -> list[Opinion]:
        """(B, T) -> one opinion per scale, the finest first."""
        x, opinions = sound[:, None], []
        for critic in self.model.values():
            opinions.append(critic(x))
            x = self.downsample(x)
        return opinions


class Critic(nn.Module):
    """Grouped convolutions that lower the rate and raise the width, then two that judge."""

    def __init__(self, config: DiscriminatorConfig) -> None:
        super().__init__()
        stride = config.stride
        layers: list[nn.Module] = [
            nn.Sequential(nn.ReflectionPad1d(7), NormedConv1d(1, config.base, 15), nn.LeakyReLU(SLOPE))
        ]
        for inputs, width in pairwise(config.widths):
            lower = NormedConv1d(inputs, width, 10 * stride + 1, stride=stride, padding=5 * stride, groups=inputs // 4)
            layers.append(nn.Sequential(lower, nn.LeakyReLU(SLOPE)))
        inputs, width = config.widths[-1], min(2 * config.widths[-1], config.widest)
        layers.append(nn.Sequential(NormedConv1d(inputs, width, 5, padding=2), nn.LeakyReLU(SLOPE)))
        layers.append(NormedConv1d(width, 1, 3, padding=1))
        self.model = nn.ModuleDict({f"layer_{i}": layer for i, layer in enumerate(layers)})

    def forward(self, x: Tensor) -> Opinion:
        """(B, 1, T) -> features and score."""
        seen = []
        for layer in self.model.values():
            x = layer(x)
            seen.append(x)
        return Opinion(tuple(seen[:-1]), seen[-1])
