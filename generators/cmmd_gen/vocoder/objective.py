"""What MelGAN's two sides minimise, as the CMMD paper trains them (its section 4 and appendix F.1, after HiFi-GAN).

Generator: sum over critics of mean (1 - D(G))^2, + 2 x feature matching, + 10 x distance of mels.
Discriminator: sum over critics of mean (1 - D(x))^2 + mean D(G)^2 (least squares GAN, Mao et al., 2017).

The paper gives the weights 2 and 10 but not what they weigh. Here feature matching is the sum over critics and hidden
layers of the mean absolute difference, and the distance of mels is the mean absolute difference of their natural
logarithms, both as in HiFi-GAN; with log10 the weight would have to be 2.3 times as large for the same effect.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from cmmd_gen.vocoder.discriminator import Opinion
from cmmd_gen.vocoder.mel import MEL_16K, MelSettings, log_mel


def discriminator_loss(real: Sequence[Opinion], made: Sequence[Opinion]) -> Tensor:
    """Real sound should score 1, made sound 0."""
    terms = [
        (1 - r.score.float()).square().mean() + m.score.float().square().mean() for r, m in zip(real, made, strict=True)
    ]
    return torch.stack(terms).sum()


def adversarial_loss(made: Sequence[Opinion]) -> Tensor:
    """Made sound should score 1."""
    return torch.stack([(1 - m.score.float()).square().mean() for m in made]).sum()


def feature_loss(real: Sequence[Opinion], made: Sequence[Opinion]) -> Tensor:
    """Made sound should look like the real one to every hidden layer; no gradient goes to the real side."""
    terms = [
        (seen.detach().float() - ours.float()).abs().mean()
        for r, m in zip(real, made, strict=True)
        for seen, ours in zip(r.features, m.features, strict=True)
    ]
    return torch.stack(terms).sum()


def mel_loss(real: Tensor, made: Tensor, settings: MelSettings = MEL_16K) -> Tensor:
    """Mean absolute difference of natural log-mels of two sounds (B, T)."""
    return math.log(10) * (log_mel(real, settings) - log_mel(made, settings)).abs().mean()
