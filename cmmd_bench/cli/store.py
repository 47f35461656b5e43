"""`cache`: where computed features lie, how much they take, and how to be rid of them."""

from typing import Annotated

import typer

app = typer.Typer(help="The content-addressed cache of features.", no_args_is_help=True)


@app.command("info")
def info(json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False) -> None:
    """Show where the cache lies and how large it is. CMMD_BENCH_CACHE moves it.

    Example: cmmd-bench cache info
    """
    from cmmd_bench.cli.output import print_json
    from cmmd_bench.embedders.cache import FeatureCache

    store = FeatureCache()
    sizes = [path.stat().st_size for path in store.entries()]
    if json:
        print_json({"folder": str(store.folder), "entries": len(sizes), "bytes": sum(sizes)})
    else:
        typer.echo(f"{store.folder}: {len(sizes)} entries, {sum(sizes) / 1e6:.1f} MB")


@app.command("clear")
def clear(yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False) -> None:
    """Remove all cached features; they are computed again when needed.

    Example: cmmd-bench cache clear --yes
    """
    from cmmd_bench.embedders.cache import FeatureCache

    store = FeatureCache()
    if not yes:
        typer.confirm(f"Remove all features in {store.folder}?", abort=True)
    store.clear()
    typer.echo(f"{store.folder} is empty")
