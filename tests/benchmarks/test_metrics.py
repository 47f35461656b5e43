"""Speed of the metrics against the routes that other toolkits take, on equal inputs and with the same BLAS threads.

OMP_NUM_THREADS=1 pytest tests/benchmarks/test_metrics.py --benchmark-only --benchmark-group-by=group
"""

import numpy as np
import pytest

from cmmd_bench.metrics import (
    as_gaussian,
    beat_hits,
    frechet_distance,
    frechet_interval,
    mmd_interval,
    per_clip_fad,
    polynomial_mmd,
)


def rows(seed, n, d):
    rng = np.random.default_rng(seed)
    return (rng.standard_normal((n, d)) / np.sqrt(1 + np.arange(d) / 20)).astype(np.float32)


def by_eigenvalues(x, y):
    """torchmetrics and torch-fidelity: eigenvalues of the product of the covariances."""
    a, b = (np.cov(side, rowvar=False, dtype=np.float64) for side in (x, y))
    gap = x.mean(axis=0, dtype=np.float64) - y.mean(axis=0, dtype=np.float64)
    roots = np.sqrt(np.linalg.eigvals(a @ b).astype(complex)).real.sum()
    return gap @ gap + np.trace(a) + np.trace(b) - 2 * roots


def by_matrix_root(clip, mean, covariance):
    """fadtk, pytorch-fid: the square root of the product, as a matrix."""
    from scipy.linalg import sqrtm

    own = np.cov(clip, rowvar=False, dtype=np.float64)
    gap = clip.mean(axis=0, dtype=np.float64) - mean
    return gap @ gap + np.trace(own) + np.trace(covariance) - 2 * np.trace(sqrtm(own @ covariance).real)


@pytest.mark.benchmark(group="Fréchet distance, n x 400 against n x 400")
@pytest.mark.parametrize("route", [frechet_distance, by_eigenvalues], ids=["factors", "eigenvalues"])
@pytest.mark.parametrize("n", [256, 2048])
def test_frechet_distance(benchmark, route, n):
    x, y = rows(0, n, 400), rows(1, n, 400)
    value = benchmark.pedantic(route, (x, y), rounds=5, warmup_rounds=1)
    other = by_eigenvalues if route is frechet_distance else frechet_distance
    assert value == pytest.approx(other(x, y), rel=1e-4)


@pytest.mark.benchmark(group="FAD of 100 clips of 10 x 512, prepared reference")
def test_per_clip_fad(benchmark):
    clips, reference = rows(0, 1000, 512).reshape(100, 10, 512), as_gaussian(rows(1, 3000, 512), "reference")
    benchmark.pedantic(per_clip_fad, (clips, reference), rounds=5, warmup_rounds=1)


@pytest.mark.benchmark(group="FAD of one clip of 10 x 512 by a matrix root")
def test_per_clip_fad_by_matrix_root(benchmark):
    clip, reference = rows(0, 1000, 512).reshape(100, 10, 512)[0], rows(1, 3000, 512)
    mean, covariance = reference.mean(axis=0, dtype=np.float64), np.cov(reference, rowvar=False, dtype=np.float64)
    value = benchmark.pedantic(by_matrix_root, (clip, mean, covariance), rounds=3, warmup_rounds=1)
    assert per_clip_fad([clip], reference)[0] == pytest.approx(value, rel=1e-5)


@pytest.mark.benchmark(group="KVD, 2048 x 400 against 2048 x 400")
def test_polynomial_mmd(benchmark):
    benchmark.pedantic(polynomial_mmd, (rows(0, 2048, 400), rows(1, 2048, 400)), rounds=5, warmup_rounds=1)


@pytest.mark.benchmark(group="intervals, 2048 x 400 in 20 groups")
@pytest.mark.parametrize("interval", [frechet_interval, mmd_interval])
def test_intervals(benchmark, interval):
    x, y = rows(0, 2048, 400), rows(1, 2048, 400)
    benchmark.pedantic(interval, (x, np.arange(2048) // 4, y), rounds=2, warmup_rounds=1)


@pytest.mark.benchmark(group="beat hits with chance level, 10 beats in 5 s")
def test_beat_hits(benchmark):
    rng = np.random.default_rng(0)
    reference, estimate = (np.sort(rng.uniform(0, 5, 10)) for _ in range(2))
    benchmark(beat_hits, reference, estimate, 0.1, duration=5.0)
