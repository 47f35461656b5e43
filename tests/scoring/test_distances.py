"""Cells of the wider set metrics: each equals the metric computed by hand on the same features."""

import numpy as np
import pytest
from known import Known

from cmmd_bench.metrics import polynomial_mmd
from cmmd_bench.metrics.dialects import frechet_distance_as
from cmmd_bench.metrics.jedi import jedi_distance
from cmmd_bench.metrics.kad import kernel_audio_distance
from cmmd_bench.metrics.kernel_subsets import subset_mmd
from cmmd_bench.metrics.neighbours import neighbour_scores
from cmmd_bench.scoring.limits import at_infinity
from cmmd_bench.scoring.measures import Scorer
from cmmd_bench.scoring.samples import RowOfTable, Sample
from cmmd_bench.suites.metrics import SetMetric

CONDITIONS, REFERENCE = 16, 20


@pytest.fixture
def arrays() -> dict:
    rng = np.random.default_rng(3)
    table = {(f"ref/{i}", "e"): rng.standard_normal((3, 4)).astype(np.float32) for i in range(REFERENCE)}
    for i in range(CONDITIONS):
        table[f"real/{i}", "e"] = rng.standard_normal((3, 4)).astype(np.float32)
        for k in range(2):
            table[f"made/{i}/{k}", "e"] = (0.4 + rng.standard_normal((3, 4))).astype(np.float32)
    return table


def cell_of(arrays, name: str, **options):
    samples = [Sample(f"made/{i}/{k}", f"{i}-{k}", str(i), k, f"real/{i}") for i in range(CONDITIONS) for k in range(2)]
    scorer = Scorer(Known(arrays), [f"ref/{i}" for i in range(REFERENCE)], seconds=2.0)
    metric = SetMetric(metric=name, task="a2v", embedder="e", **options)
    return scorer.score(metric, RowOfTable("ours", "a2v", samples))[0]


def clips(arrays, kind: str) -> list[np.ndarray]:
    return [array for (name, _), array in arrays.items() if name.startswith(kind)]


def rows(arrays, kind: str) -> np.ndarray:
    return np.concatenate(clips(arrays, kind))


def test_kad_is_in_its_published_unit(arrays):
    cell = cell_of(arrays, "kad")
    assert cell.value == pytest.approx(kernel_audio_distance(rows(arrays, "made"), rows(arrays, "ref")), rel=1e-9)
    assert cell.low < cell.value < cell.high
    assert cell.unit == "100 MMD²"


@pytest.mark.parametrize("name", ["fvd-inf", "fad-inf"])
def test_the_limit_of_many_clips_says_so(arrays, name):
    from cmmd_bench.metrics import Gaussian

    real = rows(arrays, "ref").astype(np.float64)
    reference = Gaussian.from_moments(real.mean(axis=0), np.cov(real.T))
    cell, plain = cell_of(arrays, name), cell_of(arrays, name.removesuffix("-inf"))
    assert cell.value == pytest.approx(at_infinity(clips(arrays, "made"), reference).intercept, rel=1e-6)
    assert cell.value < plain.value
    assert cell.about == "the limit of many clips"
    assert plain.about == "the value at this n"
    assert "R²" in cell.interval


@pytest.mark.parametrize("name", ["precision", "recall", "density", "coverage"])
def test_neighbours_are_of_clips(arrays, name):
    cell = cell_of(arrays, name)
    means = [
        np.stack([clip.mean(axis=0, dtype=np.float64) for clip in clips(arrays, kind)]) for kind in ("made", "ref")
    ]
    assert cell.value == pytest.approx(getattr(neighbour_scores(*means), name))
    assert cell.direction == "higher"
    # What jumps with a clip that is left out has no jackknife.
    assert (cell.low is None) == (name in ("recall", "coverage"))


