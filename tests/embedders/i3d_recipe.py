"""Recipe weights and videos of the golden I3D data; tests/data/metrics/i3d/README.md tells what they are."""

import json
import zlib
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cmmd_bench.embedders.i3d.network import InceptionI3d, load_i3d

DATA = Path(__file__).resolve().parents[1] / "data" / "metrics" / "i3d"

PRESETS = {
    "videogpt": "videogpt",
    "common_metrics_videogpt": "videogpt",
    "fvd_comparison": "fvd-comparison",
    "tats": "tats",
    "cdfvd_res64": "cd-fvd-64",
    "cdfvd_res128": "cd-fvd-128",
    "mmdiff64_noantialias": "mm-diffusion",
    "mmdiff64_antialias": "mm-diffusion-antialias",
    "tf_original": "tf-original",
}
"""Names of the references in the golden data, and the dialects that stand for them."""


@cache
def parameters(name: str = "params.json") -> dict[str, Any]:
    return json.loads((DATA / name).read_text())


@cache
def arrays(name: str) -> dict[str, np.ndarray]:
    with np.load(DATA / name) as archive:
        return {key: archive[key] for key in archive.files}


@cache
def shapes() -> dict[str, tuple[int, ...]]:
    rows = [line.split("\t") for line in (DATA / "keys.tsv").read_text().splitlines()]
    return {
        key: () if shape == "scalar" else tuple(int(size) for size in shape.split(","))
        for key, shape, _ in rows
        if key != "key"
    }


@cache
def weights() -> dict[str, Tensor]:
    """The state dict of `i3d_pretrained_400.pt`, in the recipe's values."""
    return {key: _recipe(key, shape) for key, shape in shapes().items()}


@cache
def network() -> InceptionI3d:
    return load_i3d(weights())


def _recipe(key: str, shape: tuple[int, ...]) -> Tensor:
    if key.endswith(".num_batches_tracked"):
        return torch.tensor(0)
    stream = np.random.RandomState(zlib.crc32((parameters()["weight_prefix"] + key).encode()))
    z = stream.standard_normal(int(np.prod(shape))).reshape(shape)
    if key.endswith((".bias", ".running_mean")):
        z = 0.1 * z
    elif key.endswith(".running_var"):
        z = 1.0 + 0.1 * np.abs(z)
    elif len(shape) == 1:
        z = 1.0 + 0.1 * z
    else:
        z = z / np.sqrt(np.prod(shape[1:]))
        if not key.startswith("logits."):
            z = z * parameters()["conv_gain"]
    return torch.from_numpy(z.astype(np.float32))


def recipe_video(frames: int) -> Tensor:
    """(1, 3, T, 224, 224) in [-1, 1]: moving waves and noise."""
    video = parameters()["video"]
    fx, fy, ft, phi = (np.array(video[name], float)[:, None, None, None] for name in ("fx", "fy", "ft", "phi"))
    t, i, j = np.ogrid[:frames, :224, :224]
    wave = video["amp"] * np.sin(2 * np.pi * (fx * j / 224 + fy * i / 224 + ft * t / 16) + phi)
    noise = np.random.RandomState(video["seeds"][str(frames)]).standard_normal(wave.size).reshape(wave.shape)
    return torch.from_numpy(np.clip(wave + video["noise"] * noise, -1, 1).astype(np.float32))[None]


def float_video() -> np.ndarray:
    """(9, 48, 64, 3) float32 in [0, 1]: the golden `floatclip`."""
    video = parameters()["video"]
    fx, fy, ft, phi = (np.array(video[name], float)[:, None, None, None] for name in ("fx", "fy", "ft", "phi"))
    t, i, j = np.ogrid[:9, :48, :64]
    wave = 0.5 + 0.45 * np.sin(2 * np.pi * (fx * j / 64 + fy * i / 48 + ft * t / 16) + phi)
    return np.ascontiguousarray(wave.transpose(1, 2, 3, 0).astype(np.float32))
