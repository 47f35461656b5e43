import json
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from feature_sets import audio_reference

from cmmd_bench.metrics import Gaussian, GaussianStatistics, frechet_audio_distance, frechet_distance
from cmmd_bench.metrics.dialects import frechet_distance_as
from cmmd_bench.metrics.extrapolation import clip_orders, extrapolate, frechet_at_infinity, kept_orders

SUMMARY = Path(__file__).resolve().parents[1] / "data" / "proofs" / "extrapolation.json"


@pytest.fixture
def lowdim(golden):
    arrays = golden("fad_lowdim.npz")
    return arrays, Gaussian.from_moments(arrays["ref_mu"], arrays["ref_cov"]), golden("fad_results.json")["lowdim"]


def assert_golden(found, expected):
    np.testing.assert_allclose(found.table, expected["table"], rtol=0, atol=1e-8)
    np.testing.assert_allclose(found.mean_per_size, expected["mean_per_size"], rtol=0, atol=1e-8)
    assert found.intercept == pytest.approx(expected["intercept"], rel=0, abs=1e-8)
    assert found.slope == pytest.approx(expected["slope"], rel=1e-8)
    assert found.r_squared == pytest.approx(expected["r2"], rel=0, abs=1e-8)
    assert list(found.sizes) == expected["sizes"]


def options(expected):
    return {key: expected[key] for key in ("sizes", "permutations", "seed")}


@pytest.mark.parametrize("name", ["same", "different"])
def test_golden_lines_of_low_dimension(lowdim, name):
    arrays, reference, everything = lowdim
    expected = everything[name]["without_replacement"]
    found = frechet_at_infinity(arrays[name], reference, **options(expected))
    assert_golden(found, expected)
    plain, truth = everything[name]["plain"], everything[f"true_fad_{name}"]
    assert frechet_audio_distance(arrays[name], reference) == pytest.approx(plain, rel=1e-9)
    assert abs(found.intercept - truth) < 0.4 * abs(plain - truth)
    # By its own default sizes too.
    assert abs(frechet_at_infinity(arrays[name], reference).intercept - truth) < 0.4 * abs(plain - truth)


def test_the_golden_line_of_512_features(golden):
    clips, expected = golden("fad_embeddings.npz")["clips"], golden("fad_results.json")["without_replacement_512"]
    reference = Gaussian.from_moments(*audio_reference(golden))
    assert_golden(frechet_at_infinity(list(clips), reference, **options(expected)), expected)


@pytest.mark.parametrize("name", ["float16_cache", "float32_cache"])
def test_fadtk_s_own_extrapolation_is_what_it_is(golden, name):
    """Rows with replacement, one draw a size: reproduced here, and offered nowhere."""
    expected = golden("fad_results.json")[name]["fad_inf"]
    rows = golden("fad_embeddings.npz")["clips"].reshape(-1, 512).astype(name.removesuffix("_cache"))
    reference = Gaussian.from_moments(*audio_reference(golden))
    values = with_replacement(rows, reference, expected["numpy_seed"], minimum=500)
    for (size, value), (n, point) in zip(values, expected["points"], strict=True):
        assert size == n
        assert value == pytest.approx(point, rel=0, abs=1e-5)
    line = extrapolate([n for n, _ in values], np.array([[value for _, value in values]]))
    assert line.intercept == pytest.approx(expected["score"], rel=0, abs=1e-5)
    assert line.slope == pytest.approx(expected["slope"], rel=0, abs=1e-3)
    assert line.r_squared == pytest.approx(expected["r2"], rel=0, abs=1e-3)


@pytest.mark.parametrize("name", ["same", "different"])
def test_with_replacement_the_line_leads_back_to_the_plain_value(lowdim, name):
    arrays, reference, everything = lowdim
    expected = everything[name]["fadtk_inf_with_replacement"]
    values = with_replacement(arrays[name].reshape(-1, 32), reference, expected["numpy_seed"], minimum=500)
    line = extrapolate([n for n, _ in values], np.array([[value for _, value in values]]))
    assert line.intercept == pytest.approx(expected["score"], rel=0, abs=1e-5)
    scores = [expected["score"], *expected["eight_scores"]]
    truth, plain = everything[f"true_fad_{name}"], everything[name]["plain"]
    ours = everything[name]["without_replacement"]["intercept"]
    assert abs(np.mean(scores) - plain) < 0.1
    assert abs(ours - truth) < 0.5 * abs(np.mean(scores) - truth)


def with_replacement(rows, reference, seed, *, minimum):
    rng = np.random.RandomState(seed)
    values = []
    for n in np.linspace(minimum, len(rows), 25).astype(int):
        drawn = rows[rng.choice(len(rows), size=n, replace=True)]
        values.append((int(n), frechet_distance_as("fadtk", drawn, reference)))
    return values


