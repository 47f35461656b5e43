"""Checkpoints read as data: tensors by name from safetensors, torch's zip format or its older pickle.

A file from elsewhere is not trusted: pickles are read with `weights_only=True`, so that anything but tensors, plain
containers and NumPy scalars is refused and never run; sizes that the file cannot hold are refused before memory is
taken. Every error is a UserError (environment) that names the file, what was found and what to do.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cmmd_bench.errors import ENVIRONMENT, UserError

if TYPE_CHECKING:
    import torch

WRAPPERS = ("state_dict", "model", "module", "model_state_dict")
"""Keys under which trainers put the tensors, beside epoch and optimiser, in the order they are looked for."""


def load_tensors(path: Path, *, what: str) -> "dict[str, torch.Tensor]":
    """Tensors by name, on the CPU, with the dtype they were saved in; wrappers such as `state_dict` are taken off.

    `what` names the network in messages. Raises UserError (environment).
    """
    import torch
    from safetensors.torch import load_file

    with path.open("rb") as stream:
        head = stream.read(16)
    if head[8:9] == b"{":
        return load_file(path)
    found: Any = torch.load(path, map_location="cpu", weights_only=True)
    for key in WRAPPERS:
        if isinstance(found, dict) and isinstance(found.get(key), dict):
            found = found[key]
            break
    return dict(found)


def load_script(path: Path, *, what: str) -> "torch.jit.ScriptModule":
    """A TorchScript archive as a module in evaluation mode on the CPU. Raises UserError (environment)."""
    import torch

    module: torch.jit.ScriptModule = torch.jit.load(str(path), map_location="cpu")
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


def _first(names: list[str]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
