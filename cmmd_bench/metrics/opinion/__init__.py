"""Opinion scores: from a table of ratings to means, tests and effects, each with what it may be generalised to.

    from cmmd_bench.metrics.opinion import Ratings, crossed_test, mos_table, select

Ratings are crossed, raters by clips: two ratings that share a rater or a clip are not independent. So every test here
says which of two questions it answers: does the difference hold for more raters of *these clips* (signed ranks of rater
means), or for more raters and *clips like these* (the crossed test, the mixed model)?
"""

from cmmd_bench.metrics.opinion.bootstrap import BootstrapInterval, bootstrap_difference
from cmmd_bench.metrics.opinion.contrasts import CellDifferences, cell_differences
from cmmd_bench.metrics.opinion.crossed import CrossedMean, crossed_mean, crossed_p_values, crossed_test
from cmmd_bench.metrics.opinion.effect_sizes import Shares, rank_biserial, shares
from cmmd_bench.metrics.opinion.friedman import FriedmanTest, friedman_of_systems, friedman_test
from cmmd_bench.metrics.opinion.hodges_lehmann import HodgesLehmann, hodges_lehmann
from cmmd_bench.metrics.opinion.mixed_model import MixedModelTest, mixed_model_test
from cmmd_bench.metrics.opinion.mos import MeanInterval, OpinionScore, mos_table, t_interval
from cmmd_bench.metrics.opinion.paper_wilcoxon import PaperWilcoxon, paper_wilcoxon
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
from cmmd_bench.metrics.opinion.reml import MixedModel, fit_mixed_model
from cmmd_bench.metrics.opinion.signed_rank import SignedRankTest, exact_differences, signed_rank_test

__all__ = [
    "BootstrapInterval",
    "CellDifferences",
    "CrossedMean",
    "FriedmanTest",
    "HodgesLehmann",
    "MeanInterval",
    "MixedModel",
    "MixedModelTest",
    "OpinionScore",
    "PaperWilcoxon",
    "Ratings",
    "Shares",
    "SignedRankTest",
    "WideTable",
    "bootstrap_difference",
    "cell_differences",
    "crossed_mean",
    "crossed_p_values",
    "crossed_test",
    "exact",
    "exact_differences",
    "exact_means",
    "fit_mixed_model",
    "friedman_of_systems",
    "friedman_test",
    "hodges_lehmann",
    "mixed_model_test",
    "mos_table",
    "paper_wilcoxon",
    "rank_biserial",
    "select",
    "shares",
    "signed_rank_test",
    "subset",
    "t_interval",
    "whole_numbers",
    "wide_table",
]
