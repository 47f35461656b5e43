"""Which clips of a run are looked at, by whom, and which of them make the rows of the table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cmmd_bench.content import content_digest
from cmmd_bench.errors import UserError
from cmmd_bench.extraction import Entry, Views, read_at
from cmmd_bench.runs.folder import RunFolder
from cmmd_bench.runs.plan import Plan, Planned
from cmmd_bench.scoring.samples import RowOfTable, Sample
from cmmd_bench.scoring.table import extractors_of
from cmmd_bench.suites import Suite
from cmmd_bench.types import Clip, ClipSpec, Dataset, Item

Source = Path | Item
Attempts = Mapping[tuple[str, str], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Loader:
    """A clip at the suite's specification, from a stored file or from the dataset."""

    dataset: Dataset
    spec: ClipSpec

    def __call__(self, source: Source) -> Clip:
        """Decode or render `source`."""
        return read_at(source, self.spec) if isinstance(source, Path) else self.dataset.load(source)


def rows(suite: Suite, plan: Plan, names: Sequence[str], attempts: Attempts) -> list[RowOfTable]:
    """A row for each task and model that has finished samples or failures; none for a task that a model does not do."""
    table = []
    for task in suite.tasks:
        for name in names:
            asked = [(r, attempts.get((name, r.id))) for r in plan.requests if r.task == task]
            made = [r for r, line in asked if line is not None and line["sha256"] is not None]
            if made or any(line is not None and line["error"] is not None for _, line in asked):
                table.append(RowOfTable(name, task, [_sample(name, r) for r in made]))
    return table


def entries(
    suite: Suite,
    dataset: Dataset,
    plan: Plan,
    folder: RunFolder,
    attempts: Attempts,
    table: Sequence[RowOfTable],
    *,
    only: tuple[Sequence[Planned], tuple[int, int]] | None,
) -> list[Entry[Source]]:
    """Every clip that scoring needs to be seen; with `only` = (requests, (i, n)) a shard's part of them."""
    mine = None if only is None else {planned.id for planned in only[0]}
    index, count = (0, 1) if only is None else only[1]
    wanted: list[Entry[Source]] = []
    for row in table:
        extractors = extractors_of(suite.metrics, row.task)
        for sample in row.samples:
            if mine is None or sample.id in mine:
                path = folder.sample(row.model, sample.id)
                digest = _unchanged(path, attempts[row.model, sample.id]["sha256"])
                wanted.append(Entry(sample.view, digest, path, extractors))
    against_conditions = _extractors(suite, "conditions")
    for item in plan.conditions[index::count] if against_conditions else ():
        path = folder.condition(item.id)
        if path.is_file():
            wanted.append(Entry(f"condition/{item.id}", content_digest(path), path, against_conditions))
    against_reference = _extractors(suite, "reference")
    for item in plan.reference[index::count] if against_reference else ():
        wanted.append(Entry(f"reference/{item.id}", dataset.fingerprint(item), item, against_reference))
    return wanted


def failed(attempts: Attempts) -> list[dict[str, str]]:
    """The ledger's failures, as they stand in the results."""
    return [
        {"model": line["model"], "id": line["id"], "reason": line["error"]}
        for _, line in sorted(attempts.items())
        if line["error"] is not None
    ]


def unseen_real(looked_at: Sequence[Entry[Source]], views: Views) -> list[dict[str, str]]:
    """Real clips that some extractor could not see, each with its first reason."""
    found = []
    for entry in looked_at:
        kind, _, name = entry.name.partition("/")
        blind = [extractor for extractor in entry.extractors if not views.has(entry.name, extractor)]
        if kind in ("condition", "reference") and blind:
            found.append({"model": kind, "id": name, "reason": views.why(entry.name, blind[0])})
    return found


def converted(suite: Suite, attempts: Attempts) -> list[dict[str, Any]]:
    """Samples that are scored at another size or rate than they were made at, by model and kind."""
    spec = suite.clip.spec
    expected = {f"{spec.width}x{spec.height} pixels", f"{spec.fps} fps", f"{spec.sample_rate} Hz"}
    table: dict[tuple[str, str, str], list[str]] = {}
    for (model, name), line in sorted(attempts.items()):
        for made in line["made"]:
            if made not in expected:
                table.setdefault((model, line["task"], f"converted from {made}"), []).append(name)
    return [
        {"model": model, "task": task, "finding": finding, "ids": ids} for (model, task, finding), ids in table.items()
    ]


def _sample(model: str, planned: Planned) -> Sample:
    return Sample(
        view=f"sample/{model}/{planned.id}",
        id=planned.id,
        condition=planned.item.id,
        index=planned.sample,
        real=f"condition/{planned.item.id}",
        truth=planned.item.truth,
    )


def _extractors(suite: Suite, real: str) -> tuple[str, ...]:
    """Who has to look at the real clips of the conditions, or of the reference."""
    return tuple(sorted({name for metric in suite.metrics if metric.real == real for name in metric.extractors}))


def _unchanged(path: Path, sha256: str) -> str:
    """The digest of a sample, if it is still what the ledger says was made."""
    if not path.is_file():
        raise UserError(
            f"{path} is in the run's ledger but not on disk. Restore it, or delete its line from samples*.jsonl to "
            "have it made again."
        )
    if content_digest(path) != sha256:
        raise UserError(
            f"{path} is not what the run's ledger says was made. Restore it, or delete its line from samples*.jsonl "
            "to have it made again."
        )
    return sha256
