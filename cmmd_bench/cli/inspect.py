"""`models`, `metrics` and `suites`: what there is."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from cmmd_bench.embedders import Family
    from cmmd_bench.suites import Suite


def models(
    check: Annotated[
        bool, typer.Option("--check", help="Import each in a process of its own and say whether it works.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")] = False,
) -> None:
    """List generators: the built-in rows and every installed plugin, without importing any.

    Example: cmmd-bench models --check
    """
    from cmmd_bench.cli.output import print_json, print_table
    from cmmd_bench.plugins import RESERVED, distribution, installed
    from cmmd_bench.plugins import check as check_one

    listing = [{"name": name, "package": "built in, in every table", "object": ""} for name in RESERVED]
    for name, entries in installed().items():
        for entry in entries:
            listing.append({"name": name, "package": distribution(entry), "object": entry.value})
            if name in RESERVED:
                listing[-1]["package"] += " (hidden by the built-in row of this name: rename it)"
    if check:
        for line in listing:
            line["check"] = check_one(line["name"]) if line["object"] else "ok"
    if json:
        print_json({"models": listing})
        return
    columns = ["name", "package", "object", *(["check"] if check else [])]
    print_table(columns, [[line[column] for column in columns] for line in listing])


def metrics(
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")] = False,
) -> None:
    """List metrics with their unit, direction and needs, and the embedders they can use.

    Example: cmmd-bench metrics
    """
    from cmmd_bench.cli.output import print_json, print_table
    from cmmd_bench.embedders import FAMILIES
    from cmmd_bench.scoring.catalogue import CATALOGUE, NETWORKS

    embedders = [
        {"embedder": name, "variants": family.variants, "needs": ", ".join(_needs(family)) or "nothing"}
        for name, family in FAMILIES.items()
    ]
    if json:
        print_json(
            {
                "metrics": [entry._asdict() for entry in CATALOGUE],
                "networks": [network._asdict() for network in NETWORKS],
                "embedders": embedders,
            }
        )
        return
    columns = [field for field in CATALOGUE[0]._fields if field != "test"]
    print_table(columns, [[getattr(entry, field) for field in columns] for entry in CATALOGUE])
    print_table(["embedder", "variants, after a colon", "needs"], [list(line.values()) for line in embedders])


def suites(
    name: Annotated[str, typer.Argument(help="Show this suite's settings.")] = "",
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")] = False,
) -> None:
    """List the built-in suites, or show one with every setting.

    Example: cmmd-bench suites demo
    """
    from cmmd_bench.cli.output import print_json, print_table
    from cmmd_bench.suites import built_in, load_suite

    if name:
        print_json(load_suite(name).resolved())
        return
    found = [load_suite(one) for one in built_in()]
    if json:
        print_json({"suites": [suite.resolved() for suite in found]})
        return
    rows = [[s.name, s.data.dataset, ", ".join(s.tasks), str(s.clip.spec), _lacks(s), s.about] for s in found]
    print_table(["name", "dataset", "tasks", "clips", "runs", "about"], rows)


def _needs(family: "Family") -> list[str]:
    """What a family of embedders needs beside this package."""
    return [*(f"weights {name}" for name in family.weights), *([f"package {family.package}"] if family.package else [])]


def _lacks(suite: "Suite") -> str:
    """Which weights have to be got before a suite can run."""
    from cmmd_bench.suites.needs import weights_needed
    from cmmd_bench.weights.registry import entries
    from cmmd_bench.weights.store import missing_files

    lacking = [weights.name for weights in entries(weights_needed(suite.metrics)) if missing_files(weights)]
    return f"after `weights get {' '.join(lacking)}`" if lacking else "yes"
