"""Tables of a report: their words survive every format, and LaTeX compiles."""

import shutil
import subprocess

import pytest

from cmmd_bench.scoring.results import Result, Scores
from cmmd_report.score_table import score_table
from cmmd_report.tables import as_csv, as_latex, as_markdown
from cmmd_report.types import Run

NASTY = r"a&b_50%$x$#{y}~^\<i>|" "\n" + "Ünï – 中 ↓"


def nasty_run(metrics: int = 2) -> Run:
    def result(model: str, metric: str, value: float | None) -> Result:
        half = {} if value is None else {"low": value - 0.1, "high": value + 0.1, "interval": "by hand"}
        why = "no clip" if value is None else None
        return Result(model, "v2a", metric, value, "lower", "share", 4, 4, 6, chance=0.25, why=why, **half)

    names = [f"fad[{NASTY}]", *(f"metric-{place}" for place in range(1, metrics))]
    cells = [
        result(model, name, None if model == "empty" else 0.5 + place)
        for place, model in enumerate(("ground-truth", NASTY, "=SUM(A1)", "empty", "noise"))
        for name in names
    ]
    return Run("run", [], Scores({"models": {}}, cells, (), (), ()))


def test_the_best_is_bold_and_its_equals_are_marked():
    run = nasty_run()
    table = score_table(run, "v2a", {"metric-1": frozenset({"=SUM(A1)"})})
    marks = {row.model: [cell.mark for cell in row.cells] for row in table.rows}
    assert marks == {"ground-truth": ["", ""], NASTY: ["best"] * 2, "=SUM(A1)": ["", "level"]} | {
        "empty": ["", ""],
        "noise": ["", ""],
    }
    latex = as_latex(table, label="t")
    assert latex.count(r"\textbf{1.50 $\pm$ 0.10}") == 2
    assert latex.count(r"\underline{2.50 $\pm$ 0.10}") == 1
    assert "**1.50 ± 0.10 (chance 0.25)**" in as_markdown(table)
    assert "2.50 ± 0.10 (chance 0.25) ≈" in as_markdown(table)


def test_markdown_keeps_its_columns():
    lines = as_markdown(score_table(nasty_run(), "v2a", {})).splitlines()
    import re

    counts = {len(re.findall(r"(?<!\\)\|", line)) for line in lines if line.startswith("|")}
    assert counts == {5}
    assert "<i>" not in "\n".join(lines)


def test_csv_has_every_number_and_no_formula():
    text = as_csv(nasty_run().scores.results)
    assert "'=SUM(A1)" in text
    assert "\n=SUM" not in text
    assert text.count("no clip") == 2


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
@pytest.mark.parametrize("metrics", [2, 6])
def test_latex_compiles(metrics, tmp_path):
    table = as_latex(score_table(nasty_run(metrics), "v2a", {}), label=f"tab:{NASTY}")
    head = r"\documentclass{article}\usepackage[T1]{fontenc}\usepackage{booktabs,geometry}\begin{document}"
    (tmp_path / "t.tex").write_text(f"{head}\n{table}\\end{{document}}\n")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "t.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace", timeout=120)
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Missing character" not in (tmp_path / "t.log").read_text(errors="replace")
