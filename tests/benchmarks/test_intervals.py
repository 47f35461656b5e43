"""Speed of intervals and comparisons, beside the plain way of computing the same.

OMP_NUM_THREADS=1 pytest tests/benchmarks/test_intervals.py --benchmark-only --benchmark-group-by=group
"""

import numpy as np
import pytest

from cmmd_bench.metrics import frechet_distance, frechet_interval, mmd_interval, polynomial_mmd
from cmmd_bench.metrics.influence import frechet_influence, frechet_influence_interval
from cmmd_bench.metrics.leave_out import frechet_leave_out, mmd_leave_out
from cmmd_bench.metrics.mmd_variance import mmd_bootstrap_interval, mmd_exact_interval
from cmmd_bench.metrics.relative_mmd import relative_mmd_test
from cmmd_bench.metrics.set_comparison import compare_frechet, compare_mmd

N, D = 2048, 400
CONDITIONS = np.arange(N) // 4


def rows(seed, n, d=D):
    rng = np.random.default_rng(seed)
    return (rng.standard_normal((n, d)) / np.sqrt(1 + np.arange(d) / 20)).astype(np.float32)


def resampled_rows(x, y, replicates, seed=0):
    """The bootstrap of toolkits: draw rows with replacement, compute the distance again."""
    rng = np.random.default_rng(seed)
    return [polynomial_mmd(x[rng.integers(0, len(x), len(x))], y) for _ in range(replicates)]


@pytest.mark.benchmark(group="1000 replicates of KVD's interval, 2048 x 400")
def test_mmd_bootstrap(benchmark):
    interval = benchmark.pedantic(mmd_bootstrap_interval, (rows(0, N), rows(1, N)), rounds=3)
    assert interval.estimate == pytest.approx(polynomial_mmd(rows(0, N), rows(1, N)), rel=1e-6)


@pytest.mark.benchmark(group="10 replicates of KVD by resampled rows, 2048 x 400")
def test_mmd_of_resampled_rows(benchmark):
    benchmark.pedantic(resampled_rows, (rows(0, N), rows(1, N), 10), rounds=1)


@pytest.mark.benchmark(group="KVD's interval, 2048 x 400")
@pytest.mark.parametrize("reference_is", ["fixed", "sample", "paired"])
def test_mmd_exact_interval(benchmark, reference_is):
    benchmark.pedantic(
        mmd_exact_interval, (rows(0, N), rows(1, N)), {"reference_is": reference_is}, rounds=3, warmup_rounds=1
    )


@pytest.mark.benchmark(group="KVD's interval, 2048 x 400")
def test_mmd_jackknife(benchmark):
    benchmark.pedantic(mmd_interval, (rows(0, N), CONDITIONS, rows(1, N)), rounds=3, warmup_rounds=1)


@pytest.mark.benchmark(group="FVD's interval, 2048 x 400")
@pytest.mark.parametrize("interval", [frechet_influence_interval, frechet_interval])
def test_frechet_interval(benchmark, interval):
    benchmark.pedantic(interval, (rows(0, N), CONDITIONS, rows(1, N)), rounds=3, warmup_rounds=1)


@pytest.mark.benchmark(group="which of 100 clips of 10 x 512 move FAD")
@pytest.mark.parametrize("route", [frechet_influence, frechet_leave_out])
def test_frechet_leave_out(benchmark, route):
    x, labels, y = rows(0, 1000, 512), np.arange(1000) // 10, rows(1, 2000, 512)
    benchmark.pedantic(route, (x, labels, y), rounds=2, warmup_rounds=1)


@pytest.mark.benchmark(group="which of 100 clips of 10 x 512 move FAD")
def test_frechet_recomputed_without_each_clip(benchmark):
    x, labels, y = rows(0, 1000, 512), np.arange(1000) // 10, rows(1, 2000, 512)

    def recomputed():
        return [frechet_distance(x, y) - frechet_distance(x[labels != c], y) for c in range(5)]

    effects = benchmark.pedantic(recomputed, rounds=1)
    benchmark.extra_info["note"] = "5 clips of the 100"
    exact = frechet_leave_out(x, labels, y)
    assert [exact.effects[exact.labels.index(str(c))] for c in range(5)] == pytest.approx(effects, abs=1e-5)


@pytest.mark.benchmark(group="which of 2048 clips move KVD, 400 features")
def test_mmd_leave_out(benchmark):
    benchmark.pedantic(mmd_leave_out, (rows(0, N), np.arange(N), rows(1, N)), rounds=3, warmup_rounds=1)


@pytest.mark.benchmark(group="two models, 512 conditions x 4, 400 features")
@pytest.mark.parametrize("compare", [compare_frechet, compare_mmd])
def test_set_comparison(benchmark, compare):
    sides = rows(0, N), CONDITIONS, rows(1, N), CONDITIONS, rows(2, N)
    benchmark.pedantic(compare, sides, rounds=2, warmup_rounds=1)


@pytest.mark.benchmark(group="two models, 512 conditions x 4, 400 features")
def test_relative_mmd(benchmark):
    labels = {"clusters_a": CONDITIONS, "clusters_b": CONDITIONS}
    benchmark.pedantic(relative_mmd_test, (rows(0, N), rows(1, N), rows(2, N)), labels, rounds=2, warmup_rounds=1)
