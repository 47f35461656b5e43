"""`preview` and `serve`: the pages."""

from pathlib import Path
from typing import Annotated

import typer

from cmmd_bench.errors import UserError
from cmmd_study.cli.host import Folder, opened

Port = Annotated[int, typer.Option(min=1, max=65535, help="Port of the server.")]


def serve(
    study: Folder,
    port: Port = 8501,
    address: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for all.")] = "127.0.0.1",
    host: Annotated[
        list[str] | None, typer.Option(help="Name under which a proxy offers the pages; may be repeated.")
    ] = None,
) -> None:
    """Serve a frozen study to its raters until Ctrl-C. Start it again at any time: nothing is lost.

    Example: cmmd-bench study serve my-study

    Example: cmmd-bench study serve my-study --host study.example.org --port 8080
    """
    from cmmd_bench.cli.output import note
    from cmmd_study.folder import StudyFolder
    from cmmd_study.frozen import deviations, load
    from cmmd_study.server.app import serve as serve_pages
    from cmmd_study.server.running import Running
    from cmmd_study.store.studies import open_study

    folder = StudyFolder(study)
    with opened(study) as database:
        frozen = load(database)
        if changed := folder.changed_media({name: known.sha256 for name, known in frozen.stimuli.items()}):
            raise UserError(
                " ".join(changed) + " Raters would not see what was frozen: restore the files, or make and freeze "
                "another study."
            )
        with database.writing() as connection:
            open_study(connection)
        for change in deviations(folder, frozen):
            note(change)
        here = f"http://{address}:{port}"
        note(f"raters: {here}/?t=...   host: {here}/host (token: {study / 'admin-token'})")
        running = Running(folder, database, load(database), folder.admin_token())
        serve_pages(running, address=address, port=port, hosts=list(host or []))


def preview(study: Folder, port: Port = 8501) -> None:
    """Show the rater's pages of a study, frozen or not, without storing anything.

    Example: cmmd-bench study preview my-study
    """
    from tempfile import TemporaryDirectory

    from cmmd_bench.cli.output import note
    from cmmd_study.clock import now_ms
    from cmmd_study.folder import StudyFolder
    from cmmd_study.frozen import freeze
    from cmmd_study.invitations import links
    from cmmd_study.server.app import serve as serve_pages
    from cmmd_study.server.running import Running
    from cmmd_study.store.database import open_database
    from cmmd_study.store.raters import invite
    from cmmd_study.store.studies import open_study

    folder = StudyFolder(study)
    with TemporaryDirectory() as scratch:
        place = Path(scratch) / "preview.db"
        frozen = freeze(folder, place, now=now_ms())
        database = open_database(place)
        with database.writing() as connection:
            open_study(connection)
            token = invite(connection, 1, now=now_ms())
        note(f"preview: {links(token, f'http://127.0.0.1:{port}')[0]}")
        running = Running(folder, database, frozen, admin_token="", preview=True)
        serve_pages(running, address="127.0.0.1", port=port, hosts=[])
