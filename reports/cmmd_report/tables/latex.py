"""A table as LaTeX: booktabs, no vertical rules; best bold, level with the best underlined.

Needs \\usepackage{booktabs} and \\usepackage[T1]{fontenc}. Any name is safe: what TeX would read as a command is
escaped, and what pdflatex has no letter for becomes one that it has.
"""

import unicodedata

from cmmd_report.score_table import Cell, ScoreTable

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
WIDE = 4
"""Metrics beyond which the models become columns: a page is longer than wide."""


def as_latex(table: ScoreTable, *, label: str) -> str:
    """A whole `table` environment with the caption that states the protocol. label: for \\ref."""
    head, body = _upright(table) if len(table.columns) <= WIDE else _turned(table)
    lines = [
        r"\begin{table}",
        r"\centering",
        r"\small",
        rf"\caption{{{escaped(table.caption)} {_legend(table)}}}",
        rf"\label{{{_plain(label)}}}",
        r"\smallskip",
        rf"\begin{{tabular}}{{l{'r' * (len(head) - 1)}}}",
        r"\toprule",
        " & ".join(head) + r" \\",
        r"\midrule",
        *body,
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


def _upright(table: ScoreTable) -> tuple[list[str], list[str]]:
    head = ["model", "$n$", *(escaped(f"{column.metric} {column.arrow}") for column in table.columns)]
    body, before = [], table.rows[0].role if table.rows else ""
    for row in table.rows:
        if row.role != before:
            body.append(r"\midrule")
            before = row.role
        body.append(" & ".join([escaped(row.model), str(row.n), *map(_cell, row.cells)]) + r" \\")
    return head, body


def _turned(table: ScoreTable) -> tuple[list[str], list[str]]:
    head = ["metric", *(escaped(row.model) for row in table.rows)]
    body = [
        " & ".join([escaped(f"{column.metric} {column.arrow}"), *(_cell(row.cells[place]) for row in table.rows)])
        + r" \\"
        for place, column in enumerate(table.columns)
    ]
    return head, body


def _cell(cell: Cell) -> str:
    text = escaped(cell.text)
    return rf"\textbf{{{text}}}" if cell.mark == "best" else rf"\underline{{{text}}}" if cell.mark == "level" else text


def _legend(table: ScoreTable) -> str:
    marks = {cell.mark for row in table.rows for cell in row.cells}
    told = [r"Bold: the best model."] if "best" in marks else []
    if "level" in marks:
        told.append(r"Underlined: no difference from the best was shown.")
    chances = {
        column.metric: [row.cells[place].chance for row in table.rows if row.role == "model"]
        for place, column in enumerate(table.columns)
    }
    known = {metric: sorted(filter(None, values)) for metric, values in chances.items()}
    said = [f"{escaped(m)} {v[0] if v[0] == v[-1] else f'{v[0]} to {v[-1]}'}" for m, v in known.items() if v]
    return " ".join([*told, *([f"Chance: {', '.join(said)}."] if said else [])])
