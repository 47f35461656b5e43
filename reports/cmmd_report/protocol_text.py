"""The paragraph that a paper needs to say how its numbers were made, from what the run recorded."""

from cmmd_bench.plugins import RESERVED
from cmmd_report.types import Run


def protocol_text(run: Run) -> list[str]:
    """Sentences, in the order in which a method section tells them."""
    protocol = run.scores.protocol
    suite = protocol.get("suite")
    told = [_conditions(run)] if suite else [_clips(run)]
    clip = suite["clip"] if suite else protocol.get("clips")
    if clip:
        height, width = clip["size"]
        told.append(
            f"Clips last {clip['seconds']:g} s at {clip['fps']} frames per second, {width} x {height} pixels, and "
            f"{clip['sample_rate']} Hz; what a model makes at another rate or size is converted to these and listed."
        )
    told.append(_intervals(run))
    if run.scored is not None:
        told.append(
            "Models are compared on the same conditions: the difference of their scores with a 95 % interval, a "
            "permutation test, and Holm's correction over all comparisons of the table."
        )
    seers = sorted(name for name in protocol.get("extractors", {}) if name != "levels")
    if seers:
        told.append(f"Features and events come from {', '.join(seers)}.")
    if run.has_frame:
        told.append(
            "The row ground-truth is the real clip of each condition, shuffled the real clip of another condition, "
            "and noise is noise."
        )
    if any(result.chance is not None for result in run.scores.results):
        told.append("An alignment score's chance level is what unrelated clips would reach.")
    return told


def _conditions(run: Run) -> str:
    suite = run.scores.protocol["suite"]
    data = suite["data"]
    models = dict.fromkeys(result.model for result in run.scores.results if result.model not in RESERVED)
    each = suite["samples_per_condition"]
    return (
        f"{', '.join(models) or 'No model'} answered {data['conditions']} conditions of the {data['split']} split of "
        f"{data['dataset']}, {each} clip{'s' if each > 1 else ''} each, with seeds that follow from run seed "
        f"{run.scores.protocol['seed']} and the condition (cmmd-bench {run.scores.protocol['cmmd_bench']}, suite "
        f"{suite['name']}); set distances compare with {data['reference']} real clips that no condition uses."
    )


def _clips(run: Run) -> str:
    counts = sorted({result.n_samples for result in run.scores.results})
    each = f"{counts[0]}" if counts[0] == counts[-1] else f"{counts[0]} to {counts[-1]}"
    real = max(result.n_reference for result in run.scores.results)
    version = run.scores.protocol.get("cmmd_bench", "of unknown version")
    pairing = run.scores.protocol.get("pairing", {})
    paired = "".join(f"; {model}: {how}" for model, how in sorted(pairing.items()))
    return f"{each} clips a row were scored against {real} real clips (cmmd-bench {version}){paired}."


def _intervals(run: Run) -> str:
    found: dict[str, list[str]] = {}
    for result in run.scores.results:
        if result.interval is not None:
            method = result.interval.partition(",")[0]
            metrics = found.setdefault(method, [])
            if result.metric not in metrics:
                metrics.append(result.metric)
    told = "; ".join(f"{method} ({', '.join(metrics)})" for method, metrics in found.items())
    return f"Intervals are of 95 %: {told}." if told else "No interval could be given."
