"""Clips through networks that see single pictures: checks of shape and range, and a few frames at a time.

Chunks bound the memory: the largest activations of a clip of 18 frames would otherwise be 18 pictures' worth.
"""

from collections.abc import Callable, Sequence
from typing import overload

import torch
from torch import Tensor

CHUNK = 8
"""Frames that go through a network at once."""


def check_pictures(frames: Tensor, down: int) -> None:
    """ValueError unless (B, F, 3, H, W), H and W divisible by `down`, floating, in [-1, 1] and finite."""
    if frames.ndim != 5 or frames.shape[2] != 3 or not frames.numel():
        raise ValueError(f"frames must be (B, F, 3, H, W) and not empty, found {tuple(frames.shape)}")
    if frames.shape[3] % down or frames.shape[4] % down:
        raise ValueError(f"height and width must be divisible by {down}, found {tuple(frames.shape[3:])}")
    if not frames.is_floating_point():
        raise ValueError(f"frames must be floating point in [-1, 1], found {frames.dtype}")
    low, high = float(frames.min()), float(frames.max())
    # The negation also catches NaN.
    if not (low >= -1 and high <= 1):
        raise ValueError(f"frames must be in [-1, 1], found {low:g} to {high:g}")


def check_latents(z: Tensor, channels: int) -> None:
    """ValueError unless (B, F, channels, h, w) and floating."""
    if z.ndim != 5 or z.shape[2] != channels or not z.numel():
        raise ValueError(f"latents must be (B, F, {channels}, h, w) and not empty, found {tuple(z.shape)}")
    if not z.is_floating_point():
        raise ValueError(f"latents must be floating point, found {z.dtype}")


def latent_size(size: int, down: int) -> int:
    """`size` / `down`; ValueError where that is no whole number."""
    if size < down or size % down:
        raise ValueError(f"a picture's height and width must be multiples of {down}, found {size}")
    return size // down


@overload
def by_chunks(network: Callable[[Tensor], Tensor], clips: Tensor) -> Tensor: ...
@overload
def by_chunks(network: Callable[[Tensor], tuple[Tensor, Tensor]], clips: Tensor) -> tuple[Tensor, Tensor]: ...
def by_chunks(
    network: Callable[[Tensor], Tensor] | Callable[[Tensor], tuple[Tensor, Tensor]], clips: Tensor
) -> Tensor | tuple[Tensor, Tensor]:
    """Apply what maps (N, ...) to (N, ...), or to two of them, to clips (B, F, ...)."""
    made = [network(chunk) for chunk in torch.split(clips.flatten(0, 1), CHUNK)]
    single = [each for each in made if isinstance(each, Tensor)]
    if single:
        return _joined(single, clips)
    first, second = zip(*made, strict=True)
    return _joined(first, clips), _joined(second, clips)


def _joined(chunks: Sequence[Tensor], clips: Tensor) -> Tensor:
    made = torch.cat(list(chunks))
    return made.reshape(*clips.shape[:2], *made.shape[1:])
