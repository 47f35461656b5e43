"""The generate stage: requests in, clips on disk and lines in the ledger out.

A generator gets requests in batches and its clips are stored as they appear. A clip counts only if it keeps the
contract of `cmmd_bench.contract`. When a generator raises, the requests it had not answered are asked again one at a
time, so that one bad request does not sink its batch. When it returns too few or too many clips nobody can tell which
request each belongs to, and the whole batch fails.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from cmmd_bench.content import content_digest
from cmmd_bench.contract import violation
from cmmd_bench.errors import UserError
from cmmd_bench.ledger import JsonLines
from cmmd_bench.media import write_clip
from cmmd_bench.runs.folder import RunFolder
from cmmd_bench.runs.plan import Planned
from cmmd_bench.types import Clip, Generator, Request

BATCH_SIZE = 8
GIVE_UP_AFTER = 16
"""Failures in a row, with no success before, after which a model is not asked again: it is broken, not unlucky."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a request has no clip."""

    reason: str


def generate(
    model: str,
    generator: Generator,
    requests: Sequence[Planned],
    condition_of: Callable[[Planned], Clip | None],
    seconds: float,
    folder: RunFolder,
    ledger: JsonLines,
    *,
    batch_size: int | None = None,
    advance: Callable[[], None] = lambda: None,
) -> None:
    """Ask `generator` for all `requests`, store what it makes, and write one ledger line for each.

    `condition_of` reads the given side anew at each call; it raises UserError where that cannot be read.
    `advance` is called once per request.
    """
    for planned in requests:
        if planned.task not in generator.tasks:
            ledger.append(_line(model, planned, skipped=f"{model} does not do {planned.task}"))
            advance()
    requests = [planned for planned in requests if planned.task in generator.tasks]
    size = batch_size or int(getattr(generator, "batch_size", BATCH_SIZE))
    failed_in_a_row, succeeded = 0, False
    for first in range(0, len(requests), size):
        batch = requests[first : first + size]
        if failed_in_a_row >= GIVE_UP_AFTER and not succeeded:
            for planned in batch:
                ledger.append(_line(model, planned, error=f"not asked: the first {failed_in_a_row} requests failed"))
                advance()
            continue
        started = time.monotonic()
        for planned, verdict in _answers_to_planned(generator, batch, condition_of, seconds):
            line = _settle(model, planned, verdict, condition_of, folder, time.monotonic() - started)
            started = time.monotonic()
            ledger.append(line)
            failed = line["error"] is not None
            failed_in_a_row, succeeded = (failed_in_a_row + 1, succeeded) if failed else (0, True)
            if failed:
                _log.warning("%s, request %s: %s", model, planned.id, line["error"])
        for _ in batch:
            advance()


def answers(generator: Generator, batch: Sequence[Request]) -> Iterator[tuple[int, Clip | Failure]]:
    """One verdict for each request by its index; a later verdict on the same index replaces the earlier one."""
    answered = 0
    try:
        for clip in generator.generate(list(batch)):
            answered += 1
            if answered > len(batch):
                break
            broken = violation(batch[answered - 1], clip)
            yield answered - 1, clip if broken is None else Failure(broken)
    except (Exception, SystemExit) as error:
        _log.debug("generator raised", exc_info=True)
        if len(batch) == 1:
            yield 0, Failure(f"{type(error).__name__}: {error}")
            return
        for index in range(answered, len(batch)):
            for _, verdict in answers(generator, [batch[index]]):
                yield index, verdict
        return
    if answered != len(batch):
        count = f"more than {len(batch)}" if answered > len(batch) else str(answered)
        reason = f"{len(batch)} requests, but {count} clips came back; which belongs to which cannot be known"
        for index in range(len(batch)):
            yield index, Failure(reason)


def _answers_to_planned(
    generator: Generator,
    batch: Sequence[Planned],
    condition_of: Callable[[Planned], Clip | None],
    seconds: float,
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
    condition_of: Callable[[Planned], Clip | None],
    folder: RunFolder,
    seconds: float,
) -> dict[str, Any]:
    if isinstance(verdict, Failure):
        return _line(model, planned, seconds=seconds, error=verdict.reason)
    path = folder.sample(model, planned.id)
    # The condition is read again: the generator had its own copy, whatever it did to it.
    write_clip(path, with_given_side(verdict, condition_of(planned)))
    return _line(model, planned, seconds=seconds, sha256=content_digest(path))


def with_given_side(generated: Clip, condition: Clip | None) -> Clip:
    """The generated side, completed by the given one exactly as it was given."""
    if condition is None:
        return generated
    if condition.video is not None:
        return Clip(condition.video, condition.fps, generated.audio, generated.sample_rate)
    return Clip(generated.video, generated.fps, condition.audio, condition.sample_rate)


def _line(
    model: str,
    planned: Planned,
    *,
    seconds: float = 0.0,
    sha256: str | None = None,
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
        "seconds": round(seconds, 4),
        "error": error,
        "skipped": skipped,
        "at": round(time.time(), 3),
    }
