"""`doctor`: is this machine fit, and what is on it; the output belongs in every bug report."""

from typing import Annotated

import typer

from cmmd_bench.errors import ENVIRONMENT


def doctor(
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")] = False,
) -> None:
    """Check Python, torch, codecs (a real round trip), weights, plugins and disk. Exit code 3 if something is broken.

    Example: cmmd-bench doctor --json
    """
    from cmmd_bench.cli.output import print_json, print_table
    from cmmd_bench.diagnosis import diagnose

    checks = diagnose()
    if json:
        print_json({"checks": [check._asdict() for check in checks]})
    else:
        print_table(["check", "", "found"], [[c.name, "ok" if c.ok else "BROKEN *", c.found] for c in checks])
    if not all(check.ok for check in checks):
        raise typer.Exit(ENVIRONMENT)
