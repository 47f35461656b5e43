"""Several runs as few tables: rows share a column only where nothing that makes the numbers differs.

What has to be the same is the suite (but its list of metrics), the very items that were asked for, and the settings,
version and weights of every metric and extractor that both have. The seed may differ: it is another draw of the same.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain, count
from typing import Any

from cmmd_bench.claims import differences
from cmmd_bench.embedders.cache import FeatureCache
from cmmd_bench.extraction import Views
from cmmd_bench.plugins import RESERVED
from cmmd_bench.scoring.index import Scored
from cmmd_bench.scoring.measures import Scorer
from cmmd_bench.scoring.results import Scores
from cmmd_bench.scoring.samples import RowOfTable
from cmmd_bench.suites.metrics import METRICS
from cmmd_report.types import Run

FREE = ("metrics", "about", "name")
"""Of a suite: what does not change a number that two runs have in common."""


def joined(runs: Sequence[Run]) -> list[Run]:
    """One `Run` for all that may share columns, in the order given; rows of equal names are told apart by their run's.

    The ceiling and the floors of the first of them stand for all: the same clips give the same numbers.
    """
    groups: list[list[Run]] = []
    for run in runs:
        found = next((group for group in groups if not any(why_apart(other, run) for other in group)), None)
        if found is None:
            groups.append([run])
        else:
            found.append(run)
    return [group[0] if len(group) == 1 else _one(group) for group in groups]


def why_apart(a: Run, b: Run) -> list[str]:
    """What differs in how the numbers of `a` and `b` were made; empty if they may share columns."""
    first, second = a.scores.protocol, b.scores.protocol
    if a.suite is None or b.suite is None:
        return ["clips of folders were scored, and no suite says what they were compared with"]
    if not {"items", "extractors"} <= set(first) & set(second):
        return ["a table was typed in, and does not say which items and features it is of"]
    seers = set(first["extractors"]) & set(second["extractors"])
    labels = set(_metrics(first)) & set(_metrics(second))
    here, there = (
        {
            "suite": {key: value for key, value in protocol["suite"].items() if key not in FREE},
            "items": protocol["items"],
            "extractors": {name: protocol["extractors"][name] for name in seers},
            "metrics": {label: metric for label, metric in _metrics(protocol).items() if label in labels},
        }
        for protocol in (first, second)
    )
    return list(differences(here, there))


def _metrics(protocol: Mapping[str, Any]) -> dict[str, Any]:
    entries = [METRICS[entry["metric"]].model_validate(entry) for entry in protocol["suite"]["metrics"]]
    return {f"{metric.task} {metric.label}": metric.model_dump(mode="json") for metric in entries}


def _one(runs: Sequence[Run]) -> Run:
    tables = _names(runs)
    parts = [_renamed(run, names) for run, names in zip(runs, tables, strict=True)]
    protocol = {
        **runs[0].scores.protocol,
        **{key: _union(run.scores.protocol[key] for run in parts) for key in ("models", "extractors")},
    }
    scores = Scores(
        protocol,
        [result for run in parts for result in run.scores.results],
        [value for run in parts for value in run.scores.per_clip],
        [failure for run in parts for failure in run.scores.failures],
        [finding for run in parts for finding in run.scores.findings],
    )
    return Run(
        " + ".join(dict.fromkeys(run.name for run in runs)),
        [source for run in parts for source in run.sources],
        scores,
        [sample for run in parts for sample in run.samples],
        _scored(runs, tables),
    )


def _names(runs: Sequence[Run]) -> list[dict[str, str]]:
    """Of each run: model -> its name among all, a name of its own; built-in rows in the first run alone."""
    models = [[name for name in run.scores.protocol["models"] if name not in RESERVED] for run in runs]
    every = list(chain.from_iterable(models))
    taken: set[str] = set()
    tables: list[dict[str, str]] = []
    for run, mine in zip(runs, models, strict=True):
        table = {} if tables else {name: name for name in RESERVED}
        for model in mine:
            name = model if every.count(model) == 1 else f"{model}@{run.name}"
            table[model] = next(one for one in chain([name], (f"{name}-{k}" for k in count(2))) if one not in taken)
            taken.add(table[model])
        tables.append(table)
    return tables


def _renamed(run: Run, names: Mapping[str, str]) -> Run:
    """The rows that are in `names`, under these."""
    scores = run.scores
    models = {names[model]: how for model, how in scores.protocol["models"].items() if model in names}
    return replace(
        run,
        sources=[replace(source, rows=names) for source in run.sources],
        scores=Scores(
            {**scores.protocol, "models": models},
            [replace(one, model=names[one.model]) for one in scores.results if one.model in names],
            [replace(one, model=names[one.model]) for one in scores.per_clip if one.model in names],
            [{**one, "model": names[one["model"]]} for one in scores.failures if one["model"] in names],
            [{**one, "model": names[one["model"]]} for one in scores.findings if one["model"] in names],
        ),
        samples=[replace(one, model=names[one.model]) for one in run.samples if one.model in names],
    )


def _scored(runs: Sequence[Run], tables: Sequence[Mapping[str, str]]) -> Scored | None:
    """All rows over all views; None if a run has none. Views of samples get the names of their rows before their own,
    for two runs may call theirs alike; those of real clips are the same in all runs."""
    rows: list[RowOfTable] = []
    keys: dict[str, Mapping[str, str]] = {}
    found = [run.scored for run in runs if run.scored is not None]
    if len(found) < len(runs):
        return None
    for scored, names in zip(found, tables, strict=True):
        of_views = scored.scorer.views.keys()
        for row in scored.rows:
            if row.model in names:
                samples = [replace(one, view=f"{names[row.model]}/{one.view}") for one in row.samples]
                pairs = zip(samples, row.samples, strict=True)
                keys |= {new.view: of_views[old.view] for new, old in pairs if old.view in of_views}
                rows.append(RowOfTable(names[row.model], row.task, samples))
        keys |= of_views
    first = found[0].scorer
    metrics = {(metric.task, metric.label): metric for scored in found for metric in scored.metrics}
    scorer = Scorer(Views(FeatureCache(), keys), first.reference, first.seconds, first.fps)
    return Scored(rows, list(metrics.values()), scorer)


def _union(tables: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    return dict(chain.from_iterable(table.items() for table in tables))
