"""losses.csv, one row per step, and losses.png, the same as curves.

The columns are those of the first row. A row is dropped on resume if its step is done again.
"""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TextIO

import numpy as np

from cmmd_bench.atomic import explained, replacing
from cmmd_bench.errors import ENVIRONMENT, UserError

CSV, PNG = "losses.csv", "losses.png"


class Log:
    """The rows so far, and the open file behind them."""

    def __init__(self, folder: Path, *, step: int) -> None:
        """Keep the rows before `step`, drop those after."""
        self.path = folder / CSV
        self.rows = [row for row in read_rows(self.path) if row["step"] < step]
        self._stream: TextIO | None = None
        if self.path.is_file():
            with replacing(self.path) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
                _write(stream, self.rows)

    def append(self, row: Mapping[str, float]) -> None:
        """Add one row; the same columns every time."""
        if self.rows and list(row) != list(self.rows[0]):
            raise ValueError(f"columns must stay {list(self.rows[0])}, found {list(row)}")
        self.rows.append(dict(row))
        with explained(self.path):
            if self._stream is None:
                # By lines, so that whoever follows the file sees each step.
                self._stream = self.path.open("a", newline="", encoding="utf-8", buffering=1)
            _write(self._stream, self.rows[-1:], head=len(self.rows) == 1)

    def close(self) -> None:
        """Nothing more will be appended."""
        if self._stream is not None:
            self._stream.close()

    def column(self, name: str) -> list[float]:
        """All values of a column."""
        return [row[name] for row in self.rows]


def read_rows(path: Path) -> list[dict[str, float]]:
    """The whole rows of a losses.csv; empty if there is no file. A torn last row is left out."""
    if not path.is_file():
        return []
    text = path.read_text(encoding="utf-8")
    lines = text[: text.rfind("\n") + 1].splitlines()
    return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(lines)]


def draw(rows: Sequence[Mapping[str, float]], path: Path) -> None:
    """Curves of every column but step and seconds, smoothed over a hundredth of the steps, over the raw values."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise UserError(
            "curves need matplotlib. Install it with: pip install 'cmmd-bench[train]'", exit_code=ENVIRONMENT
        ) from None
    names = [name for name in rows[0] if name not in ("step", "seconds")]
    figure = Figure(figsize=(10, 2.2 * -(-len(names) // 2)), layout="constrained")
    grid = figure.subplots(-(-len(names) // 2), 2, squeeze=False, sharex=True)
    steps = np.array([row["step"] for row in rows])
    for axes, name in zip(grid.flat, names, strict=False):
        values = np.array([row[name] for row in rows])
        axes.plot(steps, values, color="0.8", linewidth=0.5)
        axes.plot(*_smooth(steps, values), color="#0072B2", linewidth=1.2)
        axes.set_title(name, fontsize=9, loc="left")
        shown = values[np.isfinite(values)]
        if len(shown) and shown.min() > 0 and shown.max() > 20 * shown.min():
            axes.set_yscale("log")
    for axes in grid.flat[len(names) :]:
        axes.set_axis_off()
    for axes in grid[-1]:
        axes.set_xlabel("step", fontsize=8)
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=110, format="png", metadata={"Software": None})


def _smooth(steps: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    width = max(1, len(values) // 100)
    whole = len(values) // width * width
    return steps[:whole].reshape(-1, width).mean(axis=1), values[:whole].reshape(-1, width).mean(axis=1)


def _write(stream: TextIO, rows: Sequence[Mapping[str, float]], *, head: bool = True) -> None:
    if not rows:
        return
    writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
    if head:
        writer.writeheader()
    writer.writerows(rows)
