"""`weights`: which pretrained weights there are, bringing them here, and proving that they are what they should be."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cmmd_bench.errors import ENVIRONMENT, UserError

if TYPE_CHECKING:
    from cmmd_bench.weights.registry import Weights

app = typer.Typer(help="Pretrained weights: list, get, verify.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command("list")
def list_weights(json: Json = False) -> None:
    """List the registered weights, what they may be used for, and whether they are here. Reads no file's content.

    Example: cmmd-bench weights list
    """
    from cmmd_bench.cli.output import note, print_json, print_table
    from cmmd_bench.weights.registry import WEIGHTS
    from cmmd_bench.weights.store import size_text, weights_root

    if json:
        print_json({"folder": str(weights_root()), "weights": [_record(weights) for weights in WEIGHTS]})
        return
    rows = []
    for weights in WEIGHTS:
        largest = max(weights.files, key=lambda file: file.size or file.about or 0)
        rows.append([weights.name, size_text(largest), weights.licence, _state(weights), weights.used_by])
    print_table(["name", "size", "licence", "state", "used by"], rows)
    note(f"in {weights_root()} (CMMD_BENCH_WEIGHTS moves it)")


@app.command("get")
def get(
    names: Annotated[list[str] | None, typer.Argument(help="Names of weights.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All of the table.")] = False,
    suite: Annotated[str, typer.Option(help="All that a suite needs, by its name or the path of its TOML file.")] = "",
    folder: Annotated[Path | None, typer.Option("--from", help="Take the files from this folder.")] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Make no connection; say what is missing.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bars.")] = False,
) -> None:
    """Download weights and verify them, or take files carried in by hand; the same command goes on where it stopped.

    Example: cmmd-bench weights get i3d-torchscript clap-laion-audio

    Example: cmmd-bench weights get --suite aist
    """
    from cmmd_bench.cli.output import note
    from cmmd_bench.runs.interrupt import second_interrupt_exits
    from cmmd_bench.weights.get import get_weights
    from cmmd_bench.weights.registry import names as all_names

    if (bool(names), everything, bool(suite)).count(True) != 1:
        raise UserError("say which weights to get: names from `cmmd-bench weights list`, --suite NAME, or --all.")
    wanted = _of_suite(suite) if suite else names or all_names()
    if not wanted:
        note(f"suite {suite!r} needs no weights")
        return
    if folder is not None and not folder.is_dir():
        raise UserError(f"--from {folder} is not a folder.")
    with second_interrupt_exits(), _byte_bars(quiet) as report:
        got = get_weights(wanted, folder=folder, offline=offline, report=report)
    for each in got:
        typer.echo(f"{each.name}: {each.path} ({each.proof})")


@app.command("verify")
def verify(
    names: Annotated[list[str] | None, typer.Argument(help="Names of weights (default: all that are here).")] = None,
    json: Json = False,
) -> None:
    """Read the files that are here in full and compare them with their digests. Exit code 3 if one is not right.

    Example: cmmd-bench weights verify
    """
    from cmmd_bench.cli.output import note, print_json, print_table
    from cmmd_bench.weights.registry import WEIGHTS, entries
    from cmmd_bench.weights.store import expected_sha256, missing_files, verified_digest, weights_root

    results = []
    for weights in entries(names) if names else WEIGHTS:
        for file in weights.files:
            if file in missing_files(weights):
                if names:
                    results.append({"name": weights.name, "file": file.name, "ok": False, "found": "missing"})
                continue
            try:
                found = verified_digest(weights, file, afresh=True)
                against = "published" if file.sha256 else "pinned" if expected_sha256(weights, file) else "unproven"
                results.append({"name": weights.name, "file": file.name, "ok": True, "found": f"{found} {against}"})
            except UserError as error:
                results.append({"name": weights.name, "file": file.name, "ok": False, "found": str(error)})
    if json:
        print_json({"files": results})
    elif not results:
        note(f"no weights are in {weights_root()}")
    else:
        rows = [[str(r["name"]), str(r["file"]), "ok" if r["ok"] else "NOT *", str(r["found"])] for r in results]
        print_table(["name", "file", "", "SHA-256"], rows)
    if not all(result["ok"] for result in results):
        raise typer.Exit(ENVIRONMENT)


def _of_suite(name: str) -> list[str]:
    from cmmd_bench.suites import load_suite
    from cmmd_bench.suites.needs import weights_needed

    return weights_needed(load_suite(name).metrics)


def _record(weights: "Weights") -> dict[str, object]:
    from cmmd_bench.weights.store import expected_sha256, path_of, state

    files = [
        {
            "file": file.name,
            "path": str(path_of(weights, file)),
            "state": state(weights, file),
            "bytes": file.size,
            "sha256": expected_sha256(weights, file),
            "published": file.sha256 is not None,
            "urls": list(file.urls),
        }
        for file in weights.files
    ]
    return {
        "name": weights.name,
        "licence": weights.licence,
        "source": weights.source,
        "used_by": weights.used_by,
        "state": _state(weights),
        "files": files,
    }


def _state(weights: "Weights") -> str:
    """The worst of its files' states."""
    from cmmd_bench.weights.store import state

    states = [state(weights, file) for file in weights.files]
    return next((bad for bad in ("damaged", "partial", "missing", "unchecked") if bad in states), "here")


@contextmanager
def _byte_bars(quiet: bool) -> Iterator[Callable[[str, int, int | None], None] | None]:
    """One bar per file on stderr with bytes, rate and time left; nothing when quiet or not on a terminal."""
    import sys

    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TaskID,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (TextColumn("{task.description:<40}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as bars:
        tasks: dict[str, TaskID] = {}

        def report(name: str, arrived: int, total: int | None) -> None:
            if name not in tasks:
                tasks[name] = bars.add_task(name, total=total)
            bars.update(tasks[name], completed=arrived, total=total)

        yield report
