"""The generate stage: requests in, clips on disk and lines in the ledger out.

A generator gets requests in batches; its clips are stored as they appear, and their lines follow when the batch is
done. A clip counts only if it keeps the contract of `cmmd_bench.contract`. When a generator raises, or returns too few
or too many clips so that nobody can tell which request each belongs to, its batch is asked again one request at a
time: one bad request does not sink its batch, and the outcome does not depend on the size of batches.

A generator that wants to be `one_per_core` is built again in worker processes, and batches are dealt out to them. It
then computes on one thread wherever it runs, so the number of workers does not move a bit of its clips.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from cmmd_bench.content import content_digest
from cmmd_bench.contract import GENERATED, violation
from cmmd_bench.errors import ENVIRONMENT, UserError
from cmmd_bench.ledger import JsonLines
from cmmd_bench.media import write_clip
from cmmd_bench.parallel import in_order, workers_for
from cmmd_bench.runs.folder import RunFolder
from cmmd_bench.runs.plan import Planned
from cmmd_bench.types import Clip, Generator, Request

BATCH_SIZE = 8
BATCHES_PER_WORKER = 2
"""Importing torch and building a small model in a process takes about as long as this many batches."""

_log = logging.getLogger(__name__)

ConditionOf = Callable[[Planned], Clip | None]
"""Reads the given side of a request anew at each call; UserError where it cannot be read."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a request has no clip."""

    reason: str


@dataclass
class Answering:
    """Asks a model for one batch of requests, and stores what it makes.

    model: the name of its row
    generator: the model itself; it stays behind when this travels to a worker, which builds its own with `build`
    seconds: the length of every clip
    """

    model: str
    generator: Generator | None
    build: Callable[[], Generator]
    condition_of: ConditionOf
    seconds: float
    folder: RunFolder

    def here(self) -> Generator:
        """The model in this process."""
        if self.generator is None:
            self.generator = self.build()
        return self.generator

    def __call__(self, batch: Sequence[Planned]) -> list[dict[str, Any]]:
        """One ledger line per request, in their order."""
        lines: dict[str, dict[str, Any]] = {}
        started = time.monotonic()
        for planned, verdict in _answers_to_planned(self.here(), batch, self.condition_of, self.seconds):
            took = time.monotonic() - started
            lines[planned.id] = _settle(self.model, planned, verdict, self.condition_of, self.folder, took)
            started = time.monotonic()
        return [lines[planned.id] for planned in batch]

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "generator": None}


def generate(
    answering: Answering,
    requests: Sequence[Planned],
    ledger: JsonLines,
    *,
    batch_size: int | None = None,
    workers: int = 1,
    advance: Callable[[], None] = lambda: None,
) -> None:
    """Ask for all `requests`, store what is made, and write one ledger line for each.

    `workers` processes share the work of a model that is `one_per_core`. `advance` is called once per request.
    """
    model, generator = answering.model, answering.here()
    for planned in requests:
        if planned.task not in generator.tasks:
            ledger.append(_line(model, planned, skipped=f"{model} does not do {planned.task}"))
            advance()
    asked = [planned for planned in requests if planned.task in generator.tasks]
    size = batch_size or batch_size_of(model, generator)
    batches = [asked[first : first + size] for first in range(0, len(asked), size)]
    if getattr(generator, "one_per_core", False):
        answered = in_order(
            answering, batches, workers_for(len(batches), workers, each=BATCHES_PER_WORKER), first_here=False
        )
    else:
        answered = map(answering, batches)
    for lines in answered:
        for line in lines:
            ledger.append(line)
            if line["error"] is not None:
                _log.warning("%s, request %s: %s", model, line["id"], line["error"])
            advance()


def batch_size_of(model: str, generator: Generator) -> int:
    """How many requests a generator wants at once: its `batch_size`, else 8; UserError unless that is 1 or more."""
    size = getattr(generator, "batch_size", BATCH_SIZE)
    if isinstance(size, bool) or not isinstance(size, int) or size < 1:
        raise UserError(
            f"model {model!r} has batch_size {size!r}; expected a whole number of requests, 1 or more.",
            exit_code=ENVIRONMENT,
        )
    return size


