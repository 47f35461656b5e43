"""Embedders by name: from a clip to feature vectors.

conv3d-random   video, fixed random 3-D convolutions, 64 dimensions, nothing to download
logmel-stats    audio, log-mel statistics of half-second windows, 64 dimensions, nothing to download
i3d             video, 400 logits of I3D on Kinetics-400; `i3d:<dialect>` prepares frames as a published code does
videomae:MODEL  video, mean token of a VideoMAE model
clap-...        audio, LAION's and Microsoft's CLAP networks with fadtk's windows
laion-clap:CHECKPOINT, fadtk:MODEL   audio, by these packages where they are installed

A name is a family, or `family:variant`. Pretrained networks need their weights here (`cmmd-bench weights get`); nothing
downloads by itself and nothing stands in for what is missing. Results carry the embedder's name
(`fvd[conv3d-random]`) and are never compared across embedders.
"""

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import NamedTuple

from cmmd_bench.embedders.device import CPU, device
from cmmd_bench.errors import UserError, unknown_name
from cmmd_bench.types import Embedder


class Family(NamedTuple):
    """Where a family's factory is; its variants in words, "" for none; the weights or the package it cannot do without.

    weights: of the family without a variant; a variant may need others, and says so
    """

    home: str
    variants: str = ""
    weights: tuple[str, ...] = ()
    package: str = ""


FAMILIES = {
    "conv3d-random": Family("cmmd_bench.embedders.conv3d_random:Conv3dRandom"),
    "logmel-stats": Family("cmmd_bench.embedders.logmel_stats:LogmelStats"),
    "i3d": Family(
        "cmmd_bench.embedders.i3d:open_i3d",
        "videogpt, mm-diffusion, tats, cd-fvd, styleganv, ...",
        ("i3d-pretrained-400",),
    ),
    "videomae": Family(
        "cmmd_bench.embedders.videomae:open_videomae", "a Hub model or a folder", ("MCG-NJU/videomae-base",)
    ),
    "clap-laion-audio": Family("cmmd_bench.embedders.clap.laion:open_laion_audio", weights=("clap-laion-audio",)),
    "clap-laion-music": Family("cmmd_bench.embedders.clap.laion:open_laion_music", weights=("clap-laion-music",)),
    "clap-2023": Family("cmmd_bench.embedders.clap.msclap:open_clap_2023", weights=("clap-2023",)),
    "clap-hub": Family(
        "cmmd_bench.embedders.clap.hub:open_clap_hub", "a Hub model or a folder", ("laion/clap-htsat-unfused",)
    ),
    "laion-clap": Family("cmmd_bench.embedders.adapters:open_laion_clap", "a checkpoint", package="laion-clap"),
    "fadtk": Family("cmmd_bench.embedders.adapters:open_fadtk", "any model of fadtk", package="fadtk"),
}


def names() -> list[str]:
    """Every embedder that needs nothing but this package."""
    return sorted(name for name, family in FAMILIES.items() if not (family.weights or family.package))


def get_embedder(name: str) -> Embedder:
    """The embedder called `name`, built once per process and device (`cmmd_bench.embedders.device`).

    Raises UserError with the nearest name if there is none, and with what to do if its weights or package are missing.
    """
    return _built(name, device())


@cache
def _built(name: str, where: str) -> Embedder:
    family_name, colon, variant = name.partition(":")
    if family_name not in FAMILIES:
        raise unknown_name("embedder", name, FAMILIES)
    family = FAMILIES[family_name]
    module, _, attribute = family.home.partition(":")
    factory: Callable[..., Embedder] = getattr(import_module(module), attribute)
    if colon and not family.variants:
        raise UserError(f"embedder {family_name!r} has no variants, found {name!r}. Use {family_name!r}.")
    chosen = (variant,) if family.variants else ()
    return factory(*chosen, device=where) if family.weights else factory(*chosen)


def identity(embedder: Embedder) -> str:
    """What names an embedder's features in caches and manifests: name, version, weights, and the device if it is none
    of the CPU's, which all agree to the bit."""
    where = getattr(embedder, "device", CPU)
    return f"{embedder.name}/{embedder.version}/{embedder.digest}" + ("" if where == CPU else f"/{where}")
