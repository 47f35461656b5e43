"""Recipe weights and sounds of the golden CLAP data; tests/data/metrics/clap/README.md tells what they are.

What is returned is shared by all tests: copy before changing.
"""

import json
import zlib
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from cmmd_bench.types import Clip

DATA = Path(__file__).resolve().parents[1] / "data" / "metrics" / "clap"


@cache
def parameters(name: str) -> dict[str, Any]:
    return json.loads((DATA / name).read_text())


@cache
def arrays(name: str) -> dict[str, np.ndarray]:
    with np.load(DATA / name) as archive:
        return {key: archive[key] for key in archive.files}


def keys(name: str) -> list[dict[str, str]]:
    header, *rows = [line.split("\t") for line in (DATA / name).read_text().splitlines()]
    return [dict(zip(header, row, strict=True)) for row in rows]


def shape_of(text: str) -> tuple[int, ...]:
    return () if text == "scalar" else tuple(int(size) for size in text.split(","))


def recipe(prefix: str, key: str, shape: tuple[int, ...]) -> torch.Tensor:
    stream = np.random.RandomState(zlib.crc32((prefix + key).encode()))
    z = stream.standard_normal(int(np.prod(shape))).reshape(shape)
    if key.endswith(".num_batches_tracked"):
        return torch.tensor(0)
    if key.endswith((".bias", ".running_mean")):
        z = 0.1 * z
    elif key.endswith(".running_var"):
        z = 1.0 + 0.1 * np.abs(z)
    elif key.endswith(".weight") and len(shape) == 1:
        z = 1.0 + 0.1 * z
    elif key.endswith((".weight", ".relative_position_bias_table")):
        z = z / np.sqrt(np.prod(shape[1:]))
    return torch.from_numpy(np.asarray(z, np.float32))


def constant(key: str, shape: tuple[int, ...], mel: np.ndarray) -> torch.Tensor:
    """Values that the networks' constructors set: front end, attention masks (here blank) and position indices."""
    if key.endswith("melW"):
        return torch.from_numpy(mel)
    if "stft.conv_" in key:
        angle = 2 * np.pi * np.outer(np.arange(513), np.arange(1024)) / 1024
        window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(1024) / 1024)
        wave = np.cos(angle) if "real" in key else -np.sin(angle)
        return torch.from_numpy((wave * window).astype(np.float32))[:, None]
    return torch.zeros(shape)


@cache
def laion_state(size: str) -> dict[str, torch.Tensor]:
    """The state dict of a published checkpoint; of the text tower two small tensors stand for all."""
    prefix = parameters("params.json")[size]["weight_prefix"]
    mel = arrays("tiny_outputs.npz")["mel_filterbank"]
    state = {}
    for row in keys(f"{size}_keys.tsv"):
        key, shape = row["key_without_module"], shape_of(row["shape"])
        if key.startswith("text_branch.") and not key.endswith(("position_ids", "pooler.dense.bias")):
            continue
        constants = row["kind"] == "constant buffer"
        state[row["key_as_saved"]] = constant(key, shape, mel) if constants else recipe(prefix, key, shape)
    return state


@cache
def microsoft_state() -> dict[str, torch.Tensor]:
    """The state dict of Microsoft's checkpoint; of the text tower one small tensor stands for all."""
    prefix = parameters("clap_2023_params.json")["weight_prefix"]
    mel = arrays("clap_2023_outputs.npz")["mel_filterbank"]
    state = {"logit_scale": torch.tensor(2.66), "caption_encoder.base.ln_f.bias": torch.zeros(768)}
    for row in keys("clap_2023_keys.tsv"):
        shape, constants = shape_of(row["shape"]), row["kind"] == "constant buffer"
        state[row["key"]] = constant(row["key"], shape, mel) if constants else recipe(prefix, row["key"], shape)
    return state


def pcm(wave: dict[str, Any], rate: int) -> np.ndarray:
    """The 16-bit samples of a recipe sound."""
    t = np.arange(wave["samples"]) / rate
    stream = np.random.RandomState(wave["noise_seed"])
    z1, z2 = stream.standard_normal(wave["samples"]), stream.standard_normal(wave["samples"])
    partials = zip(wave["amp"], wave["freq"], wave["phase"], wave["mod"], strict=True)
    y = sum(a * np.sin(2 * np.pi * f * t + p) * (0.5 + 0.5 * np.sin(2 * np.pi * m * t)) for a, f, p, m in partials)
    y = wave["gain"] * (y + 0.2 * np.exp(-8 * (2 * t - np.floor(2 * t))) * z1 + 0.003 * z2)
    return np.clip(np.rint(32767 * y), -32768, 32767).astype(np.int16)


def sound(samples: np.ndarray, rate: int) -> Clip:
    """A clip with these 16-bit samples, which float32 holds exactly."""
    return Clip(audio=(samples / 32768.0).astype(np.float32), sample_rate=rate)
