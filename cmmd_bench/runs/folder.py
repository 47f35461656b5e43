"""The run directory: every stage's output as files, so that each later stage can be run again.

run.json                 manifest: written first, updated at the end
conditions/<item>.mkv    the real clips that requests are cut from, lossless
samples/<model>/<id>.mkv what a model made, lossless, with the given side beside it
samples.jsonl            one line per attempt: id, model, task, item, sample, seed, sha256, made (sizes and rates),
                         seconds, error, and skipped for a task the model does not do. Append-only;
                         samples.0of3.jsonl where a shard wrote it. Of several lines for an id a success counts, else
                         the last failure.
scores.jsonl             one line per sample and per-clip metric
results.json             the table: value, interval, n, unit, direction, chance, reason
scored.json              which clips made which row, and where their features lie in the cache: what `compare` reads
log.txt                  what happened, with times
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cmmd_bench.atomic import explained, write_json
from cmmd_bench.claims import differences
from cmmd_bench.errors import UserError
from cmmd_bench.ledger import read_lines

SCHEMA = 1
"""Version of this layout; a run folder with a higher number is refused."""


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Paths and manifest of one run."""

    path: Path

    def condition(self, item_id: str) -> Path:
        """The real clip of an item."""
        return self.path / "conditions" / f"{item_id}.mkv"

    def sample(self, model: str, request_id: str) -> Path:
        """What `model` answered to a request."""
        return self.path / "samples" / model / f"{request_id}.mkv"

    def ledger(self, shard: tuple[int, int]) -> Path:
        """The ledger that one process of a run appends to."""
        index, count = shard
        return self.path / ("samples.jsonl" if count == 1 else f"samples.{index}of{count}.jsonl")

    def attempts(self) -> dict[tuple[str, str], dict[str, Any]]:
        """The ledgers of all shards: (model, request id) -> the line that counts, a success before any failure."""
        lines = [line for path in sorted(self.path.glob("samples*.jsonl")) for line in read_lines(path)]
        table: dict[tuple[str, str], dict[str, Any]] = {}
        for line in sorted(lines, key=lambda line: line["error"] is None):
            table[line["model"], line["id"]] = line
        return table

    def claim(self, manifest: dict[str, Any]) -> None:
        """Write the manifest if there is none; otherwise refuse a newer schema or another configuration.

        The refusal lists what differs, so that the user can tell a forgotten flag from another experiment.
        """
        target = self.path / "run.json"
        with explained(target):
            self.path.mkdir(parents=True, exist_ok=True)
        if not target.exists():
            write_json(target, manifest)
            return
        present = self.manifest()
        changed = list(differences(present["config"], manifest["config"]))
        if changed:
            raise UserError(
                f"{self.path} holds a run of another configuration: {'; '.join(changed)}. "
                "Repeat its configuration to resume it, or choose another folder with --out."
            )

    def manifest(self) -> dict[str, Any]:
        """run.json; UserError if it is missing, not JSON, or of a newer schema."""
        target = self.path / "run.json"
        if not target.is_file():
            raise UserError(f"{self.path} is not a run folder: it has no run.json. Give the folder that `run` printed.")
        try:
            manifest: dict[str, Any] = json.loads(target.read_text(encoding="utf-8"))
        except json.JSONDecodeError as error:
            raise UserError(f"{target} is not JSON ({error.msg}, line {error.lineno}). Restore it.") from None
        schema = manifest.get("schema") if isinstance(manifest, dict) else None
        if not isinstance(schema, int):
            raise UserError(f"{target} is not the manifest of a run: it has no schema number. Restore it.")
        if schema > SCHEMA:
            raise UserError(
                f"{self.path} was written with schema {schema}; this version of cmmd-bench reads up to "
                f"{SCHEMA}. Upgrade cmmd-bench, or choose another folder with --out."
            )
        return manifest

    def describe_models(self, described: dict[str, Any]) -> None:
        """Keep what models say of themselves (`describe()`), and refuse one that says something else on resume."""
        known = self.manifest().get("described", {})
        again = {name: value for name, value in described.items() if name in known}
        changed = list(differences({name: known[name] for name in again}, again))
        if changed:
            raise UserError(
                f"{self.path} was begun with another state of a model: {'; '.join(changed)}. Finish it with that one, "
                "or choose another folder with --out."
            )
        self.update_manifest(described={**known, **described})

    def update_manifest(self, **changes: Any) -> None:
        """Replace top-level entries of run.json."""
        write_json(self.path / "run.json", {**self.manifest(), **changes})
