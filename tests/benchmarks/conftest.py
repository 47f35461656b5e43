"""Timings are taken by hand: `pytest tests/benchmarks --benchmark-only`. A plain run of the tests passes them over."""

from pathlib import Path

import pytest


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    return None if config.getoption("benchmark_only", default=False) else True
