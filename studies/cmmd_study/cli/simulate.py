"""`simulate`: synthetic raters."""

from typing import Annotated

import typer

from cmmd_bench.errors import UserError
from cmmd_study.cli.host import Folder, Json


def simulate(
    study: Folder,
    raters: Annotated[
        str, typer.Option(help="How many of which kind: honest, random, straight, inverted, harsh.")
    ] = "honest=12,random=1,inverted=1",
    truth: Annotated[
        list[str] | None, typer.Option(help="Expected answer of a system, SYSTEM=MEAN from 1 to 5; may be repeated.")
    ] = None,
    url: Annotated[
        str | None, typer.Option(help="A server that runs (default: one is started for the raters).")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of all that the raters think.")] = 0,
    waiting: Annotated[float, typer.Option(min=0, max=1, help="1: as slow as people; 0: at once.")] = 0.0,
    json: Json = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")] = False,
) -> None:
    """Let synthetic raters answer a frozen study through its real interface.

    For trying a study out before people do, for load, and for seeing what screening catches. Refused once a real rater
    has begun.

    Example: cmmd-bench study simulate my-study --raters honest=20,random=2 --truth cmmd=3.6 --truth mmdiff=2.8
    """
    from cmmd_bench.cli.output import note, print_json, progress
    from cmmd_study.folder import StudyFolder
    from cmmd_study.simulation.simulate import parse_kinds
    from cmmd_study.simulation.simulate import simulate as run

    means = dict(_mean(entry) for entry in truth or [])
    found = run(
        StudyFolder(study),
        parse_kinds(raters),
        url=url,
        means=means,
        seed=seed,
        waiting=waiting,
        progress=progress(quiet or json),
    )
    times = found.round_trips
    summary = {
        "raters": len(found.kinds),
        "answers": sum(len(diary.saved) for diary in found.diaries),
        "retries": sum(diary.retries for diary in found.diaries),
        "failures": list(found.failures),
        "seconds": round(found.seconds, 1),
        "median_ms": _share(times, 0.5),
        "p95_ms": _share(times, 0.95),
        "slowest_ms": _share(times, 1.0),
        "truth": dict(found.means),
    }
    if json:
        print_json(summary)
    else:
        note(
            f"{summary['raters']} raters gave {summary['answers']} answers in {summary['seconds']} s; an answer took "
            f"{summary['median_ms']} ms (median), {summary['p95_ms']} ms (95 %), {summary['slowest_ms']} ms (slowest)"
        )
        note("truth: " + ", ".join(f"{system} {mean:.2f}" for system, mean in found.means.items()))
        for failure in found.failures:
            note(f"failed: {failure}")
    if found.failures:
        raise typer.Exit(1)


def _mean(entry: str) -> tuple[str, float]:
    system, _, mean = entry.partition("=")
    try:
        return system, float(mean)
    except ValueError:
        raise UserError(f"--truth is given as SYSTEM=MEAN, found {entry!r}.") from None


def _share(times: list[float], share: float) -> float | None:
    if not times:
        return None
    return round(1000 * times[min(len(times) - 1, int(share * len(times)))], 1)
