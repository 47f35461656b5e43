"""Scores: from clips on disk to a table. `folders.score` is for clips that any model made."""
