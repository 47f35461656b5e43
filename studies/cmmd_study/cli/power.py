"""`power`: would the study find what it is made for?"""

from typing import Annotated

import typer

from cmmd_bench.errors import UserError
from cmmd_study.cli.host import Folder, Json


def power(
    study: Folder,
    delta: Annotated[float, typer.Option(min=0.05, max=4, help="True difference to be found, in points.")] = 0.5,
    raters: Annotated[str, typer.Option(help="Numbers of raters, separated by commas.")] = "8,14,28,56",
    clips: Annotated[str, typer.Option(help="Numbers of clips, separated by commas.")] = "5,10,20,40",
    dropout: Annotated[float, typer.Option(min=0, max=0.9, help="Share of raters who do not finish.")] = 0.0,
    target: Annotated[float, typer.Option(min=0.5, max=0.99, help="Power that is wanted.")] = 0.8,
    simulations: Annotated[int, typer.Option(min=100, help="Simulated studies for each cell.")] = 500,
    json: Json = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")] = False,
) -> None:
    """Simulate the study before anyone is asked: power of the planned contrasts over clips and raters, minutes each.

    Samples per system, questions and the correction are those of the study and its plan; `delta` is between the two
    systems of a contrast. Variances are assumptions until there is a pilot.

    Example: cmmd-bench study power my-study --delta 0.3 --clips 10,20,40
    """
    from cmmd_bench.cli.output import note, print_json, print_table, progress
    from cmmd_study.folder import StudyFolder
    from cmmd_study.planning import grid

    table = grid(
        StudyFolder(study),
        delta=delta,
        raters=_numbers(raters, "--raters"),
        clips=_numbers(clips, "--clips"),
        dropout=dropout,
        simulations=simulations,
        progress=progress(quiet or json),
    )
    if json:
        print_json([cell.to_json() for cell in table])
        return
    for section in dict.fromkeys(cell.section for cell in table):
        mine = [cell for cell in table if cell.section == section]
        first = mine[0]
        print_table(
            ["clips", "raters", "clips like these", "these clips", "minutes a rater"],
            [
                [
                    str(cell.clips),
                    str(cell.raters),
                    _shown(cell.power, target),
                    f"{cell.these:.2f}",
                    f"{cell.minutes:.0f}",
                ]
                for cell in mine
            ],
            title=f"{section}: power for {delta:g} points, {first.contrasts} contrasts of {first.questions} questions",
        )
        enough = [cell for cell in mine if cell.power >= target]
        smallest = min(enough, key=lambda cell: cell.clips * cell.raters, default=None)
        note(
            f"{section}: {target:.0%} is not reached; more clips help most."
            if smallest is None
            else f"{section}: {target:.0%} is reached with {smallest.clips} clips and {smallest.raters} raters, "
            f"{smallest.minutes:.0f} minutes each."
        )
    note("`these clips` also finds the luck of few clips; its power is no reason to prefer it.")


def _numbers(text: str, name: str) -> list[int]:
    try:
        found = [int(part) for part in text.split(",")]
    except ValueError:
        raise UserError(f"{name} must be whole numbers separated by commas, found {text!r}.") from None
    if not found or min(found) < 2:
        raise UserError(f"{name} must be 2 or more each, found {text!r}.")
    return found


def _shown(power: float, target: float) -> str:
    return f"{power:.2f}" + (" *" if power >= target else "")
