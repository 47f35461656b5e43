"""`score`: folders of clips that any model made, against a folder of real ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import cmmd_bench
from cmmd_bench.content import content_digest
from cmmd_bench.datasets.folder import clips_below
from cmmd_bench.embedders.cache import FeatureCache
from cmmd_bench.errors import UserError
from cmmd_bench.extraction import Entry, Views, read_at
from cmmd_bench.extractors import get_extractor
from cmmd_bench.media import MediaInfo, probe
from cmmd_bench.parallel import default_workers
from cmmd_bench.progress import Progress, silent
from cmmd_bench.scoring.common import common_spec, conversions
from cmmd_bench.scoring.index import Scored, write_index
from cmmd_bench.scoring.measures import Scorer
from cmmd_bench.scoring.pairing import Pairing, by_name, by_table, unique_names, unpaired
from cmmd_bench.scoring.results import Scores, write_scores
from cmmd_bench.scoring.samples import RowOfTable, Sample
from cmmd_bench.scoring.table import check_metrics, extractors_of, score_rows, sides_of
from cmmd_bench.suites.labels import parse_metric
from cmmd_bench.suites.metrics import Metric
from cmmd_bench.types import ClipSpec, Modality

DEFAULT_METRICS = (
    "fvd[conv3d-random]",
    "kvd[conv3d-random]",
    "fad[logmel-stats]",
    "fad-clip[logmel-stats]",
    "beat-hit@100ms",
    "beat-hit@500ms",
)


@dataclass(frozen=True, slots=True)
class _Folder:
    """Readable clips of one folder by name, their headers, and the files that were left out with the reason."""

    clips: Mapping[str, Path]
    infos: Mapping[str, MediaInfo]
    left_out: Sequence[tuple[str, str]]


def score(
    generated: Mapping[str, Path],
    reference: Path,
    *,
    pairs: str | Path = "stem",
    metrics: Sequence[str] | None = None,
    seconds: float | None = None,
    fps: Fraction | None = None,
    size: tuple[int, int] | None = None,
    sample_rate: int | None = None,
    workers: int | None = None,
    out: Path | None = None,
    progress: Progress = silent,
) -> Scores:
    """Score each folder of `generated` (name -> folder) against the real clips in `reference`.

    pairs: "stem", "none", or the path of a CSV with columns generated,reference
    metrics: labels such as `fad[logmel-stats]` and `beat-hit@100ms`; default: all that need no download
    seconds, fps, size (height, width), sample_rate: what clips are compared at; default: what the real ones have
    out: folder for results.json, scores.jsonl and scored.json, which `compare` reads

    Files that cannot be read or placed are listed in the scores' failures; the rest is scored. A script that calls this
    needs the usual `if __name__ == "__main__":` guard, because workers are processes.
    """
    wanted = [parse_metric(label) for label in metrics or DEFAULT_METRICS]
    check_metrics(wanted)
    real = _read_folder(Path(reference), fps, progress)
    made = {name: _read_folder(Path(path), fps, progress) for name, path in generated.items()}
    spec = common_spec(list(real.infos.values()), seconds=seconds, fps=fps, size=size, sample_rate=sample_rate)
    pairings = {name: _pair(folder.clips, real.clips, pairs) for name, folder in made.items()}
    if not metrics:
        wanted = _applicable(wanted, real, made, paired=pairs != "none")
    rows = [_row(name, pairing) for name, pairing in pairings.items()]
    views = _extract(real, pairings, wanted, spec, workers or default_workers(), progress)
    failures = [
        {"model": name, "id": what, "reason": reason}
        for name, folder in [("reference", real), *made.items()]
        for what, reason in [*folder.left_out, *(pairings[name].left_out if name in pairings else ())]
    ]
    for name in real.clips:
        blind = [extractor for extractor in extractors_of(wanted) if not views.has(f"real/{name}", extractor)]
        if blind:
            failures.append({"model": "reference", "id": name, "reason": views.why(f"real/{name}", blind[0])})
    protocol = _protocol(spec, pairings, wanted, real, made)
    scorer = Scorer(views, [f"real/{name}" for name in real.clips], spec.seconds, float(spec.fps))
    scores = score_rows(rows, wanted, scorer, protocol=protocol, failures=failures)
    if out is not None:
        write_index(out, Scored(rows, wanted, scorer))
        write_scores(out, scores)
    return scores


def _read_folder(root: Path, fps: Fraction | None, progress: Progress) -> _Folder:
    if not root.is_dir():
        raise UserError(f"{root} is not a folder. Give a folder of clips.")
    found: dict[str, list[Path]] = {}
    for path in clips_below(root):
        below = path.relative_to(root)
        found.setdefault((below if path.is_dir() else below.with_suffix("")).as_posix(), []).append(path)
    clips, left_out = unique_names(found, root)
    infos: dict[str, MediaInfo] = {}
    with progress(f"read {root.name}", len(clips)) as advance:
        for name, path in clips.items():
            try:
                infos[name] = probe(path, frame_rate=fps)
            except UserError as error:
                left_out.append((path.relative_to(root).as_posix(), str(error)))
            advance()
    if not infos:
        reasons = "".join(f" {what}: {reason}" for what, reason in left_out[:3])
        raise UserError(f"{root} has no clip that can be read.{reasons}")
    return _Folder({name: clips[name] for name in infos}, infos, left_out)


def _pair(generated: Mapping[str, Path], real: Mapping[str, Path], pairs: str | Path) -> Pairing:
    if pairs == "stem":
        return by_name(generated, real)
    if pairs == "none":
        return unpaired(generated)
    return by_table(generated, real, Path(pairs))


def _applicable(metrics: Sequence[Metric], real: _Folder, made: Mapping[str, _Folder], *, paired: bool) -> list[Metric]:
    """The metrics of sides that both real and generated clips have; without pairs, those of sets."""
    folders = [real, *made.values()]
    there: dict[Modality, bool] = {
        "video": all(any(info.fps for info in folder.infos.values()) for folder in folders),
        "audio": all(any(info.sample_rate for info in folder.infos.values()) for folder in folders),
    }
    kept = [m for m in metrics if all(there[side] for side in sides_of(m)) and (paired or m.real != "conditions")]
    if not kept:
        raise UserError("real and generated clips have no side in common: one has only pictures, the other only sound.")
    return kept


def _row(model: str, pairing: Pairing) -> RowOfTable:
    samples = [
        Sample(
            view=_view(model, answer.name),
            id=answer.name,
            condition=answer.real if answer.real is not None else answer.name,
            index=answer.index,
            real=None if answer.real is None else f"real/{answer.real}",
        )
        for answer in pairing.answers
    ]
    return RowOfTable(model, "joint", samples)


def _view(model: str, name: str) -> str:
    # A line break occurs in no sensible name: "a/b" of one model is never "b" of model "a".
    return f"made/{model}\n{name}"


def _extract(
    real: _Folder,
    pairings: Mapping[str, Pairing],
    metrics: Sequence[Metric],
    spec: ClipSpec,
    workers: int,
    progress: Progress,
) -> Views:
    extractors = extractors_of(metrics)
    entries = [Entry(f"real/{name}", content_digest(path), path, extractors) for name, path in real.clips.items()]
    for model, pairing in pairings.items():
        for answer in pairing.answers:
            digest = content_digest(answer.path)
            entries.append(Entry(_view(model, answer.name), digest, answer.path, extractors))
    views = Views(FeatureCache())
    with progress("embed", len(entries)) as advance:
        views.extract(partial(read_at, spec=spec), entries, str(spec), workers=workers, advance=advance)
    return views


def _protocol(
    spec: ClipSpec,
    pairings: Mapping[str, Pairing],
    metrics: Sequence[Metric],
    real: _Folder,
    made: Mapping[str, _Folder],
) -> dict[str, Any]:
    infos = [*real.infos.values(), *(info for folder in made.values() for info in folder.infos.values())]
    return {
        "clips": {
            "seconds": spec.seconds,
            "fps": str(spec.fps),
            "size": [spec.height, spec.width],
            "sample_rate": spec.sample_rate,
        },
        "converted": conversions(infos, spec),
        "pairing": {model: pairing.how for model, pairing in pairings.items()},
        "metrics": [metric.label for metric in metrics],
        "extractors": {name: get_extractor(name).identity for name in extractors_of(metrics)},
        "cmmd_bench": cmmd_bench.__version__,
    }
