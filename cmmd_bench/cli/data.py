"""`data`: what data sets there are, cutting them once, and looking at them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cmmd_bench.errors import UserError

if TYPE_CHECKING:
    from cmmd_bench.types import ClipSpec, Dataset

app = typer.Typer(help="Datasets: list, prepare, preview.", no_args_is_help=True)

Data = Annotated[Path | None, typer.Option(help="Folder of the dataset's files; procedural ones have none.")]
Split = Annotated[str, typer.Option(help="Which split.")]
Count = Annotated[int | None, typer.Option(min=1, help="How many clips (default: all; procedural: 16).")]
Seconds = Annotated[float, typer.Option(min=0.01, help="Length of a clip.")]
Fps = Annotated[str, typer.Option(help="Frames a second, such as 10 or 30000/1001.")]
Size = Annotated[int, typer.Option(min=1, help="Height and width in pixels.")]
SampleRate = Annotated[int, typer.Option(min=1, help="Samples a second.")]
Seed = Annotated[int, typer.Option(help="Seed of a procedural dataset.")]


@app.command("list")
def list_datasets(json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False) -> None:
    """List the datasets.

    Example: cmmd-bench data list
    """
    from cmmd_bench.cli.output import print_json, print_table
    from cmmd_bench.datasets import KINDS

    if json:
        print_json({"datasets": {name: kind.about for name, kind in KINDS.items()}})
        return
    rows = [[name, "rendered" if kind.procedural else "your files", kind.about] for name, kind in KINDS.items()]
    print_table(["name", "clips", "about"], rows)


@app.command("prepare")
def prepare(
    dataset: Annotated[str, typer.Argument(help="Name of the dataset.")],
    out: Annotated[Path, typer.Option(help="Folder to store the clips in.")],
    data: Data = None,
    split: Split = "test",
    count: Count = None,
    seconds: Seconds = 1.8,
    fps: Fps = "10",
    size: Size = 64,
    sample_rate: SampleRate = 16_000,
    seed: Seed = 0,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes (default: cores).")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bars.")] = False,
) -> None:
    """Cut a dataset's clips once and store them lossless; the same command resumes. The result is a `folder` dataset.

    Example: cmmd-bench data prepare epic-sounds --data ~/EPIC --split validation --out prepared/epic --size 128
    """
    from cmmd_bench.cli.output import note, progress
    from cmmd_bench.datasets.prepared import prepare as store
    from cmmd_bench.parallel import default_workers
    from cmmd_bench.runs.interrupt import second_interrupt_exits

    opened = _open(dataset, data, split, count, _spec(seconds, fps, size, sample_rate), seed)
    items = opened.items()[:count]
    describes = {"dataset": dataset, "split": split, "seed": seed}
    with second_interrupt_exits(), progress(quiet)("prepare", len(items)) as advance:
        failures = store(
            opened, items, out / split, describes=describes, workers=workers or default_workers(), advance=advance
        )
    for name, reason in failures.items():
        note(f"failed: {name}: {reason}")
    for reason, names in getattr(opened, "left_out", {}).items():
        if names:
            note(f"left out: {len(names)} {reason}, such as {names[0]}")
    typer.echo(f"{len(items) - len(failures)} clips in {out / split}")
    if failures:
        raise typer.Exit(1)


@app.command("preview")
def preview(
    dataset: Annotated[str, typer.Argument(help="Name of the dataset.")],
    out: Annotated[Path, typer.Option(help="Folder for sheet.png and one MP4 per clip.")],
    data: Data = None,
    split: Split = "test",
    count: Count = 6,
    seconds: Seconds = 3.6,
    fps: Fps = "10",
    size: Size = 128,
    sample_rate: SampleRate = 16_000,
    seed: Seed = 0,
) -> None:
    """Look at a dataset: a sheet of frames over spectrograms with known beats and events, and playable MP4s.

    Example: cmmd-bench data preview beatdance --out preview
    """
    from cmmd_bench.datasets.sheet import save_sheet
    from cmmd_bench.media import write_preview

    opened = _open(dataset, data, split, count, _spec(seconds, fps, size, sample_rate), seed)
    items = opened.items()[:count]
    clips = [(item, opened.load(item)) for item in items]
    for item, clip in clips:
        write_preview(out / f"{item.id}.mp4", clip)
    save_sheet(out / "sheet.png", clips)
    typer.echo(f"{len(clips)} clips and sheet.png in {out}")


def _spec(seconds: float, fps: str, size: int, sample_rate: int) -> "ClipSpec":
    from cmmd_bench.types import ClipSpec, exact_rate

    try:
        return ClipSpec(seconds, exact_rate(fps), size, size, sample_rate)
    except ValueError as error:
        raise UserError(f"these clips are not possible: {error}.") from None


def _open(dataset: str, data: Path | None, split: str, count: int | None, spec: "ClipSpec", seed: int) -> "Dataset":
    from cmmd_bench.datasets import open_dataset

    return open_dataset(dataset, spec, split=split, root=data, size=count or 16, seed=seed)
