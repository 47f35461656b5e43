"""Runs on data with faults: what cannot be used is said, by name, and the rest stands."""

import numpy as np
import pytest
from clips import clip, moving_square

from cmmd_bench.datasets import open_dataset
from cmmd_bench.datasets.prepared import prepare
from cmmd_bench.errors import UserError
from cmmd_bench.media import write_clip
from cmmd_bench.runs import run
from cmmd_bench.suites import parse_suite
from cmmd_bench.types import Clip

SUITE = """
name = "files"
tasks = ["v2a"]
[data]
dataset = "folder"
conditions = 6
reference = "all"
[clip]
seconds = 1.0
fps = 10
size = [16, 16]
sample_rate = 16000
[[metrics]]
metric = "fad"
task = "v2a"
embedder = "logmel-stats"
[[metrics]]
metric = "beat-hit"
tolerance_ms = 100
"""


@pytest.fixture
def suite():
    return parse_suite(SUITE, where="files")


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "data"
    for index in range(10):
        write_clip(folder / f"c{index}.mkv", clip(index))
    return folder


def cells(outcome) -> dict:
    return {(r.model, r.metric): r for r in outcome.scores.results}


def test_good_data(suite, data, tmp_path):
    outcome = run(suite, {}, data=data, out=tmp_path / "run", workers=1)
    assert outcome.scores.complete
    assert cells(outcome)["ground-truth", "fad[logmel-stats]"].n_reference == 10


def test_truncated_real_clips_are_failures_with_their_name(suite, data, tmp_path):
    for index in range(10):
        path = data / f"c{index}.mkv"
        if index % 3 == 0:
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    outcome = run(suite, {}, data=data, out=tmp_path / "run", workers=1)
    assert not outcome.scores.complete
    broken = {f["id"] for f in outcome.scores.failures if f["model"] == "reference"}
    assert broken == {"c0", "c3", "c6", "c9"}
    assert cells(outcome)["noise", "fad[logmel-stats]"].n_reference == 6
    conditions = {f["id"].split("-")[1] for f in outcome.scores.failures if f["model"] == "noise"}
    assert conditions <= broken
    assert cells(outcome)["noise", "fad[logmel-stats]"].n == 6 - len(conditions)


def test_files_that_are_left_out_stand_in_the_manifest(suite, data, tmp_path):
    (data / "empty.mp4").write_bytes(b"")
    write_clip(data / "short.mkv", clip(1, seconds=0.4))
    outcome = run(suite, {}, data=data, out=tmp_path / "run", workers=1)
    import json

    left_out = json.loads((outcome.folder / "run.json").read_text())["left_out"]
    assert "empty.mp4" in left_out["unreadable"][0]
    assert "short.mkv" in left_out["shorter than 1 s"][0]


def test_real_clips_without_sound_cost_their_own_rows(suite, data, tmp_path):
    for index in (1, 4):
        write_clip(data / f"c{index}.mkv", Clip(moving_square(10), 10))
    outcome = run(suite, {}, data=data, out=tmp_path / "run", workers=1)
    assert {f["id"] for f in outcome.scores.failures if f["model"] == "reference"} == {"c1", "c4"}
    truth = [f for f in outcome.scores.failures if f["model"] == "ground-truth"]
    assert all("has no audio" in f["reason"] for f in truth)
    noise = cells(outcome)["noise", "beat-hit@100ms"]
    # Noise answers every condition; those without sound have no beat to hit, and are counted as left out.
    assert noise.n_samples + noise.excluded == 6
    assert noise.excluded >= len(truth)


def test_one_song_has_no_shuffled_pairs(suite, tmp_path):
    write_clip(tmp_path / "data" / "song.mkv", clip(1, seconds=12.0))
    with pytest.raises(UserError, match="'shuffled' needs conditions of at least two groups"):
        run(suite, {}, data=tmp_path / "data", out=tmp_path / "run", workers=1)


def test_prepared_clips_keep_their_truth_in_shorter_windows(suite, tmp_path):
    from dataclasses import replace

    spec = suite.clip.spec
    source = open_dataset("beatdance", replace(spec, seconds=2.2), size=3)
    prepare(source, source.items(), tmp_path / "prepared", describes={})
    cut = open_dataset("folder", spec, root=tmp_path / "prepared")
    assert len(cut.items()) == 6
    for item in source.items():
        windows = [window for window in cut.items() if window.id.startswith(item.id)]
        assert {window.group for window in windows} == {item.group}
        beats = [beat + start for start, window in enumerate(windows) for beat in window.truth.beats]
        assert np.allclose(beats, [beat for beat in item.truth.beats if beat < 2.0])


def test_data_that_is_not_there(suite, tmp_path):
    with pytest.raises(UserError, match="needs its files: say where they are with --data"):
        run(suite, {}, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()