def answers(generator: Generator, batch: Sequence[Request]) -> Iterator[tuple[int, Clip | Failure]]:
    """Verdicts for requests by their index, at least one each; the last one on an index counts."""
    answered = 0
    try:
        for clip in generator.generate(list(batch)):
            answered += 1
            if answered > len(batch):
                break
            broken = violation(batch[answered - 1], clip)
            yield answered - 1, clip if broken is None else Failure(broken)
        if answered == len(batch):
            return
        count = f"more than {len(batch)}" if answered > len(batch) else str(answered)
        reason = f"asked for {len(batch)}, but {count} came back"
        again: Sequence[int] = range(len(batch))
    except (Exception, SystemExit) as error:
        _log.debug("generator raised", exc_info=True)
        reason = f"{type(error).__name__}: {error}"
        again = range(answered, len(batch))
    if len(batch) == 1:
        yield 0, Failure(reason)
        return
    for index in again:
        for _, verdict in answers(generator, [batch[index]]):
            yield index, verdict


def _answers_to_planned(
    generator: Generator, batch: Sequence[Planned], condition_of: ConditionOf, seconds: float
) -> Iterator[tuple[Planned, Clip | Failure]]:
    askable: list[tuple[Planned, Request]] = []
    for planned in batch:
        try:
            condition = condition_of(planned)
        except UserError as error:
            yield planned, Failure(f"condition: {error}")
            continue
        askable.append((planned, Request(planned.id, planned.task, planned.seed, seconds, condition)))
    if askable:
        for index, verdict in answers(generator, [request for _, request in askable]):
            yield askable[index][0], verdict


def _settle(
    model: str,
    planned: Planned,
    verdict: Clip | Failure,
    condition_of: ConditionOf,
    folder: RunFolder,
    seconds: float,
) -> dict[str, Any]:
    path = folder.sample(model, planned.id)
    if isinstance(verdict, Failure):
        path.unlink(missing_ok=True)
        return _line(model, planned, seconds=seconds, error=verdict.reason)
    try:
        # The condition is read again: the generator had its own copy, whatever it did to it.
        write_clip(path, with_given_side(verdict, condition_of(planned)))
    except UserError as error:
        if error.exit_code == ENVIRONMENT:
            raise
        return _line(model, planned, seconds=seconds, error=str(error))
    return _line(model, planned, seconds=seconds, sha256=content_digest(path), made=form(planned, verdict))


def with_given_side(generated: Clip, condition: Clip | None) -> Clip:
    """The generated side, completed by the given one exactly as it was given."""
    if condition is None:
        return generated
    if condition.video is not None:
        return Clip(condition.video, condition.fps, generated.audio, generated.sample_rate)
    return Clip(generated.video, generated.fps, condition.audio, condition.sample_rate)


def form(planned: Planned, clip: Clip) -> list[str]:
    """Size, frame rate and sample rate of the generated sides, so that scoring can say what it converts."""
    made = []
    if "video" in GENERATED[planned.task] and clip.video is not None:
        made += [f"{clip.video.shape[2]}x{clip.video.shape[1]} pixels", f"{clip.fps} fps"]
    if "audio" in GENERATED[planned.task]:
        made += [f"{clip.sample_rate} Hz"]
    return made


def _line(
    model: str,
    planned: Planned,
    *,
    seconds: float = 0.0,
    sha256: str | None = None,
    made: Sequence[str] = (),
    error: str | None = None,
    skipped: str | None = None,
) -> dict[str, Any]:
    return {
        "id": planned.id,
        "model": model,
        "task": planned.task,
        "item": planned.item.id,
        "sample": planned.sample,
        "seed": planned.seed,
        "sha256": sha256,
        "made": list(made),
        "seconds": round(seconds, 4),
        "error": error,
        "skipped": skipped,
    }
