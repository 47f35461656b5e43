"""scored.json: what a scoring looked at, enough to compare models without data, models or decoding.

It lies beside results.json and names, for every clip and extractor, the entry of the feature cache. While the cache
holds them, `compare` works from it alone; of published statistics it keeps path and digest, and they have to stay.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cmmd_bench.atomic import write_json
from cmmd_bench.embedders.cache import FeatureCache
from cmmd_bench.errors import UserError
from cmmd_bench.extraction import Views
from cmmd_bench.scoring.measures import Scorer
from cmmd_bench.scoring.published import Published
from cmmd_bench.scoring.samples import RowOfTable, Sample
from cmmd_bench.scoring.sides import Reference
from cmmd_bench.suites.metrics import METRICS, Metric
from cmmd_bench.types import Event, Truth

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Scored:
    """A table's rows and metrics, and the scorer that filled it."""

    rows: Sequence[RowOfTable]
    metrics: Sequence[Metric]
    scorer: Scorer


def write_index(folder: Path, scored: Scored) -> None:
    """Write scored.json."""
    scorer = scored.scorer
    write_json(
        folder / "scored.json",
        {
            "schema": SCHEMA,
            "seconds": scorer.seconds,
            "fps": scorer.fps,
            "metrics": [metric.model_dump(mode="json") for metric in scored.metrics],
            "reference": _reference(scorer.reference),
            "rows": [asdict(row) for row in scored.rows],
            "views": scorer.views.keys(),
        },
    )


def read_index(folder: Path) -> Scored:
    """Read scored.json; UserError if it is missing, damaged or newer."""
    path = folder / "scored.json"
    if not path.is_file():
        raise UserError(
            f"{folder} has no scored.json: it has not been scored, or by an older version. Repeat the command that "
            "made it, `run` or `score --out`; what is done is not done again."
        )
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
        schema = table["schema"]
        if schema > SCHEMA:
            raise UserError(f"{path} has schema {schema}; this version reads up to {SCHEMA}. Upgrade cmmd-bench.")
        metrics = [METRICS[entry["metric"]].model_validate(entry) for entry in table["metrics"]]
        rows = [_row(entry) for entry in table["rows"]]
        views = Views(FeatureCache(), table["views"])
        given = table["reference"]
        reference = given if isinstance(given, list) else Published(Path(given["statistics"]), given["sha256"])
        scorer = Scorer(views, reference, table["seconds"], table["fps"])
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise UserError(f"{path} cannot be read ({type(error).__name__}: {error}). Score the clips again.") from None
    return Scored(rows, metrics, scorer)


def _reference(reference: Reference) -> list[str] | dict[str, str]:
    if isinstance(reference, tuple):
        return list(reference)
    return {"statistics": str(reference.path), "sha256": reference.digest}


def _row(entry: dict[str, Any]) -> RowOfTable:
    samples = [Sample(**{**sample, "truth": _truth(sample["truth"])}) for sample in entry["samples"]]
    return RowOfTable(entry["model"], entry["task"], samples)


def _truth(entry: dict[str, Any]) -> Truth:
    beats, events = entry["beats"], entry["events"]
    return Truth(
        beats=None if beats is None else tuple(beats),
        events=None if events is None else tuple(Event(**event) for event in events),
    )
