"""Reports of a run: tables, figures, HTML, LaTeX."""
