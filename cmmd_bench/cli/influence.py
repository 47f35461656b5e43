"""`influence`: which clips to look at first."""

from pathlib import Path
from typing import Annotated

import typer


def influence(
    run: Annotated[Path, typer.Argument(help="Run folder, or a folder that `score --out` wrote.")],
    metric: Annotated[str, typer.Option(help="Label of a metric, as the table has it.")],
    model: Annotated[str, typer.Option(help="Row of the table.")],
    top: Annotated[int, typer.Option(min=1, help="How many conditions to list from either end.")] = 5,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object with all conditions.")] = False,
) -> None:
    """Show which conditions move a model's score the most: the score with their clips less the score without.

    Example: cmmd-bench influence runs/demo-1a2b3c4d --metric 'fad[logmel-stats]' --model mine
    """
    from dataclasses import asdict

    from cmmd_bench.cli.output import note, print_json, print_table
    from cmmd_bench.scoring.index import read_index
    from cmmd_bench.scoring.influence import influence as find

    found = find(read_index(run), metric, model)
    if json:
        print_json(asdict(found))
        return
    count = len(found.effects)
    shown = [*found.effects[:top], *found.effects[max(top, count - top) :]]
    rows = [[e.condition, f"{e.effect:+.3g}", "worse" if e.harm > 0 else "better", ", ".join(e.samples)] for e in shown]
    title = f"{metric} of {model} is {found.value:.4g}; what each condition adds to it"
    print_table(["condition", "effect", "makes the model look", "samples"], rows, title=title)
    if count > len(shown):
        note(f"{count - len(shown)} conditions between them are not shown; --json has all")
