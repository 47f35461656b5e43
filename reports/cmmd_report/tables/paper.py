"""Tables 1, 2 and 3 of the CMMD paper, in its arrangement, from the results of a run and from `bench generators`.

Models appear under the paper's names, whose plugins are called otherwise; other models under their own. The best of a
row is bold, as in the paper: it is the smallest or largest number, and whether it is better is for the comparisons.
"""

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from cmmd_bench.errors import UserError
from cmmd_bench.plugins import RESERVED
from cmmd_bench.scoring.results import Result
from cmmd_bench.suites.labels import parse_metric
from cmmd_bench.suites.metrics import BeatHit, Metric, SetMetric
from cmmd_report.comparing import best
from cmmd_report.tables.grid import Entry, Grid
from cmmd_report.types import Run

NAMES = {"cmmd": "CMMD", "ncmmd": "nCMMD", "mmdiff": "MM-Diff"}
"""What the paper calls the models that come along."""
MISSING = "N/A"
LOOSEST = 500
"""Milliseconds: a tolerance that the paper shows and advises against (section 3.1)."""
PIXELS_PER_LATENT = 8
"""Of Stable Diffusion's autoencoder, along each side."""
FPS = 10
"""Of the networks' clips."""


def frame_settings(run: Run) -> list[Grid]:
    """Table 1: FVD and KVD of each clip's first frames at a size, pairwise; one grid for each way of seeing them.

    A metric of whole clips stands under the frames and the size that the suite gives them.
    """
    found: dict[tuple[str, str], dict[tuple[int, int], dict[str, list[Result]]]] = {}
    for result, metric in _parsed(run):
        if isinstance(metric, SetMetric) and metric.metric in ("fvd", "kvd") and metric.against == "conditions":
            seen = (result.task, f"{metric.embedder}{f', {metric.dialect}' if metric.dialect else ''}")
            table = found.setdefault(seen, {})
            table.setdefault(_setting(metric, run), {}).setdefault(metric.metric, []).append(result)
    grids = []
    for number, ((task, features), table) in enumerate(found.items()):
        models = _models(r for kinds in table.values() for results in kinds.values() for r in results)
        if not models:
            continue
        rows = []
        for frames, size in sorted(table, key=lambda setting: setting[::-1]):
            entries = [Entry(f"{frames} frames ({size})")]
            for model in models:
                entries += [_entry(model, table[frames, size].get(kind, []), _whole) for kind in ("fvd", "kvd")]
            rows.append(entries)
        grids.append(
            Grid(
                "paper-table-1" if number == 0 else f"paper-table-1-{number + 1}",
                f"FVD and KVD results for different frame settings on {_data(run)} ({task}). Numbers in parentheses "
                f"indicate the resolution of the evaluated frames. {_counts(table)} Features: {features}.",
                ["Models", *("FVD", "KVD") * len(models)],
                rows,
                groups=[("", 1), *((NAMES.get(model, model), 2) for model in models)],
            )
        )
    return grids


def hit_rates(run: Run) -> list[Grid]:
    """Table 2: the share of beats hit at each tolerance, the widest first; one grid for each way of hearing them."""
    found: dict[tuple[str, str, str], dict[float, list[Result]]] = {}
    for result, metric in _parsed(run):
        if isinstance(metric, BeatHit) and metric.metric == "beat-hit":
            kind = (result.task, metric.against, metric.tracker)
            found.setdefault(kind, {}).setdefault(metric.tolerance_ms, []).append(result)
    grids = []
    for number, ((task, against, tracker), table) in enumerate(found.items()):
        models = _models(r for results in table.values() for r in results)
        if not models:
            continue
        rows = []
        for tolerance in sorted(table, reverse=True):
            entries = [_entry(model, table[tolerance], _percent) for model in models]
            rows.append([Entry(f"± {tolerance:g} ms"), *entries, Entry(_comment(tolerance, table[tolerance]))])
        truth = "the true beats" if against == "truth" else "the beats of the real sound"
        grids.append(
            Grid(
                "paper-table-2" if number == 0 else f"paper-table-2-{number + 1}",
                f"Comparison of beat tracking accuracy on {_data(run)} ({task}), against {truth} ({tracker}). The "
                "first column is the allowable margin of error for beat timing, a smaller window being a stricter "
                "standard. Higher hit rates within lower tolerances signify superior temporal alignment, as far as "
                "they lie above chance.",
                ["Hit rate tolerance", *(NAMES.get(model, model) for model in models), "Comments"],
                rows,
            )
        )
    return grids


