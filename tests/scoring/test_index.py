"""scored.json: a scoring that can be asked again, on the same machine, without data or models."""

import json
import shutil
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from clips import clip

from cmmd_bench.embedders.cache import FeatureCache
from cmmd_bench.errors import UserError
from cmmd_bench.extraction import Entry, Views
from cmmd_bench.media import write_clip
from cmmd_bench.runs import run
from cmmd_bench.scoring.comparisons import compare_models
from cmmd_bench.scoring.folders import score
from cmmd_bench.scoring.index import Scored, read_index, write_index
from cmmd_bench.scoring.measures import Scorer
from cmmd_bench.scoring.samples import RowOfTable, Sample
from cmmd_bench.suites import load_suite
from cmmd_bench.suites.labels import parse_metric
from cmmd_bench.types import Event, Truth

SMALL = Path(__file__).parents[1] / "data" / "suites" / "small.toml"
METRICS = ("fad[logmel-stats]", "fad-clip[logmel-stats]", "beat-hit@500ms")

EVERY_KIND = (
    "fvd[conv3d-random@16f64]",
    "pairwise-fvd:styleganv[conv3d-random]",
    "kvd:by-condition[conv3d-random]",
    "fad-inf[logmel-stats]",
    "kad[logmel-stats]",
    "coverage[conv3d-random]",
    "beat-any-hit@62.5ms[truth]",
    "onset-ap:condfoleygen@100ms[condfoley]",
    "cdcd-coverage",
    "av-align:javisbench",
)


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("clips")
    for i in range(6):
        for name, seed in (("real", i), ("one", 100 + i), ("two", 200 + i)):
            write_clip(root / name / f"c{i}.mkv", clip(seed))
    return {name: root / name for name in ("real", "one", "two")}


@pytest.fixture
def table(folders, tmp_path) -> Path:
    """A folder that `score --out` wrote."""
    scored_into(tmp_path / "scores", folders)
    return tmp_path / "scores"


def scored_into(out: Path, folders) -> None:
    made = {"one": folders["one"], "two": folders["two"]}
    score(made, folders["real"], metrics=METRICS, workers=1, out=out)


def test_there_and_back(tmp_path):
    """Every field of every kind of metric, truths known and unknown, and a wish that Python and JSON differ on."""
    truths = [
        Truth(),
        Truth(beats=()),
        Truth(beats=(0.1, 1 / 3), events=()),
        Truth(events=(Event(0.1, 0.25, "knock"), Event(0.5, 0.5, "größer/\n"))),
    ]
    samples = [
        Sample(f"made/m\n{i}", f"id-{i}", f"c{i}", i, None if i % 2 else f"real/{i}", truth)
        for i, truth in enumerate(truths)
    ]
    rows = [RowOfTable("m", "joint", samples), RowOfTable("empty", "v2a", [])]
    metrics = [parse_metric(label) for label in EVERY_KIND]
    views = Views(FeatureCache(), {"real/0": {"beats:librosa": "ab" * 32}, "made/m\n0": {}})
    write_index(tmp_path, Scored(rows, metrics, Scorer(views, ["real/0", "real/2"], 1.8, float(Fraction(30000, 1001)))))
    back = read_index(tmp_path)
    assert list(back.rows) == rows
    assert list(back.metrics) == metrics
    assert [metric.label for metric in back.metrics] == list(EVERY_KIND)
    assert (back.scorer.reference, back.scorer.seconds) == (("real/0", "real/2"), 1.8)
    assert back.scorer.fps == float(Fraction(30000, 1001))
    assert back.scorer.views.keys() == {"real/0": {"beats:librosa": "ab" * 32}}
    write_index(tmp_path / "again", back)
    assert (tmp_path / "again" / "scored.json").read_bytes() == (tmp_path / "scored.json").read_bytes()


def test_views_are_found_again(tmp_path):
    store = FeatureCache(tmp_path / "cache")
    views = Views(store)
    views.extract(lambda source: source, [Entry("a", "print", clip(3), ("levels",))], "spec")
    again = Views(store, views.keys())
    np.testing.assert_array_equal(again.get("a", "levels"), views.get("a", "levels"))
    assert not again.has("a", "motion")
    assert again.get("b", "levels") is None


def test_what_is_read_compares_as_what_was_written(table, folders):
    back = read_index(table)
    assert [row.model for row in back.rows] == ["one", "two"]
    found = compare_models(back)
    assert [comparison.metric for comparison in found] == list(METRICS)
    assert all(comparison.difference is not None for comparison in found)
    results = json.loads((table / "results.json").read_text())["results"]
    values = {(r["model"], r["metric"]): r["value"] for r in results}
    for comparison in found[:2]:
        expected = values["one", comparison.metric] - values["two", comparison.metric]
        assert comparison.difference.estimate == pytest.approx(expected, rel=1e-9)


def test_the_same_scoring_gives_the_same_bytes(table, folders, tmp_path):
    scored_into(tmp_path / "again", folders)
    for name in ("scored.json", "results.json", "scores.jsonl"):
        assert (tmp_path / "again" / name).read_bytes() == (table / name).read_bytes(), name


def test_it_works_when_the_clips_are_gone(table, folders, tmp_path):
    moved = tmp_path / "moved"
    shutil.copytree(table, moved)
    before = compare_models(read_index(table))
    shutil.rmtree(table)
    assert compare_models(read_index(moved)) == before


