"""Weights and inputs that are made, not stored; tests/data/generators/README.md tells the fixtures that use them.

For a key `k` of shape `s`, `RandomState(crc32(prefix + k))` draws prod(s) standard normal values `z`, in C order.
"""

import math
import zlib
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor


def recipe_tensors(shapes: Mapping[str, tuple[int, ...]], prefix: str = "", *, gain: float = 1.0) -> dict[str, Tensor]:
    """Float32 weights for these keys; `gain` is the middle of `.weight_g` (1.5 for MelGAN's discriminator)."""
    return {key: _tensor(prefix + key, tuple(shape), gain) for key, shape in shapes.items()}


def recipe_input(seed: int, *shape: int, scale: float = 1.0) -> Tensor:
    """`scale` times N(seed; shape), float32."""
    z = np.random.RandomState(seed).standard_normal(math.prod(shape)).reshape(shape)
    return torch.from_numpy(scale * z.astype(np.float32))


def _tensor(key: str, shape: tuple[int, ...], gain: float) -> Tensor:
    z = np.random.RandomState(zlib.crc32(key.encode())).standard_normal(math.prod(shape)).reshape(shape)
    if key.endswith(".bias"):
        value = 0.1 * z
    elif key.endswith(".weight_g"):
        value = gain + 0.1 * z
    elif key.endswith(".weight") and len(shape) == 1:
        value = 1.0 + 0.1 * z
    elif key.endswith((".weight", ".weight_v")):
        value = z / math.sqrt(math.prod(shape[1:]))
    else:
        raise ValueError(f"the recipe knows no tensor like {key!r}")
    return torch.from_numpy(value.astype(np.float32))
