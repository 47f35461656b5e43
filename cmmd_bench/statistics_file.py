"""Reference statistics in files, as fadtk keeps them: the mean and covariance of a set in the space of a model.

file.npz                          `<model>.mu` (D,) and `<model>.cov` (D, D), float64; several models in one file
folder/stats/<model>/mu.npy       the same in a folder, with cov.npy beside it

Covariances divide by n - 1. What is written here also says whence it comes, under names that fadtk does not look at:
`<model>.n`, the number of rows, and `<model>.embedder`, the identity of the embedder; in a folder n.npy, embedder.npy.
Nothing is ever unpickled. What cannot be right is refused with the file's name, what was found and what to do.
"""

import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cmmd_bench.atomic import explained, replacing
from cmmd_bench.errors import UserError
from cmmd_bench.metrics.gaussian import Gaussian, GaussianStatistics

Arrays = dict[str, NDArray[Any]]

_PARTS = ("mu", "cov", "n", "embedder")
_REMEDY = "Fetch it again, or make it again from the set."


@dataclass(frozen=True, slots=True)
class Origin:
    """Whence statistics come: number of rows and identity of the embedder; None where the file does not say."""

    n: int | None
    embedder: str | None


def read_statistics(path: Path, model: str, *, width: int | None = None, embedder: str | None = None) -> Gaussian:
    """The distribution that `path`, an npz file or a folder, holds for `model`.

    width: the number of features D that it must have; embedder: the identity that it must have been made with, checked
    where the file states one. Raises UserError for anything that is not a mean and a covariance, and for another model.
    """
    parts = _read(path, model)
    mean, covariance = (_numbers(path, f"{model}'s {key}", parts[key]) for key in ("mu", "cov"))
    if mean.ndim != 1 or covariance.shape != (mean.size, mean.size):
        found = f"a mean of shape {mean.shape} and a covariance of shape {covariance.shape}"
        raise UserError(f"{path} holds {found} for {model}, not (D,) and (D, D). {_REMEDY}")
    if width is not None and mean.size != width:
        raise UserError(
            f"{path} holds {mean.size} features for {model}, and the embedder gives {width}. "
            "It was made with another model or version; name the right one, or make it again with this one."
        )
    stated = _origin(path, model, parts).embedder
    if embedder is not None and stated is not None and stated != embedder:
        raise UserError(
            f"{path} was made for {model} with {stated}, not with {embedder}. "
            "Make it again with this embedder, or score with that one."
        )
    try:
        return Gaussian.from_moments(mean, covariance)
    except ValueError as error:
        raise UserError(f"{path} holds no usable statistics for {model}: {error}. {_REMEDY}") from None


def read_origin(path: Path, model: str) -> Origin:
    """What `path` says of how the statistics of `model` were made; errors as `read_statistics`."""
    return _origin(path, model, _read(path, model))


def models_in(path: Path) -> list[str]:
    """Names of the models that an npz file or a folder holds statistics of, in order; UserError if it is neither."""
    if path.is_dir():
        return sorted(entry.name for entry in (path / "stats").glob("*") if (entry / "mu.npy").is_file())
    return sorted(name.removesuffix(".mu") for name in _archive(path, _names) if name.endswith(".mu"))


def write_statistics(path: Path, model: str, statistics: GaussianStatistics, *, embedder: str | None = None) -> None:
    """Write the mean and covariance (n - 1) of `statistics` for `model` to an npz file, or to a folder for other names.

    Other models of an npz file are kept; the same model is replaced. A file is whole or as it was; a folder in which
    writing was cut off lacks its cov.npy and is refused by every reader. Raises UserError when `path` cannot be written
    or holds something else, and ValueError for fewer than 2 rows.
    """
    covariance = statistics.covariance()
    parts: Arrays = {"mu": statistics.mean, "cov": (covariance + covariance.T) / 2, "n": np.array(statistics.n)}
    if embedder is not None:
        parts["embedder"] = np.array(embedder)
    if path.suffix == ".npz":
        others = _archive(path, lambda archive: _without(path, archive, model)) if path.exists() else {}
        with replacing(path) as temporary:
            arrays: dict[str, Any] = {**others, **{f"{model}.{key}": value for key, value in parts.items()}}
            np.savez(temporary, **arrays)
        return
    if not model or model in (".", "..") or set(model) & set("/\\"):
        raise UserError(f"{model!r} cannot be the name of a folder. Write an .npz file instead, which holds any name.")
    folder = path / "stats" / model
    with explained(folder):
        # Last written, first removed: without it the folder counts as no statistics at all.
        (folder / "cov.npy").unlink(missing_ok=True)
        (folder / "embedder.npy").unlink(missing_ok=True)
    for key in ("mu", "n", "embedder", "cov"):
        if key in parts:
            with replacing(folder / f"{key}.npy") as temporary:
                np.save(temporary, parts[key])


