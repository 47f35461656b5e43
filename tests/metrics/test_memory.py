"""What a million rows take, and what a kernel distance takes."""

import json
import subprocess
import sys
import tracemalloc
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from cmmd_bench.metrics import polynomial_mmd
from cmmd_bench.metrics.mmd import ROWS_AT_ONCE

SUMMARY = Path(__file__).resolve().parents[1] / "data" / "proofs" / "streaming_statistics.json"

STREAM = """
import json, resource, sys, tracemalloc
import numpy as np
from cmmd_bench.metrics import accumulate

rows, width, traced = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "traced"
spread = 1 / np.sqrt(1 + np.arange(width) / 20)

def clips():
    for seed in range(rows // 1000):
        rng = np.random.default_rng(seed)
        yield (0.5 + spread * rng.standard_normal((1000, width))).astype(np.float32)

if traced:
    tracemalloc.start()
statistics = accumulate(clips())
found = {
    "rows": statistics.n,
    "width": width,
    "largest_error_of_mean": float(np.abs(statistics.mean - 0.5).max()),
    "largest_error_of_variance": float(np.abs(statistics.covariance().diagonal() / spread**2 - 1).max()),
}
if traced:
    found["traced_peak_megabytes"] = round(tracemalloc.get_traced_memory()[1] / 1e6)
found["resident_peak_megabytes"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3)
print(json.dumps(found))
"""


def streamed(rows, width, how):
    command = [sys.executable, "-c", STREAM, str(rows), str(width), how]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def assert_small(found):
    assert (found["rows"], found["width"]) == (1_000_000, 512)
    assert found["resident_peak_megabytes"] < 1000
    assert found["traced_peak_megabytes"] < 100
    # Five standard errors of a million rows, for the largest of 512.
    assert found["largest_error_of_mean"] < 5e-3
    assert found["largest_error_of_variance"] < 7e-3


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in kilobytes on Linux alone")
def test_a_million_rows_stream_through_less_than_a_gigabyte():
    found = streamed(1_000_000, 512, "traced")
    SUMMARY.write_text(json.dumps({"date": date.today().isoformat(), **found}, indent=2) + "\n")
    assert_small(found)


def test_the_stored_proof_of_a_million_rows():
    assert_small(json.loads(SUMMARY.read_text()))


def test_a_kernel_distance_takes_a_block_of_its_matrix():
    rng = np.random.default_rng(0)
    x, y = (rng.standard_normal((6000, 8)).astype(np.float32) for _ in range(2))
    tracemalloc.start()
    polynomial_mmd(x, y)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    block = ROWS_AT_ONCE * 6000 * 8
    # Whole, one of the three matrices would be 288 MB.
    assert peak < 4 * block < 100e6
