"""run.json: what a run is (`config`, compared on resume) and where and when it was made (everything else)."""

import platform
import shlex
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import cmmd_bench
from cmmd_bench.extractors import get_extractor
from cmmd_bench.plugins import describe, installed, source
from cmmd_bench.runs.folder import SCHEMA
from cmmd_bench.scoring.table import extractors_of
from cmmd_bench.suites import Suite

ModelOptions = tuple[str, Mapping[str, Any]]
"""What loads a model (an entry point's name or `module:Class`), and its constructor options."""

PACKAGES = ("av", "cmmd-bench", "librosa", "numpy", "pillow", "scipy", "soundfile", "soxr", "torch")
"""Packages whose versions can move a number."""


def manifest(
    suite: Suite,
    models: Mapping[str, ModelOptions],
    *,
    seed: int,
    items: str,
    left_out: Mapping[str, Sequence[str]],
    command: Sequence[str] | None,
) -> dict[str, Any]:
    """A new run's manifest.

    items: digest over all chosen items and their contents; left_out: what the dataset could not use, by reason
    """
    return {
        "schema": SCHEMA,
        "config": configuration(suite, models, seed=seed, items=items),
        "command": None if command is None else shlex.join(command),
        "started": now(),
        "ended": None,
        "status": "running",
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "left_out": {reason: list(names) for reason, names in left_out.items() if names},
        "packages": {name: _version(name) for name in PACKAGES},
        "plugins": {name: [describe(entry) for entry in entries] for name, entries in installed().items()},
    }


def configuration(suite: Suite, models: Mapping[str, ModelOptions], *, seed: int, items: str) -> dict[str, Any]:
    """What decides the numbers: equal configurations give equal results, another one needs another folder."""
    return {
        "cmmd_bench": cmmd_bench.__version__,
        "suite": suite.resolved(),
        "models": {row: {"source": source(name), "options": options} for row, (name, options) in models.items()},
        "seed": seed,
        "items": items,
        "extractors": {name: get_extractor(name).identity for name in extractors_of(suite.metrics)},
    }


def now() -> str:
    """This moment in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
