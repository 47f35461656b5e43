"""Datasets by name.

beatdance    procedural: a figure that dances to synthesised music, with true beats
kitchen      procedural: hands and objects with impacts, pours and scrapes, with true events
folder       any tree of clips
aist         AIST++ with its official splits
epic-sounds  EPIC-Sounds annotations on EPIC-KITCHENS-100 videos
landscape    the Landscape corpus
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from inspect import Parameter, signature
from pathlib import Path
from typing import Any

from cmmd_bench.errors import UserError, unknown_name
from cmmd_bench.types import ClipSpec, Dataset


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of dataset: where it is made, and what it is in a sentence."""

    home: str
    about: str
    procedural: bool = False


KINDS = {
    "aist": Kind("cmmd_bench.datasets.aist:aist", "AIST++ dance videos, official cross-modal splits"),
    "beatdance": Kind("cmmd_bench.datasets.beatdance:BeatDance", "a dancer and music with true beats", procedural=True),
    "epic-sounds": Kind("cmmd_bench.datasets.epic_sounds:epic_sounds", "EPIC-Sounds events in first-person kitchens"),
    "folder": Kind("cmmd_bench.datasets.folder:folder", "any tree of clips, or folders of frames with a wav"),
    "kitchen": Kind("cmmd_bench.datasets.kitchen:Kitchen", "hands and objects with true events", procedural=True),
    "landscape": Kind("cmmd_bench.datasets.landscape:landscape", "the Landscape corpus of nature videos"),
}


def open_dataset(
    name: str,
    spec: ClipSpec,
    *,
    split: str = "test",
    root: Path | None = None,
    size: int | None = None,
    seed: int = 0,
    options: Mapping[str, Any] | None = None,
) -> Dataset:
    """The dataset called `name`, with clips of `spec`.

    `root` is the folder of a dataset of files; `size` and `seed` are for procedural ones, which have any number of
    clips and no files. `options` are the dataset's own. Raises UserError for a wrong name, folder or option.
    """
    if name not in KINDS:
        raise unknown_name("dataset", name, KINDS)
    kind = KINDS[name]
    module, _, attribute = kind.home.partition(":")
    make = getattr(import_module(module), attribute)
    given = dict(options or {})
    _check_options(name, make, given)
    if kind.procedural and root is not None:
        raise UserError(f"dataset {name!r} is rendered on the fly and has no files; leave --data out.")
    where: dict[str, Any] = {"size": size, "seed": seed} if kind.procedural else {"root": root}
    try:
        dataset: Dataset = make(spec, split=split, **where, **given)
    except (TypeError, ValueError) as error:
        raise UserError(f"dataset {name!r} cannot be opened with split {split!r} and {given}: {error}.") from error
    return dataset


def _check_options(name: str, make: Any, given: Mapping[str, Any]) -> None:
    fixed = {"spec", "split", "size", "seed", "root", "name"}
    known = [p.name for p in signature(make).parameters.values() if p.kind is Parameter.KEYWORD_ONLY]
    own = [option for option in known if option not in fixed]
    for option in given:
        if option not in own:
            raise unknown_name(f"option of dataset {name!r}", option, own)
