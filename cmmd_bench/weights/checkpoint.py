"""Checkpoints read as data: tensors by name from safetensors, torch's zip format or its older pickle.

A file from elsewhere is not trusted. Pickles are read with `weights_only=True`: anything but tensors, plain containers
and NumPy scalars (which trainers leave beside the tensors) is refused and never run. Sizes that the file cannot hold
are refused before memory is taken. Every error is a UserError (environment) that names the file, says what was found
and what to do.
"""

import json
import re
import struct
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cmmd_bench.errors import ENVIRONMENT, UserError

if TYPE_CHECKING:
    import torch

WRAPPERS = ("state_dict", "model", "module", "model_state_dict")
"""Keys under which trainers put the tensors, beside epoch and optimiser, in the order they are looked for."""

_MOST_PICKLE = 64 << 20
"""Bytes of the pickle inside a zip: names and shapes of some thousand tensors take one of these."""


def load_tensors(path: Path, *, what: str) -> "dict[str, torch.Tensor]":
    """Tensors by name, on the CPU, in the dtype they were saved in; a wrapper such as `state_dict` is taken off.

    `what` names the network in messages. Tensors may be views of the mapped file: copy before changing them. Raises
    UserError (environment): no such file, cut off, no checkpoint, a pickle that asks for code, no tensors by name.
    """
    fault = fault_of(path)
    if fault:
        raise _refused(path, what, fault)
    # What a damaged or hostile file can raise is not for us to foresee; whatever it is, the file is to blame.
    try:
        found = _safetensors(path) if _kind(path) == "safetensors" else _torch(path)
    except Exception as error:
        raise _refused(path, what, _reason(error)) from None
    for key in WRAPPERS:
        if isinstance(found, dict) and isinstance(found.get(key), dict):
            found = found[key]
            break
    return _checked(found, path, what)


def load_script(path: Path, *, what: str) -> "torch.jit.ScriptModule":
    """A TorchScript archive as a module in evaluation mode on the CPU.

    Unlike tensors it is a program, in a language of its own: open only files whose digest is published. Raises
    UserError (environment).
    """
    import torch

    if _kind(path) != "script":
        raise _refused(path, what, fault_of(path) or "is not a TorchScript archive")
    try:
        with warnings.catch_warnings():
            # The format is deprecated, and the published file has no other.
            warnings.simplefilter("ignore", DeprecationWarning)
            module: torch.jit.ScriptModule = torch.jit.load(str(path), map_location="cpu")  # type: ignore[no-untyped-call]
    except Exception as error:
        raise _refused(path, what, _reason(error)) from None
    return module.eval()


def check_shapes(tensors: "Mapping[str, torch.Tensor]", expected: Mapping[str, tuple[int, ...]], *, what: str) -> None:
    """Raise UserError (environment) unless `tensors` are exactly the `expected` names with these shapes."""
    missing = [name for name in expected if name not in tensors]
    unexpected = [name for name in tensors if name not in expected]
    different = [
        f"{name} {tuple(tensors[name].shape)} instead of {tuple(shape)}"
        for name, shape in expected.items()
        if name in tensors and tuple(tensors[name].shape) != tuple(shape)
    ]
    findings = [("missing", missing), ("unexpected", unexpected), ("of another shape", different)]
    told = [f"{len(names)} {kind} ({_first(names)})" for kind, names in findings if names]
    if told:
        raise UserError(
            f"these are not the weights of {what}: of {len(expected)} tensors " + ", ".join(told) + ". "
            "Check that the file belongs to this network: `cmmd-bench weights verify`.",
            exit_code=ENVIRONMENT,
        )


def fault_of(path: Path, name: str = "") -> str:
    """Why this cannot be a whole file of its kind, as the end of a sentence; empty if nothing speaks against it.

    Reads headers only. `name` is the file's own name where `path` has another; .json must be JSON, everything else
    safetensors, a zip of stored members, or a pickle.
    """
    if not path.is_file():
        return "is not there"
    if (name or path.name).endswith(".json"):
        return _json_fault(path)
    kind = _kind(path)
    if kind == "safetensors":
        return _safetensors_fault(path)
    if kind in ("zip", "script"):
        return _zip_fault(path)
    if kind == "pickle":
        return ""
    with path.open("rb") as stream:
        head = stream.read(16)
    return f"is no checkpoint: it begins with {head!r}" if head else "is empty"


def _kind(path: Path) -> str:
    with path.open("rb") as stream:
        head = stream.read(9)
    if head[8:9] == b"{":
        return "safetensors"
    if head.startswith(b"PK\x03\x04"):
        try:
            with zipfile.ZipFile(path) as archive:
                return "script" if any(name.endswith("/constants.pkl") for name in archive.namelist()) else "zip"
        except (zipfile.BadZipFile, ValueError, NotImplementedError):
            return "zip"
    return "pickle" if head[:1] == b"\x80" and head[1:2] in b"\x02\x03\x04\x05" else ""


