"""Checkpoints of small networks with random weights, for tests of what is around them: the card says how small."""

from dataclasses import asdict, replace
from pathlib import Path

import torch
from torch import nn

from cmmd_gen.autoencoder.tiny import TinyAutoencoder, TinyConfig
from cmmd_gen.checkpoint import Card, save
from cmmd_gen.cmmd.config import PRESETS as CMMD
from cmmd_gen.cmmd.config import CMMDConfig
from cmmd_gen.cmmd.scales import Scales
from cmmd_gen.cmmd.unet import CMMDUNet
from cmmd_gen.mmdiff.presets import PRESETS as MMDIFF
from cmmd_gen.mmdiff.unet import MMDiffUNet


def scattered(module: nn.Module, seed: int = 0) -> nn.Module:
    """`module` with small random numbers in every parameter, also where training starts from zeros."""
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            spread = 0.3 / max(1.0, float(parameter[0].numel())) ** 0.5 if parameter.ndim > 1 else 0.1
            noise = spread * torch.randn(parameter.shape, generator=random)
            parameter.copy_(noise if parameter.ndim > 1 else parameter + noise)
    return module


def autoencoder(folder: Path, seed: int = 1) -> tuple[Path, str]:
    """A tiny autoencoder's file and digest."""
    network = scattered(TinyAutoencoder(TinyConfig()), seed)
    path = folder / f"autoencoder-{seed}.safetensors"
    save(path, network.state_dict(), Card("autoencoder", "tiny", asdict(TinyConfig()), 1, {}))
    return path, network.digest


SMALL_CMMD = replace(CMMD["tiny"], video_widths=(16, 16, 32), audio_widths=(16, 16, 32), head_width=16, time_width=16)
TWO_LEVELS = CMMDConfig(
    video_widths=(8, 16),
    audio_widths=(16, 16),
    blocks=1,
    attention_levels=(1,),
    head_width=8,
    groups=4,
    time_width=16,
    frames=18,
    latent_size=8,
    mel_length=112,
)
"""A CMMD of two levels, with the lengths of the tiny one."""
SMALL_MMDIFF = replace(
    MMDIFF["tiny"].network, frames=8, samples=8 * 384, width=16, multipliers=(1, 1, 1, 1), head_width=16
)


def cmmd(folder: Path, digest: str, *, model: str = "cmmd", preset: str = "tiny") -> Path:
    """A tiny CMMD that belongs to the autoencoder of `digest`."""
    channels = CMMD["tiny"].latent_channels
    scales = Scales((0.0,) * channels, (1.0,) * channels, -3.0, 1.0, 1.0, 0.5)
    config = {
        "network": asdict(SMALL_CMMD),
        "autoencoder": {"name": "tiny", "digest": digest},
        "scales": asdict(scales),
    }
    path = folder / f"{model}-{preset}.safetensors"
    save(path, scattered(CMMDUNet(SMALL_CMMD)).state_dict(), Card(model, preset, config, 1, {}))
    return path


def mmdiff(folder: Path) -> Path:
    """A tiny MM-Diffusion."""
    preset = replace(MMDIFF["tiny"], network=SMALL_MMDIFF)
    path = folder / "mmdiff.safetensors"
    save(path, scattered(MMDiffUNet(SMALL_MMDIFF)).state_dict(), Card("mmdiff", "tiny", preset.meaning, 1, {}))
    return path
