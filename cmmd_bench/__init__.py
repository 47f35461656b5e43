"""cmmd-bench: benchmark audio-video generation.

The names below are the public library; each is imported when it is first used, so that the command line starts fast.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cmmd_bench.errors import UserError as UserError
    from cmmd_bench.runs import run as run
    from cmmd_bench.scoring.folders import score as score
    from cmmd_bench.suites import load_suite as load_suite
    from cmmd_bench.types import Clip as Clip
    from cmmd_bench.types import ClipSpec as ClipSpec
    from cmmd_bench.types import Embedder as Embedder
    from cmmd_bench.types import Generator as Generator
    from cmmd_bench.types import Item as Item
    from cmmd_bench.types import Request as Request
    from cmmd_bench.types import Task as Task

__version__ = "0.1.0"

_HOME = {
    "Clip": "cmmd_bench.types",
    "ClipSpec": "cmmd_bench.types",
    "Embedder": "cmmd_bench.types",
    "Generator": "cmmd_bench.types",
    "Item": "cmmd_bench.types",
    "Request": "cmmd_bench.types",
    "Task": "cmmd_bench.types",
    "UserError": "cmmd_bench.errors",
    "load_suite": "cmmd_bench.suites",
    "run": "cmmd_bench.runs",
    "score": "cmmd_bench.scoring.folders",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'cmmd_bench' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
