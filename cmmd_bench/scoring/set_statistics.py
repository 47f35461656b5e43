"""Mean and covariance of a folder of clips in the space of an embedder: what `score` takes instead of the clips."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path

from cmmd_bench.content import content_digest
from cmmd_bench.embedders import weights_of
from cmmd_bench.embedders.cache import FeatureCache
from cmmd_bench.errors import UserError
from cmmd_bench.extraction import Entry, Views, read_at
from cmmd_bench.extractors import get_extractor
from cmmd_bench.metrics import Accumulator, GaussianStatistics
from cmmd_bench.parallel import default_workers
from cmmd_bench.progress import Progress, silent
from cmmd_bench.scoring.clip_folders import read_folder
from cmmd_bench.scoring.common import common_spec, conversions
from cmmd_bench.types import ClipSpec


@dataclass(frozen=True, slots=True)
class SetStatistics:
    """Statistics of the rows of all clips that were seen.

    embedder: identity of what saw them, whatever the device; converted: what was converted on reading; left_out: (file
    or name, reason) of clips that are not in it
    """

    statistics: GaussianStatistics
    clips: int
    embedder: str
    spec: ClipSpec
    converted: Sequence[str]
    left_out: Sequence[tuple[str, str]]


def set_statistics(
    folder: Path,
    embedder: str,
    *,
    seconds: float | None = None,
    fps: Fraction | None = None,
    size: tuple[int, int] | None = None,
    sample_rate: int | None = None,
    workers: int | None = None,
    progress: Progress = silent,
) -> SetStatistics:
    """Statistics of every clip below `folder` as `embedder` sees it; `i3d@16f64` shows it a window.

    seconds, fps, size (height, width), sample_rate: what clips are read at; default: what most of them have. Clips are
    streamed: memory holds a few of them and one block of rows. Features are cached, so that a second call, or the
    scoring of the same clips, decodes nothing. Raises UserError for an embedder that does not exist or lacks its
    weights, and when the clips that can be seen give fewer than 2 rows.
    """
    weights_of(embedder)  # names of extractors that are no embedders end here
    extractor = get_extractor(embedder)
    found = read_folder(folder, fps, progress)
    infos = list(found.infos.values())
    spec = common_spec(infos, kind="the", seconds=seconds, fps=fps, size=size, sample_rate=sample_rate)
    entries = [Entry(name, content_digest(path), path, (embedder,)) for name, path in found.clips.items()]
    views = Views(FeatureCache())
    with progress("embed", len(entries)) as advance:
        load = partial(read_at, spec=spec)
        views.extract(load, entries, str(spec), workers=workers or default_workers(), advance=advance)
    total = Accumulator()
    left_out = list(found.left_out)
    clips = rows = 0
    for name in found.clips:
        array = views.get(name, embedder)
        if array is None:
            left_out.append((name, views.why(name, embedder)))
            continue
        total.add(array)
        clips, rows = clips + 1, rows + len(array)
    if rows < 2:
        reasons = "".join(f" {what}: {reason}" for what, reason in left_out[:3])
        raise UserError(f"{folder} gives {rows} rows of {embedder}, and a covariance needs at least 2.{reasons}")
    return SetStatistics(total.statistics(), clips, extractor.model, spec, conversions(infos, spec), left_out)
