"""One benchmark run from suite to results; re-running the same call resumes it."""

import hashlib
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from cmmd_bench.atomic import explained
from cmmd_bench.datasets import open_dataset
from cmmd_bench.embedders.cache import FeatureCache
from cmmd_bench.errors import UserError
from cmmd_bench.extraction import Views
from cmmd_bench.ledger import JsonLines
from cmmd_bench.parallel import default_workers
from cmmd_bench.plugins import RESERVED, load
from cmmd_bench.progress import Progress, silent
from cmmd_bench.runs.conditions import Conditions, baselines, items_needed
from cmmd_bench.runs.folder import RunFolder
from cmmd_bench.runs.generate import Answering, batch_size_of, generate
from cmmd_bench.runs.manifest import ModelOptions, manifest, now
from cmmd_bench.runs.plan import Plan, Planned, plan, shard
from cmmd_bench.runs.views import Loader, converted, entries, failed, rows, unseen_real
from cmmd_bench.scoring.index import Scored, write_index
from cmmd_bench.scoring.measures import Scorer
from cmmd_bench.scoring.results import Scores, write_scores
from cmmd_bench.scoring.table import check_metrics, score_rows
from cmmd_bench.suites import Suite
from cmmd_bench.types import Dataset, Generator

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """Where a run lies, and its scores; `scores` is None while `pending` samples are left to other shards."""

    folder: Path
    scores: Scores | None
    pending: int


def run(
    suite: Suite,
    models: Mapping[str, Mapping[str, Any]],
    *,
    seed: int = 0,
    out: Path | None = None,
    data: Path | None = None,
    shard_of: tuple[int, int] = (0, 1),
    workers: int | None = None,
    batch_size: int | None = None,
    command: Sequence[str] | None = None,
    progress: Progress = silent,
) -> RunOutcome:
    """Benchmark `models` (name -> constructor options) under `suite`, beside the built-in ceiling and floors.

    out: the run folder; by default `runs/<suite>-<digest of the configuration>`, so that the same call finds it again
    data: folder of the suite's dataset, where it has files
    shard_of: (i, n) works on every n-th request only; whichever shard finds all requests done scores the run
    workers: processes for rendering, decoding, embedding, and for models that are `one_per_core` (default: one per
        core); the numbers do not depend on it. A script that calls this needs the usual
        `if __name__ == "__main__":` guard
    batch_size: requests per call of a generator; default: the generator's own, else 8
    command: what to repeat to resume, for the manifest
    """
    check_metrics(suite.metrics)
    asked = _rows_of(models)
    dataset = _open(suite, data)
    chosen = plan(suite, dataset.items(), seed)
    record = manifest(
        suite,
        asked,
        seed=seed,
        items=_digest_items(dataset, chosen, progress),
        left_out=getattr(dataset, "left_out", {}),
        command=command,
    )
    folder = RunFolder(Path(out) if out is not None else _default_folder(suite, record["config"]))
    stages = _Stages(suite, dataset, chosen, folder, asked, workers or default_workers(), progress)
    mine = shard(chosen.requests, *shard_of)
    # Every model is built before the folder is claimed: a wrong option must cost neither time nor a folder.
    built = stages.build(stages.todo(mine))
    folder.claim(record)
    folder.describe_models({name: model.describe() for name, model in built.items() if hasattr(model, "describe")})
    with _log_file(folder.path / "log.txt"):
        stages.make_samples(mine, shard_of, built, batch_size)
        return stages.embed_and_score(mine, shard_of)


