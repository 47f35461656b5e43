"""All results as CSV: a row per model and metric, numbers as they are, nothing rounded."""

import csv
import io
from collections.abc import Sequence
from dataclasses import astuple, fields
from typing import Any

from cmmd_bench.scoring.results import Result

FORMULA = "=+-@\t\r"
"""What a spreadsheet takes for the start of a formula."""


def as_csv(results: Sequence[Result]) -> str:
    """Every field of every result; empty where there is no value."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([field.name for field in fields(Result)])
    writer.writerows([_safe(value) for value in astuple(result)] for result in results)
    return out.getvalue()


def _safe(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value[:1] in tuple(FORMULA) else value
