"""What holds for every metric: nothing heavy at import, inputs untouched, and the numbers that follow from both."""

import subprocess
import sys

import numpy as np
import pytest

import cmmd_bench.metrics as metrics


def test_importing_the_metrics_loads_numpy_alone():
    code = "import sys, cmmd_bench.metrics; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "numpy" in loaded
    assert not {"scipy", "librosa", "numba", "torch", "soundfile", "av"} & set(loaded)


def test_every_public_name_exists_and_is_documented():
    assert len(set(metrics.__all__)) == len(metrics.__all__)
    for name in metrics.__all__:
        assert getattr(metrics, name).__doc__


def test_a_kernel_distance_after_a_frechet_distance_is_still_right(golden):
    # Several published FVD functions centre their argument in place, and the KVD computed next from it loses its mean
    # term: 0.05 below zero here instead of 24.7.
    trap = golden("fvd_small.json")["inplace_trap"]["seer"]
    assert trap["mutates_inputs"]
    x, y = (array.astype(np.float32) for array in golden("fvd_small.npz").values())
    first = metrics.frechet_distance(x, y)
    assert metrics.polynomial_mmd(x, y) == pytest.approx(trap["kvd_correct"], abs=1e-4)
    assert metrics.frechet_distance(x, y) == first
    assert abs(first - trap["fvd_called_again_on_same_tensors"]) > 100


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_inputs_are_never_modified(dtype):
    rng = np.random.default_rng(0)
    x, y = (rng.standard_normal((60, 6)).astype(dtype) + 1 for _ in range(2))
    audio = rng.uniform(-0.5, 0.5, 8192).astype(np.float32)
    beats = np.sort(rng.uniform(0, 5, 12))
    clusters = np.arange(60) // 3
    moments = np.zeros(6), np.eye(6)
    inputs = [x, y, audio, beats, clusters, *moments]
    before = [array.copy() for array in inputs]
    for array in inputs:
        array.flags.writeable = False

    reference = metrics.GaussianStatistics.from_moments(*moments, 100)
    statistics = metrics.GaussianStatistics.from_features(x)
    metrics.merge(statistics, reference)
    metrics.Gaussian.from_moments(*moments)
    metrics.frechet_distance(x, y)
    metrics.frechet_audio_distance(x.reshape(6, 10, 6), y)
    metrics.per_clip_fad(x.reshape(6, 10, 6), reference)
    metrics.polynomial_mmd(x, y)
    metrics.frechet_interval(x, clusters, y)
    metrics.mmd_interval(x, clusters, y, reference_clusters=clusters)
    metrics.beat_hits(beats, beats, 0.1, duration=5.0)
    metrics.beat_times(audio, 22050)
    metrics.delete_group_jackknife(lambda kept: float(x[kept].mean()), clusters)

    for array, copy in zip(inputs, before, strict=True):
        assert np.array_equal(array, copy)
