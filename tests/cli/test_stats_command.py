"""`cmmd-bench stats`, and `score` against what it wrote."""

import json
from pathlib import Path

import numpy as np
import pytest
from clips import clip
from typer.testing import CliRunner

from cmmd_bench.cli import app
from cmmd_bench.embedders import get_embedder
from cmmd_bench.errors import ENVIRONMENT, UserError
from cmmd_bench.media import write_clip
from cmmd_bench.statistics_file import models_in, read_origin


def run(*words: object):
    return CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=True)


@pytest.fixture
def folder(tmp_path) -> Path:
    for index in range(6):
        write_clip(tmp_path / "clips" / f"{index}.mkv", clip(index))
    return tmp_path / "clips"


def test_what_is_written_is_numpy_s_mean_and_covariance(folder, tmp_path):
    path = tmp_path / "new" / "set.npz"
    done = run("stats", folder, "--embedder", "logmel-stats", "--out", path, "--workers", 1)
    assert done.exit_code == 0, done.exception
    assert done.stdout == f"{path}: logmel-stats, 18 rows of 64 features from 6 clips at 1s-10fps-32x32-16000Hz\n"
    rows = np.concatenate([get_embedder("logmel-stats").embed(clip(index)) for index in range(6)]).astype(np.float64)
    with np.load(path) as archive:
        assert sorted(archive.files) == [f"logmel-stats.{part}" for part in ("cov", "embedder", "mu", "n")]
        assert np.allclose(archive["logmel-stats.mu"], rows.mean(axis=0), rtol=0, atol=1e-4)
        assert np.allclose(archive["logmel-stats.cov"], np.cov(rows.T), rtol=0, atol=1e-4)
        assert archive["logmel-stats.n"] == 18


def test_score_against_it_is_score_against_the_folder(folder, tmp_path):
    """On sounds whose rows outnumber the features, so that no covariance is singular."""
    rng = np.random.default_rng(0)
    for kind, count in (("real", 40), ("made", 40)):
        for index in range(count):
            one = clip(1000 * (kind == "made") + index, seconds=1.5)
            noise = rng.uniform(-0.02, 0.02, len(one.audio)).astype(np.float32)
            sound = np.clip(one.audio + noise, -1, 1)
            write_clip(tmp_path / kind / f"{index}.mkv", type(one)(one.video, one.fps, sound, one.sample_rate))
    path = tmp_path / "set.npz"
    assert run("stats", tmp_path / "real", "--embedder", "logmel-stats", "--out", path).exit_code == 0
    words = ("score", "--generated", tmp_path / "made", "--metric", "fad[logmel-stats]", "--pairs", "none", "--json")
    values = []
    for reference in (path, tmp_path / "real"):
        done = run(*words, "--reference", reference)
        assert done.exit_code == 0, done.exception
        values.append(json.loads(done.stdout)["results"][0]["value"])
    assert values[0] > 0.01
    assert values[0] == pytest.approx(values[1], abs=1e-9)


def test_the_table_says_what_it_was_compared_with(folder, tmp_path):
    path = tmp_path / "set.npz"
    run("stats", folder, "--embedder", "logmel-stats", "--out", path)
    words = ("score", "--generated", f"ours={folder}", "--reference", path, "--out", tmp_path / "scores")
    done = run(*words)
    assert done.exit_code == 0
    assert "compared with the published statistics of 18 rows" in done.stdout
    told = "reference: set.npz, statistics of logmel-stats (18 rows, made with logmel-stats/1/)"
    assert told in done.stderr
    assert "the published statistics of 18 rows" in run("show", tmp_path / "scores").stdout
    with np.load(path) as archive:
        np.savez(path, **{name: archive[name] for name in archive.files if name.endswith((".mu", ".cov"))})
    done = run(*words)
    assert "compared with the published statistics of an unknown number of rows" in done.stdout
    assert "statistics of logmel-stats (n not stated, embedder not stated)" in done.stderr


def test_a_file_takes_several_models_and_keeps_what_it_has(folder, tmp_path):
    path = tmp_path / "set.npz"
    for name in ("logmel-stats", "conv3d-random", "conv3d-random@4f32"):
        assert run("stats", folder, "--embedder", name, "--out", path).exit_code == 0
    assert models_in(path) == ["conv3d-random", "conv3d-random@4f32", "logmel-stats"]
    before = path.read_bytes()
    refused = run("stats", folder, "--embedder", "logmel-stats", "--out", path)
    assert isinstance(refused.exception, UserError)
    assert f"{path} already holds statistics of logmel-stats (18 rows, made with logmel-stats/1/)" in str(
        refused.exception
    )
    assert path.read_bytes() == before
    words = ("stats", folder, "--embedder", "logmel-stats", "--out", path, "--seconds", 0.5, "--replace", "--json")
    done = run(*words)
    table = json.loads(done.stdout)
    assert (table["rows"], table["clips"], table["spec"]) == (6, 6, "0.5s-10fps-32x32-16000Hz")
    assert read_origin(path, "logmel-stats").n == 6
    assert len(models_in(path)) == 3


def test_clips_that_fail_are_listed(folder, tmp_path):
    (folder / "5.mkv").write_bytes(b"")
    write_clip(folder / "silent.mkv", clip(9).only_video())
    path = tmp_path / "set.npz"
    done = run("stats", folder, "--embedder", "logmel-stats", "--out", path)
    assert done.exit_code == 1
    assert "left out: 5.mkv: " in done.stderr
    assert "left out: silent: " in done.stderr
    assert read_origin(path, "logmel-stats").n == 15


@pytest.mark.parametrize(
    ("embedder", "out", "told", "code"),
    [
        ("logmel", "a.npz", "no embedder named 'logmel'. Did you mean 'logmel-stats'?", 2),
        ("levels", "a.npz", "no embedder named 'levels'", 2),
        ("clap-2023", "a.npz", "Get them with `cmmd-bench weights get clap-2023`", ENVIRONMENT),
        ("logmel-stats", "a.npy", "is not the name of an .npz file", 2),
        ("logmel-stats", "text.npz", "is no .npz archive", 2),
        ("logmel-stats", "text.npz/b.npz", "cannot write", ENVIRONMENT),
    ],
)
def test_mistakes_are_sentences(folder, tmp_path, embedder, out, told, code):
    (tmp_path / "text.npz").write_text("not an archive")
    done = run("stats", folder, "--embedder", embedder, "--out", tmp_path / out)
    assert isinstance(done.exception, UserError)
    assert told in str(done.exception)
    assert done.exception.exit_code == code


def test_folders_without_clips_or_rows(tmp_path):
    (tmp_path / "empty").mkdir()
    done = run("stats", tmp_path / "empty", "--embedder", "logmel-stats", "--out", tmp_path / "a.npz")
    assert "has no clip that can be read" in str(done.exception)
    write_clip(tmp_path / "one" / "a.mkv", clip(1))
    done = run("stats", tmp_path / "one", "--embedder", "conv3d-random", "--out", tmp_path / "a.npz")
    assert "gives 1 rows of conv3d-random, and a covariance needs at least 2" in str(done.exception)
    assert not (tmp_path / "a.npz").exists()
