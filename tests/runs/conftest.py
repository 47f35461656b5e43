"""A small suite that runs in seconds, and a run of it that others are compared with."""

import sys
from pathlib import Path

import pytest

from cmmd_bench.runs import RunOutcome, run
from cmmd_bench.suites import Suite, load_suite

SMALL = Path(__file__).parents[1] / "data" / "suites" / "small.toml"


@pytest.fixture(scope="session")
def small() -> Suite:
    """Both tasks, two samples a condition, every kind of metric."""
    return load_suite(SMALL)


@pytest.fixture(scope="session", autouse=True)
def _models_importable():
    """`models:Tone` and its broken relatives load as an unpackaged model does."""
    sys.path.insert(0, str(Path(__file__).parent))
    yield
    sys.path.remove(str(Path(__file__).parent))


@pytest.fixture(scope="session")
def finished(small, session_cache, tmp_path_factory) -> RunOutcome:
    """One plain run, in one process, that every other way to run must equal."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CMMD_BENCH_CACHE", str(session_cache))
        return run(small, {"models:Tone": {}}, out=tmp_path_factory.mktemp("finished"), workers=1)


@pytest.fixture(scope="session")
def small_file() -> Path:
    """The same suite as a file, for the command line."""
    return SMALL
