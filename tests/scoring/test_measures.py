"""From views to cells: each cell equals the metric computed by hand on the same features."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from known import Known

from cmmd_bench.metrics import frechet_distance, per_clip_fad, polynomial_mmd
from cmmd_bench.scoring.measures import Scorer
from cmmd_bench.scoring.results import Result, Scores, read_results, write_scores
from cmmd_bench.scoring.samples import RowOfTable, Sample
from cmmd_bench.suites.metrics import BeatHit, SetMetric
from cmmd_bench.types import Truth

DIMENSIONS = 6


@pytest.fixture
def arrays() -> dict:
    rng = np.random.default_rng(0)
    table = {}
    for index in range(12):
        table[f"ref/{index}", "e"] = rng.standard_normal((3, DIMENSIONS)).astype(np.float32)
    for index in range(5):
        table[f"real/{index}", "e"] = rng.standard_normal((3, DIMENSIONS)).astype(np.float32)
        for sample in range(2):
            table[f"made/{index}/{sample}", "e"] = (0.5 + rng.standard_normal((3, DIMENSIONS))).astype(np.float32)
    return table


def row(samples: int = 2, conditions: int = 5, real: bool = True) -> RowOfTable:
    return RowOfTable(
        "ours",
        "a2v",
        [
            Sample(f"made/{i}/{k}", f"a2v-{i}-{k}", str(i), k, f"real/{i}" if real else None)
            for i in range(conditions)
            for k in range(samples)
        ],
    )


def scorer(arrays) -> Scorer:
    return Scorer(Known(arrays), [f"ref/{i}" for i in range(12)], seconds=2.0)


def metric(name: str, **options) -> SetMetric:
    return SetMetric(metric=name, task="a2v", embedder="e", **options)


def rows_of(arrays, *names) -> np.ndarray:
    return np.concatenate([arrays[name, "e"] for name in names])


MADE = [f"made/{i}/{k}" for i in range(5) for k in range(2)]
REF = [f"ref/{i}" for i in range(12)]
REAL = [f"real/{i}" for i in range(5)]


def test_set_distances_against_the_reference(arrays):
    x, y = rows_of(arrays, *MADE), rows_of(arrays, *REF)
    fvd, _ = scorer(arrays).score(metric("fvd"), row())
    kvd, _ = scorer(arrays).score(metric("kvd"), row())
    assert fvd.value == pytest.approx(frechet_distance(x, y), rel=1e-9)
    assert kvd.value == pytest.approx(polynomial_mmd(x, y), rel=1e-9)
    for cell in (fvd, kvd):
        assert (cell.n, cell.n_samples, cell.n_reference) == (5, 10, 12)
        assert cell.low < cell.value < cell.high
        assert "5 clusters" in cell.interval or "5 generated clusters" in cell.interval
    # Thirty rows span six features; what covers best there is the influence function.
    assert "influence function" in fvd.interval
    assert "jackknife" in kvd.interval


def test_pairwise_distances_take_the_conditions_own_clips(arrays):
    x, y = rows_of(arrays, *MADE), rows_of(arrays, *REAL)
    fvd, _ = scorer(arrays).score(metric("fvd", against="conditions"), row())
    kvd, _ = scorer(arrays).score(metric("kvd", against="conditions"), row())
    assert fvd.value == pytest.approx(frechet_distance(x, y), rel=1e-9)
    assert kvd.value == pytest.approx(polynomial_mmd(x, y), rel=1e-9)
    assert fvd.n_reference == 5
    assert "reference clusters together" in fvd.interval


def test_only_the_first_samples_count_where_the_suite_says_so(arrays):
    first = [f"made/{i}/0" for i in range(5)]
    cell, _ = scorer(arrays).score(metric("fad", samples=1), row())
    assert cell.value == pytest.approx(frechet_distance(rows_of(arrays, *first), rows_of(arrays, *REF)), rel=1e-9)
    assert cell.n_samples == 5


def test_fad_per_clip(arrays):
    expected = per_clip_fad([arrays[name, "e"] for name in MADE], rows_of(arrays, *REF))
    cell, per_clip = scorer(arrays).score(metric("fad-clip"), row())
    assert cell.value == pytest.approx(expected.mean(), rel=1e-12)
    assert [value.value for value in per_clip] == pytest.approx(list(expected), rel=1e-12)
    assert [value.id for value in per_clip] == [sample.id for sample in row().samples]


def test_missing_clips_are_not_replaced(arrays):
    del arrays["made/0/0", "e"], arrays["ref/3", "e"]
    cell, _ = scorer(arrays).score(metric("fvd"), row())
    x = rows_of(arrays, *[name for name in MADE if name != "made/0/0"])
    y = rows_of(arrays, *[name for name in REF if name != "ref/3"])
    assert cell.value == pytest.approx(frechet_distance(x, y), rel=1e-9)
    assert (cell.n_samples, cell.n_reference) == (9, 11)


@pytest.mark.parametrize("name", ["fvd", "kvd", "fad", "fad-clip"])
def test_too_few_clips_have_a_reason(arrays, name):
    cell, _ = scorer(arrays).score(metric(name), row(samples=1, conditions=1))
    assert cell.value is None
    assert cell.why == "needs at least 2 generated clips, found 1"
    lonely = Scorer(Known(arrays), ["ref/0"], seconds=2.0)
    assert lonely.score(metric(name), row())[0].why == "needs at least 2 real clips, found 1"


def test_a_single_condition_has_a_value_without_an_interval(arrays):
    cell, _ = scorer(arrays).score(metric("fvd"), row(samples=2, conditions=1))
    assert cell.value is not None
    assert (cell.low, cell.high, cell.interval) == (None, None, None)


def beats(**tables) -> dict:
    return {(name, "beats:librosa"): np.array(times) for name, times in tables.items()}


def beat_row(*samples: Sample) -> RowOfTable:
    return RowOfTable("ours", "v2a", samples)


def test_beat_hits_by_hand():
    views = beats(r0=[0.5, 1.0, 1.5], g0=[0.55, 1.3, 1.58], r1=[0.2, 0.9], g1=[], r2=[], g2=[1.0])
    samples = [Sample(f"g{i}", f"v2a-{i}", str(i), 0, f"r{i}") for i in range(3)]
    judge = Scorer(Known(views), [], seconds=2.0)
    cell, per_clip = judge.score(BeatHit(metric="beat-hit", tolerance_ms=100), beat_row(*samples))
    # Clip 0: two of three beats; clip 1: none of two; clip 2 has no beat to hit and is left out.
    assert cell.value == pytest.approx((2 / 3 + 0) / 2)
    assert (cell.n, cell.n_samples, cell.excluded) == (2, 2, 1)
    assert [value.value for value in per_clip] == [pytest.approx(2 / 3), 0.0, None]
    assert 0 < cell.chance < 1
    assert cell.direction == "higher"


def test_true_beats_are_the_reference_where_asked():
    views = beats(r0=[0.5], g0=[1.0])
    truth = BeatHit(metric="beat-hit", tolerance_ms=100, against="truth")
    judge = Scorer(Known(views), [], seconds=2.0)
    known = Sample("g0", "v2a-0", "0", 0, "r0", Truth(beats=(1.0,)))
    assert judge.score(truth, beat_row(known))[0].value == 1.0
    unknown = Sample("g0", "v2a-0", "0", 0, "r0")
    assert judge.score(truth, beat_row(unknown))[0].why == "the dataset does not know true beats"


@pytest.mark.parametrize(
    ("samples", "why"),
    [
        ([], "no finished clips"),
        ([Sample("g0", "0", "0", 0, None)], "needs pairs: each generated clip's own real clip"),
        ([Sample("gone", "0", "0", 0, "r0")], "no pair of clips with sound on both sides"),
        ([Sample("g0", "0", "0", 0, "silent")], "no condition has a beat to hit"),
    ],
)
def test_beat_hits_that_cannot_be_computed(samples, why):
    judge = Scorer(Known(beats(g0=[1.0], r0=[1.0], silent=[])), [], seconds=2.0)
    cell, _ = judge.score(BeatHit(metric="beat-hit", tolerance_ms=100), beat_row(*samples))
    assert cell.value is None
    assert cell.why == why


def test_results_go_to_disk_and_back(tmp_path):
    result = Result(
        "ours", "v2a", "fad[e]", 1.25, "lower", "squared feature units", 5, 10, 12, 1.0, 1.5, "a method", "n"
    )
    scores = Scores({"a": 1}, [result], (), [{"model": "ours", "id": "x", "reason": "why"}], ())
    write_scores(tmp_path, scores)
    back = read_results(tmp_path)
    assert back.results == [result]
    assert not back.complete
    assert json.loads((tmp_path / "results.json").read_text())["schema"] == 1


MEMORY = """
import resource, sys
from pathlib import Path
import numpy as np
from cmmd_bench.embedders.cache import FeatureCache
from cmmd_bench.extraction import Views
from cmmd_bench.scoring.measures import Scorer
from cmmd_bench.scoring.samples import RowOfTable, Sample
from cmmd_bench.suites.metrics import SetMetric

count, store = int(sys.argv[1]), FeatureCache(Path(sys.argv[2]))
views = Views(store)
rng = np.random.default_rng(0)
for index in range(40):
    key = store.key(str(index), "e", "")
    if store.get(key) is None:
        store.put(key, rng.standard_normal((10, 128)).astype(np.float32))
for index in range(count):
    for kind in ("made", "ref"):
        views._keys[f"{kind}/{index}", "e"] = store.key(str((index * 7 + len(kind)) % 40), "e", "")
row = RowOfTable("ours", "v2a", [Sample(f"made/{i}", str(i), str(i), 0, None) for i in range(count)])
scorer = Scorer(views, [f"ref/{i}" for i in range(count)], 1.0)
cell, _ = scorer.score(SetMetric(metric="fad", task="v2a", embedder="e"), row)
print(cell.value, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs getrusage")
def test_ten_thousand_clips_take_the_memory_of_a_hundred(tmp_path):
    """100,000 frames of 128 dimensions on either side would be 102 MB in float64."""

    def megabytes(count: int) -> float:
        command = [sys.executable, "-c", MEMORY, str(count), str(tmp_path)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        return float(done.stdout.split()[1])

    assert megabytes(10_000) - megabytes(100) < 50
