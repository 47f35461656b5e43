"""Scores: from clips on disk to a table. `score` is for folders of clips that any model made."""

from cmmd_bench.scoring.folders import score

__all__ = ["score"]
