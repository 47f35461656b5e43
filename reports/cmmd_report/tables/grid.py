"""A table as it will be printed: words in cells, whatever the format. Each format writes every grid."""

from collections.abc import Sequence
from dataclasses import dataclass

from cmmd_report.score_table import ScoreTable

WIDE = 4
"""Metrics beyond which models become columns in LaTeX: a page is longer than wide."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A cell. mark: "best", "level" with the best, or none."""

    text: str
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Grid:
    """name: of its files, and the label to refer to. groups: heads over several columns with their widths, none for
    a plain head. rules: rows before which a line is drawn. notes: what a reader has to know, below the caption."""

    name: str
    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[Entry]]
    groups: Sequence[tuple[str, int]] = ()
    rules: frozenset[int] = frozenset()
    notes: str = ""

    @property
    def marks(self) -> set[str]:
        """Those in use."""
        return {entry.mark for row in self.rows for entry in row}


def grid(table: ScoreTable) -> Grid:
    """Models as rows."""
    head = ["model", "n", *(f"{column.metric} {column.arrow}" for column in table.columns)]
    rows = [
        [Entry(row.model), Entry(str(row.n)), *(Entry(cell.text, cell.mark) for cell in row.cells)]
        for row in table.rows
    ]
    roles = [row.role for row in table.rows]
    rules = frozenset(place for place in range(1, len(roles)) if roles[place] != roles[place - 1])
    return Grid(table.task, table.caption, head, rows, rules=rules, notes=_chances(table))


def narrow_grid(table: ScoreTable) -> Grid:
    """As `grid`, with models as columns where there are many metrics."""
    if len(table.columns) <= WIDE:
        return grid(table)
    rows = [
        [
            Entry(f"{column.metric} {column.arrow}"),
            *(Entry(row.cells[place].text, row.cells[place].mark) for row in table.rows),
        ]
        for place, column in enumerate(table.columns)
    ]
    head = ["metric", *(row.model for row in table.rows)]
    return Grid(table.task, table.caption, head, rows, notes=_chances(table))


def _chances(table: ScoreTable) -> str:
    told = []
    for place, column in enumerate(table.columns):
        known = sorted(cell.chance for row in table.rows if row.role == "model" and (cell := row.cells[place]).chance)
        if known:
            told.append(f"{column.metric} {known[0] if known[0] == known[-1] else f'{known[0]} to {known[-1]}'}")
    return f"Chance: {', '.join(told)}." if told else ""
