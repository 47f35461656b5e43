"""Generators by entry point, group `cmmd_bench.generators`: listing imports nothing, loading a name imports one module.

The bundled generators register the same way as a third party's. A name of the form `module:Class` is loaded directly,
for a model that is not packaged. Whatever is wrong with a plugin is a UserError that names the plugin, its
distribution and the cause, and only when that plugin is asked for.
"""

import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from cmmd_bench.content import content_digest
from cmmd_bench.contract import tasks_violation
from cmmd_bench.errors import ENVIRONMENT, UserError, unknown_name
from cmmd_bench.types import Generator

GROUP = "cmmd_bench.generators"
RESERVED = ("ground-truth", "shuffled", "noise")
"""Names of the built-in ceiling and floors (`cmmd_bench.baselines`), present in every table."""


def installed() -> dict[str, list[EntryPoint]]:
    """Every registered generator by name, nothing imported. More than one entry means that two packages collide."""
    found: dict[str, list[EntryPoint]] = {}
    for entry in entry_points(group=GROUP):
        found.setdefault(entry.name, []).append(entry)
    return dict(sorted(found.items()))


def load(name: str, options: Mapping[str, Any] | None = None) -> Generator:
    """Build the generator called `name` (or `module:Class`) with `options` as keyword arguments."""
    entry = _find(name)
    label = describe(entry)
    try:
        factory = entry.load()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a plugin may even call sys.exit at import
        raise _failure(f"generator {label} could not be imported", error) from error
    given = dict(options or {})
    try:
        generator = factory(**given)
    except UserError:
        raise
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise _failure(f"generator {label} could not be built with {given}", error) from error
    _check_shape(label, generator)
    return generator  # type: ignore[no-any-return]  # checked just above


def source(name: str) -> str:
    """What code answers to `name`: distribution and version, or for `module:Class` a digest of the module's file.

    Nothing of the plugin is run; two runs with different sources are different runs.
    """
    entry = _find(name)
    if entry.dist is not None:
        return f"{distribution(entry)} {entry.value}"
    try:
        spec = find_spec(entry.module)
    except (ImportError, ValueError):
        spec = None
    origin = Path(spec.origin) if spec is not None and spec.origin is not None else None
    digest = content_digest(origin)[:16] if origin is not None and origin.is_file() else "unknown"
    return f"{entry.value} {digest}"


def describe(entry: EntryPoint) -> str:
    """`'noise' (cmmd-bench-noise 0.1, cmmd_bench_noise:Noise)`."""
    return f"{entry.name!r} ({distribution(entry)}, {entry.value})" if entry.dist else f"{entry.name!r} ({entry.value})"


def distribution(entry: EntryPoint) -> str:
    """Name and version of the package that registered `entry`, or an empty string."""
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else ""


def check(name: str, *, timeout: float = 120.0) -> str:
    """Import one plugin in a process of its own; "ok", or the first line of what went wrong."""
    code = "import sys; from cmmd_bench.plugins import _find; _find(sys.argv[1]).load()"
    try:
        done = subprocess.run(
            [sys.executable, "-c", code, name], capture_output=True, text=True, timeout=timeout, check=False
        )
    except subprocess.TimeoutExpired:
        return f"import took more than {timeout:.0f} s"
    if done.returncode == 0:
        return "ok"
    lines = done.stderr.strip().splitlines()
    return lines[-1] if lines else f"import ended the process with exit code {done.returncode}"


def _find(name: str) -> EntryPoint:
    if ":" in name:
        return EntryPoint(name.rpartition(":")[2], name, GROUP)
    found = installed()
    if name not in found:
        raise unknown_name("generator", name, [*found, *RESERVED])
    # One distribution may be seen twice (an editable install beside its wheel): that is no collision.
    distinct = {(distribution(entry), entry.value): entry for entry in found[name]}
    if len(distinct) > 1:
        both = " and ".join(describe(entry) for entry in distinct.values())
        raise UserError(f"two packages register a generator named {name!r}: {both}. Uninstall one of them.")
    return found[name][0]


def _check_shape(label: str, generator: object) -> None:
    missing = [part for part in ("tasks", "generate") if not hasattr(generator, part)]
    if missing:
        lacks = " and ".join(repr(part) for part in missing)
        raise UserError(
            f"generator {label} returned {type(generator).__name__}, which has no {lacks}.", exit_code=ENVIRONMENT
        )
    wrong = tasks_violation(generator.tasks)  # type: ignore[attr-defined]  # its presence was checked just above
    if wrong is not None:
        raise UserError(f"generator {label}: {wrong}.", exit_code=ENVIRONMENT)


def _failure(what: str, error: BaseException) -> UserError:
    return UserError(f"{what}: {type(error).__name__}: {error}", exit_code=ENVIRONMENT)
