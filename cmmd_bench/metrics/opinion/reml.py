"""Linear mixed models by restricted maximum likelihood (REML), dense, with Satterthwaite degrees of freedom.

    y = X β + Σ_j Z_j u_j + e,   u_j ~ N(0, σ_j² I),   e ~ N(0, σ² I),   Z_j the indicators of one grouping of the rows

for crossed groupings in any pattern of missing rows. With γ_j = σ_j²/σ² and σ² profiled out, minus twice the restricted
log-likelihood is (Bates et al. 2015)

    log|I + ΛZ'ZΛ| + log|X'V⁻¹X| + (n - p)(1 + log(2π s/(n - p))),   V = I + Σ γ_j Z_j Z_j',  s = y'Py,  Λ² = diag(γ),

minimised over γ >= 0 from several starts with its exact gradient. In γ, unlike in σ_j, a component at zero has a slope
that says whether it belongs there. Everything runs on the q x q cross-products of the groupings' indicators: q³ per
step, whatever the number of rows. Degrees of freedom of an estimate c'β follow Satterthwaite with the observed
information of the components above zero, which is what R's lmerTest computes by numerical differences.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

STARTS = (1.0, 0.1, 0.01)
# A ratio of variances below this share is zero: its effect on any standard error is beyond six digits.
ZERO = 1e-7
NO_NOISE = 1e-12
# Without residual variation the likelihood grows without limit, and γ with it: a component 300 times the residual.
LARGEST = 1e5


@dataclass(frozen=True, slots=True, eq=False)
class MixedModel:
    """A fitted model: `coefficients` and `standard_errors` (p,), components as standard deviations by grouping.

    sd: 0.0 for a grouping on the boundary. residual_sd: of single rows. df: Satterthwaite's for each coefficient, (p,).
    log_likelihood: restricted.
    """

    coefficients: Array
    standard_errors: Array
    df: Array
    sd: dict[str, float]
    residual_sd: float
    log_likelihood: float
    n: int


def fit_mixed_model(y: NDArray[Any], x: NDArray[Any], groupings: Mapping[str, Sequence[Any]]) -> MixedModel:
    """Fit y (n,) on fixed effects x (n, p) with one random intercept per level of each grouping (n labels each).

    Raises ValueError for shapes that differ, NaN, x of deficient rank, no more rows than coefficients, a grouping whose
    levels are all different or that repeats another one, and data without residual variation, whether constant or
    fitted by the groupings to the last row (raters who never vary; fewer ratings than terms can tell apart).
    """
    products = _products(y, x, groupings)
    gamma = _optimum(products)
    return _summary(products, gamma, tuple(groupings))


@dataclass(frozen=True, slots=True, eq=False)
class _Products:
    """Cross-products of Z (n, q), X (n, p) and y less X·start; `block` (q,): the grouping of each column of Z."""

    zz: Array
    zx: Array
    zy: Array
    xx: Array
    xy: Array
    yy: float
    start: Array
    block: NDArray[np.intp]
    n: int

    @property
    def spare(self) -> int:
        return self.n - len(self.xx)


@dataclass(frozen=True, slots=True, eq=False)
class _State:
    """The model at given ratios γ, in units of σ² = 1: Z'Py, y'Py, (X'V⁻¹X)⁻¹, Z'V⁻¹X, β, -2 log-likelihood.

    whitened (q, q): W with Z'V⁻¹Z = Z'Z - W'W.
    """

    whitened: Array
    zpy: Array
    ypy: float
    covariance: Array
    zvx: Array
    coefficients: Array
    deviance: float


def _products(y: NDArray[Any], x: NDArray[Any], groupings: Mapping[str, Sequence[Any]]) -> _Products:
    response, fixed = np.asarray(y, dtype=np.float64), np.asarray(x, dtype=np.float64)
    if response.ndim != 1 or fixed.ndim != 2 or len(fixed) != len(response):
        raise ValueError(f"y must have shape (n,) and x (n, p), found {response.shape} and {fixed.shape}")
    if not (np.isfinite(response).all() and np.isfinite(fixed).all()):
        raise ValueError("y and x must be finite, found NaN or infinity")
    n, p = fixed.shape
    if n <= p or np.linalg.matrix_rank(fixed) < p:
        raise ValueError(f"x must have more rows than columns and full column rank, found shape {fixed.shape}")
    numbers = {name: _level_numbers(labels, name, n) for name, labels in groupings.items()}
    seen: dict[bytes, str] = {}
    for name, levels in numbers.items():
        if levels.max() + 1 == n:
            raise ValueError(f"grouping {name!r} must have fewer levels than rows, found {n} of both")
        if (other := seen.setdefault(levels.tobytes(), name)) != name:
            raise ValueError(f"groupings must differ, found {name!r} to be the same as {other!r}")
    indicators = [levels[:, np.newaxis] == np.arange(levels.max() + 1) for levels in numbers.values()]
    z = np.hstack([np.zeros((n, 0)), *indicators]).astype(np.float64)
    block = np.repeat(np.arange(len(indicators)), [part.shape[1] for part in indicators])
    # Without the fixed part, cross-products with y keep digits that they would lose to its mean.
    start: Array = np.linalg.lstsq(fixed, response, rcond=None)[0].astype(np.float64)
    rest = response - fixed @ start
    if float(rest @ rest) <= NO_NOISE * float(response @ response):
        raise ValueError("y must vary beyond what x explains, found no residual variation")
    return _Products(
        zz=z.T @ z,
        zx=z.T @ fixed,
        zy=z.T @ rest,
        xx=fixed.T @ fixed,
        xy=fixed.T @ rest,
        yy=float(rest @ rest),
        start=start,
        block=block,
        n=n,
    )


def _level_numbers(labels: Sequence[Any], name: str, n: int) -> NDArray[np.intp]:
    """Number of each row's level, in order of first appearance."""
    if len(labels) != n:
        raise ValueError(f"grouping {name!r} must have one label per row, found {len(labels)} for {n} rows")
    number_of: dict[Any, int] = {}
    return np.array([number_of.setdefault(label, len(number_of)) for label in labels], dtype=np.intp)


def _state(products: _Products, gamma: Array) -> _State:
    from scipy.linalg import cho_solve, solve_triangular

    root = np.sqrt(gamma)[products.block]
    inner = np.eye(len(root)) + root[:, np.newaxis] * products.zz * root
    lower = np.linalg.cholesky(inner)

    def whiten(right: Array) -> Array:
        solved: Array = solve_triangular(lower, root[:, np.newaxis] * right, lower=True)
        return solved

    z, x, y = whiten(products.zz), whiten(products.zx), whiten(products.zy[:, np.newaxis])[:, 0]
    xvx, xvy = products.xx - x.T @ x, products.xy - x.T @ y
    factor = np.linalg.cholesky(xvx)
    covariance: Array = cho_solve((factor, True), np.eye(len(xvx)))
    coefficients = covariance @ xvy
    zvx = products.zx - z.T @ x
    zpy = products.zy - z.T @ y - zvx @ coefficients
    ypy = products.yy - float(y @ y) - float(xvy @ coefficients)
    spare = products.spare
    deviance = (
        2 * np.log(np.diag(lower)).sum()
        + 2 * np.log(np.diag(factor)).sum()
        + spare * (1 + np.log(2 * np.pi * ypy / spare))
    )
    return _State(z, zpy, ypy, covariance, zvx, coefficients, float(deviance))


def _deviance_and_slope(products: _Products, gamma: Array) -> tuple[float, Array]:
    state = _state(products, gamma)
    blocks = len(gamma)
    # The slope needs no more than the diagonal of Z'PZ.
    diagonal = (
        np.diag(products.zz)
        - np.einsum("ij,ij->j", state.whitened, state.whitened)
        - np.einsum("ij,jk,ik->i", state.zvx, state.covariance, state.zvx)
    )
    traces = np.bincount(products.block, weights=diagonal, minlength=blocks)
    squares = np.bincount(products.block, weights=state.zpy**2, minlength=blocks)
    return state.deviance, traces - products.spare * squares / state.ypy


def _optimum(products: _Products) -> Array:
    """γ at the best minimum found; components that the data put at zero are exactly 0."""
    from scipy.optimize import minimize

    n_blocks = int(products.block.max()) + 1 if len(products.block) else 0
    if n_blocks == 0:
        return np.zeros(0)

    def descend(start: Array, tolerance: float) -> tuple[float, Array]:
        fit = minimize(
            lambda gamma: _deviance_and_slope(products, gamma),
            start,
            jac=True,
            method="L-BFGS-B",
            bounds=[(0.0, 10 * LARGEST)] * n_blocks,
            options={"maxiter": 1000, "ftol": tolerance, "gtol": 1e-9},
        )
        return float(fit.fun), fit.x

    rough = [descend(np.full(n_blocks, start), 1e-8) for start in STARTS]
    _, best = descend(min(rough, key=lambda found: found[0])[1], 1e-15)
    if best.max() > LARGEST:
        raise ValueError("y must vary within the groupings, found no residual variation: they fit every row")
    gamma: Array = np.where(best < ZERO, 0.0, best)
    return gamma


def _summary(products: _Products, gamma: Array, names: tuple[str, ...]) -> MixedModel:
    state = _state(products, gamma)
    residual = state.ypy / products.spare
    variances = gamma * residual
    covariance = state.covariance * residual
    information, slopes = _information(products, state, variances, residual)
    # Directions that the data say nothing about, if any, are left out, as the spread along them is not defined.
    values, vectors = np.linalg.eigh(information)
    known = values > ZERO * values.max()
    along = vectors[:, known].T @ slopes
    spread = (along**2 / values[known][:, np.newaxis]).sum(axis=0)
    squared_errors = np.diag(covariance)
    return MixedModel(
        coefficients=products.start + state.coefficients,
        standard_errors=np.sqrt(squared_errors),
        df=2 * squared_errors**2 / spread,
        sd={name: float(np.sqrt(variance)) for name, variance in zip(names, variances, strict=True)},
        residual_sd=float(np.sqrt(residual)),
        log_likelihood=-state.deviance / 2,
        n=products.n,
    )


def _information(products: _Products, state: _State, variances: Array, residual: float) -> tuple[Array, Array]:
    """Observed information (k, k) of the variances above zero, the residual's last; d Var(β_c)/d variance (k, p).

    -d²ℓ/dσ_i²dσ_j² = y'P V_i P V_j P y - ½ tr(P V_i P V_j), with V_i = Z_i Z_i', and I for the residual. Powers of P
    without a Z between them come from P = P V P.
    """
    weights = variances[products.block]
    zpz = products.zz - state.whitened.T @ state.whitened - state.zvx @ state.covariance @ state.zvx.T
    g, u = zpz / residual, state.zpy / residual
    s = state.ypy / residual
    g2 = (g - (g * weights) @ g) / residual
    u2 = (u - (g * weights) @ u) / residual
    s2 = (s - float(u @ (weights * u))) / residual
    s3 = (s2 - float(u @ (weights * u2))) / residual
    trace = (products.spare - float(weights @ np.diag(g))) / residual
    trace2 = (trace - float(weights @ np.diag(g2))) / residual
    above = np.flatnonzero(variances > 0)
    k = len(above) + 1
    information, slopes = np.empty((k, k)), np.empty((k, len(products.xx)))
    zvb = state.zvx @ state.covariance
    for i, first in enumerate(above):
        of_i = products.block == first
        for j, second in enumerate(above):
            of_j = products.block == second
            part = g[np.ix_(of_i, of_j)]
            information[i, j] = u[of_i] @ part @ u[of_j] - (part**2).sum() / 2
        information[i, -1] = information[-1, i] = u[of_i] @ u2[of_i] - np.diag(g2)[of_i].sum() / 2
        slopes[i] = (zvb[of_i] ** 2).sum(axis=0)
    information[-1, -1] = s3 - trace2 / 2
    # (X'V⁻¹X)⁻¹ is homogeneous of degree 1 in the variances (Euler).
    slopes[-1] = np.diag(state.covariance) - (variances[above] / residual) @ slopes[:-1]
    return information, slopes