def test_each_entry_is_the_distance_of_its_clips():
    rng = np.random.default_rng(1)
    clips = [rng.standard_normal((n, 5)).astype(np.float32) for n in (3, 1, 9, 4, 2, 6, 5, 7)]
    reference = GaussianStatistics.from_features(rng.standard_normal((90, 5)))
    found = frechet_at_infinity(iter(clips), reference, sizes=[2, 5, 8], permutations=3, seed=11, ddof=0)
    for r in range(3):
        order = np.random.RandomState(11 + r).permutation(8)
        for k, m in enumerate((2, 5, 8)):
            rows = np.concatenate([clips[i] for i in order[:m]])
            assert found.table[r, k] == pytest.approx(frechet_distance(rows, reference, ddof=0), rel=1e-10)
    again = frechet_at_infinity(clips, reference, sizes=[2, 5, 8], permutations=3, seed=11, ddof=0)
    assert np.array_equal(found.table, again.table)


def test_rows_are_clips_of_one_row():
    rng = np.random.default_rng(2)
    rows, reference = rng.standard_normal((40, 3)), rng.standard_normal((50, 3))
    one, other = (frechet_at_infinity(clips, reference, permutations=2) for clips in (rows, rows[:, np.newaxis]))
    assert np.array_equal(one.table, other.table)
    assert one.sizes == (10, 11, 12, 14, 16, 19, 23, 29, 40)


def test_too_few_rows_for_the_features_are_told_although_the_line_fits():
    reference = Gaussian.from_moments(np.zeros(16), np.eye(16))
    truth = 16 * (0.3**2 + (1 - 0.8) ** 2)
    found = [
        frechet_at_infinity(np.random.default_rng(seed).standard_normal((30, 16)) * 0.8 + 0.3, reference)
        for seed in range(12)
    ]
    assert np.mean([line.intercept for line in found]) < truth - 0.5
    assert min(line.r_squared for line in found) > 0.98
    assert {(line.smallest_rows, line.spans) for line in found} == {(8, False)}


def test_rows_of_the_smallest_subsets_are_counted():
    rng = np.random.default_rng(5)
    clips, reference = [rng.standard_normal((n, 5)) for n in (3, 1, 2, 2, 4, 3)], rng.standard_normal((50, 5))
    orders = [[0, 1, 2, 3, 4, 5], [4, 5, 3, 2, 1, 0]]
    found = frechet_at_infinity(clips, reference, sizes=[3, 4, 6], orders=orders)
    assert (found.smallest_rows, found.spans) == (6, True)
    assert not frechet_at_infinity(clips, reference, sizes=[2, 4, 6], orders=orders).spans
    assert extrapolate([3, 4, 6], found.table).spans is None


def test_a_leave_out_keeps_the_orders_of_the_whole():
    rng = np.random.default_rng(6)
    clips, reference = rng.standard_normal((9, 4, 3)), rng.standard_normal((50, 3))
    orders = clip_orders(9, permutations=4, seed=7)
    whole = frechet_at_infinity(clips, reference, orders=orders)
    assert np.array_equal(whole.table, frechet_at_infinity(clips, reference, permutations=4, seed=7).table)
    kept = np.array([0, 2, 3, 5, 6, 8])
    without = kept_orders(orders, kept)
    for order, left in zip(orders, without, strict=True):
        assert kept[left].tolist() == [i for i in order.tolist() if i in kept]
    found = frechet_at_infinity(clips[kept], reference, sizes=[2, 4, 6], orders=without)
    first = np.concatenate([clips[i] for i in kept[without[0]][:2]])
    assert found.table[0, 0] == pytest.approx(frechet_distance(first, reference), rel=1e-10)


def test_the_same_orders_leave_less_noise_between_leave_outs():
    rng = np.random.default_rng(8)
    clips, reference = rng.standard_normal((50, 8)) * 0.8 + 0.3, Gaussian.from_moments(np.zeros(8), np.eye(8))
    orders = clip_orders(50, permutations=4)
    own, same = [], []
    for left in range(12):
        kept = np.delete(np.arange(50), left)
        own.append(frechet_at_infinity(clips[kept], reference, permutations=4).intercept)
        same.append(frechet_at_infinity(clips[kept], reference, orders=kept_orders(orders, kept)).intercept)
    assert np.std(same) < np.std(own)


def test_the_line_is_that_of_least_squares():
    rng = np.random.default_rng(3)
    sizes, table = [10, 15, 20, 40, 80], rng.standard_normal((4, 5)) + 1 / np.array([10, 15, 20, 40, 80])
    found = extrapolate(sizes, table)
    x, y = 1 / np.array(sizes), table.mean(axis=0)
    design = np.stack([np.ones(5), x], axis=1)
    (intercept, slope), (unexplained,), _, _ = np.linalg.lstsq(design, y, rcond=None)
    assert (found.intercept, found.slope) == (pytest.approx(intercept), pytest.approx(slope))
    np.testing.assert_allclose(found.residuals, y - intercept - slope * x, atol=1e-12)
    covariance = unexplained / 3 * np.linalg.inv(design.T @ design)
    assert found.standard_error == pytest.approx(np.sqrt(covariance[0, 0]))
    assert found.r_squared == pytest.approx(1 - unexplained / ((y - y.mean()) ** 2).sum())
    each = [np.linalg.lstsq(design, row, rcond=None)[0][0] for row in table]
    assert found.draw_error == pytest.approx(np.std(each, ddof=1) / 2)
    assert extrapolate(sizes, table[:1]).draw_error is None


