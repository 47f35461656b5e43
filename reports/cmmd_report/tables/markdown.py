"""A table as Markdown, for READMEs and issues: any name stays within its cell."""

from collections.abc import Sequence

from cmmd_report.tables.grid import Entry, Grid


def as_markdown(grid: Grid) -> str:
    """A table of pipes below its caption. Best is bold, level with the best marked ≈; heads of groups join theirs."""
    lines = [escaped(" ".join(filter(None, (grid.caption, grid.notes)))), ""]
    lines += [_line([escaped(head) for head in full_heads(grid)]), _line(["---"] * len(grid.head))]
    lines += [_line([*map(_entry, row)]) for row in grid.rows]
    return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """`text` as a cell shows it: no pipe, line break, tag or emphasis of its own."""
    flat = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return "".join(f"\\{letter}" if letter in "\\|*_`[]" else letter for letter in flat)


def full_heads(grid: Grid) -> list[str]:
    """One head a column: formats without groups say `CMMD FVD`."""
    groups = [text for text, width in grid.groups for _ in range(width)] or [""] * len(grid.head)
    return [" ".join(filter(None, pair)) for pair in zip(groups, grid.head, strict=True)]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _entry(entry: Entry) -> str:
    text = escaped(entry.text)
    return f"**{text}**" if entry.mark == "best" else f"{text} ≈" if entry.mark == "level" else text
