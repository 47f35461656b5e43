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

import re
from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from cmmd_bench.embedders.device import CPU, device
from cmmd_bench.errors import UserError, unknown_name
from cmmd_bench.types import Embedder
from cmmd_bench.weights.registry import names as registered_weights


class Family(NamedTuple):
    """Where a family's factory is; its variants in words, "" for none; the weights or the package it cannot do without.

    weights: of the family without a variant, and of all variants but those in `others`
    named: whether a variant is itself the name of weights, or a folder
    """

    home: str
    variants: str = ""
    weights: tuple[str, ...] = ()
    package: str = ""
    others: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    named: bool = False


FAMILIES = {
    "conv3d-random": Family("cmmd_bench.embedders.conv3d_random:Conv3dRandom"),
    "logmel-stats": Family("cmmd_bench.embedders.logmel_stats:LogmelStats"),
    "i3d": Family(
        "cmmd_bench.embedders.i3d:open_i3d",
        "videogpt, mm-diffusion, tats, cd-fvd, styleganv, ...",
        ("i3d-pretrained-400",),
        others={"styleganv": ("i3d-torchscript",), "fvd-comparison": ("i3d-torchscript",)},
    ),
    "videomae": Family(
        "cmmd_bench.embedders.videomae:open_videomae",
        "a Hub model or a folder",
        ("MCG-NJU/videomae-base",),
        named=True,
    ),
    "clap-laion-audio": Family("cmmd_bench.embedders.clap.laion:open_laion_audio", weights=("clap-laion-audio",)),
    "clap-laion-music": Family("cmmd_bench.embedders.clap.laion:open_laion_music", weights=("clap-laion-music",)),
    "clap-2023": Family("cmmd_bench.embedders.clap.msclap:open_clap_2023", weights=("clap-2023",)),
    "clap-hub": Family(
        "cmmd_bench.embedders.clap.hub:open_clap_hub",
        "a Hub model or a folder",
        ("laion/clap-htsat-unfused",),
        named=True,
    ),
    "laion-clap": Family(
        "cmmd_bench.embedders.adapters:open_laion_clap", "a checkpoint", package="laion-clap", named=True
    ),
    "fadtk": Family("cmmd_bench.embedders.adapters:open_fadtk", "any model of fadtk", package="fadtk"),
}


_WINDOW = re.compile(r"(.+)@(\d+)f(\d+)")


def names() -> list[str]:
    """Every embedder that needs nothing but this package."""
    return sorted(name for name, family in FAMILIES.items() if not (family.weights or family.package))


def weights_of(features: str) -> tuple[str, ...]:
    """Names of the registered weights that an embedder needs, with or without a window; nothing is built or opened.

    Raises UserError with the nearest name for an unknown family. A variant that does not exist shows when it is built.
    """
    name, _ = split_window(features)
    family_name, _, variant = name.partition(":")
    if family_name not in FAMILIES:
        raise unknown_name("embedder", name, FAMILIES)
    family = FAMILIES[family_name]
    if family.named:
        return (variant,) if variant in registered_weights() and not Path(variant).is_dir() else ()
    return family.others.get(variant, family.weights)


def split_window(features: str) -> tuple[str, tuple[int, int] | None]:
    """`i3d:tats@16f64` -> ("i3d:tats", (16, 64)): the embedder, and the frames and pixels that it is shown, or None."""
    windowed = _WINDOW.fullmatch(features)
    return (features, None) if windowed is None else (windowed[1], (int(windowed[2]), int(windowed[3])))


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
    """Names an embedder's features in caches and manifests: name, version, weights, and any device but the CPU."""
    where = getattr(embedder, "device", CPU)
    return network(embedder) + ("" if where == CPU else f"/{where}")


def network(embedder: Embedder) -> str:
    """The same whatever the device, whose last bits no statistics show."""
    return f"{embedder.name}/{embedder.version}/{embedder.digest}"
