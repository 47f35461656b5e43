"""`run`: requests -> generate -> embed -> score, each stage resumable from what the earlier one left on disk."""

from cmmd_bench.runs.benchmark import RunOutcome, run
from cmmd_bench.runs.folder import RunFolder

__all__ = ["RunFolder", "RunOutcome", "run"]
