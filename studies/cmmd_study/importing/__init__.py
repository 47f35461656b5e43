"""Ratings that other tools collected, as rows of the long table.

    from cmmd_study.importing import import_table

    rows = import_table(Path("results/test/mushra.csv"), "webmushra")

Each format is one module with a function `read`; to add one, write it and name it in FORMATS.
"""

from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from cmmd_bench.errors import UserError, unknown_name
from cmmd_study.importing import listen_and_rate, p808, reseval, sureal, webmushra
from cmmd_study.importing.naming import Naming
from cmmd_study.tables.long_table import read_long_table
from cmmd_study.tables.rated import Placed, Rated, checked

Reader = Callable[[Path, Naming | None, tuple[float, float] | None], Iterator[Placed]]

FORMATS: dict[str, Reader] = {
    "webmushra": webmushra.read,
    "listen-and-rate": listen_and_rate.read,
    "reseval": reseval.read,
    "p808": p808.read,
    "p910": p808.read,
    "sureal": sureal.read,
}
LONG = "long"
"""Our own table, which needs no importer."""


def import_table(
    path: Path,
    format: str,  # noqa: A002 - what the command line calls it
    *,
    stimulus: str | None = None,
    scale: tuple[float, float] | None = None,
    raters: Collection[str] | None = None,
) -> list[Rated]:
    """Rows of a file of one of FORMATS, or of a long table.

    stimulus: how the tool's names of stimuli are made up, such as "{clip}_{system}_{sample}" (see `naming`)
    scale: lowest and highest answer where they are not the format's own. raters: those who took part
    UserError names the line of the first row that cannot be read or cannot be right (see `tables.rated.checked`).
    """
    if format == LONG:
        if stimulus is not None:
            raise UserError("a long table names clip and system in columns of their own; leave out --stimulus.")
        return read_long_table(path, scale=scale, raters=raters)
    if format not in FORMATS:
        raise unknown_name("format", format, (*FORMATS, LONG))
    if not path.exists():
        raise UserError(f"{path} does not exist. Give the file that {format} wrote.")
    found = checked(FORMATS[format](path, Naming.parse(stimulus) if stimulus else None, scale), raters=raters)
    if not found:
        raise UserError(f"{path} holds no ratings.")
    return found
