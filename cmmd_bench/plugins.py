"""Plugins by entry point: listing imports nothing, loading a name imports one module.

cmmd_bench.generators      models that are benchmarked; the bundled ones register the same way as a third party's
cmmd_bench.beat_trackers   what hears beats (`cmmd_bench.trackers`)

A name of the form `module:object` is loaded directly, for code that is not packaged. Whatever is wrong with a plugin is
a UserError that names the plugin, its distribution and the cause, and only when that plugin is asked for.
"""

import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from cmmd_bench.content import content_digest
from cmmd_bench.errors import ENVIRONMENT, UserError, unknown_name

if TYPE_CHECKING:
    from cmmd_bench.types import Generator

RESERVED = ("ground-truth", "shuffled", "noise")
"""Names of the built-in ceiling and floors (`cmmd_bench.baselines`), present in every table."""


class Slot(NamedTuple):
    """What plugins may bring: the group of their entry points, what messages call one, and names that are built in."""

    group: str
    what: str
    built_in: tuple[str, ...]


GENERATORS = Slot("cmmd_bench.generators", "generator", RESERVED)
COMMANDS = Slot("cmmd_bench.commands", "command", ())


def installed(slot: Slot = GENERATORS) -> dict[str, list[EntryPoint]]:
    """Every registered plugin by name, nothing imported. More than one entry means that two packages collide."""
    found: dict[str, list[EntryPoint]] = {}
    for entry in entry_points(group=slot.group):
        found.setdefault(entry.name, []).append(entry)
    return dict(sorted(found.items()))


def load(name: str, options: Mapping[str, Any] | None = None) -> "Generator":
    """Build the generator called `name` (or `module:Class`) with `options` as keyword arguments."""
    entry = find(name)
    label = describe(entry)
    factory = imported(entry, GENERATORS)
    given = dict(options or {})
    try:
        generator = factory(**given)
    except UserError:
        raise
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise failure(f"generator {label} could not be built with {given}", error) from error
    _check_shape(label, generator)
    return generator  # type: ignore[no-any-return]  # checked just above


def imported(entry: EntryPoint, slot: Slot) -> Any:
    """The object that an entry point names; UserError (environment) with the cause if its module does not import."""
    try:
        return entry.load()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a plugin may even call sys.exit at import
        raise failure(f"{slot.what} {describe(entry)} could not be imported", error) from error


def source(name: str, slot: Slot = GENERATORS) -> str:
    """What code answers to `name`: distribution and version, or for `module:object` a digest of the module's file.

    Nothing of the plugin is run; two runs with different sources are different runs.
    """
    entry = find(name, slot)
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


def check(name: str, slot: Slot = GENERATORS, *, timeout: float = 120.0) -> str:
    """Import one plugin in a process of its own; "ok", or the first line of what went wrong."""
    code = (
        "import sys; from cmmd_bench.plugins import Slot, find; "
        "find(sys.argv[1], Slot(sys.argv[2], sys.argv[3], ())).load()"
    )
    try:
        done = subprocess.run(
            [sys.executable, "-c", code, name, slot.group, slot.what],
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"import took more than {timeout:.0f} s"
    if done.returncode == 0:
        return "ok"
    lines = done.stderr.strip().splitlines()
    return lines[-1] if lines else f"import ended the process with exit code {done.returncode}"


def find(name: str, slot: Slot = GENERATORS) -> EntryPoint:
    """The entry point of that name, or one made of `module:object`; UserError with the nearest name, or for two."""
    if ":" in name:
        return EntryPoint(name.rpartition(":")[2], name, slot.group)
    found = installed(slot)
    if name not in found:
        raise unknown_name(slot.what, name, [*found, *slot.built_in])
    # One distribution may be seen twice (an editable install beside its wheel): that is no collision.
    distinct = {(distribution(entry), entry.value): entry for entry in found[name]}
    if len(distinct) > 1:
        both = " and ".join(describe(entry) for entry in distinct.values())
        raise UserError(f"two packages register a {slot.what} named {name!r}: {both}. Uninstall one of them.")
    return found[name][0]


def failure(what: str, error: BaseException) -> UserError:
    """A UserError (environment) that says what failed and why."""
    return UserError(f"{what}: {type(error).__name__}: {error}", exit_code=ENVIRONMENT)


def _check_shape(label: str, generator: object) -> None:
    missing = [part for part in ("tasks", "generate") if not hasattr(generator, part)]
    if missing:
        lacks = " and ".join(repr(part) for part in missing)
        raise UserError(
            f"generator {label} returned {type(generator).__name__}, which has no {lacks}.", exit_code=ENVIRONMENT
        )
    # Here, because `--help` lists commands by this module and loads no NumPy.
    from cmmd_bench.contract import tasks_violation

    wrong = tasks_violation(generator.tasks)  # type: ignore[attr-defined]  # its presence was checked just above
    if wrong is not None:
        raise UserError(f"generator {label}: {wrong}.", exit_code=ENVIRONMENT)
