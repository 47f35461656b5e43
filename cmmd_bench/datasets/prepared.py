"""`data prepare`: a dataset's clips cut once to the suite's length and stored lossless, with what is known about them.

<out>/<split>/prepared.json   which dataset, split, seed and clip specification; another one is refused
<out>/<split>/items.jsonl     one line per finished clip: id, group, truth; append-only
<out>/<split>/<id>.mkv        the clip

Running it again goes on where it stopped. The result is a `folder` dataset.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from cmmd_bench.claims import claim
from cmmd_bench.errors import UserError
from cmmd_bench.ledger import JsonLines, read_lines
from cmmd_bench.media import write_clip
from cmmd_bench.parallel import in_order, workers_for
from cmmd_bench.types import Dataset, Event, Item, Truth

INDEX = "items.jsonl"
MANIFEST = "prepared.json"

_log = logging.getLogger(__name__)


def prepare(
    dataset: Dataset,
    items: Sequence[Item],
    out: Path,
    *,
    describes: dict[str, Any],
    workers: int = 1,
    advance: Callable[[], None] = lambda: None,
) -> dict[str, str]:
    """Store `items` of `dataset` in `out`; returns the failures, id -> reason. `advance` is called for each item."""
    claim(out / MANIFEST, {**describes, "spec": str(dataset.spec)}, instead="choose another --out")
    with JsonLines(out / INDEX) as index:
        finished = {line["id"]: line for line in index.read() if (out / f"{line['id']}.mkv").is_file()}
        failures: dict[str, str] = {}
        todo = [item for item in items if item.id not in finished]
        for item in items:
            if item.id in finished and finished[item.id]["fingerprint"] != dataset.fingerprint(item):
                raise UserError(f"{out} holds another clip called {item.id!r}, of other data. Choose another --out.")
        for _ in range(len(items) - len(todo)):
            advance()
        errors = in_order(partial(_store, dataset, out), todo, workers_for(len(todo), workers))
        for item, error in zip(todo, errors, strict=True):
            if error is None:
                index.append({**asdict(item), "fingerprint": dataset.fingerprint(item)})
            else:
                failures[item.id] = error
                _log.warning("%s: %s", item.id, error)
            advance()
    return failures


def read_index(folder: Path) -> dict[str, Item]:
    """What `prepare` knew about the clips in `folder`, by id; empty for a folder that it did not make."""
    return {line["id"]: _item(line) for line in read_lines(folder / INDEX)}


def _item(line: dict[str, Any]) -> Item:
    truth = line["truth"]
    beats = None if truth["beats"] is None else tuple(truth["beats"])
    events = None if truth["events"] is None else tuple(Event(**event) for event in truth["events"])
    return Item(line["id"], line["group"], Truth(beats, events))


def _store(dataset: Dataset, out: Path, item: Item) -> str | None:
    try:
        clip = dataset.load(item)
    except (UserError, ValueError) as error:
        return str(error)
    write_clip(out / f"{item.id}.mkv", clip)
    return None
