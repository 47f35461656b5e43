"""Several tables that may not be one: what each answers, and why their numbers stand apart."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from cmmd_bench.cli.scores import ARROWS
from cmmd_report.joining import why_apart
from cmmd_report.page import page_from, suite_name
from cmmd_report.score_table import Cell, cell, ordered
from cmmd_report.types import Run

DIGEST = re.compile(r"\b([0-9a-f]{8})[0-9a-f]{32,}\b")
REASONS = 8
"""Differences of two protocols that are listed; the others are counted."""


@dataclass(frozen=True, slots=True)
class Part:
    """A table with a page of its own. address: of that page; answer: its first sentence."""

    run: Run
    address: str
    answer: str


@dataclass(frozen=True, slots=True)
class Across:
    """One metric of one task: a column for each part that has it, by its number. rows: (model, cells)."""

    title: str
    parts: Sequence[int]
    rows: Sequence[tuple[str, Sequence[Cell]]]


def render_overview(parts: Sequence[Part]) -> str:
    """The page that leads to the pages of `parts`."""
    return page_from(
        "overview.html.j2",
        title=" and ".join(dict.fromkeys(suite_name(part.run) for part in parts)),
        parts=parts,
        names=[suite_name(part.run) for part in parts],
        apart=[reasons(parts[0].run, part.run) for part in parts],
        tables=across([part.run for part in parts]),
    )


def reasons(a: Run, b: Run) -> list[str]:
    """Why numbers of `a` and `b` share no column: `what: of a there, of b now`, digests by their beginnings."""
    found = sorted((DIGEST.sub(r"\1…", one) for one in why_apart(a, b)), key=lambda one: one.startswith("items"))
    return found if len(found) <= REASONS else [*found[:REASONS], f"and {len(found) - REASONS} more"]


def across(runs: Sequence[Run]) -> list[Across]:
    """Every metric that two or more of `runs` have, models against runs: columns side by side, never one column."""
    labels = dict.fromkeys((r.task, r.metric) for run in runs for r in run.scores.results)
    tables = []
    for task, metric in labels:
        columns = {
            place: {r.model: r for r in run.results(task) if r.metric == metric} for place, run in enumerate(runs)
        }
        columns = {place: results for place, results in columns.items() if results}
        if len(columns) < 2:
            continue
        first = next(iter(next(iter(columns.values())).values()))
        models = ordered([result for results in columns.values() for result in results.values()])
        rows = [(model, [cell(results.get(model), "") for results in columns.values()]) for model in models]
        tables.append(Across(f"{task}, {metric} {ARROWS[first.direction]}", list(columns), rows))
    return tables
