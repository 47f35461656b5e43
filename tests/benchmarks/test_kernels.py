"""Kernel and neighbour metrics against the plain routes of other toolkits, on equal inputs and with equal threads.

OMP_NUM_THREADS=1 pytest tests/benchmarks/test_kernels.py --benchmark-only --benchmark-group-by=group
"""

import numpy as np
import pytest

from cmmd_bench.metrics import polynomial_mmd
from cmmd_bench.metrics.jedi import jedi_distance
from cmmd_bench.metrics.kad import kernel_audio_distance
from cmmd_bench.metrics.kernel_subsets import subset_mmd
from cmmd_bench.metrics.neighbours import neighbour_scores


def rows(seed, n, d):
    rng = np.random.default_rng(seed)
    return (rng.standard_normal((n, d)) / np.sqrt(1 + np.arange(d) / 20)).astype(np.float32)


def cubic(a, b):
    return (a @ b.T / a.shape[1] + 1) ** 3


def by_whole_matrices(x, y):
    """TATS, MM-Diffusion and others: scikit-learn's kernel on all rows, three whole matrices."""
    m, n = len(x), len(y)
    xx, yy, xy = cubic(x, x), cubic(y, y), cubic(x, y)
    return (xx.sum() - np.trace(xx)) / m / (m - 1) + (yy.sum() - np.trace(yy)) / n / (n - 1) - 2 * xy.mean()


def by_each_subset(x, y):
    """torch-fidelity, StyleGAN: every subset's matrices anew."""
    rng = np.random.RandomState(2020)
    picks = ((rng.choice(len(x), 1000, replace=False), rng.choice(len(y), 1000, replace=False)) for _ in range(100))
    return np.mean([by_whole_matrices(x[i], y[j]) for i, j in picks])


@pytest.mark.benchmark(group="KVD, 2048 x 400 a side")
@pytest.mark.parametrize("route", [polynomial_mmd, by_whole_matrices], ids=["blocks in float64", "whole in float32"])
def test_kvd(benchmark, route):
    x, y = rows(0, 2048, 400), rows(1, 2048, 400) + np.float32(0.1)
    value = benchmark.pedantic(route, (x, y), rounds=5, warmup_rounds=1)
    assert value == pytest.approx(by_whole_matrices(x.astype(np.float64), y.astype(np.float64)), rel=1e-2)


@pytest.mark.benchmark(group="KID, 100 subsets of 1000 from 2048 x 400 a side")
@pytest.mark.parametrize("route", ["one matrix", "each subset"])
def test_subsets(benchmark, route):
    x, y = rows(0, 2048, 400), rows(1, 2048, 400) + np.float32(0.1)
    ours = subset_mmd("torch-fidelity", x, y).mean
    if route == "one matrix":
        benchmark.pedantic(subset_mmd, ("torch-fidelity", x, y), rounds=3)
    else:
        assert benchmark.pedantic(by_each_subset, (x, y), rounds=1) == pytest.approx(ours, rel=1e-3)


@pytest.mark.benchmark(group="others, 2048 x 400 a side")
@pytest.mark.parametrize("metric", [jedi_distance, kernel_audio_distance, neighbour_scores])
def test_others(benchmark, metric):
    benchmark.pedantic(metric, (rows(0, 2048, 400), rows(1, 2048, 400)), rounds=3, warmup_rounds=1)
