"""Cumulative logit models: ratings as ordered answers, whose distances mean nothing.

    P(rating <= j) = F(θ_j - x·β - σ·u_g),   F the logistic function, u_g a standard normal number for each rater g

θ_1 < θ_2 < ... are the thresholds between the J answers that occur. A coefficient β > 0 means higher ratings: exp(β)
are the odds of a higher answer. `clm` has no rater term (σ = 0); `clmm` integrates each rater's number out by adaptive
Gauss-Hermite quadrature, 10 points by default as the usual choice. Columns of the design are what is compared
(systems), and may be clips as fixed effects; see `indicator_columns`. On the wine data of R's package `ordinal`, `clm`
agrees with it to 6 decimals and `clmm` to 5, where the likelihood found here is the higher one.

A row of robustness beside the crossed test, not a replacement: it knows nothing of clips drawn at random, and its
standard errors are those of large samples.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cmmd_bench.metrics.opinion.ordinal_likelihood import Floats, Indices, MixedLikelihood, State, plain_likelihood

TOLERANCE = 1e-10
MOST_STEPS = 200
FEWEST_POINTS = 5
LARGEST = 25.0
"""On the logit scale, a threshold or coefficient beyond this is on its way to infinity: e^25 to 1 odds."""


@dataclass(frozen=True, slots=True, eq=False)
class OrdinalFit:
    """levels: the J answers that occur, and the J - 1 thresholds between them; coefficients, one for each column.

    The standard errors are from the inverse of the observed information. rater_sd: σ of the raters' intercepts, None
    in a model without them; boundary: whether it came out as 0, which makes the fit that of `clm`.
    """

    levels: tuple[float, ...]
    thresholds: Floats
    threshold_errors: Floats
    coefficients: Floats
    standard_errors: Floats
    rater_sd: float | None
    log_likelihood: float
    n: int
    n_raters: int | None
    boundary: bool

    @property
    def p_values(self) -> Floats:
        """(P,) two-sided Wald test of each coefficient, by the normal distribution: right for large samples only."""
        from scipy.special import ndtr

        p: Floats = 2 * ndtr(-np.abs(self.coefficients / self.standard_errors))
        return p


def clm(ratings: NDArray[Any], design: NDArray[Any]) -> OrdinalFit:
    """Maximum likelihood fit of ratings (N,) on a design (N, P) without a constant column.

    ValueError for fewer than 2 different ratings, a design whose columns (with a constant) are linearly dependent, or
    ratings that the columns separate perfectly, for which no finite estimate exists.
    """
    levels, y, x = _checked(ratings, design)
    start = np.concatenate([_empirical_thresholds(y, len(levels)), np.zeros(x.shape[1])])
    phi, value, information = _maximise(lambda p: plain_likelihood(p, y, x, len(levels)), start, len(levels))
    return _fit(levels, phi, value, information, rater_sd=None, n=len(y), n_raters=None)


def clmm(ratings: NDArray[Any], design: NDArray[Any], raters: Sequence[Any], *, n_points: int = 10) -> OrdinalFit:
    """`clm` with a normal intercept for each rater: raters (N,) are labels, at least 2 different ones.

    n_points: quadrature points for each rater, placed around the rater's own mode and scaled by the curvature there; at
    least 5, because the slopes are means over the same points.
    """
    levels, y, x = _checked(ratings, design)
    labels, group = np.unique(np.asarray(raters, dtype=str), return_inverse=True)
    if group.shape != y.shape:
        raise ValueError(f"raters must have one label per rating, found shape {group.shape} for {len(y)} ratings")
    if len(labels) < 2:
        raise ValueError(f"raters must be at least 2 for a spread between them, found {len(labels)}")
    if n_points < FEWEST_POINTS:
        raise ValueError(f"n_points must be at least {FEWEST_POINTS}, found {n_points}")
    plain = clm(ratings, design)
    start = np.concatenate([plain.thresholds, plain.coefficients, [1.0]])
    model = MixedLikelihood(y, x, group.astype(np.intp), len(levels), n_points)
    phi, value, information = _maximise(model, start, len(levels))
    sd = abs(float(phi[-1]))
    if sd < 1e-4 or value < plain.log_likelihood:
        # The likelihood is even in σ, so σ = 0 is a stationary point that Newton steps end in when it is the maximum.
        return replace(plain, rater_sd=0.0, n_raters=len(labels), boundary=True)
    return _fit(levels, phi[:-1], value, information, rater_sd=sd, n=len(y), n_raters=len(labels))


def indicator_columns(labels: Sequence[Any], *, reference: str | None = None) -> tuple[Floats, tuple[str, ...]]:
    """0/1 columns (N, L - 1), one for each label but `reference` (default: the first in sorted order), and their names.

    Join the columns of systems and of clips side by side for a model with clips as fixed effects.
    """
    known, code = np.unique(np.asarray(labels, dtype=str), return_inverse=True)
    base = str(known[0]) if reference is None and len(known) else reference
    if base not in known:
        raise ValueError(f"reference must be one of the labels ({', '.join(known)}), found {base!r}")
    names = tuple(str(label) for label in known if label != base)
    columns = np.stack([known[code] == name for name in names], axis=1) if names else np.zeros((len(code), 0))
    return columns.astype(np.float64), names


def _maximise(model: Callable[[Floats], State], phi: Floats, n_levels: int) -> tuple[Floats, float, Floats]:
    """Newton's method with shortened steps: parameters, log-likelihood and observed information at the maximum."""
    value, gradient, hessian = model(phi)
    for _ in range(MOST_STEPS):
        step = _ascent(gradient, hessian)
        gain = float(gradient @ step)
        if gain < TOLERANCE**1.5:
            return phi, value, -hessian
        for halvings in range(40):
            candidate = phi + step / 2**halvings
            if (np.diff(candidate[: n_levels - 1]) <= 0).any():
                continue
            new = model(candidate)
            # The quadrature's own error is in value and gradient alike; a fall within it is none.
            if new[0] >= value - 1e-9 * abs(value):
                break
        else:
            raise ValueError(f"the likelihood has no maximum that can be reached, last parameters {phi.tolist()}")
        phi, (value, gradient, hessian) = candidate, new
        if np.abs(phi).max() > LARGEST:
            raise ValueError("the columns of the design separate the ratings perfectly: there is no finite estimate")
    raise ValueError(f"the fit must settle within {MOST_STEPS} steps, found a gain of {gain:.2g} in the last one")


