"""`analyse` and `import`: from ratings to findings, of a study made here or of a table that another tool wrote."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cmmd_bench.errors import UserError, unknown_name

if TYPE_CHECKING:
    from cmmd_bench.metrics.opinion.paper_wilcoxon import Pairing
    from cmmd_study.analysis import Analysis
    from cmmd_study.tables.rated import Rated

PAIRINGS: dict[str, "Pairing"] = {"rater_item": "rater_item", "rating": "rating", "rater": "rater", "item": "item"}

Format = Annotated[
    str,
    typer.Option(help="Tool that wrote the table: webmushra, listen-and-rate, reseval, p808, p910, sureal; or long."),
]
Stimulus = Annotated[
    str | None,
    typer.Option(help="How another tool's names of stimuli are made up, such as '{clip}_{system}_{sample}'."),
]
Scale = Annotated[
    str | None, typer.Option(help="Lowest and highest answer, LOWEST:HIGHEST, where the table is silent.")
]
Column = Annotated[
    list[str] | None, typer.Option(help="A long table's own name for a column, OURS=THEIRS; may be repeated.")
]
Raters = Annotated[Path | None, typer.Option(help="File with those who took part, one a line; others are refused.")]


def analyse(
    ratings: Annotated[Path, typer.Argument(help="Folder of a study, or a table of ratings.")],
    format: Format = "long",  # noqa: A002 - the option's name
    stimulus: Stimulus = None,
    scale: Scale = None,
    column: Column = None,
    raters: Raters = None,
    reference: Annotated[
        str | None, typer.Option(help="System of a table that is ground truth; a study names its own.")
    ] = None,
    paper: Annotated[
        str | None,
        typer.Option(help="Also test as papers do, by pairs of: rater_item, rating, rater or item."),
    ] = None,
    figure: Annotated[
        Path | None, typer.Option(help="Draw box plots of the scores to this .png, .svg or .pdf.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder in which to write analysis.json.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bars.")] = False,
) -> None:
    """Test what raters say: by the frozen plan of a study, or all pairs of systems of any table of ratings.

    Every contrast is tested for both claims: for other raters and clips like these, and for other raters of these very
    clips. Raters who stand out are reported; only a plan leaves them out.

    Example: cmmd-bench study analyse studies/dance --figure scores.pdf

    Example: cmmd-bench study analyse ratings.csv --reference ground-truth --paper rater_item

    Example: cmmd-bench study analyse results/test/mushra.csv --format webmushra --reference reference
    """
    from cmmd_bench.atomic import write_json
    from cmmd_bench.cli.output import note, print_json, progress
    from cmmd_study.analysis import analyse as analyse_rows
    from cmmd_study.analysis.figure import draw

    if paper is not None and paper not in PAIRINGS:
        raise unknown_name("pairing", paper, PAIRINGS)
    if (ratings / "study.toml").is_file():
        if reference is not None:
            raise UserError("--reference is for tables: a study names its reference in study.toml.")
        from cmmd_study.exporting import rows_of_study

        rows, plan, references, deviations = rows_of_study(ratings)
    else:
        rows = _table(ratings, format, stimulus, scale, column, raters)
        plan, references, deviations = None, _references(rows, reference), []
    # First, because it takes a second and a wrong suffix should not cost an analysis.
    if figure is not None:
        draw(rows, figure, references)
        note(f"figure: {figure}")
    found = analyse_rows(
        rows,
        plan,
        references,
        deviations=deviations,
        paper=None if paper is None else PAIRINGS[paper],
        progress=progress(quiet or json),
    )
    if out is not None:
        write_json(out / "analysis.json", found.to_json())
        note(f"analysis: {out / 'analysis.json'}")
    if json:
        print_json(found.to_json())
    else:
        _show(found)


def import_(
    table: Annotated[Path, typer.Argument(help="Table that another tool wrote.")],
    to: Annotated[Path, typer.Argument(help="Long table to write, .csv or .parquet.")],
    format: Annotated[  # noqa: A002 - the option's name
        str, typer.Option(help="Tool that wrote it: webmushra, listen-and-rate, reseval, p808, p910, sureal; or long.")
    ],
    stimulus: Stimulus = None,
    scale: Scale = None,
    column: Column = None,
    raters: Raters = None,
) -> None:
    """Turn another tool's ratings into the long table, which `analyse` and every statistics package read.

    Example: cmmd-bench study import votes_per_worker.csv ratings.csv --format p808 --stimulus '{clip}_{system}'
    """
    from cmmd_bench.cli.output import note
    from cmmd_study.tables.long_table import write_long_table

    rows = _table(table, format, stimulus, scale, column, raters)
    write_long_table(to, rows)
    people, systems = len({row.rater for row in rows}), len({row.system for row in rows})
    note(f"{len(rows)} ratings of {systems} systems by {people} raters in {to}")


def _table(
    path: Path, kind: str, stimulus: str | None, scale: str | None, column: Sequence[str] | None, raters: Path | None
) -> list["Rated"]:
    from cmmd_study.importing import LONG, import_table
    from cmmd_study.tables.long_table import read_long_table

    ends, known = _scale(scale), _known(raters)
    if kind == LONG and path.is_dir():
        raise UserError(f"{path} is not a study: it has no study.toml. Give a study's folder or a table of ratings.")
    if kind == LONG and stimulus is None:
        return read_long_table(path, names=_names(column), scale=ends, raters=known)
    if column:
        raise UserError(f"--column is for long tables; {kind} has its own columns.")
    return import_table(path, kind, stimulus=stimulus, scale=ends, raters=known)


def _names(column: Sequence[str] | None) -> dict[str, str]:
    names = {}
    for pair in column or ():
        ours, equals, theirs = pair.partition("=")
        if not (ours and equals and theirs):
            raise UserError(f"--column takes OURS=THEIRS, such as score=rating; found {pair!r}.")
        names[ours] = theirs
    return names


def _scale(text: str | None) -> tuple[float, float] | None:
    if text is None:
        return None
    low, _, high = text.partition(":")
    try:
        ends = float(low), float(high)
    except ValueError:
        ends = (0.0, 0.0)
    if not ends[0] < ends[1]:
        raise UserError(f"--scale takes LOWEST:HIGHEST, such as 0:100; found {text!r}.")
    return ends


def _known(path: Path | None) -> frozenset[str] | None:
    if path is None:
        return None
    if not path.is_file():
        raise UserError(f"{path} is not a file. Give a list of raters, one a line.")
    return frozenset(line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip())


def _references(rows: Sequence["Rated"], reference: str | None) -> dict[str, str]:
    if reference is None:
        return {}
    found = {row.section: reference for row in rows if row.system == reference and row.role == "rated"}
    if not found:
        raise unknown_name("rated system", reference, {row.system for row in rows})
    return found


def _show(found: "Analysis") -> None:
    from cmmd_bench.cli.output import note, print_table
    from cmmd_study.analysis.report_tables import tables

    for title, columns, rows in tables(found):
        print_table(columns, rows, title=title)
    for paragraph in found.paragraphs:
        typer.echo(paragraph + "\n")
    for sentence in found.notes:
        note(sentence)