def test_a_perfect_line_and_a_constant():
    sizes = [2, 4, 8]
    line = extrapolate(sizes, np.array([3 + 5 / np.array(sizes)]))
    assert (line.intercept, line.slope, line.r_squared) == (pytest.approx(3), pytest.approx(5), pytest.approx(1))
    assert line.standard_error == pytest.approx(0, abs=1e-12)
    assert extrapolate(sizes, np.full((2, 3), 7.0)).intercept == pytest.approx(7.0)
    assert extrapolate(sizes, np.full((2, 3), 7.0)).r_squared == 1.0


def test_malformed_input_is_refused():
    rng = np.random.default_rng(4)
    clips, reference = rng.standard_normal((8, 4, 3)), rng.standard_normal((20, 3))
    for sizes in ([2, 4], [4, 2, 8], [0, 2, 4], [2, 4, 9], [2, 2, 4]):
        with pytest.raises(ValueError, match=r"sizes must be at least 3 increasing numbers from 1 to 8 \(the clips\)"):
            frechet_at_infinity(clips, reference, sizes=sizes)
    with pytest.raises(ValueError, match="permutations must be at least 1, found 0"):
        frechet_at_infinity(clips, reference, permutations=0)
    for orders in ([[0, 1, 2]], [[0] * 8]):
        with pytest.raises(ValueError, match="orders must be permutations of the 8 clips"):
            frechet_at_infinity(clips, reference, orders=orders)
    with pytest.raises(ValueError, match="orders must be at least one permutation"):
        frechet_at_infinity(clips, reference, orders=[])
    with pytest.raises(ValueError, match="an extrapolation needs at least 6 clips, found 5"):
        frechet_at_infinity(clips[:5], reference)
    assert len(frechet_at_infinity(clips[:6], reference).sizes) >= 3
    with pytest.raises(ValueError, match=r"clips\[0\] and reference must have the same number of features"):
        frechet_at_infinity(clips[:, :, :2], reference)
    with pytest.raises(ValueError, match=r"clips\[2\] must be finite"):
        frechet_at_infinity([*clips[:2], clips[2] * np.nan, *clips[3:]], reference)
    with pytest.raises(ValueError, match="a line needs at least 3 sizes and a table with one column for each"):
        extrapolate([1, 2, 3], np.zeros((2, 2)))
    with pytest.raises(ValueError, match="table must be finite"):
        extrapolate([1, 2, 3], np.full((1, 3), np.nan))


def recovered(dimensions, n_clips, frames, seeds):
    """Plain, fadtk-like and extrapolated distances of sets from the reference's own distribution: the truth is 0."""
    spread = 1 / np.sqrt(1 + np.arange(dimensions) / 4)
    reference = Gaussian(np.zeros(dimensions), np.diag(spread))
    values = {"plain": [], "with_replacement": [], "without_replacement": []}
    for seed in seeds:
        rng = np.random.default_rng(seed)
        # Frames of a clip are alike: correlation 0.3.
        shared, own = rng.standard_normal((n_clips, 1, dimensions)), rng.standard_normal((n_clips, frames, dimensions))
        clips = (np.sqrt(0.3) * shared + np.sqrt(0.7) * own) * spread
        rows = clips.reshape(-1, dimensions)
        values["plain"].append(frechet_distance(rows, reference))
        points = with_replacement(rows, reference, seed, minimum=len(rows) // 2)
        sizes = sorted({n for n, _ in points})
        line = extrapolate(sizes, np.array([[dict(points)[n] for n in sizes]]))
        values["with_replacement"].append(line.intercept)
        values["without_replacement"].append(frechet_at_infinity(clips, reference).intercept)
    return {
        name: {"mean": round(float(np.mean(found)), 4), "deviation": round(float(np.std(found, ddof=1)), 4)}
        for name, found in values.items()
    }


@pytest.mark.slow
def test_the_truth_is_recovered_without_replacement():
    regimes = {"16 x 100 clips": (16, 100, 5), "32 x 160 clips": (32, 160, 8), "64 x 400 clips": (64, 400, 8)}
    results = {name: recovered(*regime, seeds=range(40)) for name, regime in regimes.items()}
    summary = {"date": date.today().isoformat(), "sets": 40, "truth": 0.0, "regimes": results}
    SUMMARY.write_text(json.dumps(summary, indent=2) + "\n")
    assert_recovered(summary)


def test_the_stored_proof_of_recovery():
    assert_recovered(json.loads(SUMMARY.read_text()))


def assert_recovered(summary):
    assert summary["sets"] >= 40
    assert len(summary["regimes"]) == 3
    for found in summary["regimes"].values():
        plain = found["plain"]["mean"]
        assert abs(found["without_replacement"]["mean"]) < 0.2 * plain
        assert abs(found["with_replacement"]["mean"] - plain) < 0.4 * plain