def _ascent(gradient: Floats, hessian: Floats) -> Floats:
    """Newton step; where the likelihood is not concave, curvatures are taken as if it were."""
    values, vectors = np.linalg.eigh(-hessian)
    curvature = np.maximum(np.abs(values), 1e-8 * np.abs(values).max())
    step: Floats = vectors @ ((vectors.T @ gradient) / curvature)
    return step


def _checked(ratings: NDArray[Any], design: NDArray[Any]) -> tuple[tuple[float, ...], Indices, Floats]:
    y, x = np.asarray(ratings, dtype=np.float64), np.asarray(design, dtype=np.float64)
    if y.ndim != 1 or x.ndim != 2 or len(y) != len(x):
        raise ValueError(f"ratings must be (N,) and the design (N, P), found {y.shape} and {x.shape}")
    if not (np.isfinite(y).all() and np.isfinite(x).all()):
        raise ValueError("ratings and design must be finite; leave out the rows of missing ratings")
    levels, code = np.unique(y, return_inverse=True)
    if len(levels) < 2:
        raise ValueError(f"ratings must take at least 2 different values, found {levels.tolist()}")
    columns = np.concatenate([np.ones((len(y), 1)), x], axis=1)
    rank = int(np.linalg.matrix_rank(columns))
    if rank < columns.shape[1]:
        raise ValueError(
            f"the design's columns and a constant must be linearly independent, found rank {rank} of {columns.shape[1]}"
        )
    return tuple(float(level) for level in levels), code.astype(np.intp), x


def _empirical_thresholds(y: Indices, n_levels: int) -> Floats:
    below = np.cumsum(np.bincount(y, minlength=n_levels))[:-1] / len(y)
    logits: Floats = np.log(below / (1 - below))
    return logits


def _fit(
    levels: tuple[float, ...],
    phi: Floats,
    value: float,
    information: Floats,
    *,
    rater_sd: float | None,
    n: int,
    n_raters: int | None,
) -> OrdinalFit:
    errors = np.sqrt(np.diag(np.linalg.inv(information)))
    split = len(levels) - 1
    return OrdinalFit(
        levels=levels,
        thresholds=phi[:split],
        threshold_errors=errors[:split],
        coefficients=phi[split:],
        standard_errors=errors[split : len(phi)],
        rater_sd=rater_sd,
        log_likelihood=value,
        n=n,
        n_raters=n_raters,
        boundary=False,
    )
