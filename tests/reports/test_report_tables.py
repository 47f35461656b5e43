"""Tables of a report: their words survive every format, and LaTeX compiles."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from cmmd_bench.errors import UserError
from cmmd_bench.scoring.results import Result, Scores
from cmmd_report.reading import read_run
from cmmd_report.report import write_report
from cmmd_report.score_table import score_table
from cmmd_report.tables import as_csv, as_latex, as_markdown, frame_settings, grid, hit_rates, narrow_grid, speeds
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
    latex = as_latex(grid(table), label="t")
    assert latex.count(r"\textbf{1.50 $\pm$ 0.10}") == 2
    assert latex.count(r"\underline{2.50 $\pm$ 0.10}") == 1
    assert "**1.50 ± 0.10**" in as_markdown(grid(table))
    assert "2.50 ± 0.10 ≈" in as_markdown(grid(table))


def test_markdown_keeps_its_columns():
    lines = as_markdown(grid(score_table(nasty_run(), "v2a", {}))).splitlines()
    import re

    counts = {len(re.findall(r"(?<!\\)\|", line)) for line in lines if line.startswith("|")}
    assert counts == {5}
    assert "<i>" not in "\n".join(lines)


def test_csv_has_every_number_and_no_formula():
    text = as_csv(nasty_run().scores.results)
    assert "'=SUM(A1)" in text
    assert "\n=SUM" not in text
    assert text.count("no clip") == 2


PAPER = Path(__file__).parents[1] / "data" / "reports" / "paper"
"""results.json with the numbers of the paper's Tables 1 and 2, typed in."""

TABLE_1 = """
Models,CMMD FVD,CMMD KVD,nCMMD FVD,nCMMD KVD,MM-Diff FVD,MM-Diff KVD
16 frames (64),611,58,703,83,726,48
18 frames (64),749,70,799,187,757,71
32 frames (64),765,53,708,47,871,68
18 frames (128),934,78,1036,136,N/A,N/A
36 frames (128),973,49,882,49,N/A,N/A
"""
TABLE_2 = """
Hit rate tolerance,CMMD,nCMMD,MM-Diff,Comments
± 500 ms,89%,91%,89%,not suggested tolerance
± 100 ms,45%,44%,41%,
"""
TABLE_3 = """
Model,time,#params,video dim,latent dim,ms/FE
(n)CMMD,1.8s,106M,128×128,16×16,136
(n)CMMD,1.8s,106M,512×512,64×64,299
MM-Diff,1.6s,133M,64×64,–,721
"""


def a_case(model: str, frames: int, size: int, parameters: int, ms: float, **other: object) -> dict[str, object]:
    measured = {"kind": "forward", "how": "eager", "milliseconds": ms}
    case = {"model": model, "preset": "paper", "frames": frames, "size": size, "precision": "fp32", "batch": 1}
    return {**case, "parameters": parameters, "measurements": [measured, {**measured, "kind": "guided"}], **other}


SPEEDS = {
    "machine": {"card": "RTX Titan"},
    "cases": [
        a_case("cmmd", 18, 16, 106_224_852, 136),
        a_case("cmmd", 18, 64, 106_224_852, 299),
        a_case("mmdiff", 16, 64, 133_000_000, 721),
        a_case("cmmd", 18, 16, 106_224_852, 99, batch=8),
        a_case("cmmd", 18, 16, 106_224_852, 70, precision="bf16"),
    ],
}


def test_the_papers_numbers_give_the_papers_tables(tmp_path):
    speed = tmp_path / "speed.json"
    speed.write_text(json.dumps(SPEEDS))
    written = write_report([PAPER], out=tmp_path / "out", speed=speed)
    for number, expected in enumerate((TABLE_1, TABLE_2, TABLE_3), 1):
        text = (tmp_path / "out" / "tables" / f"paper-table-{number}.csv").read_text()
        assert text == expected.lstrip()
    latex = (tmp_path / "out" / "tables" / "paper-table-1.tex").read_text()
    assert r" & \multicolumn{2}{c}{CMMD} & \multicolumn{2}{c}{nCMMD} & \multicolumn{2}{c}{MM-Diff} \\" in latex
    assert r"16 frames (64) & \textbf{611} & 58 & 703 & 83 & 726 & \textbf{48} \\" in latex
    # What was typed in says what it cannot tell.
    assert "has no scored.json" in written.page.read_text()
    assert written.answer[0].startswith("No comparison could be made")


def test_tables_of_the_paper_from_a_run(made):
    run = read_run(made.run)
    (first,) = frame_settings(run)
    values = {(r.model, r.metric): r.value for r in run.scores.results}
    (row,) = first.rows
    assert row[0].text == "8 frames (24)"
    assert float(row[1].text) == pytest.approx(values["High", "pairwise-fvd[conv3d-random]"], rel=5e-3)
    assert row[2].text == "N/A"
    (second,) = hit_rates(run)
    assert second.rows[0][1].text == f"{values['High', 'beat-hit@100ms[truth]']:.0%}"
    assert "chance" in second.rows[0][-1].text


@pytest.mark.parametrize("table", [{}, {"cases": [], "machine": {"card": "x"}}, {"cases": [{}], "machine": {}}, []])
def test_speeds_that_are_none_are_refused(table):
    with pytest.raises(UserError, match="bench generators"):
        speeds(table)


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
@pytest.mark.parametrize("tables", ["few metrics", "many metrics", "the paper's"])
def test_latex_compiles(tables, tmp_path):
    if tables == "the paper's":
        run = read_run(PAPER)
        grids = [*frame_settings(run), *hit_rates(run), speeds(SPEEDS)]
        assert len(grids) == 3
    else:
        grids = [narrow_grid(score_table(nasty_run(2 if tables == "few metrics" else 6), "v2a", {}))]
    text = "\n".join(as_latex(one, label=f"tab:{NASTY}{number}") for number, one in enumerate(grids))
    head = r"\documentclass{article}\usepackage[T1]{fontenc}\usepackage{booktabs,geometry}\begin{document}"
    (tmp_path / "t.tex").write_text(f"{head}\n{text}\\end{{document}}\n")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "t.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace", timeout=120)
    assert done.returncode == 0, done.stdout[-2000:]
    log = (tmp_path / "t.log").read_text(errors="replace")
    assert "Missing character" not in log
    if tables == "the paper's":
        assert "Overfull" not in log
