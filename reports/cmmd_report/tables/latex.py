"""A table as LaTeX: booktabs, no vertical rules; best bold, level with the best underlined.

Needs \\usepackage{booktabs} and \\usepackage[T1]{fontenc}. Any name is safe: what TeX would read as a command is
escaped, and what pdflatex has no letter for becomes one that it has.
"""

import unicodedata
from collections.abc import Sequence

from cmmd_report.tables.grid import Entry, Grid

ESCAPES = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "↓": r"$\downarrow$",
    "↑": r"$\uparrow$",
    "→": r"$\to$",
    "±": r"$\pm$",
    "−": r"$-$",
    "×": r"$\times$",
    "≈": r"$\approx$",
    "–": "--",
}


def as_latex(grid: Grid, *, label: str) -> str:
    """A whole `table` environment with the caption that states the protocol. label: for \\ref."""
    lines = [
        r"\begin{table}",
        r"\centering",
        r"\small",
        rf"\caption{{{escaped(_told(grid))}}}",
        rf"\label{{{_plain(label)}}}",
        r"\smallskip",
        rf"\begin{{tabular}}{{l{'r' * (len(grid.head) - 1)}}}",
        r"\toprule",
        *_groups(grid),
        _line(grid.head),
        r"\midrule",
        *_body(grid),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """`text` as TeX prints it; a character that pdflatex cannot print becomes its plain form, or a question mark."""
    return "".join(ESCAPES.get(letter) or _printable(letter) for letter in text)


def _printable(letter: str) -> str:
    if letter.isspace():
        return " "
    if " " <= letter <= "~" or "À" <= letter <= "ÿ":
        return letter
    plain = unicodedata.normalize("NFKD", letter).encode("ascii", "ignore").decode()
    return "".join(ESCAPES.get(each, each) for each in plain if each.isprintable()) or "?"


def _plain(label: str) -> str:
    return "".join(letter if letter.isascii() and (letter.isalnum() or letter in ":.-") else "-" for letter in label)


def _told(grid: Grid) -> str:
    best = "Bold: the best model." if "best" in grid.marks else ""
    level = "Underlined: no difference from the best was shown." if "level" in grid.marks else ""
    return " ".join(filter(None, (grid.caption, best, level, grid.notes)))


def _groups(grid: Grid) -> list[str]:
    """Heads over several columns, each with a line as wide as itself."""
    if not grid.groups:
        return []
    heads, lines, column = [], [], 1
    for text, width in grid.groups:
        heads.append(rf"\multicolumn{{{width}}}{{c}}{{{escaped(text)}}}" if width > 1 else escaped(text))
        if text:
            lines.append(rf"\cmidrule(lr){{{column}-{column + width - 1}}}")
        column += width
    return [" & ".join(heads) + r" \\", " ".join(lines)]


def _body(grid: Grid) -> list[str]:
    lines = []
    for place, row in enumerate(grid.rows):
        if place in grid.rules:
            lines.append(r"\midrule")
        lines.append(" & ".join(map(_entry, row)) + r" \\")
    return lines


def _line(texts: Sequence[str]) -> str:
    return " & ".join(map(escaped, texts)) + r" \\"


def _entry(entry: Entry) -> str:
    text = escaped(entry.text)
    if entry.mark == "best":
        return rf"\textbf{{{text}}}"
    return rf"\underline{{{text}}}" if entry.mark == "level" else text
