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
    from cmmd_bench.embedders.cache import default_root

    chosen = os.environ.get("CMMD_BENCH_WEIGHTS")
    return Path(chosen).expanduser() if chosen else default_root() / "weights"


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
    """What is missing, how large it is, where it belongs, and the command that gets it."""
    lines = [
        f"  {name}: {file.name} ({size_text(file.size)}) from {file.urls[0]}"
        for name, files in lacking.items()
        for file in files
    ]
    command = f"cmmd-bench weights get {' '.join(lacking)}"
    return (
        f"weights are not in {weights_root()}:\n" + "\n".join(lines) + f"\nGet them with `{command}`, "
        f"or with `{command} --from DIR` when you have carried the files in by hand."
    )


def size_text(size: int | None) -> str:
    """`51.2 MB`, or `size unknown`."""
    if size is None:
        return "size unknown"
    return f"{size / 1e9:.2f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size} bytes"


def folder_of(weights: Weights) -> Path:
    """Where its files lie or will lie."""
    return weights_root().joinpath(*weights.name.split("/"))


def path_of(weights: Weights, file: WeightFile) -> Path:
    """Where this file lies or will lie."""
    return folder_of(weights) / file.name


def verified_digest(weights: Weights, file: WeightFile) -> str:
    """SHA-256 of the stored file, read again only if its size or time of change differ from those written down."""
    path = path_of(weights, file)
    status = path.stat()
    known = _read(folder_of(weights) / "verified.json").get(file.name, {})
    if (known.get("bytes"), known.get("mtime_ns")) == (status.st_size, status.st_mtime_ns):
        digest = str(known.get("sha256"))
        # The table may have learnt a digest since, or a pin may have been set by hand.
        if digest == (expected_sha256(weights, file) or digest):
            return digest
    found = digests(path)
    check_digests(weights, file, path, found)
    accept(weights, file, found, origin=str(path))
    return found.sha256


def expected_sha256(weights: Weights, file: WeightFile) -> str | None:
    """The published SHA-256, else the one pinned here, else None."""
    pinned = _read(weights_root() / "pinned.json").get(f"{weights.name}/{file.name}", {})
    return file.sha256 or pinned.get("sha256")


def check_digests(weights: Weights, file: WeightFile, path: Path, found: Digests) -> None:
    """Raise UserError (environment) unless the bytes at `path` are those published or pinned."""
    size = path.stat().st_size
    pairs = [
        ("size", file.size, size),
        ("SHA-256", expected_sha256(weights, file), found.sha256),
        ("Git blob", file.git_blob, found.git_blob),
    ]
    for what, expected, actual in pairs:
        if expected is not None and expected != actual:
            pinned = what == "SHA-256" and file.sha256 is None
            remedy = (
                f"it was pinned here by an earlier fetch: if the new file is the right one, remove "
                f"{weights.name}/{file.name} from {weights_root() / 'pinned.json'}"
                if pinned
                else f"remove it and run `cmmd-bench weights get {weights.name}`"
            )
            raise UserError(
                f"{path} is not the file it should be: {what} {actual}, expected {expected}; {remedy}.",
                exit_code=ENVIRONMENT,
            )


def accept(weights: Weights, file: WeightFile, found: Digests, *, origin: str) -> None:
    """Write down that the file in place has these digests; pin its SHA-256 if nobody publishes one.

    A folder that cannot be written (shared, read-only) is no obstacle: the file is then read again next time.
    """
    path = path_of(weights, file)
    status = path.stat()
    seen = {"bytes": status.st_size, "mtime_ns": status.st_mtime_ns, "sha256": found.sha256, "from": origin}
    try:
        _update(folder_of(weights) / "verified.json", file.name, seen)
        if file.sha256 is None and expected_sha256(weights, file) is None:
            pin = {"sha256": found.sha256, "bytes": status.st_size, "from": origin, "on": date.today().isoformat()}
            _update(weights_root() / "pinned.json", f"{weights.name}/{file.name}", pin)
    except UserError:
        return


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
