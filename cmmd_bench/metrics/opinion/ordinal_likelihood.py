"""Log-likelihoods of cumulative logit models with exact gradient and Hessian, for `ordinal`.

Parameters are one vector: J - 1 thresholds, P coefficients and, in the mixed model, the standard deviation σ of the
raters' intercepts. Ratings are codes 0..J-1, y (N,); the design x is (N, P). A rating's probability is that of the
interval between an upper edge a and a lower edge b, which are linear in the parameters once the rater's number u is
known, so that every derivative follows from those of log(F(a) - F(b)).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]
State = tuple[float, Floats, Floats]
"""Log-likelihood, gradient (P,) and Hessian (P, P)."""


def plain_likelihood(phi: Floats, y: Indices, x: Floats, n_levels: int) -> State:
    """At the parameters phi (J - 1 + P,) of a model without raters."""
    upper, lower = _edges(phi[: n_levels - 1], y)
    eta = x @ phi[n_levels - 1 :]
    s = _slopes(upper - eta, lower - eta)
    a, b = _edge_rows(y, x, n_levels)
    return float(s.log_p.sum()), a.T @ s.a + b.T @ s.b, _curvature(a, b, s.aa, s.ab, s.bb)


class MixedLikelihood:
    """The likelihood of `clmm` with gradient and Hessian by the identities of Fisher and Louis: means over a rater's
    posterior, taken at the quadrature points of that rater."""

    def __init__(self, y: Indices, x: Floats, group: Indices, n_levels: int, n_points: int) -> None:
        order = np.argsort(group, kind="stable")
        self.y, self.x, self.group = y[order], x[order], group[order]
        self.first = np.searchsorted(self.group, np.arange(group.max() + 1))
        self.n_levels = n_levels
        self.nodes, self.log_weights = _hermite(n_points)
        self.a, self.b = _edge_rows(self.y, self.x, n_levels)

    def __call__(self, phi: Floats) -> State:
        """At the parameters phi (J - 1 + P + 1,), the last of them σ."""
        upper, lower = _edges(phi[: self.n_levels - 1], self.y)
        eta = self.x @ phi[self.n_levels - 1 : -1]
        upper, lower, sigma = upper - eta, lower - eta, float(phi[-1])
        mode, spread = self._modes(upper, lower, sigma)
        u = mode[:, None] + spread[:, None] * self.nodes
        at = u[self.group]
        s = _slopes(upper[:, None] - sigma * at, lower[:, None] - sigma * at)
        log_terms = self._sums(s.log_p) - u**2 / 2 + self.log_weights + np.log(spread)[:, None]
        peak = log_terms.max(axis=1)
        log_g = peak + np.log(np.exp(log_terms - peak[:, None]).sum(axis=1))
        posterior = np.exp(log_terms - log_g[:, None])

        fixed = self._sums(s.a[:, :, None] * self.a[:, None, :] + s.b[:, :, None] * self.b[:, None, :])
        scores = np.concatenate([fixed, self._sums(-(s.a + s.b) * at)[:, :, None]], axis=2)
        mean = np.einsum("gk,gkp->gp", posterior, scores)
        weighted = scores * posterior[:, :, None]
        hessian = np.einsum("gkp,gkq->pq", weighted, scores) - mean.T @ mean
        q = posterior[self.group]
        hessian[:-1, :-1] += _curvature(self.a, self.b, *((q * part).sum(axis=1) for part in (s.aa, s.ab, s.bb)))
        cross = self.a.T @ (-q * at * (s.aa + s.ab)).sum(axis=1) + self.b.T @ (-q * at * (s.bb + s.ab)).sum(axis=1)
        hessian[:-1, -1] += cross
        hessian[-1, :-1] += cross
        hessian[-1, -1] += (q * at**2 * (s.aa + 2 * s.ab + s.bb)).sum()
        return float(log_g.sum()), mean.sum(axis=0), hessian

    def _modes(self, upper: Floats, lower: Floats, sigma: float) -> tuple[Floats, Floats]:
        """Mode of each rater's posterior, and the standard deviation that its curvature there implies."""
        u = np.zeros(len(self.first))
        for _ in range(100):
            s = _slopes(upper - sigma * u[self.group], lower - sigma * u[self.group])
            slope = self._sums(-sigma * (s.a + s.b)) - u
            curvature = self._sums(sigma**2 * (s.aa + 2 * s.ab + s.bb)) - 1
            step = np.clip(-slope / curvature, -2, 2)
            u = u + step
            if np.abs(step).max() < 1e-9:
                break
        return u, 1 / np.sqrt(-curvature)

    def _sums(self, values: Floats) -> Floats:
        """Sums over each rater's rows."""
        sums: Floats = np.add.reduceat(values, self.first, axis=0)
        return sums


@dataclass(frozen=True, slots=True, eq=False)
class _Slopes:
    """log p of each rating and its derivatives by the upper (a) and the lower (b) edge of its interval."""

    log_p: Floats
    a: Floats
    b: Floats
    aa: Floats
    ab: Floats
    bb: Floats


def _slopes(upper: Floats, lower: Floats) -> _Slopes:
    from scipy.special import expit

    # Both tails are computed where they are small, or their difference would drown in 1 - 1e-17.
    flip = lower > 0
    high, low = np.where(flip, -lower, upper), np.where(flip, -upper, lower)
    p = np.maximum(expit(high) - expit(low), 1e-300)
    at_a, at_b = expit(upper), expit(lower)
    density_a, density_b = at_a * expit(-upper), at_b * expit(-lower)
    a, b = density_a / p, -density_b / p
    aa = density_a * (1 - 2 * at_a) / p - a**2
    bb = -density_b * (1 - 2 * at_b) / p - b**2
    return _Slopes(np.log(p), a, b, aa, -a * b, bb)


def _edges(thresholds: Floats, y: Indices) -> tuple[Floats, Floats]:
    padded = np.concatenate([[-np.inf], thresholds, [np.inf]])
    return padded[y + 1], padded[y]


def _edge_rows(y: Indices, x: Floats, n_levels: int) -> tuple[Floats, Floats]:
    """Derivatives of the upper and lower edge by thresholds and coefficients: (N, J - 1 + P) each."""
    identity = np.eye(n_levels - 1)
    nothing = np.zeros((1, n_levels - 1))
    upper = np.concatenate([identity, nothing])[y]
    lower = np.concatenate([nothing, identity])[y]
    return np.concatenate([upper, -x], axis=1), np.concatenate([lower, -x], axis=1)


def _curvature(a: Floats, b: Floats, aa: Floats, ab: Floats, bb: Floats) -> Floats:
    cross = a.T @ (ab[:, None] * b)
    total: Floats = a.T @ (aa[:, None] * a) + b.T @ (bb[:, None] * b) + cross + cross.T
    return total


def _hermite(n_points: int) -> tuple[Floats, Floats]:
    """Points for a standard normal, and the logs of their weights for an integrand that includes its own e^(-u²/2)."""
    points, weights = np.polynomial.hermite_e.hermegauss(n_points)
    return points, np.log(weights) + points**2 / 2 - 0.5 * np.log(2 * np.pi)