@dataclass(frozen=True)
class _Stages:
    """The stages of a run, with what they share."""

    suite: Suite
    dataset: Dataset
    plan: Plan
    folder: RunFolder
    models: Mapping[str, ModelOptions]
    workers: int
    progress: Progress

    @property
    def names(self) -> list[str]:
        """Rows of the table: the ceiling, the models as they were asked for, the floors."""
        ceiling, *floors = RESERVED
        return [ceiling, *self.models, *floors]

    def todo(self, mine: Sequence[Planned]) -> dict[str, list[Planned]]:
        """What each row still has to answer: requests without a success in the ledger."""
        finished = {key for key, line in self.folder.attempts().items() if line["error"] is None}
        return {name: [r for r in _asked(name, mine) if (name, r.id) not in finished] for name in self.names}

    def build(self, todo: Mapping[str, Sequence[Planned]]) -> dict[str, Generator]:
        """The models that have something to do."""
        built = {name: load(*self.models[name]) for name in self.models if todo[name]}
        for name, generator in built.items():
            batch_size_of(name, generator)
            if not generator.tasks & set(self.suite.tasks):
                does, asks = ", ".join(sorted(generator.tasks)), ", ".join(self.suite.tasks)
                raise UserError(f"model {name!r} does {does}, but suite {self.suite.name!r} asks for {asks}.")
        return built

    def make_samples(
        self,
        mine: Sequence[Planned],
        shard_of: tuple[int, int],
        built: Mapping[str, Generator],
        batch_size: int | None,
    ) -> None:
        """Requests and generate stages: what is missing in the ledger, or failed before, is made."""
        if not any(self.todo(mine).values()):
            return
        self.folder.update_manifest(status="running", ended=None)
        with JsonLines(self.folder.ledger(shard_of)) as ledger:
            todo = self.todo(mine)
            needed = items_needed(self.plan, [request for requests in todo.values() for request in requests])
            conditions = Conditions(self.folder)
            _log.info("storing up to %d conditions", len(needed))
            with self.progress("conditions", len(needed)) as advance:
                conditions.store(self.dataset, needed, workers=self.workers, advance=advance)
            generators = {**baselines(self.plan, conditions, self.suite.clip.spec), **built}
            for name in [name for name in self.names if todo[name]]:
                _log.info("asking %s for %d clips", name, len(todo[name]))
                with self.progress(f"generate {name}", len(todo[name])) as advance:
                    generate(
                        Answering(
                            name,
                            generators[name],
                            partial(load, *self.models.get(name, (name, {}))),
                            conditions.given,
                            self.suite.clip.seconds,
                            self.folder,
                        ),
                        todo[name],
                        ledger,
                        batch_size=batch_size,
                        workers=self.workers,
                        advance=advance,
                    )

    def embed_and_score(self, mine: Sequence[Planned], shard_of: tuple[int, int]) -> RunOutcome:
        """Embed this shard's part, or everything once all requests have been attempted; then score."""
        attempts = self.folder.attempts()
        pending = sum((name, r.id) not in attempts for name in self.names for r in _asked(name, self.plan.requests))
        table = rows(self.suite, self.plan, self.names, attempts)
        looked_at = entries(
            self.suite,
            self.dataset,
            self.plan,
            self.folder,
            attempts,
            table,
            only=(mine, shard_of) if pending else None,
        )
        _log.info("embedding %d clips", len(looked_at))
        views = Views(FeatureCache())
        with self.progress("embed", len(looked_at)) as advance:
            loader = Loader(self.dataset, self.suite.clip.spec)
            views.extract(loader, looked_at, str(self.suite.clip.spec), workers=self.workers, advance=advance)
        if pending:
            return RunOutcome(self.folder.path, None, pending)
        _log.info("scoring")
        reference = [f"reference/{item.id}" for item in self.plan.reference]
        spec = self.suite.clip.spec
        scorer = Scorer(views, reference, spec.seconds, float(spec.fps))
        failures = [*failed(attempts), *unseen_real(looked_at, views)]
        protocol = self.folder.manifest()["config"]
        scores = score_rows(table, self.suite.metrics, scorer, protocol=protocol, failures=failures)
        scores = replace(scores, findings=[*scores.findings, *converted(self.suite, attempts)])
        write_index(self.folder.path, Scored(table, self.suite.metrics, scorer))
        write_scores(self.folder.path, scores)
        self.folder.update_manifest(status="complete" if scores.complete else "incomplete", ended=now())
        return RunOutcome(self.folder.path, scores, 0)


def _asked(name: str, requests: Sequence[Planned]) -> list[Planned]:
    """The requests that a row answers: a condition has one real clip, and copies of it are not further samples."""
    return [request for request in requests if name != RESERVED[0] or request.sample == 0]


def _rows_of(models: Mapping[str, Mapping[str, Any]]) -> dict[str, ModelOptions]:
    """Models by the name of their row; that of `module:Class` is `Class`. The built-in rows are there anyway."""
    table: dict[str, ModelOptions] = {}
    for name, options in models.items():
        row = name.rpartition(":")[2]
        if row in table or (row in RESERVED and row != name):
            raise UserError(f"two rows of the table would be called {row!r}. Rename one of the models.")
        if row not in RESERVED:
            table[row] = (name, _plain(row, options))
    return table


def _plain(row: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Options as they will stand in the manifest, so that a resumed run compares like with like."""
    try:
        plain: dict[str, Any] = json.loads(json.dumps(dict(options), allow_nan=False))
    except (TypeError, ValueError) as error:
        raise UserError(
            f"options of model {row!r} cannot stand in a run's manifest: {error}. Use numbers, text, lists and tables."
        ) from None
    return plain


def _open(suite: Suite, root: Path | None) -> Dataset:
    data = suite.data
    size = data.conditions + data.reference if isinstance(data.reference, int) else None
    return open_dataset(
        data.dataset, suite.clip.spec, split=data.split, root=root, size=size, seed=data.seed, options=data.options
    )


def _digest_items(dataset: Dataset, chosen: Plan, progress: Progress) -> str:
    items = [*chosen.conditions, *chosen.reference]
    digest = hashlib.sha256()
    with progress("identify clips", len(items)) as advance:
        for item in items:
            digest.update(f"{item.id}\0{dataset.fingerprint(item)}\0".encode())
            advance()
    return digest.hexdigest()


def _default_folder(suite: Suite, config: Mapping[str, Any]) -> Path:
    return Path("runs") / f"{suite.name}-{hashlib.sha256(repr(config).encode()).hexdigest()[:8]}"


@contextmanager
def _log_file(path: Path) -> Iterator[None]:
    """Everything this package logs while a run lasts, in the run's own file."""
    package = logging.getLogger("cmmd_bench")
    with explained(path):
        handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    level = package.level
    package.addHandler(handler)
    package.setLevel(logging.DEBUG)
    try:
        yield
    except BaseException as error:
        package.error("run stopped: %s", error, exc_info=not isinstance(error, UserError))
        raise
    finally:
        package.removeHandler(handler)
        package.setLevel(level)
        handler.close()
