"""The long table of ratings: one row per answer that counts, as `study export` writes and `study analyse` reads it.

rater, section, clip, system, sample, question, score, role, place, plays, played_share, seconds, viewing_seconds,
answer_seconds, late, finished, lowest, highest, passed: the fields of `Rated`, which says what each means. CSV in
UTF-8 with commas and \\n, yes and no as 1 and 0, what was not measured empty; or the same columns as Parquet.

Only rater, clip, system and score must be there. Without the others there is one section "ratings", one question
"rating", one sample "0", the scale 1 to 5, and nothing known about playback.
"""

import csv
import io
from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from typing import Any

from cmmd_bench.atomic import replacing, write_bytes
from cmmd_bench.errors import ENVIRONMENT, UserError
from cmmd_study.tables.rated import LABELS, Rated, checked
from cmmd_study.tables.rows import PARQUET, Row, read_rows

__all__ = ["COLUMNS", "REQUIRED", "Rated", "read_long_table", "write_long_table"]

COLUMNS = tuple(field.name for field in fields(Rated))
REQUIRED = ("rater", "clip", "system", "score")
WHOLE, NUMBERS, YES_NO = (
    ("place", "plays"),
    ("played_share", "seconds", "viewing_seconds", "answer_seconds"),
    ("late", "finished", "passed"),
)
YES = {"1": True, "true": True, "0": False, "false": False}


def read_long_table(
    path: Path,
    *,
    names: Mapping[str, str] | None = None,
    scale: tuple[float, float] | None = None,
    raters: Collection[str] | None = None,
) -> list[Rated]:
    """Rows of a CSV or Parquet file, in its order; other columns are ignored.

    names: the file's own name for a column of ours, such as {"section": "task", "score": "rating"}
    scale: lowest and highest answer, for tables that do not say (default 1 to 5). raters: those who took part
    UserError names the line: see `checked` for what is refused, besides what cannot be read.
    """
    names = names or {}
    if unknown := sorted(set(names) - set(COLUMNS)):
        raise UserError(f"no column named {unknown[0]!r} in a long table. Known: {', '.join(COLUMNS)}.")
    rows = read_rows(path, [names.get(name, name) for name in dict.fromkeys((*REQUIRED, *names))])
    present = {name for name in COLUMNS if names.get(name, name) in rows[0].values}
    if len(present & {"lowest", "highest"}) == 1:
        raise UserError(f"{path} has one end of the scale only. Give both columns, lowest and highest, or neither.")
    lowest, highest = scale or (1.0, 5.0)
    default = {"lowest": lowest, "highest": highest}
    return checked(((row.where, _rated(row, names, present, default)) for row in rows), raters=raters)


def write_long_table(path: Path, rows: Sequence[Rated]) -> None:
    """Write the rows in their order: the same rows give the same bytes. Parquet by its suffix, else CSV."""
    if path.suffix.lower() in PARQUET:
        _write_parquet(path, rows)
        return
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([_text(getattr(row, name)) for name in COLUMNS] for row in rows)
    write_bytes(path, out.getvalue().encode())


def _rated(row: Row, names: Mapping[str, str], present: Collection[str], default: Mapping[str, float]) -> Rated:
    values: dict[str, Any] = dict(default)
    for name in present:
        column = names.get(name, name)
        text = row.values[column]
        if name in LABELS or name == "role":
            values[name] = text
        elif name in ("score", "lowest", "highest"):
            values[name] = row.number(column)
        elif not text:
            continue
        elif name in YES_NO:
            if text.lower() not in YES:
                raise UserError(f"{row.where}: {column} must be 0 or 1, found {text!r}.")
            values[name] = YES[text.lower()]
        elif name in NUMBERS:
            values[name] = _measured(row, column)
        else:
            values[name] = _whole(row, column)
    return Rated(**values)


def _measured(row: Row, column: str) -> float:
    value = row.number(column)
    if value < 0:
        raise UserError(f"{row.where}: {column} must not be negative, found {value:g}.")
    return value


def _whole(row: Row, column: str) -> int:
    value = _measured(row, column)
    if value != int(value):
        raise UserError(f"{row.where}: {column} must be a whole number, found {value:g}.")
    return int(value)


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    # 4 and not 4.0: scores are whole numbers nearly always.
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _write_parquet(path: Path, rows: Sequence[Rated]) -> None:
    try:
        arrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError:
        raise UserError(
            "writing Parquet needs pyarrow. Install it with: pip install pyarrow; or write .csv.", exit_code=ENVIRONMENT
        ) from None
    kinds = {name: arrow.int64() for name in WHOLE} | {name: arrow.bool_() for name in YES_NO}
    kinds |= {name: arrow.float64() for name in (*NUMBERS, "score", "lowest", "highest")}
    schema = arrow.schema([(name, kinds.get(name, arrow.string())) for name in COLUMNS])
    columns = {name: [getattr(row, name) for row in rows] for name in COLUMNS}
    with replacing(path) as temporary:
        parquet.write_table(arrow.table(columns, schema=schema), temporary)
