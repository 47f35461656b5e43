"""Where weights lie on this machine, and how it is known that they are what they should be.

<root>/<name>/<file>           root: CMMD_BENCH_WEIGHTS, else `weights` in the cache folder (CMMD_BENCH_CACHE)
<root>/<name>/verified.json    per file: size, time of change and SHA-256 when it was last read whole
<root>/pinned.json             SHA-256 of the first fetch of files for which nobody publishes one

A file is used only after its digest was found to be the published or the pinned one. It is read again whenever its
size or time of change is not the one written down. Nothing here opens a socket.
"""

import hashlib
import json
import os
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

from filelock import FileLock

from cmmd_bench.atomic import explained, write_json
from cmmd_bench.errors import ENVIRONMENT, UserError
from cmmd_bench.weights.digests import Digests, digests
from cmmd_bench.weights.registry import WeightFile, Weights, entry, only_file


def weights_root() -> Path:
    """`CMMD_BENCH_WEIGHTS`, else the folder `weights` beside the cache of features."""
    if chosen := os.environ.get("CMMD_BENCH_WEIGHTS"):
        return Path(chosen).expanduser()
    from cmmd_bench.embedders.cache import default_root

    return default_root() / "weights"


def weights_file(name: str) -> Path:
    """Path of the one file of the weights called `name`, verified. Never downloads.

    Raises UserError: unknown name; an entry of several files; (environment) the file is missing, with the command that
    gets it, or is not what it should be.
    """
    file = only_file(entry(name))
    return weights_folder(name) / file.name


def weights_folder(name: str) -> Path:
    """Folder with every file of the weights called `name`, verified. Raises as `weights_file` does."""
    weights = entry(name)
    require_weights([name])
    for file in weights.files:
        verified_digest(weights, file)
    return folder_of(weights)


def weights_digest(name: str) -> str:
    """SHA-256 of the file called `name` as it lies here; of an entry of several, that of its list of digests."""
    weights = entry(name)
    require_weights([name])
    found = {file.name: verified_digest(weights, file) for file in weights.files}
    if len(found) == 1:
        return next(iter(found.values()))
    listing = "".join(f"{digest}  {file}\n" for file, digest in sorted(found.items()))
    return hashlib.sha256(listing.encode()).hexdigest()


def require_weights(names: Iterable[str]) -> None:
    """Raise one UserError (environment) that lists everything of `names` that is not here; looks, does not verify."""
    lacking = {name: missing_files(entry(name)) for name in dict.fromkeys(names)}
    lacking = {name: files for name, files in lacking.items() if files}
    if lacking:
        raise UserError(missing_message(lacking), exit_code=ENVIRONMENT)


def missing_files(weights: Weights) -> list[WeightFile]:
    """Those of its files that are not in the store."""
    return [file for file in weights.files if not path_of(weights, file).is_file()]


def missing_message(lacking: dict[str, list[WeightFile]]) -> str:
    """What is missing and where it belongs, how large it is, where it is published, and the command that gets it."""
    lines = [
        f"  {name}/{file.name} ({size_text(file)}) from {file.urls[0]}"
        for name, files in lacking.items()
        for file in files
    ]
    command = f"cmmd-bench weights get {' '.join(lacking)}"
    return (
        f"weights are not in {weights_root()}:\n" + "\n".join(lines) + f"\nGet them with `{command}`, "
        f"or with `{command} --from DIR` when you have carried the files in by hand."
    )


def size_text(file: WeightFile) -> str:
    """`51.2 MB`, `about 690 MB` where only a rounded size is published, or `size unknown`."""
    if file.size is None:
        return "size unknown" if file.about is None else f"about {_readable(file.about)}"
    return _readable(file.size)


def state(weights: Weights, file: WeightFile) -> str:
    """`here` (verified before, unchanged), `unchecked` (not verified since it changed), `damaged` (its size alone is
    wrong), `partial` (a download to be continued) or `missing`. Looks at the folder only; `verified_digest` reads.
    """
    path = path_of(weights, file)
    if path.is_file():
        if file.size is not None and path.stat().st_size != file.size:
            return "damaged"
        return "here" if _known_digest(weights, file) else "unchecked"
    return "partial" if part_of(weights, file).is_file() else "missing"