def speeds(table: Mapping[str, Any]) -> Grid:
    """Table 3, from what `bench generators --json` printed: batch 1, float32, forward alone, without compilation.

    Raises UserError for a table that holds no such measurement.
    """
    try:
        rows = [row for case in table["cases"] if (row := _speed(case)) is not None]
        machine = table["machine"]
        where = str(machine["card"] or f"{machine['processor']}, {machine['threads']} threads")
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(f"the speeds are not what `bench generators --json` prints ({error!r}).") from None
    if not rows:
        raise UserError("the speeds hold no measurement of one clip at a time in float32: run `bench generators` anew.")
    return Grid(
        "paper-table-3",
        f"Comparison of model size and computational complexity on {where}, where ms/FE represents milliseconds per "
        "function evaluation of one clip in float32, without the gradient of guidance; (n)CMMD operates on a "
        "downsampled latent representation.",
        ["Model", "time", "#params", "video dim", "latent dim", "ms/FE"],
        rows,
    )


def _parsed(run: Run) -> list[tuple[Result, Metric]]:
    """Results with what their labels name; a label of a newer metric is left out."""
    pairs = []
    for result in run.scores.results:
        try:
            pairs.append((result, parse_metric(result.metric)))
        except UserError:
            continue
    return pairs


def _models(results: Any) -> list[str]:
    found = [name for name in dict.fromkeys(result.model for result in results) if name not in RESERVED]
    order = list(NAMES)
    return sorted(found, key=lambda name: order.index(name) if name in order else len(order))


def _setting(metric: SetMetric, run: Run) -> tuple[int, int]:
    clip = run.suite["clip"] if run.suite else run.scores.protocol["clips"]
    whole = round(clip["seconds"] * Fraction(clip["fps"]))
    return metric.frames or whole, metric.size or min(clip["size"])


def _entry(model: str, results: Sequence[Result], said: Callable[[float], str]) -> Entry:
    mine = next((result for result in results if result.model == model), None)
    if mine is None or mine.value is None:
        return Entry(MISSING)
    first = best(results)
    # Equal numbers are equally bold.
    is_best = first is not None and mine.value == next(r.value for r in results if r.model == first)
    return Entry(said(mine.value), "best" if is_best else "")


def _whole(value: float) -> str:
    """As the paper prints distances; small ones, as of random features, keep three digits."""
    return f"{value:.0f}" if abs(value) >= 10 else f"{value:.3g}"


def _percent(value: float) -> str:
    return f"{value:.0%}"


def _comment(tolerance: float, results: Sequence[Result]) -> str:
    chances = [r.chance for r in results if r.chance is not None and r.model not in RESERVED]
    told = ["not suggested tolerance"] if tolerance >= LOOSEST else []
    if chances:
        low, high = f"{min(chances):.0%}", f"{max(chances):.0%}"
        told.append(f"chance {low if low == high else f'{low} to {high}'}")
    return ", ".join(told)


def _data(run: Run) -> str:
    return str(run.suite["data"]["dataset"]) if run.suite else run.name


def _counts(table: Mapping[Any, Mapping[str, Sequence[Result]]]) -> str:
    mine = [result for kinds in table.values() for results in kinds.values() for result in results]
    conditions, samples = (max((getattr(r, name) for r in mine), default=0) for name in ("n", "n_samples"))
    return f"Pairwise: {samples} samples of {conditions} conditions against the corresponding ground truths."


def _speed(case: Mapping[str, Any]) -> list[Entry] | None:
    found = [
        one["milliseconds"]
        for one in case["measurements"]
        if one["kind"] == "forward" and one["how"] == "eager" and one["milliseconds"] is not None
    ]
    if case["batch"] != 1 or case["precision"] != "fp32" or not found:
        return None
    latent = case["model"] == "cmmd"
    size = case["size"]
    pixels = size * PIXELS_PER_LATENT if latent else size
    name = "(n)CMMD" if latent else NAMES.get(case["model"], case["model"])
    return [
        Entry(name if case["preset"] == "paper" else f"{name} {case['preset']}"),
        Entry(f"{case['frames'] / FPS:g}s"),
        Entry(f"{case['parameters'] / 1e6:.0f}M" if case["parameters"] >= 1e7 else f"{case['parameters'] / 1e6:.1f}M"),
        Entry(f"{pixels}×{pixels}"),
        Entry(f"{size}×{size}" if latent else "–"),
        Entry(f"{found[0]:.0f}" if found[0] >= 10 else f"{found[0]:.1f}"),
    ]
