"""`conv3d-random`: fixed random 3-D convolutions, for demos and tests that run anywhere without a download.

Video (F, H, W, 3) uint8 -> area resize to 64 x 64, scaled to [-1, 1] -> three 3x3x3 convolutions (3 -> 16 -> 32 -> 32
channels, stride 2 in space each and in time after the first, ReLU, per-layer gain fixed at construction) -> mean and
standard deviation over time and space -> (1, 64) float32.

Random features see texture, colour and motion and tell real clips from noise, blur and frozen frames; they know
nothing of content. Numbers are not comparable with pretrained ones, hence the name in every result. Minimum 2 frames.

The weights are bytes of a PCG64 stream scaled by the fan-in: whole numbers, the same on every platform and version.
"""

import hashlib
from itertools import pairwise

import numpy as np
import torch
from torch.nn.functional import conv3d, interpolate, relu

from cmmd_bench.types import Clip, Features, Modality

SIDE = 64
CHANNELS = (3, 16, 32, 32)
SEED = 20240


class Conv3dRandom:
    """Random 3-D convolutional features, (1, 64) per clip."""

    name = "conv3d-random"
    version = "1"
    modality: Modality = "video"

    def __init__(self) -> None:
        weights = _weights()
        self.digest = hashlib.sha256(b"".join(layer.tobytes() for layer in weights)).hexdigest()
        # Gain sqrt(2) x 3/uniform keeps the activations' scale through ReLU (He initialisation for uniform weights).
        self._layers = [torch.from_numpy(w / 128.0 * np.sqrt(6.0 / w[0].size)).to(torch.float32) for w in weights]

    @torch.inference_mode()
    def embed(self, clip: Clip) -> Features:
        """Features of the picture, (1, 64); raises ValueError without video or with a single frame."""
        if clip.video is None:
            raise ValueError("conv3d-random needs video, found a clip without it")
        if len(clip.video) < 2:
            raise ValueError(f"conv3d-random needs at least 2 frames, found {len(clip.video)}")
        frames = torch.tensor(clip.video).permute(0, 3, 1, 2).to(torch.float32)
        if frames.shape[-2:] != (SIDE, SIDE):
            frames = interpolate(frames, size=(SIDE, SIDE), mode="area")
        x = (frames / 127.5 - 1.0).permute(1, 0, 2, 3)[None]
        for depth, weight in enumerate(self._layers):
            x = relu(conv3d(x, weight, stride=(1 if depth == 0 else 2, 2, 2), padding=1))
        flat = x[0].flatten(1)
        features = torch.cat([flat.mean(1), flat.std(1)])
        return features.numpy()[None].astype(np.float32)


def _weights() -> list[np.ndarray]:
    stream = np.random.PCG64(SEED)
    layers = []
    for inputs, outputs in pairwise(CHANNELS):
        count = outputs * inputs * 27
        raw = stream.random_raw((count + 7) // 8).astype("<u8").tobytes()[:count]
        layers.append(np.frombuffer(raw, np.int8).reshape(outputs, inputs, 3, 3, 3))
    return layers
