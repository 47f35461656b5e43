"""Beat trackers of others: found by entry point or as `module:object`, checked, and never mixed up in caches."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from clips import clicks, clip

from cmmd_bench.errors import UserError
from cmmd_bench.extractors import get_extractor
from cmmd_bench.media import write_clip
from cmmd_bench.runs import run
from cmmd_bench.scoring.folders import score
from cmmd_bench.suites import parse_suite
from cmmd_bench.trackers import get_tracker

EVERY = (
    "import numpy as np\n\ndef track(audio, sample_rate):\n    return np.arange(0.1, len(audio) / sample_rate, {})\n"
)
MODULES = {
    "beats_steady": EVERY.format(0.25),
    "beats_kept": "class Kept:\n    version = 'weights 7'\n    def __init__(self): self.times = [0.2, 0.4]\n"
    "    def __call__(self, audio, sample_rate): return self.times\n",
    "beats_broken": "import package_that_is_nowhere\n",
    "beats_unbuilt": "class Unbuilt:\n    def __init__(self, path): pass\n",
    "beats_number": "track = 7\n",
    "beats_odd": "def back(a, r): return [0.5, 0.2]\ndef late(a, r): return [9.0]\ndef text(a, r): return ['1']\n"
    "def square(a, r): return [[0.1, 0.2]]\ndef raises(a, r): raise RuntimeError('out of memory')\n",
}
SUITE = """
name = "mine"
tasks = ["v2a"]
[data]
dataset = "beatdance"
conditions = 2
reference = 2
[clip]
seconds = 0.8
fps = 10
size = [24, 32]
sample_rate = 16000
[[metrics]]
metric = "beat-hit"
tolerance_ms = 100
tracker = "beats_steady:track"
[[metrics]]
metric = "beat-hit"
tolerance_ms = 100
tracker = "steady"
against = "truth"
"""


@pytest.fixture
def site(tmp_path, monkeypatch) -> Path:
    """A folder of modules, one of them registered as `steady` by a distribution."""
    for name, code in MODULES.items():
        (tmp_path / f"{name}.py").write_text(code)
    info = tmp_path / "good_beats-0.3.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: good-beats\nVersion: 0.3\n")
    (info / "entry_points.txt").write_text("[cmmd_bench.beat_trackers]\nsteady = beats_steady:track\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    get_tracker.cache_clear()
    yield tmp_path
    get_tracker.cache_clear()
    for name in MODULES:
        sys.modules.pop(name, None)


def test_by_entry_point_and_by_module(site):
    sound = clicks(1.0)
    expected = np.arange(0.1, 1.0, 0.25)
    for name in ("steady", "beats_steady:track"):
        assert np.array_equal(get_tracker(name)(sound, 16_000), expected)
    assert np.array_equal(get_tracker("beats_kept:Kept")(sound, 16_000), [0.2, 0.4])


def test_the_identity_says_which_code_and_version(site):
    identity = {
        name: get_extractor(f"beats:{name}").identity for name in ("steady", "beats_steady:track", "beats_kept:Kept")
    }
    assert identity["steady"] == "beats:steady/good-beats 0.3 beats_steady:track"
    assert identity["beats_kept:Kept"].endswith(" weights 7")
    before = identity["beats_steady:track"]
    (site / "beats_steady.py").write_text(EVERY.format(0.125))
    get_tracker.cache_clear()
    assert get_extractor("beats:beats_steady:track").identity != before
    assert get_extractor("beats:librosa").identity.startswith("beats:librosa/0.")


@pytest.mark.parametrize(
    ("name", "complaint", "code"),
    [
        ("stedy", "no beat tracker named 'stedy'. Did you mean 'steady'? Known: librosa, steady.", 2),
        ("beats_broken:track", "could not be imported: ModuleNotFoundError: No module named 'package_that", 3),
        ("beats_steady:trak", "could not be imported: AttributeError", 3),
        ("beats_unbuilt:Unbuilt", "could not be built: TypeError: ", 3),
        ("beats_number:track", "beat tracker 'track' (beats_number:track) is a int, which cannot be called.", 3),
    ],
)
def test_each_way_to_be_broken_is_named(site, name, complaint, code):
    with pytest.raises(UserError) as caught:
        get_extractor(f"beats:{name}")
    assert complaint in str(caught.value)
    assert caught.value.exit_code == code


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("back", "what the beat tracker 'beats_odd:back' answered must not decrease"),
        ("late", r"must lie within 0..1 s, found 9 to 9"),
        ("text", "must be times in seconds, found <U1"),
        ("square", r"must be a list of times in seconds, found shape \(1, 2\)"),
    ],
)
def test_answers_that_are_no_beats_are_refused(site, name, complaint):
    with pytest.raises(ValueError, match=complaint):
        get_tracker(f"beats_odd:{name}")(clicks(1.0), 16_000)


def test_scores_of_folders(site, tmp_path):
    for index in range(2):
        write_clip(tmp_path / "real" / f"{index}.mkv", clip(index))
        write_clip(tmp_path / "made" / f"{index}.mkv", clip(5 + index))
    labels = ["beat-hit@100ms[beats_steady:track]", "beat-hit@100ms[beats_odd:raises]"]
    scores = score({"ours": tmp_path / "made"}, tmp_path / "real", metrics=labels, workers=1)
    steady, failed = scores.results
    assert (steady.metric, steady.value) == (labels[0], 1.0)
    assert failed.value is None
    assert {f["reason"] for f in scores.failures} == {"RuntimeError: out of memory"}
    assert scores.protocol["extractors"]["beats:beats_steady:track"].startswith("beats:beats_steady:track/beats_steady")


def test_a_suite_with_a_tracker_of_its_own(site, tmp_path):
    outcome = run(parse_suite(SUITE, where="mine"), {}, out=tmp_path / "run", workers=1)
    cells = {(r.model, r.metric): r for r in outcome.scores.results}
    assert {metric for _, metric in cells} == {
        "beat-hit@100ms[beats_steady:track]",
        "beat-hit@100ms[truth,steady]",
    }
    # It hears the same in every clip of a length.
    assert all(r.value == 1.0 for (_, metric), r in cells.items() if metric == "beat-hit@100ms[beats_steady:track]")
    config = json.loads((outcome.folder / "run.json").read_text())["config"]
    assert config["extractors"]["beats:steady"] == "beats:steady/good-beats 0.3 beats_steady:track"


def test_a_tracker_beside_the_suite_is_found_by_the_command(tmp_path):
    """A console script does not look in the folder one stands in, and workers are processes of their own."""
    (tmp_path / "beats_here.py").write_text(EVERY.format(0.2))
    (tmp_path / "mine.toml").write_text(
        SUITE.replace("beats_steady", "beats_here").replace('"steady"', '"beats_here:track"')
    )
    code = "import sys; sys.path = [p for p in sys.path if p]; from cmmd_bench.cli import main; main()"
    words = ["run", "--suite", "mine.toml", "--out", "run"]
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "beat-hit@100ms[beats_here:track]" in done.stdout
