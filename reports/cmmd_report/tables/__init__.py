"""Tables for papers and for other programs: LaTeX, Markdown, CSV.

A table is arranged once (`cmmd_report.score_table`); each file here writes it in one format.
"""

from cmmd_report.tables.csv_file import as_csv
from cmmd_report.tables.latex import as_latex
from cmmd_report.tables.markdown import as_markdown

__all__ = ["as_csv", "as_latex", "as_markdown"]
