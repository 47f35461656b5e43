"""MelGAN's generator: log-mel (B, bands, frames) -> sound (B, frames * hop) in [-1, 1].

Kumar et al., NeurIPS 2019, with the layers and the state dict of the published code: 126 tensors, 4,266,050 parameters
at the paper's size. Its input is the log10 mel of `mel` as it is, without scaling. One sample of sound depends on 12
mel frames (0.19 s at 16 kHz); the 1.6 s that the CMMD paper speaks of are not the generator's.
"""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from cmmd_bench.weights import check_shapes, load_tensors
from cmmd_gen.checkpoint import build, load
from cmmd_gen.vocoder.config import GeneratorConfig, MelGANConfig
from cmmd_gen.vocoder.mel import MEL_22K, MelSettings
from cmmd_gen.vocoder.weight_norm import NormedConv1d, NormedConvTranspose1d, folded

SLOPE = 0.2
"""Of every leaky ReLU."""
SHORTEST = 4
"""Mel frames: the first layer mirrors three of them."""


class Generator(nn.Module):
    """Stages that raise the rate, each followed by residual blocks that see further and further."""

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        width = config.base * 2 ** len(config.ratios)
        layers: list[nn.Module] = [nn.ReflectionPad1d(3), NormedConv1d(config.bands, width, 7)]
        for ratio in config.ratios:
            layers += [
                nn.LeakyReLU(SLOPE),
                NormedConvTranspose1d(width, width // 2, 2 * ratio, stride=ratio, padding=ratio // 2),
            ]
            width //= 2
            layers += [ResidualBlock(width, dilation=3**i) for i in range(config.blocks)]
        layers += [nn.LeakyReLU(SLOPE), nn.ReflectionPad1d(3), NormedConv1d(width, 1, 7), nn.Tanh()]
        self.hop = config.hop
        self.model = nn.Sequential(*layers)

    def forward(self, mel: Tensor) -> Tensor:
        """(B, bands, frames) -> (B, frames * hop), float32."""
        sound: Tensor = self.model(mel)
        return sound[:, 0].float()


class ResidualBlock(nn.Module):
    """(B, C, T) -> (B, C, T): a dilated convolution over three samples, and a learned way past it."""

    def __init__(self, width: int, *, dilation: int) -> None:
        super().__init__()
        self.block = nn.Sequential(
            nn.LeakyReLU(SLOPE),
            nn.ReflectionPad1d(dilation),
            NormedConv1d(width, width, 3, dilation=dilation),
            nn.LeakyReLU(SLOPE),
            NormedConv1d(width, width, 1),
        )
        self.shortcut = NormedConv1d(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """What the shortcut keeps, and what the block adds."""
        return torch.add(self.shortcut(x), self.block(x))


@torch.no_grad()
def vocode(generator: Generator, mel: Tensor, samples: int) -> Tensor:
    """(B, bands, frames) log10 mel -> (B, samples) in [-1, 1].

    The mel is cut to `samples`, or its last frame repeated: 28,800 samples are 112.5 hops and have 112 frames.
    """
    if mel.ndim != 3 or mel.shape[2] < SHORTEST or samples < 1:
        raise ValueError(
            f"mel must be (B, bands, frames) with frames >= {SHORTEST} and samples 1 or more, found "
            f"{tuple(mel.shape)} and {samples}"
        )
    frames = max(SHORTEST, -(-samples // generator.hop))
    mel = functional.pad(mel[:, :, :frames], (0, max(0, frames - mel.shape[2])), mode="replicate")
    sound: Tensor = generator(mel)
    return sound[:, :samples]


def load_generator(path: Path) -> tuple[Generator, MelSettings]:
    """The generator of a `melgan` checkpoint, folded for inference, and the mel that it was trained on.

    Raises UserError (environment) for any other file.
    """
    tensors, card = load(path, models=("melgan",))
    generator = build(path, card, tensors, lambda config: Generator(MelGANConfig.from_json(config).generator))
    return folded(generator).requires_grad_(False).eval(), MelGANConfig.from_json(card.config).mel


def load_official(path: Path) -> tuple[Generator, MelSettings]:
    """The same for a checkpoint that MelGAN's authors published, such as `multi_speaker.pt`: speech at 22.05 kHz.

    Raises UserError (environment) for any other file.
    """
    return _loaded(load_tensors(path, what="MelGAN"), GeneratorConfig()), MEL_22K


def _loaded(tensors: Mapping[str, Tensor], config: GeneratorConfig) -> Generator:
    generator = Generator(config)
    check_shapes(tensors, {name: tuple(t.shape) for name, t in generator.state_dict().items()}, what="MelGAN")
    generator.load_state_dict(tensors)
    return folded(generator).requires_grad_(False).eval()