def _read(path: Path, model: str) -> Arrays:
    """The parts that are there of one model; mu and cov always are."""
    if path.is_dir():
        parts = _read_folder(path, model)
    else:
        parts = _archive(path, lambda archive: _of_model(path, archive, model))
    if "mu" in parts and "cov" in parts:
        return parts
    if parts:
        missing = "cov" if "mu" in parts else "mu"
        raise UserError(f"{path} holds no {missing} for {model}; was writing it cut off? {_REMEDY}")
    present = ", ".join(models_in(path)) or "none"
    raise UserError(f"{path} holds no statistics of {model}; models in it: {present}.")


def _read_folder(path: Path, model: str) -> Arrays:
    files = {key: path / "stats" / model / f"{key}.npy" for key in _PARTS}
    return {key: _array(file, partial(_loaded, file)) for key, file in files.items() if file.is_file()}


def _loaded(file: Path) -> Any:
    with file.open("rb") as stream:
        return np.lib.format.read_array(stream, allow_pickle=False)


def _archive(path: Path, use: Callable[[Any], Any]) -> Any:
    """What `use` makes of an open npz file."""
    if not path.exists():
        raise UserError(f"there are no statistics at {path}. Give an .npz file, or a folder with stats/<model>/mu.npy.")
    if not zipfile.is_zipfile(path):
        raise _no_archive(path)
    try:
        with np.load(path, allow_pickle=False) as archive:
            return use(archive)
    # NumPy takes what does not begin as an archive for a pickle, and refuses it with advice that nobody should follow.
    except (OSError, ValueError, zipfile.BadZipFile):
        raise _no_archive(path) from None


def _no_archive(path: Path) -> UserError:
    return UserError(
        f"{path} is no .npz archive, or a part of it is missing. {_REMEDY} "
        "A folder of .npy files is read when the folder is given."
    )


def _names(archive: Any) -> list[str]:
    return list(archive.files)


def _of_model(path: Path, archive: Any, model: str) -> Arrays:
    names = {key: f"{model}.{key}" for key in _PARTS}
    return {key: _member(path, archive, name) for key, name in names.items() if name in archive.files}


def _without(path: Path, archive: Any, model: str) -> Arrays:
    own = {f"{model}.{key}" for key in _PARTS}
    return {name: _member(path, archive, name) for name in archive.files if name not in own}


def _member(path: Path, archive: Any, name: str) -> NDArray[Any]:
    return _array(f"{path} ({name})", lambda: archive[name])


def _array(where: Path | str, load: Callable[[], Any]) -> NDArray[Any]:
    try:
        array = load()
    except (ValueError, EOFError, OSError, MemoryError, zipfile.BadZipFile, zlib.error) as error:
        if "allow_pickle" in str(error):
            raise UserError(
                f"{where} holds Python objects, which are not read: loading them could run any code. "
                "Store plain arrays of numbers."
            ) from None
        raise UserError(f"{where} is cropped or damaged ({error}). {_REMEDY}") from None
    if not isinstance(array, np.ndarray):
        raise UserError(f"{where} is no NumPy array. {_REMEDY}")
    return array


def _numbers(path: Path, what: str, array: NDArray[Any]) -> NDArray[np.float64]:
    if array.dtype.kind not in "fiu":
        raise UserError(f"{path} holds {array.dtype} for {what}, not real numbers. {_REMEDY}")
    return array.astype(np.float64)


def _origin(path: Path, model: str, parts: Arrays) -> Origin:
    n, embedder = parts.get("n"), parts.get("embedder")
    if n is not None and (n.ndim != 0 or n.dtype.kind not in "iu"):
        raise UserError(f"{path} holds no whole number as {model}'s n. {_REMEDY}")
    if embedder is not None and (embedder.ndim != 0 or embedder.dtype.kind != "U"):
        raise UserError(f"{path} holds no text as {model}'s embedder. {_REMEDY}")
    return Origin(None if n is None else int(n), None if embedder is None else str(embedder))
