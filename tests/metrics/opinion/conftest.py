"""A synthetic study in the paper's shape, and small ones; see tests/data/studies/README.md."""

import csv
from pathlib import Path

import numpy as np
import pytest

from cmmd_bench.metrics.opinion import Ratings, select

STUDIES = Path(__file__).resolve().parents[2] / "data" / "studies"


@pytest.fixture(scope="session")
def paperlike():
    """Ratings of one task, or of one of its questions, in the paper-shaped study."""
    with (STUDIES / "paperlike_ratings.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))

    def load(task: str, question: str | None = None) -> Ratings:
        ratings = Ratings.from_records(
            (row for row in rows if row["task"] == task), names={"clip": "item", "score": "rating"}
        )
        return ratings if question is None else select(ratings, question=question)

    return load


@pytest.fixture(scope="session")
def full_study():
    """Ratings of a complete study from score arrays (R, I, K) by system; scale 0 to 10."""

    def make(**scores) -> Ratings:
        rows = [
            {"rater": f"r{r:02}", "clip": f"c{i:02}", "system": system, "sample": k, "score": score}
            for system, array in scores.items()
            for (r, i, k), score in np.ndenumerate(np.asarray(array, dtype=float))
        ]
        return Ratings.from_records(rows, scale=(0, 10))

    return make
