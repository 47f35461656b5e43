"""`export`: the answers as files."""

from pathlib import Path
from typing import Annotated

import typer

from cmmd_study.cli.host import Folder


def export(
    study: Folder,
    out: Annotated[Path | None, typer.Option(help="Folder to write to (default: STUDY/export).")] = None,
    parquet: Annotated[bool, typer.Option("--parquet", help="The long table as Parquet instead of CSV.")] = False,
) -> None:
    """Write all answers with what they were about and how each clip was seen; here the blinding ends.

    A long table, matrices of stimuli by raters (CSV and sureal), a codebook and the frozen plan. The same answers give
    the same bytes.

    Example: cmmd-bench study export my-study --out my-study-ratings
    """
    from cmmd_bench.cli.output import note
    from cmmd_study.export_files import write_export
    from cmmd_study.exporting import export as read
    from cmmd_study.folder import StudyFolder

    found = read(StudyFolder(study))
    for remark in found.remarks:
        note(remark)
    target = out or study / "export"
    written = write_export(target, found, parquet=parquet)
    note(f"{len(found.rows)} answers in {written[0]}, and {len(written) - 1} files beside it.")
