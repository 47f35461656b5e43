"""Paired differences with known answers: golden cases 1 to 3 of the statistics specification."""

from cmmd_bench.metrics.opinion import exact_differences

# Hollander and Wolfe, depression scores of nine patients on two visits.
DEPRESSION = exact_differences(
    [1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30],
    [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29],
)
# Fourteen raters on a five-point scale, with ties and zeros.
FOURTEEN = exact_differences([4, 3, 5, 4, 4, 2, 5, 3, 4, 4, 5, 3, 4, 4], [3, 3, 4, 4, 2, 3, 4, 3, 3, 4, 3, 2, 4, 5])
# Pratt's construction.
PARADOX = [0, 2, 3, 4, 6, 7, 8, 9, 11, 14, 15, 17, -18]
