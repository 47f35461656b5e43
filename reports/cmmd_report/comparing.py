"""Model against model for a whole run, and what follows for its table: which rows are level with the best."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cmmd_bench.errors import UserError
from cmmd_bench.plugins import RESERVED
from cmmd_bench.progress import Progress, silent
from cmmd_bench.scoring.comparisons import Comparison, compare_models, pairs
from cmmd_bench.scoring.results import Result
from cmmd_report.types import Run


@dataclass(frozen=True, slots=True)
class Compared:
    """One family of comparisons. why: the reason where nothing could be compared, else None."""

    comparisons: Sequence[Comparison]
    why: str | None = None

    @property
    def done(self) -> list[Comparison]:
        """Those that have a difference."""
        return [comparison for comparison in self.comparisons if comparison.difference is not None]


def compare(run: Run, progress: Progress = silent) -> Compared:
    """Every pair of models under every metric, Holm over all of them; built-in rows only beside a single model.

    Features come from the cache of the scoring; where it lost them the reason is told and nothing is computed anew.
    """
    try:
        scored = run.index()
        with progress("compare", len(pairs(scored))) as advance:
            return Compared(compare_models(scored, advance=advance))
    except UserError as error:
        return Compared((), str(error))


def best(results: Sequence[Result]) -> str | None:
    """The model with the best value among two or more; ceiling and floors do not compete."""
    competing = [r for r in results if r.model not in RESERVED and r.value is not None]
    if len(competing) < 2 or competing[0].direction == "towards 1":
        return None
    pick = min if competing[0].direction == "lower" else max
    return pick(competing, key=lambda r: r.value or 0.0).model


def ties(run: Run, compared: Compared) -> Mapping[str, frozenset[str]]:
    """Metric -> models for which no difference from the best one was shown, the best one itself not among them."""
    found: dict[str, frozenset[str]] = {}
    for task in run.tasks:
        results = run.results(task)
        for metric in dict.fromkeys(result.metric for result in results):
            first = best([result for result in results if result.metric == metric])
            if first is not None:
                of_metric = [c for c in compared.done if c.metric == metric and c.task == task]
                level = {c.b if c.a == first else c.a for c in of_metric if first in (c.a, c.b) and c.better is None}
                found[metric] = frozenset(level)
    return found
