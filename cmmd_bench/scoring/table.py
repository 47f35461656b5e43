"""From rows of samples to `Scores`: the loop over models, tasks and metrics that runs and `score` share."""

from collections.abc import Mapping, Sequence
from typing import Any

from threadpoolctl import threadpool_limits

from cmmd_bench.contract import GENERATED
from cmmd_bench.errors import ENVIRONMENT, UserError
from cmmd_bench.extraction import Views
from cmmd_bench.extractors import get_extractor
from cmmd_bench.levels import findings
from cmmd_bench.scoring.measures import Scorer
from cmmd_bench.scoring.results import PerClip, Result, Scores
from cmmd_bench.scoring.samples import RowOfTable
from cmmd_bench.suites.metrics import Metric
from cmmd_bench.suites.needs import weights_needed
from cmmd_bench.types import Modality, Task
from cmmd_bench.weights import require_weights
from cmmd_bench.weights.registry import entry
from cmmd_bench.weights.store import missing_files

_OF_SOUND = {"silent", "clipped"}


def score_rows(
    rows: Sequence[RowOfTable],
    metrics: Sequence[Metric],
    scorer: Scorer,
    *,
    protocol: Mapping[str, Any],
    failures: Sequence[Mapping[str, str]] = (),
) -> Scores:
    """Every metric of a task for every row of that task. `failures` happened before; those of extraction are added."""
    results: list[Result] = []
    per_clip: list[PerClip] = []
    broken = [dict(failure) for failure in failures]
    notes: list[dict[str, Any]] = []
    # One thread: sums in BLAS depend on how many share them, and results must not depend on the machine's cores.
    with threadpool_limits(limits=1):
        for row in rows:
            own = [metric for metric in metrics if metric.task == row.task]
            broken += _unseen(row, own, scorer.views)
            notes += _findings(row, scorer.views)
            for metric in own:
                result, values = scorer.score(metric, row)
                results.append(result)
                per_clip += values
    return Scores(protocol, results, per_clip, broken, notes)


def check_metrics(metrics: Sequence[Metric]) -> None:
    """Refuse extractors that do not exist or lack weights, all in one message, and one that looks at the wrong side.

    While weights are missing, networks whose weights are here are not loaded: that takes time and tells nothing.
    """
    problems: dict[str, UserError] = {}
    weights = {metric.label: _weights(metric) for metric in metrics}
    absent = {name for name in {n for names in weights.values() for n in names} if missing_files(entry(name))}
    try:
        require_weights(name for names in weights.values() for name in names)
    except UserError as error:
        problems[str(error)] = error
    for metric in metrics:
        needed = weights[metric.label]
        if absent and needed and not absent.intersection(needed):
            continue
        for name in metric.extractors:
            try:
                extractor = get_extractor(name)
            except UserError as error:
                # That its weights are missing stands in the list of all that are.
                if not (absent.intersection(needed) and error.exit_code == ENVIRONMENT):
                    problems.setdefault(str(error), error)
                continue
            if metric.modality not in (None, extractor.modality):
                text = f"{metric.label} measures {metric.modality}, but {name} looks at {extractor.modality}. "
                raise UserError(text + "Choose another embedder.")
    if problems:
        raise UserError("\n".join(problems), exit_code=max(error.exit_code for error in problems.values()))


def extractors_of(metrics: Sequence[Metric], task: Task | None = None) -> tuple[str, ...]:
    """What has to look at a generated clip for these metrics (of one task, or of all)."""
    names = {name for metric in metrics if task is None or metric.task == task for name in metric.extractors}
    return (*sorted(names), "levels")


def sides_of(metric: Metric) -> set[Modality]:
    """The sides of a clip that the metric's extractors look at."""
    return {side for name in metric.extractors if (side := get_extractor(name).modality) is not None}


def _weights(metric: Metric) -> list[str]:
    try:
        return weights_needed([metric])
    except UserError:
        return []  # an embedder that does not exist is named when it is looked for


def _unseen(row: RowOfTable, metrics: Sequence[Metric], views: Views) -> list[dict[str, str]]:
    """One failure for each sample that some extractor could not see, with the first reason."""
    found = []
    for sample in row.samples:
        for extractor in extractors_of(metrics):
            if not views.has(sample.view, extractor):
                reason = views.why(sample.view, extractor)
                found.append({"model": row.model, "id": sample.id, "reason": reason})
                break
    return found


def _findings(row: RowOfTable, views: Views) -> list[dict[str, Any]]:
    """Silent, clipped, black and frozen clips among what this row generated."""
    heard, seen = "audio" in GENERATED[row.task], "video" in GENERATED[row.task]
    table: dict[str, list[str]] = {}
    for sample in row.samples:
        level = views.get(sample.view, "levels")
        for finding in [] if level is None else findings(level):
            if heard if finding in _OF_SOUND else seen:
                table.setdefault(finding, []).append(sample.id)
    return [{"model": row.model, "task": row.task, "finding": name, "ids": ids} for name, ids in sorted(table.items())]
