"""From the label of a result back to its metric: `fad[logmel-stats]`, `pairwise-fvd[i3d@16f64]`, `beat-hit@100ms`."""

import re
from typing import Any

from pydantic import ValidationError

from cmmd_bench.embedders import split_window
from cmmd_bench.errors import UserError, unknown_name
from cmmd_bench.suites.metrics import METRICS, AvAlign, BeatHit, Metric, SetMetric

_SET = re.compile(r"(?P<pairwise>pairwise-)?(?P<metric>[a-z-]+)(:(?P<dialect>[^\[\]]+))?\[(?P<embedder>[^\[\]]+)\]")
_HEARD = re.compile(
    r"(?P<metric>[a-z0-9-]+)(:(?P<dialect>[a-z-]+))?(@(?P<tolerance_ms>\d+(\.\d+)?)ms)?"
    r"(\[((?P<truth>truth)(?=[,\]]),?)?(?P<listener>[^\[\],]+)?\])?"
)
_CLIP = re.compile(r"(?P<metric>[a-z-]+)(:(?P<dialect>[a-z0-9-]+))?")


def parse_metric(label: str) -> Metric:
    """The metric, for task joint, that a label names; UserError with the nearest name, or with what is wrong."""
    for read in (_set_metric, _heard, _clip):
        table = read(label)
        if table is not None:
            kind = METRICS[table["metric"]]
            try:
                metric = kind.model_validate({"task": "joint", **table})
            except ValidationError as error:
                reasons = "; ".join(entry["msg"].removeprefix("Value error, ") for entry in error.errors())
                raise UserError(f"metric {label!r}: {reasons}.") from None
            return metric
    name = label.partition(":")[0].removeprefix("pairwise-")
    if METRICS.get(name) is SetMetric:
        raise UserError(f"metric {label!r} needs an embedder, such as {name}[logmel-stats].")
    raise unknown_name("metric", re.split(r"[\[@:]", label.removeprefix("pairwise-"))[0], METRICS)


def _set_metric(label: str) -> dict[str, Any] | None:
    match = _SET.fullmatch(label)
    if match is None or METRICS.get(match["metric"]) is not SetMetric:
        return None
    embedder, window = split_window(match["embedder"])
    table: dict[str, Any] = {"metric": match["metric"], "embedder": embedder, "dialect": match["dialect"]}
    if window is not None:
        table["frames"], table["size"] = window
    return {**table, "against": "conditions" if match["pairwise"] else "reference"}


def _heard(label: str) -> dict[str, Any] | None:
    match = _HEARD.fullmatch(label)
    if match is None or METRICS.get(match["metric"]) in (None, SetMetric, AvAlign):
        return None
    given = {
        "tolerance_ms": match["tolerance_ms"],
        "dialect": match["dialect"],
        "tracker" if METRICS[match["metric"]] is BeatHit else "detector": match["listener"],
    }
    table: dict[str, Any] = {"metric": match["metric"], "against": "truth" if match["truth"] else "sound"}
    return table | {key: value for key, value in given.items() if value is not None}


def _clip(label: str) -> dict[str, Any] | None:
    match = _CLIP.fullmatch(label)
    if match is None or METRICS.get(match["metric"]) is not AvAlign:
        return None
    return {key: value for key, value in match.groupdict().items() if value is not None}
