"""Fréchet distances against the routes that other toolkits take, on equal inputs and with the same BLAS threads.

OMP_NUM_THREADS=1 pytest tests/benchmarks/test_frechet.py --benchmark-only --benchmark-group-by=group

On a busy machine add --benchmark-timer=time.process_time, which counts the time on the processor alone.
"""

import numpy as np
import pytest

from cmmd_bench.metrics import accumulate, as_gaussian, frechet_distance, per_clip_fad


def rows(seed, n, d):
    rng = np.random.default_rng(seed)
    return (rng.standard_normal((n, d)) / np.sqrt(1 + np.arange(d) / 20)).astype(np.float32)


def moments(x):
    return x.mean(axis=0, dtype=np.float64), np.cov(x, rowvar=False, dtype=np.float64)


def by_eigenvalues(x, y):
    """torchmetrics and torch-fidelity: eigenvalues of the product of the covariances."""
    (mean_x, a), (mean_y, b) = moments(x), moments(y)
    gap = mean_x - mean_y
    roots = np.sqrt(np.linalg.eigvals(a @ b).astype(complex)).real.sum()
    return gap @ gap + np.trace(a) + np.trace(b) - 2 * roots


def as_fadtk_does(clip, mean, covariance):
    """fadtk 1.1.0: the matrix root by Schur form and by eigenvectors, and the value of the latter."""
    from scipy import linalg

    own_mean, own = moments(clip)
    gap = own_mean - mean
    product = own @ covariance
    linalg.sqrtm(product)
    eigenvalues, vectors = linalg.eig(product)
    root = (vectors * np.sqrt(eigenvalues)) @ linalg.inv(vectors)
    return gap @ gap + np.trace(own) + np.trace(covariance) - 2 * np.trace(root).real


@pytest.mark.benchmark(group="set Fréchet distance, n rows a side")
@pytest.mark.parametrize(("n", "d"), [(256, 400), (2048, 400), (2048, 2048), (4096, 2048), (10000, 2048)])
@pytest.mark.parametrize("route", [frechet_distance, by_eigenvalues], ids=["factors", "eigenvalues"])
def test_set(benchmark, route, n, d):
    x, y = rows(0, n, d), rows(1, n, d)
    value = benchmark.pedantic(route, (x, y), rounds=7 if d < 2000 else 2, warmup_rounds=1)
    benchmark.extra_info["value"] = value
    if d < 2000:
        assert value == pytest.approx((by_eigenvalues if route is frechet_distance else frechet_distance)(x, y), 1e-4)


@pytest.mark.benchmark(group="FAD per clip, clips of 10 frames")
@pytest.mark.parametrize("d", [512, 1024])
def test_per_clip(benchmark, d):
    clips, reference = rows(0, 2000, d).reshape(200, 10, d), as_gaussian(rows(1, 4000, d), "reference")
    benchmark.extra_info["clips"] = 200
    benchmark.pedantic(per_clip_fad, (clips, reference), rounds=5, warmup_rounds=1)


@pytest.mark.benchmark(group="FAD per clip, clips of 10 frames")
@pytest.mark.parametrize("d", [512, 1024])
def test_per_clip_as_fadtk(benchmark, d):
    clips, reference = rows(0, 2000, d).reshape(200, 10, d), rows(1, 4000, d)
    benchmark.extra_info["clips"] = 1
    value = benchmark.pedantic(as_fadtk_does, (clips[0], *moments(reference)), rounds=2)
    assert per_clip_fad(clips[:1], reference)[0] == pytest.approx(value, rel=1e-6)


@pytest.mark.benchmark(group="statistics of a stream, 100,000 x 512")
def test_stream(benchmark):
    block = rows(0, 1000, 512)
    benchmark.pedantic(lambda: accumulate(block for _ in range(100)), rounds=2)
