"""`stats`: mean and covariance of a set of clips, to be published and scored against."""

from pathlib import Path
from typing import Annotated

import typer

from cmmd_bench.errors import UserError


def stats(
    folder: Annotated[Path, typer.Argument(help="Folder of clips.")],
    embedder: Annotated[str, typer.Option(help="Such as clap-2023, i3d:styleganv or fadtk:vggish.")],
    out: Annotated[Path, typer.Option(help="FILE.npz; statistics of other embedders in it are kept.")],
    seconds: Annotated[float | None, typer.Option(min=0.0, help="Take this much of each clip.")] = None,
    fps: Annotated[str | None, typer.Option(help="Read at this rate, such as 10 or 30000/1001.")] = None,
    size: Annotated[str | None, typer.Option(help="Read at this size, WIDTHxHEIGHT.")] = None,
    sample_rate: Annotated[int | None, typer.Option(min=1, help="Read at this rate in Hz.")] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes for decoding and embedding (default: cores).")
    ] = None,
    device: Annotated[
        str, typer.Option(help="Where networks look at clips: cpu, cuda, cuda:1, mps.", show_default=True)
    ] = "cpu",
    replace: Annotated[bool, typer.Option("--replace", help="Replace statistics of the same embedder.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bars.")] = False,
) -> None:
    """Write the mean and covariance of a folder of clips, as fadtk reads them, for `score --reference FILE.npz`.

    Rates, size and length are those of most clips unless given. Exit code 1 if clips had to be left out.

    Example: cmmd-bench stats data/test --embedder clap-2023 --out test.npz
    """
    from cmmd_bench.atomic import require_writable
    from cmmd_bench.cli.output import note, print_json, progress
    from cmmd_bench.cli.parsing import parse_rate, parse_size
    from cmmd_bench.embedders.device import choose_device
    from cmmd_bench.runs.interrupt import second_interrupt_exits
    from cmmd_bench.scoring.published import model_key
    from cmmd_bench.scoring.set_statistics import set_statistics
    from cmmd_bench.statistics_file import write_statistics

    model = model_key(embedder)
    _check_target(out, model, replace=replace)
    require_writable(out.parent)
    choose_device(device)
    with second_interrupt_exits():
        found = set_statistics(
            folder,
            embedder,
            seconds=seconds,
            fps=None if fps is None else parse_rate(fps),
            size=None if size is None else parse_size(size),
            sample_rate=sample_rate,
            workers=workers,
            progress=progress(quiet or json),
        )
    write_statistics(out, model, found.statistics, embedder=found.embedder)
    for line in found.converted:
        note(f"converted: {line}")
    for name, reason in found.left_out:
        note(f"left out: {name}: {reason}")
    rows, width = found.statistics.n, found.statistics.mean.size
    if json:
        print_json(
            {
                "file": str(out),
                "model": model,
                "embedder": found.embedder,
                "clips": found.clips,
                "rows": rows,
                "features": width,
                "spec": str(found.spec),
                "left_out": [{"id": name, "reason": reason} for name, reason in found.left_out],
            }
        )
    else:
        typer.echo(f"{out}: {model}, {rows} rows of {width} features from {found.clips} clips at {found.spec}")
    if found.left_out:
        raise typer.Exit(1)


def _check_target(out: Path, model: str, *, replace: bool) -> None:
    """Before hours of work: whether the statistics may go there."""
    from cmmd_bench.statistics_file import models_in, read_origin

    if out.suffix != ".npz":
        raise UserError(f"--out {out} is not the name of an .npz file.")
    if replace or not out.exists() or model not in models_in(out):
        return
    origin = read_origin(out, model)
    n = "an unknown number of" if origin.n is None else str(origin.n)
    made = "" if origin.embedder is None else f", made with {origin.embedder}"
    raise UserError(
        f"{out} already holds statistics of {model} ({n} rows{made}). Give another --out, or --replace them."
    )
