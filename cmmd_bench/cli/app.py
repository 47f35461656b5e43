"""The commands and how they are grouped."""

from typing import Annotated

import typer

from cmmd_bench.cli import compare, data, doctor, influence, inspect, run, score, stats, store, validate, weights
from cmmd_bench.cli.extensions import Extensible

app = typer.Typer(
    name="cmmd-bench",
    cls=Extensible,
    help="Benchmark audio-video generation: is a model better, and do people agree?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from cmmd_bench import __version__

        typer.echo(f"cmmd-bench {__version__}")
        raise typer.Exit


@app.callback()
def everywhere(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of every error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Benchmark audio-video generation: is a model better, and do people agree?"""


app.command("run")(run.run)
app.command("score")(score.score)
app.command("stats")(stats.stats)
app.command("compare")(compare.compare)
app.command("influence")(influence.influence)
app.command("validate")(validate.validate)
app.command("show")(run.show)
app.command("models")(inspect.models)
app.command("metrics")(inspect.metrics)
app.command("suites")(inspect.suites)
app.add_typer(data.app, name="data")
app.add_typer(weights.app, name="weights")
app.add_typer(store.app, name="cache")
app.command("doctor")(doctor.doctor)
