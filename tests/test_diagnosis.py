"""`doctor`: what it says of weights, of libraries that break others, and of plugins; it never raises."""

import hashlib
import json
import re
import tomllib
from pathlib import Path

import pytest

from cmmd_bench import diagnosis
from cmmd_bench.diagnosis import Check, diagnose
from cmmd_bench.weights.registry import WeightFile, Weights
from cmmd_bench.weights.store import verified_digest

BODY = b"{}"
ONE = WeightFile("a.json", size=2, sha256=hashlib.sha256(BODY).hexdigest())
TABLE = (
    Weights("one", (ONE,), "MIT", "", "FVD"),
    Weights("two/files", (WeightFile("a.json", size=2), WeightFile("b.json", size=2)), "MIT", "", "FAD"),
    Weights("none", (WeightFile("a.json", size=2),), "MIT", "", "FAD"),
)


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch) -> Path:
    monkeypatch.setattr(diagnosis, "WEIGHTS", TABLE)
    monkeypatch.setenv("CMMD_BENCH_WEIGHTS", str(tmp_path / "weights"))
    return tmp_path / "weights"


@pytest.fixture
def no_plugins(monkeypatch) -> None:
    """Each plugin is checked in a process of its own, for seconds: only where it is about them."""
    monkeypatch.setattr(diagnosis, "installed", lambda slot: [])


def checks() -> dict[str, Check]:
    return {check.name: check for check in diagnose()}


def put(path: Path, body: bytes = BODY) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)


def install(site: Path, name: str, code: str, entry_points: str = "") -> None:
    """A distribution of one module."""
    (site / f"{name}.py").write_text(code)
    info = site / f"{name}-9.9.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 9.9\n")
    (info / "entry_points.txt").write_text(entry_points)


def test_a_machine_without_weights_is_fit(root):
    found = checks()
    assert all(check.ok for check in found.values()), found
    assert found["weights"].found == f"{root}, 0 of 3 here"
    assert found["transformers"].found[0].isdigit()
    assert found["opencv"].found[0].isdigit()
    assert not [name for name in found if name.startswith("weights ")]


def test_the_state_of_weights(root, no_plugins):
    put(root / "one" / "a.json")
    put(root / "two" / "files" / "a.json")
    put(root / "two" / "files" / "b.json.part", b"")
    found = checks()
    assert found["weights"].found == f"{root}, 1 of 3 here"
    assert found["weights one"].found.startswith("here, not read since it came or changed; prove it with `cmmd-bench w")
    assert found["weights two/files"].found == "download begun; go on with `cmmd-bench weights get two/files`"
    verified_digest(TABLE[0], ONE)
    assert checks()["weights one"] == Check("weights one", True, "here, digest verified")
    put(root / "one" / "a.json", b"{} ")
    damaged = checks()["weights one"]
    assert not damaged.ok
    assert "bring it anew with `cmmd-bench weights get one`" in damaged.found
    put(root / "one" / "a.json")
    (root / "one" / "verified.json").write_text("no JSON")
    assert not checks()["weights one"].ok


def test_libraries_that_break_others(tmp_path, monkeypatch, no_plugins):
    install(tmp_path, "torchvision", "raise RuntimeError('operator torchvision::nms does not exist')")
    install(tmp_path, "torchaudio", "import json")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    found = checks()
    assert not found["torchvision"].ok
    assert found["torchvision"].found.startswith("9.9 does not import (RuntimeError: operator torchvision::nms does")
    assert found["torchaudio"] == Check("torchaudio", True, "9.9")


def test_another_opencv_than_the_one_recorded(monkeypatch, no_plugins):
    import cv2

    monkeypatch.setattr(cv2, "__version__", "4.0.0")
    found = checks()["opencv"]
    assert not found.ok
    assert "but OpenCV 4.0.0 answers" in found.found


def test_beat_trackers_are_plugins_too(tmp_path, monkeypatch):
    install(tmp_path, "bad_beats", "import nowhere_at_all", "[cmmd_bench.beat_trackers]\nbad = bad_beats:track\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    found = checks()["beat tracker bad"]
    assert found == Check("beat tracker bad", False, "ModuleNotFoundError: No module named 'nowhere_at_all'")


def test_every_finding_is_json():
    json.dumps([check._asdict() for check in diagnose()], allow_nan=False)


def test_extras_are_those_of_the_project():
    table = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
    for name, needed in table["optional-dependencies"].items():
        if name != "dev":
            own = {re.split(r"[^a-z0-9-]", line)[0] for line in needed} - {"cmmd-bench", "uvloop"}
            assert own <= set(diagnosis.EXTRAS[name]), name


def test_a_part_that_is_not_installed_is_no_fault(no_plugins, monkeypatch):
    monkeypatch.setattr(diagnosis, "EXTRAS", {"report": ("jinja2", "no-such-package")})
    check = checks()["extra report"]
    assert check.ok
    assert check.found == "not installed: no-such-package (pip install 'cmmd-bench[report]')"


def test_a_command_that_does_not_import_is_told(tmp_path, monkeypatch):
    site = tmp_path / "site"
    site.mkdir()
    install(site, "brokencommand", "import no_such_module", "[cmmd_bench.commands]\nbroken = brokencommand:app\n")
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setattr(diagnosis, "installed", lambda slot: ["broken"] if slot is diagnosis.COMMANDS else [])
    check = checks()["command broken"]
    assert not check.ok
    assert "no_such_module" in check.found
