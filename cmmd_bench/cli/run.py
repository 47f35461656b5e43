"""`run` and `show`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from cmmd_bench.errors import UserError


def run(
    models: Annotated[
        str, typer.Option(help="Generators to benchmark, by name or module:Class, separated by commas.")
    ] = "",
    suite: Annotated[str, typer.Option(help="Built-in suite, or the path of a TOML file.")] = "demo",
    out: Annotated[Path | None, typer.Option(help="Run folder (default: runs/SUITE-DIGEST).")] = None,
    data: Annotated[Path | None, typer.Option(help="Folder of the suite's dataset, where it has files.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the run; each request derives its own from it.")] = 0,
    option: Annotated[
        list[str] | None, typer.Option(help="Constructor option of a model, NAME.KEY=VALUE; may be repeated.")
    ] = None,
    checkpoint: Annotated[
        list[str] | None, typer.Option(help="Weights of a model, NAME=PATH: its option `checkpoint`; may be repeated.")
    ] = None,
    shard: Annotated[
        str, typer.Option(help="i/n: work on every n-th request, starting at i; results when all are done.")
    ] = "0/1",
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes for decoding, embedding and small models (default: cores).")
    ] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Requests per call of a generator.")] = None,
    device: Annotated[
        str, typer.Option(help="Where networks look at clips: cpu, cuda, cuda:1, mps.", show_default=True)
    ] = "cpu",
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bars.")] = False,
) -> None:
    """Benchmark generators: requests -> generate -> embed -> score. The same command resumes.

    The rows ground-truth (ceiling), shuffled and noise (floors) always stand beside the models.

    Example: cmmd-bench run --models cmmd,mmdiff

    Example: cmmd-bench run --models cmmd --checkpoint cmmd=training/cmmd/model.safetensors

    Example: cmmd-bench run --models mymodel --option mymodel.steps=50 --suite aist --data ~/AIST
    """
    names = [name.strip() for name in models.split(",") if name.strip()]
    from cmmd_bench.cli.output import progress
    from cmmd_bench.cli.parsing import as_option, import_from_here, parse_options, parse_shard
    from cmmd_bench.embedders.device import choose_device
    from cmmd_bench.runs import run as run_suite
    from cmmd_bench.runs.interrupt import second_interrupt_exits
    from cmmd_bench.suites import load_suite
    from cmmd_bench.suites.needs import modules_needed

    choose_device(device)
    protocol = load_suite(suite)
    import_from_here([*names, *modules_needed(protocol.metrics)])
    with second_interrupt_exits():
        outcome = run_suite(
            protocol,
            parse_options(names, [*(option or []), *map(as_option, checkpoint or [])]),
            seed=seed,
            out=out,
            data=data,
            shard_of=parse_shard(shard),
            workers=workers,
            batch_size=batch_size,
            command=sys.argv,
            progress=progress(quiet or json),
        )
    _show(outcome.folder, json=json, pending=outcome.pending)


def show(
    run: Annotated[Path, typer.Argument(help="Run folder, as `run` printed it.")],
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")] = False,
) -> None:
    """Show the tables of a finished run once more; `report` writes them as a page, with more beside them.

    Example: cmmd-bench show runs/demo-1a2b3c4d
    """
    from cmmd_bench.runs.folder import RunFolder

    scored = (run / "results.json").exists()
    if scored and not (run / "run.json").exists():
        # A folder that `score --out` wrote.
        _show(run, json=json, pending=0)
        return
    manifest = RunFolder(run).manifest()
    if manifest["status"] == "running" or not scored:
        raise UserError(f"the run in {run} is unfinished. Run its command again to finish it: {manifest['command']}")
    _show(run, json=json, pending=0)


def _show(folder: Path, *, json: bool, pending: int) -> None:
    from cmmd_bench.cli.output import note, print_json
    from cmmd_bench.cli.scores import show
    from cmmd_bench.scoring.results import read_results

    if pending:
        if json:
            print_json({"folder": str(folder), "pending": pending})
        note(f"{pending} samples are left to other shards; results follow in {folder} when all are made.")
        return
    scores = read_results(folder)
    if json:
        print_json({"folder": str(folder), **scores.to_json()})
    else:
        show(scores)
        note(f"run folder: {folder}")
    if not scores.complete:
        raise typer.Exit(1)
