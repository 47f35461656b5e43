"""The command line: fast to start, documented, honest exit codes, JSON that is JSON."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from clips import clip
from typer.testing import CliRunner

import cmmd_bench
from cmmd_bench.cli import app
from cmmd_bench.media import write_clip

SUITE = Path(__file__).parents[1] / "data" / "suites" / "small.toml"


def cmmd_bench_command(*arguments: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "cmmd_bench", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
    )


def every_command() -> list[list[str]]:
    """The words of each command, groups included."""

    def walk(group, words):
        for name, command in group.commands.items():
            yield [*words, name]
            if hasattr(command, "commands"):
                yield from walk(command, [*words, name])

    return [[], *walk(typer.main.get_command(app), [])]


@pytest.mark.parametrize("words", every_command(), ids=" ".join)
def test_every_command_has_help_and_every_leaf_an_example(words):
    shown = CliRunner().invoke(app, [*words, "--help"], env={"COLUMNS": "200", "TERM": "dumb"})
    assert shown.exit_code == 0
    if "COMMAND" not in shown.output:
        assert f"Example: cmmd-bench {' '.join(words)}" in " ".join(shown.output.split())


def test_help_imports_nothing_heavy():
    code = (
        "import sys; sys.argv = ['cmmd-bench', '--help']\n"
        "from cmmd_bench.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'librosa', 'scipy', 'numpy', 'av', 'pydantic', 'matplotlib', 'transformers'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_metrics_import_no_torch():
    code = (
        "import sys; from cmmd_bench.metrics import frechet_distance\n"
        "print(sorted({'torch', 'librosa', 'scipy', 'av'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_mistake_is_a_sentence_without_a_traceback():
    done = cmmd_bench_command("run", "--suite", "demmo")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: no suite named 'demmo'. Did you mean 'demo'?")
    assert "Traceback" not in done.stderr
    for line in (["--debug", "run", "--suite", "demmo"], ["run", "--suite", "demmo", "--debug"]):
        assert "Traceback" in cmmd_bench_command(*line).stderr


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["run", "--shard", "3/3"], "--shard '3/3' is not of the form i/n"),
        (["run", "--option", "steps=3"], "--option 'steps=3' is not of the form NAME.KEY=VALUE"),
        (["run", "--option", "cmmd.steps=3"], "no model among --models named 'cmmd'"),
        (
            ["score", "--generated", ".", "--reference", ".", "--size", "64"],
            "--size '64' is not of the form WIDTHxHEIGHT",
        ),
        (["score", "--generated", "a=.", "--generated", "a=..", "--reference", "."], "two folders are called 'a'"),
        (["data", "prepare", "beatdnce", "--out", "x"], "no dataset named 'beatdnce'. Did you mean 'beatdance'?"),
        (["data", "prepare", "aist", "--out", "x"], "dataset 'aist' needs its files: say where they are with --data"),
        (["score", "--generated", ".", "--reference", ".", "--fps", "abc"], "--fps 'abc' is not a rate above 0"),
        (["score", "--generated", ".", "--reference", ".", "--fps", "0"], "--fps '0' is not a rate above 0"),
        (["show", "/"], "is not a run folder: it has no run.json"),
    ],
)
def test_usage_errors(arguments, complaint, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = cmmd_bench_command(*arguments)
    assert done.returncode == 2
    assert complaint in done.stderr


def test_run_report_and_json(tmp_path):
    folder = tmp_path / "run"
    done = cmmd_bench_command("run", "--suite", str(SUITE), "--out", str(folder))
    assert done.returncode == 0, done.stderr
    for row in ("ground-truth", "shuffled", "noise"):
        assert row in done.stdout
    assert "fad[logmel-stats] ↓" in done.stdout
    assert "(chance " in done.stdout
    again = cmmd_bench_command("show", str(folder))
    assert again.stdout == done.stdout
    table = json.loads(cmmd_bench_command("show", str(folder), "--json").stdout)
    assert table["results"] == json.loads((folder / "results.json").read_text())["results"]


def test_shards_say_what_is_left(tmp_path):
    folder = tmp_path / "run"
    first = cmmd_bench_command("run", "--suite", str(SUITE), "--out", str(folder), "--shard", "0/2")
    assert first.returncode == 0, first.stderr
    assert first.stdout == ""
    assert "samples are left to other shards" in first.stderr
    unfinished = cmmd_bench_command("show", str(folder))
    assert unfinished.returncode == 2
    assert "is unfinished. Run its command again" in unfinished.stderr
    second = cmmd_bench_command("run", "--suite", str(SUITE), "--out", str(folder), "--shard", "1/2")
    assert "ground-truth" in second.stdout


def test_score_exits_with_1_when_something_failed(tmp_path):
    for index in range(3):
        write_clip(tmp_path / "real" / f"{index}.mkv", clip(index))
        write_clip(tmp_path / "made" / f"{index}.mkv", clip(10 + index))
    arguments = ["score", "--generated", str(tmp_path / "made"), "--reference", str(tmp_path / "real")]
    good = cmmd_bench_command(*arguments, "--out", str(tmp_path / "scores"))
    assert good.returncode == 0, good.stderr
    assert "compared at 1 s, 10 fps, 32x32 pixels, 16000 Hz" in good.stderr
    assert "made: 3 clips paired by name with 3 real clips" in good.stderr
    assert json.loads((tmp_path / "scores" / "results.json").read_text())["failures"] == []
    assert cmmd_bench_command("show", str(tmp_path / "scores")).stdout == good.stdout
    (tmp_path / "made" / "2.mkv").write_bytes(b"")
    bad = cmmd_bench_command(*arguments)
    assert bad.returncode == 1
    assert "2.mkv" in bad.stderr
    assert "made" in bad.stdout


def test_an_unwritable_folder_is_an_environment_error(tmp_path):
    (tmp_path / "file").write_text("")
    done = cmmd_bench_command("run", "--suite", str(SUITE), "--out", str(tmp_path / "file" / "run"))
    assert done.returncode == 3
    assert "cannot write" in done.stderr
    assert str(tmp_path / "file") in done.stderr


def test_scores_that_cannot_be_written_are_refused_first(tmp_path):
    (tmp_path / "file").write_text("")
    arguments = [
        "score",
        "--generated",
        str(tmp_path),
        "--reference",
        str(tmp_path),
        "--out",
        str(tmp_path / "file" / "x"),
    ]
    done = cmmd_bench_command(*arguments)
    assert done.returncode == 3
    assert "cannot write" in done.stderr


def test_a_model_beside_the_user(tmp_path):
    """`module:Class` is looked for where the user stands, also by the installed command."""
    (tmp_path / "mine.py").write_text((Path(__file__).parents[1] / "runs" / "models.py").read_text())
    command = Path(sys.executable).with_name("cmmd-bench")
    if not command.exists():
        pytest.skip("the console script is not installed beside this interpreter")
    line = [str(command), "run", "--suite", str(SUITE), "--models", "mine:Tone", "--out", "run"]
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Tone" in done.stdout


def test_names_with_brackets_are_names(tmp_path):
    for index in range(3):
        write_clip(tmp_path / "real" / f"{index}.mkv", clip(index))
    done = cmmd_bench_command(
        "score", "--generated", f"a[/b]={tmp_path / 'real'}", "--reference", str(tmp_path / "real")
    )
    assert done.returncode == 0, done.stderr
    assert "a[/b]" in done.stdout


def test_a_missing_plugin_is_found_before_any_work(tmp_path):
    done = cmmd_bench_command("run", "--suite", str(SUITE), "--out", str(tmp_path / "run"), "--models", "nowhere:Model")
    assert done.returncode == 3
    assert "'Model' (nowhere:Model) could not be imported: ModuleNotFoundError" in done.stderr
    assert not (tmp_path / "run" / "samples").exists()


@pytest.mark.parametrize(
    "words", [["models"], ["metrics"], ["suites"], ["suites", "demo"], ["data", "list"], ["cache", "info"], ["doctor"]]
)
def test_listings_in_both_forms(words):
    plain = cmmd_bench_command(*words)
    assert plain.returncode == 0, plain.stderr
    assert plain.stdout
    if words != ["suites", "demo"]:
        json.loads(cmmd_bench_command(*words, "--json").stdout)


def test_cache_can_be_emptied(tmp_path):
    import numpy as np

    from cmmd_bench.embedders.cache import FeatureCache

    store = FeatureCache(tmp_path)
    store.put(store.key("a", "b", "c"), np.zeros(3))
    assert "1 entries" in cmmd_bench_command("cache", "info", CMMD_BENCH_CACHE=str(tmp_path)).stdout
    assert cmmd_bench_command("cache", "clear", "--yes", CMMD_BENCH_CACHE=str(tmp_path)).returncode == 0
    assert list(store.entries()) == []


def test_a_broken_plugin_breaks_only_itself(tmp_path):
    info = tmp_path / "cmmd_bench_broken-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: cmmd-bench-broken\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text("[cmmd_bench.generators]\nbroken = cmmd_bench_broken:Broken\n")
    (tmp_path / "cmmd_bench_broken.py").write_text("raise RuntimeError('broken at import')\n")
    environment = {"PYTHONPATH": str(tmp_path)}
    assert cmmd_bench_command("--help", **environment).returncode == 0
    listing = cmmd_bench_command("models", "--check", **environment)
    assert listing.returncode == 0
    assert "broken" in listing.stdout
    assert "RuntimeError: broken at import" in listing.stdout
    doctor = cmmd_bench_command("doctor", **environment)
    assert doctor.returncode == 3
    assert "RuntimeError: broken at import" in doctor.stdout
    done = cmmd_bench_command("run", "--suite", str(SUITE), "--out", str(tmp_path / "run"), **environment)
    assert done.returncode == 0, done.stderr
    asked = cmmd_bench_command("run", "--models", "broken", "--out", str(tmp_path / "other"), **environment)
    assert asked.returncode == 3
    assert "generator 'broken' (cmmd-bench-broken 0.1, cmmd_bench_broken:Broken) could not be imported" in asked.stderr


def test_the_version_is_the_packages():
    assert cmmd_bench_command("--version").stdout.strip() == f"cmmd-bench {cmmd_bench.__version__}"
