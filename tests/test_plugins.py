"""Generators by entry point: each way to be broken has its message, and only when that plugin is asked for."""

import sys
from pathlib import Path

import pytest

from cmmd_bench.errors import UserError
from cmmd_bench.plugins import check, installed, load

MODULES = {
    "plug_good": "class Good:\n    tasks = frozenset({'v2a'})\n"
    "    def __init__(self, level=0.1): self.level = level\n"
    "    def generate(self, requests): yield from ()\n",
    "plug_broken": "import package_that_is_nowhere\n",
    "plug_quits": "import sys; sys.exit(7)\n",
    "plug_odd": "class Odd: pass\n",
    "plug_tasks": "class Tasks:\n    tasks = frozenset({'v2x'})\n    def generate(self, requests): yield\n",
    "plug_raises": "class Raises:\n    def __init__(self): raise RuntimeError('no GPU here')\n",
}
ENTRIES = {
    "good": "plug_good:Good",
    "broken": "plug_broken:Broken",
    "quits": "plug_quits:Quits",
    "odd": "plug_odd:Odd",
    "tasks": "plug_tasks:Tasks",
    "raises": "plug_raises:Raises",
}


@pytest.fixture
def site(tmp_path, monkeypatch) -> Path:
    """A folder of installed packages with good and broken plugins."""
    for name, code in MODULES.items():
        (tmp_path / f"{name}.py").write_text(code)
    for name, value in ENTRIES.items():
        install(tmp_path, f"cmmd-bench-{name}", name, value)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    yield tmp_path
    for name in MODULES:
        sys.modules.pop(name, None)


def install(site: Path, distribution: str, name: str, value: str) -> None:
    folder = site / f"{distribution.replace('-', '_')}-0.1.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 0.1\n")
    (folder / "entry_points.txt").write_text(f"[cmmd_bench.generators]\n{name} = {value}\n")


def test_listing_imports_nothing(site):
    assert set(ENTRIES) <= set(installed())
    assert not set(MODULES) & set(sys.modules)


def test_loading_one_imports_one(site):
    generator = load("good", {"level": 0.5})
    assert generator.level == 0.5
    assert set(MODULES) & set(sys.modules) == {"plug_good"}


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        (
            "broken",
            {},
            "generator 'broken' (cmmd-bench-broken 0.1, plug_broken:Broken) could not be imported: "
            "ModuleNotFoundError: No module named 'package_that_is_nowhere'",
        ),
        (
            "quits",
            {},
            "generator 'quits' (cmmd-bench-quits 0.1, plug_quits:Quits) could not be imported: SystemExit: 7",
        ),
        ("goood", {}, "no generator named 'goood'. Did you mean 'good'?"),
        ("good", {"levl": 2}, "could not be built with {'levl': 2}: TypeError: "),
        ("raises", {}, "could not be built with {}: RuntimeError: no GPU here"),
        (
            "odd",
            {},
            "generator 'odd' (cmmd-bench-odd 0.1, plug_odd:Odd) returned Odd, which has no 'tasks' and 'generate'.",
        ),
        ("tasks", {}, "tasks must be a non-empty frozenset of v2a, a2v, joint; found frozenset({'v2x'})"),
    ],
)
def test_each_way_to_be_broken_is_named(site, name, options, message):
    with pytest.raises(UserError) as caught:
        load(name, options)
    assert message in str(caught.value)


def test_a_typo_lists_what_is_installed(site):
    with pytest.raises(UserError, match="Known: .*broken.*good.*ground-truth.*noise.*odd"):
        load("goood")


def test_two_packages_of_one_name_are_both_named(site):
    install(site, "other-good", "good", "plug_odd:Odd")
    with pytest.raises(UserError, match=r"cmmd-bench-good 0\.1.* and .*other-good 0\.1.*Uninstall one"):
        load("good")


def test_the_cause_is_kept(site):
    with pytest.raises(UserError) as caught:
        load("broken")
    assert isinstance(caught.value.__cause__, ModuleNotFoundError)


def test_a_class_that_is_not_packaged(site):
    assert load("plug_good:Good").level == 0.1


def test_check_runs_in_a_process_of_its_own(site):
    assert check("good") == "ok"
    assert check("broken") == "ModuleNotFoundError: No module named 'package_that_is_nowhere'"
    assert check("quits") == "import ended the process with exit code 7"
    assert not set(MODULES) & set(sys.modules)
