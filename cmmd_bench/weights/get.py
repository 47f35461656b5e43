"""Bringing registered weights here: from their addresses, mirror by mirror, or from a folder, verified before use.

A file gets its own name only after its size and digests were found right, by a rename within its folder. Two processes
that want the same one take turns; the second finds it done. What broke off is continued the next time.
"""

import logging
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from filelock import FileLock

from cmmd_bench.atomic import explained, replacing
from cmmd_bench.errors import ENVIRONMENT, UserError
from cmmd_bench.weights.checkpoint import fault_of
from cmmd_bench.weights.digests import Digests, digests
from cmmd_bench.weights.download import DownloadError, discard, download
from cmmd_bench.weights.registry import WeightFile, Weights, entries
from cmmd_bench.weights.store import (
    accept,
    expected_sha256,
    folder_of,
    mismatch,
    missing_message,
    part_of,
    path_of,
    verified_digest,
)

_TRUE = ("1", "true", "yes", "on")

logger = logging.getLogger(__name__)

Report = Callable[[str, int, int | None], None]
"""Called with the name of the file, the bytes that have arrived and the total, or None while it is unknown."""


class Got(NamedTuple):
    """A file that is here now: where it came from (empty: it was here) and what proves it."""

    name: str
    path: Path
    origin: str
    proof: str


def get_weights(
    names: Iterable[str],
    *,
    folder: Path | None = None,
    offline: bool = False,
    report: Report | None = None,
    tries: int = 5,
    pause: float = 1.0,
) -> list[Got]:
    """Make sure that the weights called `names` are here and whole; what is missing or damaged is brought.

    With `folder` the files are taken from there (by file name, in it or in a subfolder called as the weights) and no
    connection is made; `offline`, or HF_HUB_OFFLINE=1, makes none either. Otherwise each file is downloaded, `tries`
    times an address without progress, with growing waits from `pause` seconds.

    Raises one UserError (environment) that lists everything that could not be had; what could is kept.
    """
    wanted = [(weights, file) for weights in entries(names) for file in weights.files]
    lacking = [(weights, file) for weights, file in wanted if not _is_whole(weights, file)]
    if lacking and folder is None and (offline or os.environ.get("HF_HUB_OFFLINE", "").lower() in _TRUE):
        missing: dict[str, list[WeightFile]] = {}
        for weights, file in lacking:
            missing.setdefault(weights.name, []).append(file)
        raise UserError("offline, and these " + missing_message(missing), exit_code=ENVIRONMENT)
    got, failures = [], []
    for weights, file in wanted:
        try:
            if (weights, file) not in lacking:
                got.append(_here(weights, file))
            elif folder is not None:
                got.append(_take(weights, file, folder))
            else:
                got.append(_fetch(weights, file, report, tries, pause))
        except UserError as error:
            failures.append(str(error))
    if failures:
        raise UserError("\n".join(failures), exit_code=ENVIRONMENT)
    return got


def _take(weights: Weights, file: WeightFile, folder: Path) -> Got:
    with _alone(weights):
        if _is_whole(weights, file):
            return _here(weights, file)
        origin = next((at for at in (folder / weights.name / file.name, folder / file.name) if at.is_file()), None)
        if origin is None:
            raise UserError(
                f"{weights.name}: {file.name} is not in {folder} (nor in {folder / weights.name}); "
                f"it is published at {file.urls[0]}.",
                exit_code=ENVIRONMENT,
            )
        path = path_of(weights, file)
        with replacing(path) as temporary:
            shutil.copyfile(origin, temporary)
            found, fault = _judged(weights, file, temporary, None)
            if fault:
                raise UserError(f"{origin} {fault}. Copy it again from {file.urls[0]}.", exit_code=ENVIRONMENT)
        discard(part_of(weights, file))
        return _accepted(weights, file, found, str(origin.resolve()), None)


def _fetch(weights: Weights, file: WeightFile, report: Report | None, tries: int, pause: float) -> Got:
    with _alone(weights):
        if _is_whole(weights, file):
            return _here(weights, file)
        path = path_of(weights, file)
        part = part_of(weights, file)
        told = []
        for url in file.urls:
            try:
                found, stated = _from(url, weights, file, part, report, tries, pause)
            except DownloadError as error:
                told.append(f"  {url}: {error}")
                continue
            with explained(path):
                part.replace(path)
            discard(part)
            return _accepted(weights, file, found, url, stated)
        raise UserError(
            f"{weights.name}: {file.name} could not be had:\n" + "\n".join(told) + "\n"
            f"Try again to go on, or fetch it by hand ({weights.source}) and give its folder: "
            f"`cmmd-bench weights get {weights.name} --from DIR`.",
            exit_code=ENVIRONMENT,
        )


def _from(
    url: str, weights: Weights, file: WeightFile, part: Path, report: Report | None, tries: int, pause: float
) -> tuple[Digests, str | None]:
    """The file from this address in `part`, verified. What was continued and came out wrong is fetched once afresh."""
    proven = bool(expected_sha256(weights, file) or file.git_blob)
    while True:
        continued = part.is_file() and part.stat().st_size > 0
        stated = download(
            url,
            part,
            size=file.size,
            proven=proven,
            report=None if report is None else lambda arrived, total: report(file.name, arrived, total or file.about),
            tries=tries,
            pause=pause,
        )
        _sync(part)
        found, fault = _judged(weights, file, part, stated)
        if not fault:
            return found, stated
        discard(part)
        if not continued:
            raise DownloadError(f"what it sent {fault}")
        logger.info("%s: %s; fetching it afresh", url, fault)


def _judged(weights: Weights, file: WeightFile, path: Path, stated: str | None) -> tuple[Digests, str]:
    """Digests of the bytes at `path` and what is wrong with them, as the end of a sentence; empty if nothing is."""
    found = digests(path)
    if wrong := mismatch(weights, file, found, path.stat().st_size):
        return found, f"is not the file it should be: {wrong}"
    if stated not in (None, found.sha256):
        return found, f"is not the file it should be: SHA-256 {found.sha256}, the server itself states {stated}"
    if file.git_blob or stated or expected_sha256(weights, file):
        return found, ""
    # Nobody says what it should be: then it must at least be a whole file of its kind before it is pinned.
    return found, fault_of(path, file.name)


def _accepted(weights: Weights, file: WeightFile, found: Digests, origin: str, stated: str | None) -> Got:
    proof = _proof(weights, file, stated)
    accept(weights, file, found, origin=origin)
    return Got(weights.name, path_of(weights, file), origin, proof)


def _here(weights: Weights, file: WeightFile) -> Got:
    return Got(weights.name, path_of(weights, file), "", _proof(weights, file, None))


def _proof(weights: Weights, file: WeightFile, stated: str | None) -> str:
    if file.sha256:
        return "SHA-256 as published"
    if file.git_blob:
        return "Git blob as published"
    if expected_sha256(weights, file):
        return "SHA-256 as pinned here"
    if stated:
        return "SHA-256 as the server states, pinned here"
    return "no published digest: its SHA-256 is pinned here from now on"


def _is_whole(weights: Weights, file: WeightFile) -> bool:
    try:
        verified_digest(weights, file)
    except (FileNotFoundError, UserError):
        return False
    return True


def _alone(weights: Weights) -> FileLock:
    folder = folder_of(weights)
    with explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        return FileLock(folder / ".lock")


def _sync(path: Path) -> None:
    with path.open("rb+") as stream:
        os.fsync(stream.fileno())
