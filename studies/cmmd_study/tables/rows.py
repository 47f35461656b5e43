"""Rows of a CSV or Parquet file as text by column, each with the words for where it stands."""

import csv
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from cmmd_bench.errors import ENVIRONMENT, UserError

PARQUET = (".parquet", ".pq")


@dataclass(frozen=True, slots=True)
class Row:
    """Text by column, without spaces around it. where: "ratings.csv, line 3"."""

    where: str
    values: Mapping[str, str]

    def number(self, column: str) -> float:
        """A finite number; UserError names the place and what was found."""
        text = self.values[column]
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise UserError(f"{self.where}: {column} must be a number, found {text!r}. Remove rows without one.")
        return value


def read_rows(path: Path, required: Sequence[str] = ()) -> list[Row]:
    """All rows of a file with a header; Parquet by its suffix, else CSV with commas, semicolons or tabs.

    UserError for a file that is missing, empty, not text, without one of the `required` columns, or with a line that
    has more or fewer fields than the header.
    """
    if not path.is_file():
        raise UserError(f"{path} is not a file. Give the table of ratings.")
    header, rows = _parquet(path) if path.suffix.lower() in PARQUET else _csv(path)
    require(path, header, required)
    if not rows:
        raise UserError(f"{path} holds no ratings: it ends after its header.")
    return rows


def require(path: Path, header: Sequence[str], required: Sequence[str]) -> None:
    """UserError if a required column is missing."""
    if missing := [name for name in required if name not in header]:
        raise UserError(
            f"{path} lacks the column {', '.join(missing)}; it has {', '.join(header) or 'none'}. Rename its columns,"
            " or name the other tool's format (--format)."
        )


def _csv(path: Path) -> tuple[list[str], list[Row]]:
    try:
        # Excel writes a byte order mark.
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise UserError(f"{path} is not text in UTF-8. Save the table as CSV in UTF-8.") from None
    lines = _records(path, text)
    header = [name.strip() for name in next(lines, (1, []))[1]]
    if not any(header):
        raise UserError(f"{path} is empty. A table of ratings starts with the names of its columns.")
    if twice := [name for name in header if name and header.count(name) > 1]:
        raise UserError(f"{path} has the column {twice[0]!r} twice. Rename or remove one.")
    rows = []
    for number, fields in lines:
        if len(fields) != len(header):
            raise UserError(f"{path.name}, line {number}: found {len(fields)} fields, the header has {len(header)}.")
        values = {name: field.strip() for name, field in zip(header, fields, strict=True)}
        rows.append(Row(f"{path.name}, line {number}", values))
    return header, rows


def _records(path: Path, text: str) -> Iterator[tuple[int, list[str]]]:
    """(line where it ends, fields) of each record that is not blank."""
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for fields in reader:
            if fields:
                yield reader.line_num, fields
    except csv.Error as error:
        raise UserError(f"{path.name}, line {reader.line_num}: {error}. Save the table as CSV again.") from None


def _parquet(path: Path) -> tuple[list[str], list[Row]]:
    try:
        # By name, because type stubs and the library itself are optional.
        parquet = import_module("pyarrow.parquet")
    except ImportError:
        raise UserError(
            "reading Parquet needs pyarrow. Install it with: pip install pyarrow; or save the table as CSV.",
            exit_code=ENVIRONMENT,
        ) from None
    try:
        table = parquet.read_table(path)
    except (ValueError, OSError) as error:
        raise UserError(f"{path} is not a Parquet file that can be read: {error}") from None
    rows = [
        Row(f"{path.name}, row {number}", {name: "" if v is None else str(v).strip() for name, v in values.items()})
        for number, values in enumerate(table.to_pylist(), 1)
    ]
    return list(table.column_names), rows
