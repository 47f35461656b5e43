"""A table as Markdown, for READMEs and issues: any name stays within its cell."""

from cmmd_report.score_table import Cell, ScoreTable


def as_markdown(table: ScoreTable) -> str:
    """A table of pipes below its caption. Best is bold, level with the best marked ≈."""
    head = ["model", "n", *(escaped(f"{column.metric} {column.arrow}") for column in table.columns)]
    lines = [escaped(table.caption), "", _line(head), _line(["---"] * len(head))]
    lines += [_line([escaped(row.model), str(row.n), *map(_cell, row.cells)]) for row in table.rows]
    return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """`text` as a cell shows it: no pipe, line break, tag or emphasis of its own."""
    flat = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return "".join(f"\\{letter}" if letter in "\\|*_`[]" else letter for letter in flat)


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(cell: Cell) -> str:
    text = cell.text + (f" (chance {cell.chance})" if cell.chance else "")
    return f"**{text}**" if cell.mark == "best" else f"{text} ≈" if cell.mark == "level" else text
