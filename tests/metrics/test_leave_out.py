import numpy as np
import pytest

from cmmd_bench.metrics import frechet_distance, polynomial_mmd
from cmmd_bench.metrics.leave_out import frechet_leave_out, mmd_leave_out
from cmmd_bench.metrics.mmd import polynomial_kernel


def rows(seed, n, d, offset=0.0):
    return np.random.default_rng(seed).standard_normal((n, d)) + offset


def labelled(n, n_clips):
    return [f"clip {i % n_clips}" for i in range(n)]


@pytest.mark.parametrize(
    ("n", "n_clips", "d", "m"), [(60, 20, 5, 40), (60, 60, 5, 40), (20, 7, 50, 40), (30, 8, 12, 9)]
)
@pytest.mark.parametrize("ddof", [0, 1])
def test_frechet_effects_equal_plain_recomputation(n, n_clips, d, m, ddof):
    x, reference, clips = rows(0, n, d, 0.4), rows(1, m, d), np.array(labelled(n, n_clips))
    result = frechet_leave_out(x, clips, reference, ddof=ddof)
    value = frechet_distance(x, reference, ddof=ddof)
    assert result.value == pytest.approx(value, rel=1e-12)
    assert list(result.labels) == sorted(set(clips))
    for label, effect in zip(result.labels, result.effects, strict=True):
        without = frechet_distance(x[clips != label], reference, ddof=ddof)
        assert effect == pytest.approx(value - without, abs=1e-8 * value)


def test_directions_that_the_features_do_not_span_add_no_rounding():
    x, reference = rows(10, 100, 4, 0.3) @ rows(11, 4, 64), rows(12, 200, 64)
    result, value = frechet_leave_out(x, range(100), reference), frechet_distance(x, reference)
    for label, effect in list(zip(result.labels, result.effects, strict=True))[::10]:
        without = frechet_distance(np.delete(x, int(label), axis=0), reference)
        assert effect == pytest.approx(value - without, abs=1e-11 * value)


@pytest.mark.parametrize(("n", "n_clips"), [(60, 20), (60, 60), (700, 90)])
def test_mmd_effects_equal_plain_recomputation(n, n_clips):
    x, reference, clips = rows(2, n, 4, 0.4), rows(3, 600, 4), np.array(labelled(n, n_clips))
    result = mmd_leave_out(x, clips, reference)
    assert result.value == pytest.approx(polynomial_mmd(x, reference), rel=1e-9)
    for label, effect in list(zip(result.labels, result.effects, strict=True))[::10]:
        without = polynomial_mmd(x[clips != label], reference)
        assert effect == pytest.approx(polynomial_mmd(x, reference) - without, abs=1e-9)


def test_the_clip_that_spoils_the_set_is_on_top():
    x, reference = rows(4, 100, 6), rows(5, 200, 6)
    x[40:44] += 2.5
    clips = np.arange(100) // 4
    for result in (frechet_leave_out(x, clips, reference), mmd_leave_out(x, clips, reference)):
        assert result.labels[int(np.argmax(result.effects))] == "10"
        assert result.effects.max() > 0


def test_another_kernel():
    x, reference = rows(6, 20, 3, 0.5), rows(7, 30, 3)
    result = mmd_leave_out(x, range(20), reference, kernel=polynomial_kernel(2, 1.0, 0.0))
    assert result.value == pytest.approx(polynomial_mmd(x, reference, degree=2, gamma=1.0, coef0=0.0), rel=1e-10)


def test_constant_features_move_nothing():
    x = np.tile([1.0, 2.0, 3.0], (12, 1))
    result = frechet_leave_out(x, range(12), rows(8, 30, 3))
    assert np.abs(result.effects).max() < 1e-9


def test_malformed_input_is_refused():
    x = rows(9, 10, 3)
    for function in (frechet_leave_out, mmd_leave_out):
        with pytest.raises(ValueError, match="x must have one label per row, found 9 labels for 10 rows"):
            function(x, range(9), x)
        with pytest.raises(ValueError, match="must remain without a cluster, found 0"):
            function(x, ["a"] * 10, x)
        with pytest.raises(ValueError, match="same number of features, found 3 and 2"):
            function(x, range(10), x[:, :2])
        with pytest.raises(ValueError, match="x must be finite"):
            function(x * np.inf, range(10), x)
    with pytest.raises(ValueError, match="too large for this kernel"):
        mmd_leave_out(x * 1e90, range(10), x)
