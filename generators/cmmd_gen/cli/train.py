"""`train`: the bundled models, each by its own loop."""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cmmd_bench.errors import UserError, unknown_name

if TYPE_CHECKING:
    from cmmd_gen.training.order import Order

TRAINERS = {
    "autoencoder": ("cmmd_gen.autoencoder.command", ()),
    "cmmd": ("cmmd_gen.cmmd.command", ("start", "eta", "autoencoder")),
    "ncmmd": ("cmmd_gen.cmmd.command", ("start", "autoencoder")),
    "melgan": ("cmmd_gen.vocoder.command", ()),
    "mmdiff": ("cmmd_gen.mmdiff.command", ()),
    "mmdiff-sr": ("cmmd_gen.superres.command", ("init",)),
}
"""Models, the module whose `train(order)` trains each, and the options that are its own."""

app = typer.Typer()


@app.command()
def train(
    model: Annotated[str, typer.Argument(help=f"One of {', '.join(TRAINERS)}.")],
    data: Annotated[
        list[str], typer.Option(help="NAME, NAME:COUNT or NAME=FOLDER of a dataset's train split; may be repeated.")
    ],
    out: Annotated[Path, typer.Option(help="Training folder; the same command goes on in it.")],
    preset: Annotated[str, typer.Option(help="tiny (hours on a CPU) or paper.")] = "tiny",
    steps: Annotated[int | None, typer.Option(min=1, help="Optimiser steps (default: the preset's).")] = None,
    batch: Annotated[
        int | None, typer.Option(min=1, help="Samples a step, of all processes together (default: the preset's).")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Decides weights, data order and noise.")] = 0,
    start: Annotated[Path | None, typer.Option(help="cmmd, ncmmd: a state.pt of ncmmd to go on from.")] = None,
    eta: Annotated[float | None, typer.Option(min=0.0, help="cmmd: weight of the negatives; 0 is the control.")] = None,
    autoencoder: Annotated[
        Path | None, typer.Option(help="cmmd, ncmmd: model.safetensors of `train autoencoder`, or the VAE's folder.")
    ] = None,
    init: Annotated[Path | None, typer.Option(help="mmdiff-sr: guided diffusion's upsampler to begin with.")] = None,
    cache: Annotated[Path | None, typer.Option(help="Folder for prepared clips (default: the user's cache).")] = None,
    device: Annotated[str, typer.Option(help="cpu, or cuda; under torchrun one process per GPU.")] = "cpu",
    precision: Annotated[str, typer.Option(help="fp32 or bf16.")] = "fp32",
    save_every: Annotated[int, typer.Option(min=1, help="Steps between two saves.")] = 250,
    sample_every: Annotated[
        int, typer.Option(min=0, help="Steps between two sheets of validation clips; 0: none.")
    ] = 2000,
    keep_every: Annotated[int | None, typer.Option(min=1, help="Keep a state of its own every so often.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes that prepare clips (default: cores).")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bars.")] = False,
) -> None:
    """Train a bundled model. The same command resumes after a kill, with the same losses as if nothing had happened.

    OUT/model.safetensors is what `run --checkpoint NAME=PATH` takes; losses.png and samples/ show how it goes.

    Example: cmmd-bench train ncmmd --data beatdance:4000 --data kitchen:2000 --out training/ncmmd

    Example: torchrun --nproc-per-node 8 -m cmmd_bench train cmmd --preset paper --data aist=AIST --start
    training/ncmmd/state-0400000.pt --out training/cmmd --device cuda --precision bf16
    """
    own = {"start": start, "eta": eta, "autoencoder": autoencoder, "init": init}
    module = _trainer(model, own)
    order = _order(
        model,
        data,
        preset=preset,
        out=out,
        steps=steps,
        batch=batch,
        seed=seed,
        own={name: value for name, value in own.items() if value is not None},
        cache=cache,
        device=device,
        precision=precision,
        save_every=save_every,
        sample_every=sample_every,
        keep_every=keep_every,
        workers=workers,
        quiet=quiet,
    )
    from cmmd_bench.runs.interrupt import second_interrupt_exits

    with second_interrupt_exits():
        import_module(module).train(order)
    if order.processes.first:
        typer.echo(f"{out / 'model.safetensors'}")


def _trainer(model: str, own: dict[str, Any]) -> str:
    if model not in TRAINERS:
        raise unknown_name("model to train", model, TRAINERS)
    module, allowed = TRAINERS[model]
    for name, value in own.items():
        if value is not None and name not in allowed:
            others = [each for each, (_, names) in TRAINERS.items() if name in names]
            raise UserError(f"--{name} belongs to {' and '.join(others)}, not to {model}. Leave it out.")
    return module


def _order(
    model: str,
    data: list[str],
    *,
    preset: str,
    cache: Path | None,
    device: str,
    precision: str,
    workers: int | None,
    quiet: bool,
    **rest: Any,
) -> "Order":
    if preset not in ("tiny", "paper"):
        raise unknown_name("preset", preset, ("tiny", "paper"))
    if precision not in ("fp32", "bf16"):
        raise unknown_name("precision", precision, ("fp32", "bf16"))
    from cmmd_bench.cli.output import progress
    from cmmd_bench.embedders.cache import default_root
    from cmmd_bench.embedders.device import choose_device
    from cmmd_bench.parallel import default_workers
    from cmmd_gen.data.clips import parse_set
    from cmmd_gen.training.order import Order
    from cmmd_gen.training.processes import join

    processes = join(device)
    choose_device(device)
    return Order(
        model=model,
        preset=preset,
        sets=tuple(parse_set(text) for text in data),
        cache=cache or default_root() / "training",
        device=device,
        precision="bf16" if precision == "bf16" else "fp32",
        workers=workers or default_workers(),
        progress=progress(quiet or not processes.first),
        processes=processes,
        **rest,
    )