def test_a_folder_that_was_not_scored(tmp_path):
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(UserError, match="has no scored.json: it has not been scored.*`run` or `score --out`"):
            read_index(folder)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "3",
        "null",
        "{}",
        '{"schema": "new"}',
        '{"schema": 1, "metrics": 3, "rows": [], "views": {}, "reference": [], "seconds": 1, "fps": 1}',
        '{"schema": 1, "metrics": [{"metric": "fid"}], "rows": [], "views": {}, "reference": [], "seconds": 1}',
        '{"schema": 1, "metrics": [], "rows": [], "views": [], "reference": [], "seconds": 1, "fps": 1}',
        '{"schema": 1, "metrics": [], "rows": [], "views": {"a": "b"}, "reference": [], "seconds": 1, "fps": 1}',
        '{"schema": 1, "metrics": [], "rows": ["a"], "views": {}, "reference": [], "seconds": 1, "fps": 1}',
    ],
)
def test_a_damaged_file(tmp_path, text):
    (tmp_path / "scored.json").write_text(text)
    with pytest.raises(UserError, match=r"scored.json cannot be read \(\w+: .*Score the clips again"):
        read_index(tmp_path)


def test_no_cut_of_the_file_is_read_as_whole(table):
    whole = (table / "scored.json").read_bytes()
    for length in range(0, len(whole) - 2, len(whole) // 23):
        (table / "scored.json").write_bytes(whole[:length])
        with pytest.raises(UserError, match="cannot be read"):
            read_index(table)
    (table / "scored.json").write_bytes(b"\xff\xfe" + whole)
    with pytest.raises(UserError, match="cannot be read"):
        read_index(table)


def test_a_newer_file_asks_for_a_newer_version(table):
    entry = json.loads((table / "scored.json").read_text())
    (table / "scored.json").write_text(json.dumps({**entry, "schema": 2}))
    with pytest.raises(UserError, match="has schema 2; this version reads up to 1. Upgrade cmmd-bench."):
        read_index(table)


def test_an_emptied_cache_says_what_to_do(folders, tmp_path, monkeypatch):
    monkeypatch.setenv("CMMD_BENCH_CACHE", str(tmp_path / "cache"))
    scored_into(tmp_path / "scores", folders)
    before = compare_models(read_index(tmp_path / "scores"))
    FeatureCache().clear()
    with pytest.raises(UserError, match="cache no longer holds what logmel-stats saw of .*Run the command that scored"):
        compare_models(read_index(tmp_path / "scores"))
    scored_into(tmp_path / "scores", folders)
    assert compare_models(read_index(tmp_path / "scores")) == before


@pytest.fixture(scope="module")
def finished(session_cache, tmp_path_factory) -> Path:
    """A run of the built-in rows."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CMMD_BENCH_CACHE", str(session_cache))
        return run(load_suite(SMALL), {}, out=tmp_path_factory.mktemp("finished"), workers=1).folder


def test_a_run_in_shards_has_the_same_index(finished, tmp_path):
    out = tmp_path / "run"
    assert run(load_suite(SMALL), {}, out=out, workers=1, shard_of=(1, 2)).pending
    assert not (out / "scored.json").exists()
    assert run(load_suite(SMALL), {}, out=out, workers=1, shard_of=(0, 2)).scores is not None
    assert (out / "scored.json").read_bytes() == (finished / "scored.json").read_bytes()
    assert compare_models(read_index(out)) == compare_models(read_index(finished))


def test_a_runs_clips_scored_as_folders_compare_equally(finished, tmp_path):
    """One clip, two ways in: through a run, and as files that `score` finds."""
    for model in ("shuffled", "noise"):
        for path in (finished / "samples" / model).glob("a2v-*.mkv"):
            name, _, sample = path.stem.removeprefix("a2v-").rpartition("-")
            copy = tmp_path / model / f"{name}_{sample}.mkv"
            copy.parent.mkdir(exist_ok=True)
            shutil.copy(path, copy)
    spec = load_suite(SMALL).clip.spec
    score(
        {model: tmp_path / model for model in ("shuffled", "noise")},
        finished / "conditions",
        metrics=["pairwise-fvd[conv3d-random]"],
        seconds=spec.seconds,
        fps=spec.fps,
        size=(spec.height, spec.width),
        sample_rate=spec.sample_rate,
        workers=1,
        out=tmp_path / "scores",
    )
    chosen = {"models": ["shuffled", "noise"], "metrics": ["pairwise-fvd[conv3d-random]"]}
    (of_run,) = compare_models(read_index(finished), **chosen)
    (of_folders,) = compare_models(read_index(tmp_path / "scores"), **chosen)
    assert of_folders.difference == of_run.difference
    assert of_run.difference.conditions == (4, 4)


def test_a_run_knows_its_true_beats_again(finished):
    back = read_index(finished)
    truths = [sample.truth.beats for row in back.rows for sample in row.samples]
    assert all(isinstance(beats, tuple) and beats for beats in truths)
    found = compare_models(back, metrics=["beat-hit@100ms[truth]"])
    assert [(c.a, c.b) for c in found] == [
        ("ground-truth", "shuffled"),
        ("ground-truth", "noise"),
        ("shuffled", "noise"),
    ]
    assert all(c.difference is not None for c in found)
