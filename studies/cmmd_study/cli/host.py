"""What the host of a study does besides serving it: freeze, invite, status, close, backup, withdraw, exclude."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cmmd_bench.errors import UserError

if TYPE_CHECKING:
    from cmmd_study.store.database import Database

Folder = Annotated[Path, typer.Argument(metavar="STUDY", help="Folder of the study.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]


def freeze(
    study: Folder,
    database: Annotated[
        str | None, typer.Option(help="Keep answers in PostgreSQL: postgresql+psycopg://user@host/name.")
    ] = None,
) -> None:
    """Seal questions, plan, stimuli and orders; from then on raters can be invited.

    What was frozen is hashed into the database and into every result; later edits of study.toml are listed as
    deviations and change nothing.

    Example: cmmd-bench study freeze my-study
    """
    from cmmd_bench.atomic import write_bytes
    from cmmd_bench.cli.output import note
    from cmmd_study.clock import now_ms
    from cmmd_study.folder import StudyFolder
    from cmmd_study.frozen import freeze as seal
    from cmmd_study.server.texts import languages

    folder = StudyFolder(study)
    place = folder.path / "study.db" if database is None else database
    frozen = seal(folder, place, now=now_ms())
    if database is not None:
        write_bytes(folder.path / "database", f"{database}\n".encode())
    folder.admin_token()
    contrasts, orders = len(frozen.specification.plan.contrasts), frozen.specification.orders.rows
    note(
        f"frozen: {len(frozen.stimuli)} stimuli, {orders} orders, {contrasts} confirmatory contrasts; "
        f"plan {frozen.study.plan_sha256[:16]}. Next: cmmd-bench study invite {study} 20"
    )
    for language in sorted(frozen.specification.title.languages - set(languages())):
        note(f"pages have no {language} texts of their own; buttons and hints are in English there.")


def invite(
    study: Folder,
    count: Annotated[int, typer.Argument(min=1, max=10_000, help="Seats to add.")],
    url: Annotated[str, typer.Option(help="Where raters will find the server.")] = "http://localhost:8501",
    csv: Annotated[
        Path | None, typer.Option(help="Write the links to this file as well (only you can read it).")
    ] = None,
) -> None:
    """Add seats and print one link for each: the only time that it is shown.

    Example: cmmd-bench study invite my-study 20 --url https://study.example.org --csv links.csv
    """
    from cmmd_bench.cli.output import note
    from cmmd_study.clock import now_ms
    from cmmd_study.invitations import links, write_links
    from cmmd_study.store.raters import invite as add_seats

    with opened(study) as database, database.writing() as connection:
        tokens = add_seats(connection, count, now=now_ms())
    made = links(tokens, url)
    if csv is not None:
        write_links(csv, made)
        note(f"links: {csv}")
    for link in made:
        typer.echo(link)


def status(study: Folder, json: Json = False) -> None:
    """How far the study is, seat by seat; systems are not named.

    Example: cmmd-bench study status my-study
    """
    from dataclasses import asdict

    from cmmd_bench.cli.output import note, print_json, print_table
    from cmmd_study.folder import StudyFolder
    from cmmd_study.frozen import deviations, load
    from cmmd_study.status import status as look

    with opened(study) as database:
        frozen = load(database)
        with database.reading() as connection:
            found = look(connection, frozen)
    changed = deviations(StudyFolder(study), frozen)
    if json:
        print_json({**asdict(found), "deviations": changed})
        return
    title = f"{found.name}: {found.state}; {found.answers} of {found.expected} answers of those who began"
    rows = [rater.as_row() for rater in found.raters]
    if rows:
        print_table(list(rows[0]), [["" if v is None else str(v) for v in row.values()] for row in rows], title=title)
    else:
        note(title)
    note("seats: " + ", ".join(f"{count} {state}" for state, count in found.counts.items()))
    for change in changed:
        note(change)


def close(study: Folder) -> None:
    """Take no more answers. What was given before and waits for the network is still taken, and marked as late.

    Example: cmmd-bench study close my-study
    """
    from cmmd_bench.cli.output import note
    from cmmd_study.clock import now_ms
    from cmmd_study.store.studies import close_study

    with opened(study) as database, database.writing() as connection:
        close_study(connection, now=now_ms())
    note(f"{study} is closed. Next: cmmd-bench study analyse {study}")


def backup(
    study: Folder, to: Annotated[Path, typer.Argument(help="File to write; the study may go on meanwhile.")]
) -> None:
    """Copy the database while raters are answering (SQLite; for PostgreSQL use pg_dump).

    Example: cmmd-bench study backup my-study my-study-2026-11-24.db
    """
    from cmmd_bench.cli.output import note
    from cmmd_study.folder import StudyFolder
    from cmmd_study.store.backup import backup as copy

    answers = copy(StudyFolder(study).database(), to)
    note(f"{to}: {answers} answers, checked.")


def withdraw(
    study: Folder, code: Annotated[str, typer.Argument(help="The rater's code, as the last page shows it.")]
) -> None:
    """Delete what one rater's answers said and all that was noted of the rater. It cannot be undone.

    Example: cmmd-bench study withdraw my-study 0123456789abcdef
    """
    from cmmd_bench.cli.output import note
    from cmmd_study.store.raters import known
    from cmmd_study.store.raters import withdraw as delete

    with opened(study) as database, database.writing() as connection:
        if not known(connection, code):
            raise UserError(f"no rater has the code {code!r}. `cmmd-bench study status {study} --json` lists them.")
        deleted = delete(connection, code)
    note(f"{deleted} answers of {code} are deleted.")


def exclude(
    study: Folder,
    code: Annotated[str, typer.Argument(help="The rater's code, as `status --json` lists it.")],
    reason: Annotated[str | None, typer.Option(help="Why, in words that stand in every result.")] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Take the exclusion back.")] = False,
) -> None:
    """Leave a rater out of all results by hand. The answers stay in the export, and every result tells it.

    Rules that were decided before anyone answered belong into the plan: see `exclusions` in study.toml.

    Example: cmmd-bench study exclude my-study 0123456789abcdef --reason "told us that the sound was off"
    """
    from cmmd_bench.cli.output import note
    from cmmd_study.clock import now_ms
    from cmmd_study.store import raters

    if undo == (reason is not None):
        raise UserError("an exclusion needs a --reason, and --undo takes it back: give one of the two.")
    if reason is not None and not reason.strip():
        raise UserError("the --reason is empty. Say in a few words why this rater does not count.")
    with opened(study) as database, database.writing() as connection:
        if not raters.known(connection, code):
            raise UserError(f"no rater has the code {code!r}. `cmmd-bench study status {study} --json` lists them.")
        if reason is not None:
            raters.exclude(connection, code, reason=reason.strip().rstrip("."), now=now_ms())
        elif not raters.include(connection, code):
            raise UserError(f"{code} is not excluded by hand.")
    note(f"{code} counts again." if undo else f"{code} does not count: {reason}")


@contextmanager
def opened(study: Path) -> Iterator["Database"]:
    """The database of a frozen study; UserError for a study that is not frozen yet, or none."""
    from cmmd_study.folder import StudyFolder
    from cmmd_study.store.database import open_database

    folder = StudyFolder(study)
    place = folder.database()
    if isinstance(place, Path) and not place.is_file():
        folder.specification()
        raise UserError(f"{study} is not frozen yet. Freeze it with `cmmd-bench study freeze {study}`.")
    database = open_database(place)
    try:
        yield database
    finally:
        database.close()
