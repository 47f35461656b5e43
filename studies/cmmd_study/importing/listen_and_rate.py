"""listen-and-rate 0.x: one file a session, results/<experiment>/<session>.csv or .json; give the folder or one file.

    CSV    tool_version, session_id, timestamp, test_type, metadata_*, survey_*, system, item, rating, metrics_*
    JSON   {"session_id", "test_type", ..., "records": [{"system", "item", "rating"}]}

and the same before items were called so (`utterance`, and "ratings" in JSON). Read are mos, smos and dmos (1 to 5) and
mushra (0 to 100); the other tests compare pairs. An item is the clip, unless --stimulus takes its name apart. The
practice, consent and survey answers are not read.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cmmd_bench.errors import UserError
from cmmd_study.importing.naming import Naming, named
from cmmd_study.tables.rated import Placed, Rated
from cmmd_study.tables.rows import Row, read_rows

SCALES = {"mos": (1.0, 5.0), "smos": (1.0, 5.0), "dmos": (1.0, 5.0), "mushra": (0.0, 100.0)}


def read(path: Path, naming: Naming | None, scale: tuple[float, float] | None) -> Iterator[Placed]:
    """Rows of one session, or of every session in a folder in the order of their names."""
    files = sorted(file for file in path.iterdir() if file.suffix in (".csv", ".json")) if path.is_dir() else [path]
    if not files:
        raise UserError(f"{path} holds no .csv or .json file. Give the folder results/<experiment>.")
    for file in files:
        for row in _json_rows(file) if file.suffix == ".json" else read_rows(file, ("session_id", "test_type")):
            yield row.where, _rated(row, naming, scale)


def _rated(row: Row, naming: Naming | None, scale: tuple[float, float] | None) -> Rated:
    kind = row.values["test_type"]
    if kind not in SCALES:
        raise UserError(f"{row.where}: test_type {kind!r} cannot be analysed as ratings; {', '.join(SCALES)} can.")
    item = next((name for name in ("item", "utterance") if name in row.values), None)
    if item is None or not {"system", "rating"} <= row.values.keys():
        raise UserError(f"{row.where}: needs system, item and rating, found {', '.join(row.values)}.")
    low, high = scale or SCALES[kind]
    stimulus = named(naming, row.values[item], row.where, clip=row.values[item], system=row.values["system"])
    return Rated(
        rater=row.values["session_id"],
        clip=stimulus.clip,
        system=stimulus.system,
        sample=stimulus.sample,
        question=kind,
        score=row.number("rating"),
        lowest=low,
        highest=high,
    )


def _json_rows(path: Path) -> Iterator[Row]:
    try:
        session: Any = json.loads(path.read_text(encoding="utf-8-sig"))
        records = session["records"] if "records" in session else session["ratings"]
        shared = {name: str(session[name]) for name in ("session_id", "test_type")}
        for number, record in enumerate(records, 1):
            values = {name: str(value) for name, value in record.items()}
            yield Row(f"{path.name}, record {number}", shared | values)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{path} is not a session of listen-and-rate ({type(error).__name__}: {error}). It needs session_id,"
            " test_type and a list of records."
        ) from None
