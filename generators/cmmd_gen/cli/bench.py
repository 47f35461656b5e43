"""`bench`: what the bundled models cost on this machine."""

from typing import Annotated

import typer

from cmmd_bench.errors import UserError, unknown_name

app = typer.Typer(no_args_is_help=True)


@app.callback()
def bench() -> None:
    """Measure speed and memory of the bundled models."""


@app.command()
def generators(
    models: Annotated[str, typer.Option(help="Separated by commas; ncmmd is the network of cmmd.")] = "cmmd,mmdiff",
    presets: Annotated[str | None, typer.Option(help="Separated by commas (default: paper,tiny).")] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda or cuda:1.", show_default=True)] = "cpu",
    precision: Annotated[
        str | None, typer.Option(help="Separated by commas (default: fp32, and bf16 where the device computes in it).")
    ] = None,
    batch: Annotated[
        str | None, typer.Option(help="Clips at a time, separated by commas (default: 1; on cuda 1,8,32).")
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Of the processor (default: cores).")] = None,
    repeats: Annotated[int, typer.Option(min=1, help="Timings of each evaluation.")] = 5,
    compiled: Annotated[bool, typer.Option("--compile", help="Measure through torch.compile as well.")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="Preset tiny only: a minute instead of half an hour.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
) -> None:
    """Time, peak memory and arithmetic of one evaluation of the networks, beside Table 3 of the paper.

    Each case is measured in a process of its own. On cuda also as CUDA graphs. Exit code 1 if a case could not be
    measured, for lack of memory or otherwise; its row says so.

    Example: cmmd-bench bench generators --quick

    Example: cmmd-bench bench generators --device cuda --presets paper --compile --json > speed.json
    """
    if device.partition(":")[0] not in ("cpu", "cuda"):
        raise unknown_name("device to measure on", device, ("cpu", "cuda"))
    if quick and presets is not None:
        raise UserError(f"--quick is --presets tiny, and --presets {presets} was given as well. Leave one out.")
    from cmmd_bench.cli.output import note, print_json, print_table
    from cmmd_bench.embedders.device import choose_device
    from cmmd_bench.parallel import default_workers
    from cmmd_gen.speed.cases import cases

    wanted = cases(
        _names(models, "--models"),
        _names(presets or ("tiny" if quick else "paper,tiny"), "--presets"),
        device=device,
        precisions=_names(precision or "fp32,bf16", "--precision"),
        batches=_counts(batch or ("1" if device == "cpu" else "1,8,32")),
    )
    choose_device(device)
    from cmmd_gen.speed.machine import machine
    from cmmd_gen.speed.measure import measure
    from cmmd_gen.speed.report import MEANING, as_json, failures, table, table_3

    found = machine(device, threads=threads or default_workers())
    if precision is None and not found["bf16"]:
        note("bf16 is left out: torch has no fast bfloat16 here. --precision fp32,bf16 measures it all the same.")
        wanted = [case for case in wanted if case.precision != "bf16"]
    results = measure(
        wanted,
        repeats=repeats,
        threads=found["threads"],
        compiled=compiled,
        tell=_nothing if quiet else note,
    )
    if json:
        print_json(as_json(results, machine=found, repeats=repeats))
    else:
        print_table(*table(results), title=_title(found))
        for name, meaning in MEANING.items():
            typer.echo(f"{name}: {meaning}")
        print_table(*table_3(results), title="\nTable 3 of the paper: compare the ratios, not the times")
        for line in failures(results):
            note(f"not measured: {line}")
    if failures(results):
        raise typer.Exit(1)


def _nothing(line: str) -> None:
    pass


def _names(text: str, option: str) -> list[str]:
    names = list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not names:
        raise UserError(f"{option} {text!r} names nothing.")
    return names


def _counts(text: str) -> list[int]:
    counts = _names(text, "--batch")
    if not all(count.isdecimal() and int(count) > 0 for count in counts):
        raise UserError(f"--batch {text!r} is not whole numbers above 0 separated by commas, such as 1,8,32.")
    return [int(count) for count in counts]


def _title(machine: dict[str, object]) -> str:
    where = machine["card"] or f"{machine['processor']}, {machine['threads']} of {machine['cores']} cores"
    load = machine["load"]
    busy = "" if load is None else f", load {load:.1f} before the measurement"
    return f"{where}, torch {machine['torch']}{busy}"