@pytest.mark.parametrize("dialect", ["styleganv", "fastvideo", "tats", "cd-fvd"])
@pytest.mark.parametrize("against", ["reference", "conditions"])
def test_frechet_dialects(arrays, dialect, against):
    kind = "ref" if against == "reference" else "real"
    cell = cell_of(arrays, "fvd", dialect=dialect, against=against)
    expected = frechet_distance_as(dialect, rows(arrays, "made"), rows(arrays, kind))
    assert cell.value == pytest.approx(expected, rel=1e-9)
    assert cell.low < cell.value < cell.high


def test_kernel_dialects(arrays):
    x, y, own = (rows(arrays, kind) for kind in ("made", "ref", "real"))
    assert cell_of(arrays, "kvd", dialect="jedi").value == pytest.approx(jedi_distance(x, y))
    subsets = cell_of(arrays, "kvd", dialect="stylegan")
    assert subsets.value == pytest.approx(subset_mmd("stylegan", x, y).mean)
    assert subsets.interval is None
    assert "at most the 60 rows" in cell_of(arrays, "kvd", dialect="torch-fidelity").why
    labels = [str(i) for i in range(CONDITIONS) for _ in range(6)]
    own_labels = [str(i) for i in range(CONDITIONS) for _ in range(3)]
    by_condition = cell_of(arrays, "kvd", dialect="by-condition", against="conditions")
    expected = polynomial_mmd(x, own, clusters=labels, reference_clusters=own_labels)
    assert by_condition.value == pytest.approx(expected, rel=1e-9)
    assert by_condition.value != pytest.approx(cell_of(arrays, "kvd", against="conditions").value)


@pytest.mark.parametrize("name", ["kad", "fad-inf", "precision", "coverage"])
def test_too_few_clips_have_a_reason(arrays, name):
    few = {key: array for key, array in arrays.items() if not key[0].startswith("made") or key[0] == "made/0/0"}
    assert cell_of(few, name).why == "needs at least 2 generated clips, found 1"


@pytest.mark.parametrize(("name", "why"), [("fad-inf", "at least 6 clips"), ("precision", "k")])
def test_two_clips_are_too_few_for_some(arrays, name, why):
    few = {key: array for key, array in arrays.items() if not key[0].startswith("made") or key[0][5:] in ("0/0", "1/0")}
    cell = cell_of(few, name)
    assert cell.value is None
    assert why in cell.why


def test_fewer_rows_than_dimensions_are_said(arrays):
    assert cell_of(arrays, "fvd").caution is None
    wide = {key: np.tile(array, (1, 30)) for key, array in arrays.items()}
    assert "96 rows in 120 dimensions: the covariance is singular" in cell_of(wide, "fvd").caution
    assert cell_of(wide, "kvd").caution is None


def test_values_survive_where_intervals_cannot_be_had(arrays):
    """Six conditions: neighbours for a score, none to leave out."""
    six = {
        key: array for key, array in arrays.items() if not key[0].startswith("made") or int(key[0].split("/")[1]) < 6
    }
    for name in ("precision", "recall", "density", "coverage", "fvd-inf"):
        assert cell_of(six, name).value is not None
    assert cell_of(six, "density").interval is None
    assert cell_of(six, "fvd-inf").interval is None


def test_precision_has_an_interval_where_every_clip_is_inside(arrays):
    near = {key: array * 0.1 if key[0].startswith("made") else array for key, array in arrays.items()}
    cell = cell_of(near, "precision")
    # Wilson's for 16 of 16.
    assert (cell.value, cell.low, cell.high) == (1.0, pytest.approx(0.8064, abs=1e-4), pytest.approx(1.0))


def test_a_line_through_too_few_rows_is_pointed_out(arrays):
    assert cell_of(arrays, "fvd-inf").caution is None
    wide = {key: np.tile(array, (1, 8)) for key, array in arrays.items()}
    # 96 rows in 32 dimensions are many; the quarter of them with which the line begins is not.
    assert cell_of(wide, "fvd").caution is None
    assert "about 24 rows in 32 dimensions" in cell_of(wide, "fvd-inf").caution
