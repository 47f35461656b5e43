"""Fréchet distance between two sets of feature vectors, each taken as a normal distribution.

FD = |μx - μy|² + tr Σx + tr Σy - 2 tr (Σx Σy)^½, in squared feature units, 0 for equal distributions, lower is better.
FVD is this on I3D logits, FAD on audio embeddings (see `fad`). Source: Dowson and Landau 1982; Heusel et al. 2017.

With factors FxᵀFx = Σx and FyᵀFy = Σy the last term is the nuclear norm of Fx Fyᵀ (the sum of its singular values): the
spectrum of Σx Σy is that of (Fx Fyᵀ)(Fx Fyᵀ)ᵀ. No product of covariances and no matrix square root is formed. A root of
the D×D product takes square roots of eigenvalues that should be 0 and are 1e-16, which pulls FD down, below 0 for equal
sets; singular values carry an absolute error of a few ε·tr Σ instead. It is also the shorter way: for n rows a side,
n D² operations a side (see `factors`) and 8/3 D³ + 2 D³, against the 25 D³ of a general eigenvalue problem.

Bias: the value falls as n grows, by about b/n, so values compare only at equal n. With n below D the covariance is
singular, which is harmless here but biases the more.
"""

import numpy as np

from cmmd_bench.metrics.checks import Rows, check_ddof, check_same_width, feature_rows
from cmmd_bench.metrics.gaussian import Gaussian, GaussianStatistics

Distribution = Rows | GaussianStatistics | Gaussian
"""A side of a distance: rows (N, D), their statistics, or a mean and covariance as a `Gaussian`."""


def frechet_distance(x: Distribution, y: Distribution, *, ddof: int = 1) -> float:
    """Fréchet distance between two sets.

    ddof: the covariances divide by n - ddof, 1 (unbiased, default) or 0 (StyleGAN-V, cd-fvd); a `Gaussian` has its own
    already. Either side needs more than ddof rows; with ddof 0 a single row counts as a point.

    The value is returned as computed, never clipped: rounding may take it below 0, by at most 1e-10·(tr Σx + tr Σy).
    Raises ValueError for wrong shapes, NaN, infinity, too few rows, or different D.
    """
    a, b = as_gaussian(x, "x", ddof=ddof), as_gaussian(y, "y", ddof=ddof)
    check_same_width(a.mean.size, b.mean.size, "x", "y")
    gap = a.mean - b.mean
    overlap = np.linalg.svd(a.factor @ b.factor.T, compute_uv=False).sum()
    return float(gap @ gap + a.trace + b.trace - 2 * overlap)


def as_gaussian(x: Distribution, name: str, *, ddof: int = 1) -> Gaussian:
    """A side of a distance, prepared: worth doing once for a reference that many sets are compared with."""
    check_ddof(ddof)
    if isinstance(x, Gaussian):
        return x
    if not isinstance(x, GaussianStatistics):
        x = GaussianStatistics.from_features(feature_rows(x, name, at_least=ddof + 1))
    if x.n <= ddof:
        raise ValueError(f"{name} must hold at least {ddof + 1} rows for a covariance with ddof={ddof}, found {x.n}")
    return x.gaussian(ddof)
