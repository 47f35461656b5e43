"""Embedders by name: from a clip to feature vectors.

conv3d-random   video, fixed random 3-D convolutions, 64 dimensions, nothing to download
logmel-stats    audio, log-mel statistics of half-second windows, 64 dimensions, nothing to download

Results carry the embedder's name (`fvd[conv3d-random]`) and are never compared across embedders.
"""

from functools import cache
from importlib import import_module

from cmmd_bench.errors import unknown_name
from cmmd_bench.types import Embedder

_HOME = {
    "conv3d-random": "cmmd_bench.embedders.conv3d_random:Conv3dRandom",
    "logmel-stats": "cmmd_bench.embedders.logmel_stats:LogmelStats",
}


def names() -> list[str]:
    """Every embedder that can be asked for."""
    return sorted(_HOME)


@cache
def get_embedder(name: str) -> Embedder:
    """The embedder called `name`, built once per process. Raises UserError with the nearest name if there is none."""
    if name not in _HOME:
        raise unknown_name("embedder", name, _HOME)
    module, _, attribute = _HOME[name].partition(":")
    embedder: Embedder = getattr(import_module(module), attribute)()
    return embedder


def identity(embedder: Embedder) -> str:
    """What names an embedder's features in caches and manifests: name, version and weights."""
    return f"{embedder.name}/{embedder.version}/{embedder.digest}"
