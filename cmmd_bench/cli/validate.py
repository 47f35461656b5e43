"""`validate`: which metric sees which fault."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from cmmd_bench.validation.study import Validation
    from cmmd_bench.validation.verdicts import Verdict

METRICS = (
    "fvd[conv3d-random]",
    "kvd[conv3d-random]",
    "fad[logmel-stats]",
    "fad-clip[logmel-stats]",
    "kad[logmel-stats]",
    "beat-hit@100ms",
    "beat-hit@500ms",
    "onset-f1@50ms",
    "cdcd-hit",
    "av-align",
)


def validate(
    dataset: Annotated[str, typer.Option(help="Name of a dataset (`data list`).")] = "beatdance",
    data: Annotated[Path | None, typer.Option(help="Folder of its clips, where it has files.")] = None,
    metric: Annotated[
        list[str] | None, typer.Option(help="Label such as 'fad[clap-2023]'; may be repeated (default: no downloads).")
    ] = None,
    clips: Annotated[
        int, typer.Option(min=16, help="Clips of a procedural dataset, half scored, half reference.")
    ] = 96,
    seconds: Annotated[float, typer.Option(min=0.5, help="Length of the clips that are scored.")] = 1.8,
    margin: Annotated[
        float, typer.Option(min=0.0, help="Seconds that clips last longer at either end: how far sound can be shifted.")
    ] = 1.0,
    fps: Annotated[str, typer.Option(help="Frames a second.")] = "10",
    size: Annotated[str, typer.Option(help="WIDTHxHEIGHT.")] = "64x64",
    sample_rate: Annotated[int, typer.Option(min=1, help="Hz.")] = 16_000,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes (default: cores).")] = None,
    device: Annotated[
        str, typer.Option(help="Where networks look at clips: cpu, cuda, cuda:1, mps.", show_default=True)
    ] = "cpu",
    out: Annotated[Path | None, typer.Option(help="Folder for validation.json and curves.png.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bars.")] = False,
) -> None:
    """Make real clips worse in known steps, and report which metric sees which fault, and which is blind.

    The same command again goes on where it stopped: what was embedded is kept.

    Example: cmmd-bench validate --out validation

    Example: cmmd-bench validate --dataset folder --data my/clips --seconds 1 --margin 0.3 --metric 'fad[clap-2023]'
    """
    from cmmd_bench.atomic import require_writable, write_json
    from cmmd_bench.cli.output import note, print_json, progress
    from cmmd_bench.cli.parsing import import_from_here, parse_rate, parse_size
    from cmmd_bench.datasets import open_dataset
    from cmmd_bench.embedders.device import choose_device
    from cmmd_bench.runs.interrupt import second_interrupt_exits
    from cmmd_bench.suites.labels import parse_metric
    from cmmd_bench.suites.needs import modules_needed
    from cmmd_bench.types import ClipSpec
    from cmmd_bench.validation.faulty import Faulty, longer
    from cmmd_bench.validation.study import validate as run
    from cmmd_bench.validation.verdicts import verdicts

    choose_device(device)
    if out is not None:
        require_writable(out)
    height, width = parse_size(size)
    spec = ClipSpec(seconds, parse_rate(fps), height, width, sample_rate)
    source = open_dataset(dataset, longer(spec, margin), root=data, size=clips)
    metrics = [parse_metric(label) for label in metric or METRICS]
    import_from_here(modules_needed(metrics))
    with second_interrupt_exits():
        found = run(Faulty(source, spec, margin), metrics, workers=workers, progress=progress(quiet or json))
    judged = verdicts(found)
    if out is not None:
        from cmmd_bench.validation.figure import draw

        write_json(out / "validation.json", _table(found, judged))
        draw(found, out / "curves.png")
    if json:
        print_json(_table(found, judged))
    else:
        _show(found, judged)
    for label, why in (missing := _not_computed(found)).items():
        note(f"not computed: {label}: {why}")
    if out is not None:
        note(f"curves: {out / 'curves.png'}; numbers: {out / 'validation.json'}")
    if missing:
        raise typer.Exit(1)


def _not_computed(found: "Validation") -> dict[str, str | None]:
    """Metrics without a value on untouched clips, and why."""
    return {curve.metric.label: curve.untouched.why for curve in found.curves if curve.untouched.value is None}


def _show(found: "Validation", judged: "list[Verdict]") -> None:
    from cmmd_bench.cli.output import note, print_table

    metrics = list(dict.fromkeys(verdict.metric for verdict in judged))
    faults = list(dict.fromkeys(verdict.fault for verdict in judged))
    units = {curve.fault.name: curve.fault.unit for curve in found.curves}
    table = {(verdict.metric, verdict.fault): verdict for verdict in judged}
    rows = [
        [f"{fault} ({units[fault]})", *(_word(table.get((metric, fault))) for metric in metrics)] for fault in faults
    ]
    title = (
        f"the level from which each metric sees a fault, on {found.clips[0]} clips against {found.clips[1]} "
        "(5 %, corrected over the levels of each fault)"
    )
    print_table(["fault", *metrics], rows, title=title)
    note(
        "≥ x: seen from level x on; ~: but not steadily; blind: at no level; better!: some level is rewarded; "
        "·: other side; –: not computed"
    )
    for level in found.skipped:
        note(f"not tried: {level}, because clips are no longer than that at either end. Give more --margin")


def _word(verdict: "Verdict | None") -> str:
    if verdict is None:
        return "·"
    if verdict.levels == 0:
        return "–"
    word = "blind" if verdict.seen_from is None else f"≥ {abs(verdict.seen_from):g}"
    if verdict.seen_from is not None and not verdict.steady:
        word += " ~"
    return f"{word} better!" if verdict.rewards else word


def _table(found: "Validation", judged: "list[Verdict]") -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "clips": {"scored": found.clips[0], "reference": found.clips[1]},
        "skipped": list(found.skipped),
        "verdicts": [asdict(verdict) for verdict in judged],
        "curves": [
            {
                "metric": curve.metric.label,
                "fault": curve.fault.name,
                "unit": curve.fault.unit,
                "untouched": asdict(curve.untouched),
                "steps": [
                    {
                        "level": step.level,
                        "result": asdict(step.result),
                        "harm": None if step.harm is None else asdict(step.harm),
                    }
                    for step in curve.steps
                ],
            }
            for curve in found.curves
        ],
    }
