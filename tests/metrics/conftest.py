"""Golden data of the metrics, small enough to travel with the repository; see tests/data/metrics/README.md."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

DATA = Path(__file__).resolve().parents[1] / "data" / "metrics"


@pytest.fixture(scope="session")
def golden():
    """Load a golden file by name: JSON as it is, npz as a dict of read-only arrays."""

    def load(name: str) -> Any:
        path = DATA / name
        if path.suffix == ".json":
            return json.loads(path.read_text())
        with np.load(path) as archive:
            arrays = {key: archive[key] for key in archive.files}
        for array in arrays.values():
            array.flags.writeable = False
        return arrays

    return load
