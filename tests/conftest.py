"""What every test may use."""

import os
from pathlib import Path

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:
    # Before anything loads OpenMP. Workers share the cores: threads that wait for one another across them stall.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of golden arrays and real clips beside the checkout; not part of a plain clone."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not (folder / "fixtures").is_dir():
        pytest.skip("needs the folder of fixtures and real clips beside the checkout")
    return folder


@pytest.fixture(scope="session")
def session_cache(tmp_path_factory) -> Path:
    """One feature cache for the whole session, never the user's own."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _own_cache(session_cache, monkeypatch) -> None:
    monkeypatch.setenv("CMMD_BENCH_CACHE", str(session_cache))
