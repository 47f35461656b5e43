"""The embedded embedders and the cache of what they saw."""

import hashlib
from itertools import pairwise

import librosa
import numpy as np
import pytest
import torch
from clips import clicks, clip, moving_square

from cmmd_bench.embedders import get_embedder, identity, names
from cmmd_bench.embedders.cache import FeatureCache
from cmmd_bench.embedders.conv3d_random import CHANNELS, SEED
from cmmd_bench.embedders.logmel_stats import log_mel
from cmmd_bench.errors import UserError
from cmmd_bench.types import Clip


@pytest.mark.parametrize("name", names())
def test_features_are_finite_float32_and_repeatable(name):
    embedder = get_embedder(name)
    first = embedder.embed(clip(1, seconds=1.8))
    assert first.dtype == np.float32
    assert first.ndim == 2
    assert first.shape[1] == 64
    assert np.isfinite(first).all()
    assert np.array_equal(first, embedder.embed(clip(1, seconds=1.8)))
    assert not np.array_equal(first, embedder.embed(clip(2, seconds=1.8)))
    assert embedder.name == name
    assert name in identity(embedder)


@pytest.mark.parametrize("name", names())
def test_the_side_that_is_needed_is_named(name):
    embedder = get_embedder(name)
    other = clip(1).only_audio() if embedder.modality == "video" else clip(1).only_video()
    with pytest.raises(ValueError, match=f"{name} needs {embedder.modality}, found a clip without it"):
        embedder.embed(other)


def test_features_do_not_depend_on_threads():
    embedder, threads = get_embedder("conv3d-random"), torch.get_num_threads()
    try:
        seen = []
        for count in (1, 2):
            torch.set_num_threads(count)
            seen.append(embedder.embed(clip(3)))
    finally:
        torch.set_num_threads(threads)
    assert np.array_equal(*seen)


def test_conv3d_against_a_plain_convolution():
    """The first layer and the pooling, by loops over the weights' published recipe."""
    outputs, inputs = CHANNELS[1], CHANNELS[0]
    raw = np.random.PCG64(SEED).random_raw((outputs * inputs * 27 + 7) // 8).astype("<u8").tobytes()
    weight = np.frombuffer(raw[: outputs * inputs * 27], np.int8).reshape(outputs, inputs, 3, 3, 3) / 128.0
    weight = weight * np.sqrt(6.0 / (inputs * 27))
    video = moving_square(4, side=64, seed=5)
    x = np.pad((video / 127.5 - 1.0).transpose(3, 0, 1, 2), ((0, 0), (1, 1), (1, 1), (1, 1)))
    plain = np.zeros((outputs, 4, 32, 32))
    for t in range(3):
        for i in range(3):
            for j in range(3):
                part = x[:, t : t + 4, i : i + 64 : 2, j : j + 64 : 2]
                plain += np.einsum("oc,cthw->othw", weight[:, :, t, i, j], part)
    embedder = get_embedder("conv3d-random")
    frames = torch.tensor((video / 127.5 - 1.0).transpose(3, 0, 1, 2)[None], dtype=torch.float32)
    ours = torch.nn.functional.conv3d(frames, embedder._layers[0], stride=(1, 2, 2), padding=1)
    assert np.abs(ours[0].numpy() - plain).max() < 1e-4


def test_the_digest_is_that_of_the_weights():
    stream = np.random.PCG64(SEED)
    total = hashlib.sha256()
    for inputs, outputs in pairwise(CHANNELS):
        count = outputs * inputs * 27
        total.update(stream.random_raw((count + 7) // 8).astype("<u8").tobytes()[:count])
    assert get_embedder("conv3d-random").digest == total.hexdigest()


def test_one_frame_is_refused():
    with pytest.raises(ValueError, match="at least 2 frames, found 1"):
        get_embedder("conv3d-random").embed(Clip(moving_square(1), 10))


def test_log_mel_of_a_full_scale_sine_is_near_zero_decibel():
    tone = np.sin(2 * np.pi * 1000 * np.arange(16_000) / 16_000).astype(np.float32)
    decibel = log_mel(tone)
    assert -6 < decibel[10:-10].max() < 1
    mel = librosa.filters.mel(sr=16_000, n_fft=512, n_mels=32, norm=None)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(512) / 512)
    frame = np.abs(np.fft.rfft(tone[256 * 20 - 256 : 256 * 20 + 256] * window)) ** 2 / 256**2
    assert np.allclose(decibel[20], np.maximum(10 * np.log10(np.maximum(mel @ frame, 1e-20)), -80), atol=1e-4)


def test_windows_of_half_a_second():
    embedder = get_embedder("logmel-stats")
    rows = {
        seconds: len(embedder.embed(Clip(audio=clicks(seconds), sample_rate=16_000)))
        for seconds in (0.1, 0.5, 1.0, 1.8)
    }
    assert rows == {0.1: 1, 0.5: 1, 1.0: 3, 1.8: 6}


def test_embeddings_hear_and_see_what_they_should():
    """Louder sound and a frozen picture move the features further than another excerpt of the same kind does."""
    hear, see = get_embedder("logmel-stats"), get_embedder("conv3d-random")
    sound = clicks(1.8)
    base = hear.embed(Clip(audio=sound, sample_rate=16_000))
    quieter = hear.embed(Clip(audio=(0.1 * sound).astype(np.float32), sample_rate=16_000))
    assert np.abs(quieter - base)[:, :32].mean() > 0.5
    video = moving_square(18)
    frozen = np.repeat(video[:1], 18, axis=0)
    gap = np.linalg.norm(see.embed(Clip(frozen, 10)) - see.embed(Clip(video, 10)))
    assert gap > 0.01


def test_unknown_embedders():
    with pytest.raises(UserError, match="no embedder named 'logmel'. Did you mean 'logmel-stats'"):
        get_embedder("logmel")


def test_the_cache_keeps_arrays_apart(tmp_path):
    store = FeatureCache(tmp_path)
    keys = {store.key(a, b, c) for a, b, c in [("x", "y", "z"), ("xy", "", "z"), ("x", "yz", ""), ("x", "y", "w")]}
    assert len(keys) == 4
    key = store.key("x", "y", "z")
    assert store.get(key) is None
    store.put(key, np.arange(6, dtype=np.float32).reshape(2, 3))
    assert np.array_equal(store.get(key), np.arange(6, dtype=np.float32).reshape(2, 3))
    assert len(list(store.entries())) == 1


@pytest.mark.parametrize("damage", [b"", b"not an array", None])
def test_a_damaged_entry_counts_as_absent(tmp_path, damage):
    store = FeatureCache(tmp_path)
    key = store.key("x", "y", "z")
    store.put(key, np.zeros(100))
    content = store.path(key).read_bytes()
    store.path(key).write_bytes(content[:-8] if damage is None else damage)
    assert store.get(key) is None
    assert not store.path(key).exists()


def test_a_pickle_in_the_cache_is_never_executed(tmp_path):
    store = FeatureCache(tmp_path)
    key = store.key("x", "y", "z")
    store.path(key).parent.mkdir(parents=True)
    with store.path(key).open("wb") as stream:
        np.save(stream, np.array([{"an": "object"}], dtype=object), allow_pickle=True)
    assert store.get(key) is None
