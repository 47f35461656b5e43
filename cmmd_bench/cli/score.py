"""`score`: clips that any model made."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from cmmd_bench.errors import UserError


def score(
    generated: Annotated[list[str], typer.Option(help="Folder of generated clips, DIR or NAME=DIR; may be repeated.")],
    reference: Annotated[
        Path, typer.Option(help="Folder of real clips, or their statistics: FILE.npz or fadtk's folder.")
    ],
    pairs: Annotated[str, typer.Option(help="stem, none, or a CSV with columns generated,reference.")] = "stem",
    metric: Annotated[
        list[str] | None, typer.Option(help="Such as 'fad[logmel-stats]' or beat-hit@100ms; may be repeated.")
    ] = None,
    seconds: Annotated[float | None, typer.Option(min=0.0, help="Compare this much of each clip.")] = None,
    fps: Annotated[str | None, typer.Option(help="Compare at this rate, such as 10 or 30000/1001.")] = None,
    size: Annotated[str | None, typer.Option(help="Compare at this size, WIDTHxHEIGHT.")] = None,
    sample_rate: Annotated[int | None, typer.Option(min=1, help="Compare at this rate in Hz.")] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes for decoding and embedding (default: cores).")
    ] = None,
    device: Annotated[
        str, typer.Option(help="Where networks look at clips: cpu, cuda, cuda:1, mps.", show_default=True)
    ] = "cpu",
    out: Annotated[
        Path | None, typer.Option(help="Also write results.json, scores.jsonl and scored.json to this folder.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bars.")] = False,
) -> None:
    """Score folders of clips against real ones: STEM.mp4, STEM_K.mp4 or STEM/K.mp4 answers the real STEM.mp4.

    Rates, size and length are those of the real clips unless given; the output says what was converted. Published
    statistics (mean and covariance) stand for real clips in Fréchet metrics; rates are then those of what is scored.

    Example: cmmd-bench score --generated ours=out/ours --generated theirs=out/theirs --reference data/test

    Example: cmmd-bench score --generated out/ours --reference fma_pop.npz --metric 'fad[clap-laion-music]'
    """
    from cmmd_bench.atomic import require_writable
    from cmmd_bench.cli.output import note, print_json, progress
    from cmmd_bench.cli.parsing import import_from_here, parse_rate, parse_size
    from cmmd_bench.cli.scores import show
    from cmmd_bench.embedders.device import choose_device
    from cmmd_bench.runs.interrupt import second_interrupt_exits
    from cmmd_bench.scoring.folders import score as score_folders
    from cmmd_bench.suites.labels import parse_metric
    from cmmd_bench.suites.needs import modules_needed

    if out is not None:
        require_writable(out)
    choose_device(device)
    import_from_here(modules_needed(parse_metric(label) for label in metric or []))
    with second_interrupt_exits():
        scores = score_folders(
            _named(generated),
            reference,
            pairs=pairs,
            metrics=metric,
            seconds=seconds,
            fps=None if fps is None else parse_rate(fps),
            size=None if size is None else parse_size(size),
            sample_rate=sample_rate,
            workers=workers,
            out=out,
            progress=progress(quiet or json),
        )
    if json:
        print_json(scores.to_json())
    else:
        _introduce(scores.protocol, note)
        show(scores)
    if not scores.complete:
        raise typer.Exit(1)


def _named(texts: list[str]) -> dict[str, Path]:
    """Folders by name; a folder without a name is called by its own."""
    table: dict[str, Path] = {}
    for text in texts:
        name, found, folder = text.partition("=")
        path = Path(folder) if found and not Path(text).exists() else Path(text)
        label = name if path == Path(folder) and found else path.resolve().name
        if label in table:
            raise UserError(
                f"two folders are called {label!r}: {table[label]} and {path}. Name them: --generated NAME=DIR."
            )
        if label in ("reference", "condition"):
            raise UserError(f"a generated folder cannot be called {label!r}. Name it: --generated NAME={path}.")
        table[label] = path
    return table


def _introduce(protocol: Mapping[str, Any], say: Callable[[str], None]) -> None:
    clips = protocol["clips"]
    height, width = clips["size"]
    say(f"compared at {clips['seconds']:g} s, {clips['fps']} fps, {width}x{height} pixels, {clips['sample_rate']} Hz")
    for line in _statistics(protocol.get("reference")):
        say(line)
    for line in protocol["converted"]:
        say(f"converted: {line}")
    for model, how in protocol["pairing"].items():
        say(f"{model}: {how}")


def _statistics(reference: Mapping[str, Any] | None) -> list[str]:
    """What published statistics say of themselves."""
    if reference is None:
        return []
    return [
        f"reference: {reference['statistics']}, statistics of {name} "
        f"({'n not stated' if origin['n'] is None else str(origin['n']) + ' rows'}, "
        f"{'embedder not stated' if origin['embedder'] is None else 'made with ' + origin['embedder']})"
        for name, origin in reference["embedders"].items()
    ]
