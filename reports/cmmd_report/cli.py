"""`report`: a run as one page."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()


@app.command()
def report(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN...", help="Run folders, or folders that `score --out` wrote.")
    ],
    study: Annotated[
        Path | None, typer.Option(help="Study of clips of this run, after `study export` and `study analyse --out`.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder to write to (default: RUN/report; several runs need it).")
    ] = None,
    speed: Annotated[
        Path | None, typer.Option(help="What `bench generators --json` printed, for the paper's Table 3.")
    ] = None,
    validation: Annotated[
        Path | None, typer.Option(help="Folder of `validate --out`: what the metrics see and do not.")
    ] = None,
    clips: Annotated[int, typer.Option(min=0, help="Conditions of each task whose clips can be played.")] = 6,
    embed: Annotated[
        bool, typer.Option("--embed/--no-embed", help="Clips within the page, or in a folder beside it.")
    ] = True,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bars.")] = False,
) -> None:
    """Write a page that answers which model is better, with all that the answer rests on.

    One HTML file that opens from disk and asks the network for nothing. The same run gives the same bytes. Several runs
    of one protocol are rows of one table; where protocols differ, each gets a page, and the first page says why.

    Example: cmmd-bench report runs/demo-1a2b3c4d

    Example: cmmd-bench report runs/demo-1a2b3c4d --study studies/dance --out report

    Example: cmmd-bench report runs/step-1000 runs/step-2000 runs/step-3000 --out progress
    """
    from cmmd_bench.cli.output import note, print_json, progress
    from cmmd_bench.errors import UserError
    from cmmd_report.report import write_report

    if out is None and len(runs) > 1:
        raise UserError("a report of several runs belongs to none of them. Name its folder with --out.")
    target = out or runs[0] / "report"
    found = write_report(
        runs,
        out=target,
        study=study,
        speed=speed,
        validation=validation,
        clips=clips,
        embed=embed,
        progress=progress(quiet or json),
    )
    if json:
        print_json({"page": str(found.page), "answer": list(found.answer)})
        return
    for sentence in found.answer:
        typer.echo(sentence)
    note(f"report: {found.page}")
