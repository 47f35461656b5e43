"""`compare` on the command line: tables, JSON, exit codes and mistakes."""

import json
from pathlib import Path

import pytest
from clips import clip

from cmmd_bench.media import write_clip
from cmmd_bench.scoring.folders import score

METRICS = ("fad[logmel-stats]", "beat-hit@500ms")


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("clips")
    for i in range(8):
        for name, seed in (("real", i), ("one", 100 + i), ("two", 200 + i)):
            write_clip(root / name / f"c{i}.mkv", clip(seed))
    return {name: root / name for name in ("real", "one", "two")}


@pytest.fixture
def scored(folders, tmp_path) -> Path:
    made = {"one": folders["one"], "two": folders["two"]}
    score(made, folders["real"], metrics=METRICS, workers=1, out=tmp_path / "scores")
    return tmp_path / "scores"


def test_a_table(scored, command):
    code, out, err = command("compare", scored)
    assert code == 0, err
    for word in ("fad[logmel-stats] ↓", "beat-hit@500ms ↑", "one − two", "p corrected", "verdict at 5 %"):
        assert word in out
    assert "where n is a sum" not in out
    assert "not compared" not in err


def test_json_is_json_and_says_the_same(scored, command):
    code, out, err = command("compare", scored, "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)["comparisons"]
    assert [(c["metric"], c["a"], c["b"]) for c in found] == [(label, "one", "two") for label in METRICS]
    for c in found:
        assert c["difference"]["low"] <= c["difference"]["estimate"] <= c["difference"]["high"]
        assert c["adjusted"] >= c["difference"]["p_value"]
        assert c["better"] in (None, "one", "two")
        assert c["difference"]["conditions"] == [8, 8]
        assert c["paired"] is True
    assert command("compare", scored, "--json")[1] == out


def test_rows_and_metrics_can_be_chosen(scored, command):
    options = ["--model", "two", "--model", "one", "--metric", METRICS[0], "--json"]
    code, out, _ = command("compare", scored, *options)
    (only,) = json.loads(out)["comparisons"]
    assert (code, only["metric"], only["adjusted"]) == (0, METRICS[0], only["difference"]["p_value"])


def test_what_a_model_lacks_is_said(folders, tmp_path, command):
    (tmp_path / "part").mkdir()
    for i in range(1, 8):
        (tmp_path / "part" / f"c{i}.mkv").write_bytes((folders["two"] / f"c{i}.mkv").read_bytes())
    made = {"one": folders["one"], "part": tmp_path / "part"}
    score(made, folders["real"], metrics=METRICS[:1], workers=1, out=tmp_path / "scores")
    code, out, err = command("compare", tmp_path / "scores")
    assert code == 0
    assert "one − part" in out
    assert "fad[logmel-stats] of one and part: 1 conditions that one of them lacks are left out" in err


def test_without_a_value_the_exit_code_is_1(folders, tmp_path, command):
    made = {"one": folders["one"], "two": folders["two"]}
    score(made, folders["real"], pairs="none", metrics=METRICS, workers=1, out=tmp_path / "scores")
    code, out, err = command("compare", tmp_path / "scores")
    assert code == 1
    assert "fad[logmel-stats]" in out
    assert "where n is a sum" in out
    assert "8 + 8" in out
    assert "not compared: beat-hit@500ms of one and two (joint): needs pairs" in err
    code, out, _ = command("compare", tmp_path / "scores", "--json")
    assert code == 1
    assert [c["difference"] is None for c in json.loads(out)["comparisons"]] == [False, True]
    assert [c["paired"] for c in json.loads(out)["comparisons"]] == [False, False]


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--model", "on", "--model", "two"], "no row in this table named 'on'. Did you mean 'one'?"),
        (["--model", "one"], "a comparison needs two rows, found one"),
        (["--model", "one", "--model", "one"], "a comparison needs two rows, found one"),
        (["--metric", "fda[logmel-stats]"], "Did you mean 'fad[logmel-stats]'?"),
    ],
)
def test_mistakes(scored, command, options, complaint):
    code, out, err = command("compare", scored, *options)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert complaint in err


def test_folders_that_are_none(tmp_path, command):
    for folder in (tmp_path, tmp_path / "nowhere"):
        code, _, err = command("compare", folder)
        assert code == 2
        assert "has no scored.json" in err
    (tmp_path / "scored.json").write_text("{")
    code, _, err = command("compare", tmp_path)
    assert code == 2
    assert "scored.json cannot be read" in err


def test_an_emptied_cache(scored, tmp_path, command, monkeypatch):
    monkeypatch.setenv("CMMD_BENCH_CACHE", str(tmp_path / "empty"))
    code, out, err = command("compare", scored)
    assert (code, out) == (2, "")
    assert "the feature cache no longer holds what" in err
