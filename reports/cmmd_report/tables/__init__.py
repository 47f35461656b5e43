"""Tables for papers and for other programs: LaTeX, Markdown, CSV.

A table is arranged once, as a `Grid`: that of a run's scores (`grid`), or those of the paper (`paper`). Each format
writes every grid.
"""

from cmmd_report.tables.csv_file import as_csv, grid_as_csv
from cmmd_report.tables.grid import Grid, grid, narrow_grid
from cmmd_report.tables.latex import as_latex
from cmmd_report.tables.markdown import as_markdown
from cmmd_report.tables.paper import frame_settings, hit_rates, speeds

__all__ = [
    "Grid",
    "as_csv",
    "as_latex",
    "as_markdown",
    "frame_settings",
    "grid",
    "grid_as_csv",
    "hit_rates",
    "narrow_grid",
    "speeds",
]
