"""`compare`: who beats whom, and by how much."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from cmmd_bench.scoring.comparisons import Comparison


def compare(
    run: Annotated[Path, typer.Argument(help="Run folder, or a folder that `score --out` wrote.")],
    model: Annotated[
        list[str] | None, typer.Option(help="Row to compare; may be repeated (default: all models).")
    ] = None,
    metric: Annotated[list[str] | None, typer.Option(help="Label of a metric; may be repeated (default: all).")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")] = False,
) -> None:
    """Compare models on the same conditions: difference, interval, p-value, corrected for the size of the table.

    A row of the table is better only if the difference survives Holm's correction at 5 %.

    Example: cmmd-bench compare runs/demo-1a2b3c4d

    Example: cmmd-bench compare runs/demo-1a2b3c4d --model mine --model shuffled --metric beat-hit@100ms
    """
    from dataclasses import asdict

    from cmmd_bench.cli.output import print_json, progress
    from cmmd_bench.scoring.comparisons import compare_models, pairs
    from cmmd_bench.scoring.index import read_index

    scored = read_index(run)
    chosen = {"models": model or (), "metrics": metric or ()}
    count = len(pairs(scored, **chosen))
    with progress(quiet or json)("compare", count) as advance:
        found = compare_models(scored, **chosen, advance=advance)
    if json:
        print_json({"comparisons": [{**asdict(c), "better": c.better} for c in found]})
    else:
        _show(found)
    if any(comparison.difference is None for comparison in found):
        raise typer.Exit(1)


def _show(found: "Sequence[Comparison]") -> None:
    from cmmd_bench.cli.output import note, print_table
    from cmmd_bench.cli.scores import ARROWS, number

    rows = []
    for c in found:
        d = c.difference
        if d is None:
            note(f"not compared: {c.metric} of {c.a} and {c.b} ({c.task}): {c.why}")
            continue
        verdict = f"{c.better} is better" if c.better else "no difference shown"
        name = f"{c.metric} {ARROWS[c.direction]}"
        size = number(d.estimate, d.estimate - d.low)
        rows.append(
            [c.task, name, f"{c.a} − {c.b}", size, _p(d.p_value), _p(c.adjusted), _n(c.paired, *d.conditions), verdict]
        )
        if d.left_out:
            note(f"{c.metric} of {c.a} and {c.b}: {d.left_out} conditions that one of them lacks are left out")
    if rows:
        where = (
            "the same conditions" if all(c.paired for c in found) else "the same conditions (where n is a sum, others)"
        )
        title = f"differences on {where}, ± 95 % intervals; p corrected for all comparisons shown (Holm)"
        print_table(
            ["task", "metric", "difference", "size", "p", "p corrected", "n", "verdict at 5 %"], rows, title=title
        )


def _n(paired: bool, of_a: int, of_b: int) -> str:
    return str(of_a) if paired else f"{of_a} + {of_b}"


def _p(value: float | None) -> str:
    return "–" if value is None else "< 0.0001" if value < 1e-4 else f"{value:.4f}"