def _json_fault(path: Path) -> str:
    try:
        json.loads(path.read_bytes())
    except ValueError:
        return "is not JSON"
    return ""


def _safetensors_fault(path: Path) -> str:
    size = path.stat().st_size
    with path.open("rb") as stream:
        (length,) = struct.unpack("<Q", stream.read(8))
        if 8 + length > size:
            return f"is cut off: its header has {length} bytes, the file {size}"
        try:
            header = json.loads(stream.read(length))
            ends = [int(entry["data_offsets"][1]) for name, entry in header.items() if name != "__metadata__"]
        except (ValueError, KeyError, TypeError, IndexError, AttributeError):
            return "is damaged: its header cannot be read"
    expected = 8 + length + max(ends, default=0)
    return "" if size == expected else f"is cut off or damaged: {size} bytes, its header speaks of {expected}"


def _zip_fault(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return "is cut off: a zip archive without its end"
    size = path.stat().st_size
    packed = any(member.compress_type != zipfile.ZIP_STORED for member in members)
    script = any(member.filename.endswith("/constants.pkl") for member in members)
    # torch stores tensors as they are, to map them, and packs only a script's code; what else is packed may unpack to
    # any size.
    if packed and not script:
        return "is packed, which torch never does with tensors"
    if sum(member.file_size for member in members) > size + (_MOST_PICKLE if packed else 0):
        return "speaks of more bytes than it has"
    if any(member.file_size > _MOST_PICKLE for member in members if member.filename.endswith(".pkl")):
        return "has a pickle too large to be a list of tensors"
    return ""


def _safetensors(path: Path) -> "dict[str, torch.Tensor]":
    from safetensors.torch import load_file

    return load_file(path)


def _torch(path: Path) -> Any:
    import torch

    kind = _kind(path)
    if kind == "script":
        raise ValueError("it is a TorchScript archive, a program instead of a list of tensors")
    with warnings.catch_warnings(), torch.serialization.safe_globals(_scalars()):
        # Torch warns of pickle protocols it may not know; where it does not it raises, which is enough.
        warnings.simplefilter("ignore", UserWarning)
        # Mapped: optimiser states, often twice the weights, are never read.
        return torch.load(path, map_location="cpu", weights_only=True, mmap=kind == "zip")


def _scalars() -> list[Any]:
    """What a pickled NumPy number asks for: its maker under the names of NumPy 1 and 2, and the classes of dtypes."""
    import numpy as np

    make = np.float64(0).__reduce__()[0]
    dtypes = {type(np.dtype(code)) for code in "?bhilqBHILQefd"}
    return [(make, "numpy.core.multiarray.scalar"), (make, "numpy._core.multiarray.scalar"), np.dtype, *dtypes]


def _checked(found: Any, path: Path, what: str) -> "dict[str, torch.Tensor]":
    import torch

    if not isinstance(found, dict) or not found:
        raise _refused(
            path, what, f"holds {'an empty' if not found else 'a'} {type(found).__name__}, no tensors by name"
        )
    size = path.stat().st_size
    for name, value in found.items():
        if not isinstance(name, str) or not isinstance(value, torch.Tensor):
            raise _refused(path, what, f"holds {type(value).__name__} under {name!r} where a tensor should be")
        if value.layout is not torch.strided or value.is_quantized or value.device.type != "cpu":
            raise _refused(path, what, f"holds under {name!r} a tensor that is not plain numbers")
        # A view with stride 0 can claim any shape; copying it would take the memory.
        if value.numel() * value.element_size() > size:
            raise _refused(path, what, f"claims {tuple(value.shape)} for {name!r}, more than the file holds")
    return found


def _reason(error: Exception) -> str:
    asked = re.search(r"GLOBAL ([\w.]+)", str(error))
    if type(error).__name__ == "UnpicklingError" and asked:
        return f"asks for {asked[1]}, which is code and no data; nothing of it was run"
    first = str(error).strip().splitlines()[:1]
    return f"cannot be read ({type(error).__name__}: {first[0][:200] if first else ''})"


def _refused(path: Path, what: str, fault: str) -> UserError:
    return UserError(
        f"{path} {fault}. Expected the weights of {what}: tensors by name, as safetensors or saved by torch. Check the "
        "file with `cmmd-bench weights verify`, or bring it anew with `cmmd-bench weights get`.",
        exit_code=ENVIRONMENT,
    )


def _first(names: list[str]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
