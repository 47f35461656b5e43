"""`score`: folders of clips that any model made, against a folder of real ones or their published statistics."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import cmmd_bench
from cmmd_bench.content import content_digest
from cmmd_bench.embedders.cache import FeatureCache
from cmmd_bench.errors import UserError
from cmmd_bench.extraction import Entry, Views, read_at
from cmmd_bench.extractors import get_extractor
from cmmd_bench.parallel import default_workers
from cmmd_bench.progress import Progress, silent
from cmmd_bench.scoring.clip_folders import NO_CLIPS, ClipFolder, read_folder
from cmmd_bench.scoring.common import common_spec, conversions
from cmmd_bench.scoring.index import Scored, write_index
from cmmd_bench.scoring.measures import Scorer
from cmmd_bench.scoring.pairing import Pairing, by_name, by_table, unpaired
from cmmd_bench.scoring.published import (
    Published,
    check_statistics,
    check_widths,
    metrics_of,
    published_at,
    refuse_what_needs_clips,
)
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
    """Score each folder of `generated` (name -> folder) against `reference`.

    reference: folder of real clips, or statistics of them: an .npz file or a folder with stats/<model>/mu.npy
    pairs: "stem", "none", or the path of a CSV with columns generated,reference; statistics have no pairs
    metrics: labels such as `fad[logmel-stats]` and `beat-hit@100ms`; default: all that need no download, or with
        statistics the Fréchet metrics of all embedders that they are of
    seconds, fps, size (height, width), sample_rate: what clips are compared at; default: what the real ones have, or
        with statistics the generated ones
    out: folder for results.json, scores.jsonl and scored.json, which `compare` reads

    Files that cannot be read or placed are listed in the scores' failures; the rest is scored. A script that calls this
    needs the usual `if __name__ == "__main__":` guard, because workers are processes.
    """
    published = published_at(Path(reference))
    wanted = _wanted(metrics, published, pairs)
    real = read_folder(Path(reference), fps, progress) if published is None else NO_CLIPS
    made = {name: read_folder(Path(path), fps, progress) for name, path in generated.items()}
    infos = [info for folder in (made.values() if published else [real]) for info in folder.infos.values()]
    kind = "generated" if published else "real"
    spec = common_spec(infos, kind=kind, seconds=seconds, fps=fps, size=size, sample_rate=sample_rate)
    rule = "none" if published else pairs
    pairings = {name: _pair(folder.clips, real.clips, rule) for name, folder in made.items()}
    if not metrics:
        wanted = _applicable(wanted, [real, *made.values()], paired=rule != "none")
    rows = [_row(name, pairing) for name, pairing in pairings.items()]
    views = _extract(real, pairings, wanted, spec, published, workers or default_workers(), progress)
    failures = [
        {"model": name, "id": what, "reason": reason}
        for name, folder in [("reference", real), *made.items()]
        for what, reason in [*folder.left_out, *(pairings[name].left_out if name in pairings else ())]
    ]
    for name in real.clips:
        blind = [extractor for extractor in extractors_of(wanted) if not views.has(f"real/{name}", extractor)]
        if blind:
            failures.append({"model": "reference", "id": name, "reason": views.why(f"real/{name}", blind[0])})
    protocol = _protocol(spec, pairings, wanted, published, [real, *made.values()])
    against = published or [f"real/{name}" for name in real.clips]
    scorer = Scorer(views, against, spec.seconds, float(spec.fps))
    scores = score_rows(rows, wanted, scorer, protocol=protocol, failures=failures)
    if out is not None:
        write_index(out, Scored(rows, wanted, scorer))
        write_scores(out, scores)
    return scores


def _wanted(labels: Sequence[str] | None, published: Published | None, pairs: str | Path) -> list[Metric]:
    """The metrics asked for, or all that come into question; UserError for what cannot be computed here."""
    if published is None:
        wanted = [parse_metric(label) for label in labels or DEFAULT_METRICS]
        check_metrics(wanted)
        return wanted
    if pairs not in ("stem", "none"):
        raise UserError(
            f"--pairs {pairs} says which real clip each generated one answers, and {published.path} holds no clips. "
            "Leave it out, or give a folder of real clips as --reference."
        )
    wanted = [parse_metric(label) for label in labels] if labels else metrics_of(published)
    refuse_what_needs_clips(wanted, published)
    check_metrics(wanted)
    check_statistics(wanted, published)
    return wanted


def _pair(generated: Mapping[str, Path], real: Mapping[str, Path], pairs: str | Path) -> Pairing:
    if pairs == "stem":
        return by_name(generated, real)
    if pairs == "none":
        return unpaired(generated)
    return by_table(generated, real, Path(pairs))


def _applicable(metrics: Sequence[Metric], folders: Sequence[ClipFolder], *, paired: bool) -> list[Metric]:
    """The metrics of sides that all folders with clips have; without pairs, those of sets."""
    infos = [folder.infos.values() for folder in folders if folder.infos]
    there: dict[Modality, bool] = {
        "video": all(any(info.fps for info in each) for each in infos),
        "audio": all(any(info.sample_rate for info in each) for each in infos),
    }
    kept = [m for m in metrics if all(there[side] for side in sides_of(m)) and (paired or m.real != "conditions")]
    if not kept:
        raise UserError("reference and generated clips have no side in common: one has only pictures or only sound.")
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
    real: ClipFolder,
    pairings: Mapping[str, Pairing],
    metrics: Sequence[Metric],
    spec: ClipSpec,
    published: Published | None,
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
    load = partial(read_at, spec=spec)
    with progress("embed", len(entries)) as advance:
        # One clip first: that statistics are of another width shall not show after hours of work.
        for part in (entries[:1], entries[1:]) if published else (entries,):
            views.extract(load, part, str(spec), workers=workers, advance=advance)
            if published:
                check_widths(metrics, published, views, [entry.name for entry in part])
    return views


def _protocol(
    spec: ClipSpec,
    pairings: Mapping[str, Pairing],
    metrics: Sequence[Metric],
    published: Published | None,
    folders: Sequence[ClipFolder],
) -> dict[str, Any]:
    infos = [info for folder in folders for info in folder.infos.values()]
    return {
        **({} if published is None else {"reference": published.describe(metrics)}),
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
