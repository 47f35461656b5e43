from itertools import permutations, product

import numpy as np
import pytest

from cmmd_bench.metrics.u_statistics import CrossSums, PairSums, cross_sums, pair_sums, two_sample_variance, variance


def symmetric(seed, m):
    h = np.random.default_rng(seed).standard_normal((m, m))
    return h + h.T


def one_block(matrix):
    return [(slice(0, len(matrix)), matrix.copy())]


def test_products_without_shared_units_equal_plain_loops():
    h, f = symmetric(0, 7), np.random.default_rng(1).standard_normal((5, 4))
    loops = np.mean([h[i, j] * h[k, p] for i, j, k, p in permutations(range(7), 4)])
    assert pair_sums(one_block(h)).mean_squared == pytest.approx(loops, rel=1e-10)
    pairs = [(i, k, j, p) for i, k in permutations(range(5), 2) for j, p in permutations(range(4), 2)]
    loops = np.mean([f[i, j] * f[k, p] for i, k, j, p in pairs])
    assert cross_sums(one_block(f)).mean_squared == pytest.approx(loops, rel=1e-10)


def test_mixed_products_equal_plain_loops():
    h, g, f = symmetric(2, 5), symmetric(3, 4), np.random.default_rng(4).standard_normal((5, 4)) * 3
    x, y, xy = pair_sums(one_block(h)), pair_sums(one_block(g)), cross_sums(one_block(f))
    hf = np.mean([h[i, j] * f[k, p] for (i, j, k), p in product(permutations(range(5), 3), range(4))])
    gf = np.mean([g[i, j] * f[p, k] for (i, j, k), p in product(permutations(range(4), 3), range(5))])
    value = x.mean + y.mean - 2 * xy.mean
    squared = x.mean_squared + y.mean_squared + 4 * xy.mean_squared + 2 * x.mean * y.mean - 4 * hf - 4 * gf
    least = x.degenerate_variance + y.degenerate_variance + 4 * xy.degenerate_variance
    assert two_sample_variance(x, xy, y) == pytest.approx(max(value**2 - squared, least), rel=1e-9)


def test_blocks_add_up():
    h = symmetric(5, 30)
    blocks = [(slice(start, stop), h[start:stop].copy()) for start, stop in ((0, 11), (11, 12), (12, 30))]
    whole, cut = pair_sums(one_block(h)), pair_sums(blocks)
    assert np.allclose(cut.rows, whole.rows, atol=1e-12)
    assert cut.squares == pytest.approx(whole.squares, rel=1e-12)
    assert whole.squares == pytest.approx((h**2).sum() - (np.diag(h) ** 2).sum(), rel=1e-12)


def test_unbiased_for_a_kernel_whose_variance_is_known():
    # h = (u - v)²/2 makes U the sample variance: Var = 2 σ⁴/(m - 1) for normal draws.
    rng = np.random.default_rng(6)
    estimates, values = [], []
    for _ in range(4000):
        u = rng.standard_normal(8)
        sums = pair_sums(one_block((u[:, None] - u) ** 2 / 2))
        assert sums.mean == pytest.approx(u.var(ddof=1), rel=1e-9)
        estimates.append(sums.mean**2 - sums.mean_squared)
        values.append(sums.mean)
    error = np.std(estimates) / np.sqrt(4000)
    assert np.mean(estimates) == pytest.approx(2 / 7, abs=4 * error)
    assert np.var(values) == pytest.approx(2 / 7, rel=0.15)


def test_degenerate_part_of_a_kernel_whose_variance_is_known():
    # h = u·v and f = u·v with mean 0: all row sums have expectation 0, and nothing but the degenerate part is left.
    rng = np.random.default_rng(7)
    single, cross = [], []
    for _ in range(3000):
        u, v = rng.standard_normal(6), rng.standard_normal(5)
        single.append(pair_sums(one_block(np.outer(u, u))).degenerate_variance)
        cross.append(cross_sums(one_block(np.outer(u, v))).degenerate_variance)
    assert np.mean(single) == pytest.approx(2 / 30, abs=4 * np.std(single) / np.sqrt(3000))
    assert np.mean(cross) == pytest.approx(1 / 30, abs=4 * np.std(cross) / np.sqrt(3000))


def test_a_constant_has_no_variance():
    sums = pair_sums(one_block(np.full((6, 6), 2.5)))
    assert sums.mean == 2.5
    assert variance(sums) == pytest.approx(0.0, abs=1e-12)
    assert cross_sums(one_block(np.full((6, 5), 2.5))).degenerate_variance == pytest.approx(0.0, abs=1e-12)


def test_never_below_the_part_that_is_always_there():
    lowest = [variance(pair_sums(one_block(symmetric(seed, 5)))) for seed in range(200)]
    unbiased = [
        sums.mean**2 - sums.mean_squared for sums in (pair_sums(one_block(symmetric(s, 5))) for s in range(200))
    ]
    assert min(unbiased) < 0 <= min(lowest)


def test_too_few_units_are_refused():
    with pytest.raises(ValueError, match="at least 4 independent rows or clusters a side, found 3"):
        variance(PairSums(np.zeros(3), 0.0))
    with pytest.raises(ValueError, match="found 2"):
        two_sample_variance(PairSums(np.zeros(5), 0.0), CrossSums(np.zeros(5), np.zeros(2), 0.0), None)
