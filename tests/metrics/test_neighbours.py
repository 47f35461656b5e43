import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cmmd_bench.metrics import neighbours
from cmmd_bench.metrics.neighbours import NeighbourScores, neighbour_scores


def plain(x, y, k):
    """The definitions, one pair at a time."""

    def radius(rows, i):
        return sorted(np.linalg.norm(rows[i] - rows[j]) for j in range(len(rows)) if j != i)[k - 1]

    real, fake = [radius(y, i) for i in range(len(y))], [radius(x, i) for i in range(len(x))]
    inside = np.array([[np.linalg.norm(a - b) <= r * (1 + 1e-9) for b, r in zip(y, real, strict=True)] for a in x])
    back = np.array([[np.linalg.norm(a - b) <= r * (1 + 1e-9) for a, r in zip(x, fake, strict=True)] for b in y])
    return NeighbourScores(
        precision=float(inside.any(axis=1).mean()),
        recall=float(back.any(axis=1).mean()),
        density=float(inside.sum() / k / len(x)),
        coverage=float(inside.any(axis=0).mean()),
        k=k,
    )


@given(
    seed=st.integers(0, 999),
    m=st.integers(2, 12),
    n=st.integers(2, 12),
    d=st.integers(1, 4),
    k=st.integers(1, 5),
    shift=st.floats(0, 3),
)
@settings(deadline=None, max_examples=60)
def test_equals_the_definitions(seed, m, n, d, k, shift):
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((m, d)) + shift, rng.standard_normal((n, d))
    k = min(k, m - 1, n - 1)
    found, expected = neighbour_scores(x, y, k=k), plain(x, y, k)
    for name in ("precision", "recall", "density", "coverage"):
        assert getattr(found, name) == pytest.approx(getattr(expected, name), rel=1e-12)


@given(seed=st.integers(0, 999), k=st.integers(1, 3))
@settings(deadline=None, max_examples=40)
def test_ties_are_inside(seed, k):
    # On a coarse grid nearly every edge of a ball has a row on it.
    rng = np.random.default_rng(seed)
    x, y = rng.integers(0, 3, (9, 2)) * 0.1, rng.integers(0, 3, (8, 2)) * 0.1
    found, expected = neighbour_scores(x, y, k=k), plain(x, y, k)
    for name in ("precision", "recall", "density", "coverage"):
        assert getattr(found, name) == pytest.approx(getattr(expected, name), rel=1e-12)


def test_by_hand():
    real = np.array([[0.0], [1.0], [3.0]])
    fake = np.array([[0.5], [9.0], [10.0]])
    # Real balls with k = 1: 0 ± 1, 1 ± 1, 3 ± 2. Fake balls: 0.5 ± 8.5, 9 ± 1, 10 ± 1.
    # 0.5 lies in the first two, 9 and 10 in none; every real row lies in the first fake ball.
    assert neighbour_scores(fake, real, k=1) == NeighbourScores(
        precision=1 / 3, recall=1.0, density=2 / 3, coverage=2 / 3, k=1
    )
    # k = 2: real balls 0 ± 3, 1 ± 2, 3 ± 3.
    assert neighbour_scores(fake, real, k=2) == NeighbourScores(
        precision=1 / 3, recall=1.0, density=3 / 2 / 3, coverage=1.0, k=2
    )


def test_a_set_against_itself():
    x = np.random.default_rng(1).standard_normal((60, 4))
    scores = neighbour_scores(x, x)
    assert (scores.precision, scores.recall, scores.coverage, scores.k) == (1.0, 1.0, 1.0, 5)
    # Each ball holds its own centre and 5 neighbours.
    assert scores.density == pytest.approx(6 / 5)


def test_sets_far_apart_share_nothing():
    x = np.random.default_rng(2).standard_normal((30, 4))
    assert neighbour_scores(x + 100.0, x) == NeighbourScores(0.0, 0.0, 0.0, 0.0, 5)


def test_a_collapsed_model_keeps_precision_and_loses_recall():
    rng = np.random.default_rng(3)
    real, fake = rng.standard_normal((300, 3)), 0.1 * rng.standard_normal((300, 3))
    scores = neighbour_scores(fake, real)
    assert scores.precision > 0.95
    assert scores.recall < 0.1
    assert scores.coverage < 0.2
    assert scores.density > 1


def test_equal_rows_are_their_own_manifold():
    same = np.ones((9, 2), dtype=np.float16)
    assert neighbour_scores(same, same, k=3) == NeighbourScores(1.0, 1.0, 3.0, 1.0, 3)
    assert neighbour_scores(same + 1, same, k=3) == NeighbourScores(0.0, 0.0, 0.0, 0.0, 3)


def test_coverage_of_the_same_distribution():
    rng = np.random.default_rng(4)
    x, y = rng.standard_normal((2000, 2)), rng.standard_normal((2000, 2))
    # A real ball misses all m = n fakes with probability (n choose k) over (2n choose k), about 2^-k.
    assert neighbour_scores(x, y).coverage == pytest.approx(1 - 2**-5, abs=0.012)
    assert neighbour_scores(x, y).density == pytest.approx(1.0, abs=0.08)


@pytest.mark.parametrize(("m", "n"), [(513, 20), (20, 1100), (600, 512)])
def test_blocks_do_not_show(m, n, monkeypatch):
    rng = np.random.default_rng(5)
    x, y = rng.standard_normal((m, 3)) + 0.5, rng.standard_normal((n, 3)) + 1e4
    whole = neighbour_scores(x + 1e4, y)
    monkeypatch.setattr(neighbours, "ROWS_AT_ONCE", 37)
    assert neighbour_scores(x + 1e4, y) == whole


def test_malformed_input_is_refused():
    good = np.random.default_rng(6).standard_normal((6, 3))
    with pytest.raises(ValueError, match=r"k must be below the number of rows of x, found k=5 for 5 row\(s\)"):
        neighbour_scores(good[:5], good)
    with pytest.raises(ValueError, match=r"k must be below the number of rows of reference, found k=5 for 1 row\(s\)"):
        neighbour_scores(good, good[:1])
    for k in (0, -1, 1.5, True):
        with pytest.raises(ValueError, match="k must be a whole number of at least 1"):
            neighbour_scores(good, good, k=k)
    with pytest.raises(ValueError, match="x and reference must have the same number of features, found 3 and 2"):
        neighbour_scores(good, good[:, :2])
    with pytest.raises(ValueError, match="x must be finite"):
        neighbour_scores(good * np.nan, good)
    with pytest.raises(ValueError, match=r"x must hold at least 1 row\(s\), found 0"):
        neighbour_scores(good[:0], good)
