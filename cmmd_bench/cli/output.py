"""What the commands share on the terminal: progress on stderr, tables and JSON on stdout."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cmmd_bench.progress import Progress

WIDE, WIDEST = 200, 10_000
"""Columns where there is no terminal to ask, and at most: a table in a log or pipe is never wrapped."""


def progress(quiet: bool = False) -> "Progress":
    """One bar per stage on stderr with count and time left; nothing when quiet or not on a terminal."""
    from cmmd_bench.progress import silent

    return silent if quiet or not sys.stderr.isatty() else _bars


@contextmanager
def _bars(stage: str, total: int) -> Iterator[Callable[[], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description:<22}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bars:
        task = bars.add_task(stage, total=total)
        yield lambda: bars.advance(task)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]], title: str | None = None) -> None:
    """A table on stdout. A cell that ends in an asterisk is bold, so that the mark is not by weight alone."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(Text(column), no_wrap=True)
    for row in rows:
        # Text, not markup: a name such as `a[b]` is a name.
        table.add_row(*(Text(cell, style="bold" if cell.endswith("*") else "") for cell in row))
    # Cells are never cut: a wrapped line can still be read, half a number cannot.
    console = Console()
    seen = console.width
    # A measurement never exceeds the console's width.
    console.width = WIDEST
    console.width = max(seen, WIDE, console.measure(table).maximum)
    console.print(table, soft_wrap=True)


def print_json(value: Any) -> None:
    """One JSON object on stdout."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def note(message: str) -> None:
    """A message for the person, on stderr."""
    sys.stderr.write(message + "\n")
