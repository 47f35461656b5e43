"""CSV: all results, a row per model and metric with numbers as they are; or a table as it is printed."""

import csv
import io
from collections.abc import Sequence
from dataclasses import astuple, fields
from typing import Any

from cmmd_bench.scoring.results import Result
from cmmd_report.tables.grid import Grid
from cmmd_report.tables.markdown import full_heads

FORMULA = "=+-@\t\r"
"""What a spreadsheet takes for the start of a formula."""


def as_csv(results: Sequence[Result]) -> str:
    """Every field of every result; empty where there is no value."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([field.name for field in fields(Result)])
    writer.writerows([_safe(value) for value in astuple(result)] for result in results)
    return out.getvalue()


def grid_as_csv(grid: Grid) -> str:
    """The cells of a table without its marks."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(map(_safe, full_heads(grid)))
    writer.writerows([_safe(entry.text) for entry in row] for row in grid.rows)
    return out.getvalue()


def _safe(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value[:1] in tuple(FORMULA) else value