def folder_of(weights: Weights) -> Path:
    """Where its files lie or will lie."""
    return weights_root().joinpath(*weights.name.split("/"))


def path_of(weights: Weights, file: WeightFile) -> Path:
    """Where this file lies or will lie."""
    return folder_of(weights) / file.name


def part_of(weights: Weights, file: WeightFile) -> Path:
    """What has arrived of a download that is not finished."""
    return folder_of(weights) / f"{file.name}.part"


def verified_digest(weights: Weights, file: WeightFile, *, afresh: bool = False) -> str:
    """SHA-256 of the stored file, read again only if its size or time of change differ from those written down.

    `afresh` reads it in any case. Raises FileNotFoundError, and UserError (environment) if it is not what it should be.
    """
    known = None if afresh else _known_digest(weights, file)
    if known:
        return known
    path = path_of(weights, file)
    found = digests(path)
    if wrong := mismatch(weights, file, found, path.stat().st_size):
        raise UserError(
            f"{path} is not the file it should be: {wrong}. "
            f"Bring it anew with `cmmd-bench weights get {weights.name}`.",
            exit_code=ENVIRONMENT,
        )
    accept(weights, file, found, origin=str(path))
    return found.sha256


def expected_sha256(weights: Weights, file: WeightFile) -> str | None:
    """The published SHA-256, else the one pinned here, else None."""
    pinned = _read(_pins()).get(f"{weights.name}/{file.name}", {})
    return file.sha256 or pinned.get("sha256")


def mismatch(weights: Weights, file: WeightFile, found: Digests, size: int) -> str:
    """In what these bytes differ from those published or pinned; empty if in nothing."""
    expected = expected_sha256(weights, file)
    if file.size not in (None, size):
        return f"{size} bytes, expected {file.size}"
    if file.git_blob not in (None, found.git_blob):
        return f"Git blob {found.git_blob}, expected {file.git_blob}"
    if expected in (None, found.sha256):
        return ""
    told = f"SHA-256 {found.sha256}, expected {expected}"
    if file.sha256:
        return told
    pin = f"{weights.name}/{file.name}"
    return f"{told} (pinned by an earlier fetch; if the new file is the right one, take {pin} out of {_pins()})"


def accept(weights: Weights, file: WeightFile, found: Digests, *, origin: str) -> None:
    """Write down that the file in place has these digests; pin its SHA-256 if nobody publishes one.

    A folder that cannot be written (shared, read-only) is no obstacle: the file is then read again next time.
    """
    path = path_of(weights, file)
    status = path.stat()
    seen = {"bytes": status.st_size, "mtime_ns": status.st_mtime_ns, "sha256": found.sha256, "from": origin}
    try:
        _update(_verified(weights), file.name, seen)
        if file.sha256 is None and expected_sha256(weights, file) is None:
            pin = {"sha256": found.sha256, "bytes": status.st_size, "from": origin, "on": date.today().isoformat()}
            _update(_pins(), f"{weights.name}/{file.name}", pin)
    except UserError:
        return


def _known_digest(weights: Weights, file: WeightFile) -> str | None:
    """The SHA-256 written down for the file as it lies here, if it still holds."""
    status = path_of(weights, file).stat()
    known = _read(_verified(weights)).get(file.name, {})
    if (known.get("bytes"), known.get("mtime_ns")) != (status.st_size, status.st_mtime_ns):
        return None
    # The table may have learnt a digest since, or a pin may have been changed by hand.
    digest: str | None = known.get("sha256")
    return digest if digest == expected_sha256(weights, file) else None


def _pins() -> Path:
    return weights_root() / "pinned.json"


def _verified(weights: Weights) -> Path:
    return folder_of(weights) / "verified.json"


def _readable(size: int) -> str:
    for unit, name in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if size >= unit:
            return f"{size / unit:.3g} {name}"
    return f"{size} bytes"


def _read(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except ValueError:
        raise UserError(f"{path} is not JSON; restore it or remove it.", exit_code=ENVIRONMENT) from None
    return value if isinstance(value, dict) else {}


def _update(path: Path, key: str, value: dict[str, Any]) -> None:
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_name(f".{path.name}.lock")):
            write_json(path, {**_read(path), key: value})
