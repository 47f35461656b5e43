"""A small run, and ratings of it, that reports are made of."""

import csv
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from cmmd_bench.atomic import write_json
from cmmd_bench.runs import run
from cmmd_bench.suites import load_suite
from cmmd_report.reading import read_run
from cmmd_study.analysis import analyse
from cmmd_study.tables.long_table import write_long_table
from cmmd_study.tables.rated import Rated

SMALL = Path(__file__).parents[1] / "data" / "suites" / "small.toml"


@dataclass(frozen=True)
class Made:
    run: Path
    study: Path


def scored_run(folder: Path, models: dict[str, dict[str, object]], cache: Path) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CMMD_BENCH_CACHE", str(cache))
        patch.syspath_prepend(str(Path(__file__).parent))
        sys.modules.pop("voices", None)
        return run(load_suite(SMALL), models, out=folder, workers=1).folder


def write_study(folder: Path, run_folder: Path) -> None:
    """Six raters who like the low voice better, as `study export` and `study analyse --out` would leave it."""
    found = read_run(run_folder)
    random = np.random.default_rng(0)
    liked = {"Low": 3.6, "High": 2.2, "ground-truth": 4.6}
    rows = [
        Rated(
            rater=f"r{rater}",
            section="small-v2a",
            clip=sample.condition,
            system=sample.model,
            sample=str(sample.index),
            question="quality",
            score=float(np.clip(round(liked[sample.model] + random.normal(0, 0.7)), 1, 5)),
            lowest=1.0,
            highest=5.0,
        )
        for rater in range(6)
        for sample in found.samples
        if sample.task == "v2a" and sample.index == 0 and sample.model in liked
    ]
    write_long_table(folder / "ratings.csv", rows)
    write_json(folder / "analysis.json", analyse(rows, None, {"small-v2a": "ground-truth"}).to_json())


def csv_rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
