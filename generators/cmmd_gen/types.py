"""What moves between the parts of `cmmd_gen`.

Vocabulary of shapes: B batch, F frames, C channels, H height, W width, T steps of the audio side (samples, mel).
Video is (B, F, C, H, W), audio (B, C, T). A diffusion step n counts from 0 (almost clean) to N - 1 (almost noise).
"""

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor


class Pair(NamedTuple):
    """The two sides of a batch."""

    video: Tensor
    audio: Tensor


Denoiser = Callable[[Tensor, Tensor, Tensor], Pair]
"""(noisy video, noisy audio, n (B,) int64) -> the prediction for either side: noise or velocity, as the model says."""
