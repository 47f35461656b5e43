"""Opinion scores: from a table of ratings to means, tests and effects, each with what it may be generalised to.

    from cmmd_bench.metrics.opinion import Ratings, select, wide_table

Ratings are crossed, raters by clips: two ratings that share a rater or a clip are not independent. So every test here
says which of two questions it answers: does the difference hold for more raters of *these clips* (signed ranks of rater
means), or for more raters and *clips like these* (the crossed test, the mixed model)?
"""

from cmmd_bench.metrics.opinion.ratings import (
    Ratings,
    WideTable,
    exact,
    exact_means,
    select,
    subset,
    whole_numbers,
    wide_table,
)

__all__ = [
    "Ratings",
    "WideTable",
    "exact",
    "exact_means",
    "select",
    "subset",
    "whole_numbers",
    "wide_table",
]
