"""Pearson, Spearman and Kendall correlations of many resamples at once, each item counted as often as it was drawn.

Items are (N,), weights (B, N) whole counts; a weight of 2 is the same as the item twice. Results are (B,), NaN where
one side is constant in a resample. Spearman is Pearson's coefficient of mid-ranks; Kendall is tau-b, which corrects for
ties. Plain values come from one row of ones.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Kind = Literal["pearson", "spearman", "kendall"]

BLOCK = 512
ROUNDING = 1e-12
"""A variance below this share of the mean square around the mean of all items is the rounding of equal values."""


def correlations(kind: Kind, x: Floats, y: Floats, weights: Floats) -> Floats:
    """The coefficient `kind` of x and y in each resample."""
    if kind == "pearson":
        return _pearson(x, y, weights)
    if kind == "spearman":
        return _spearman(x, y, weights)
    return _kendall(x, y, weights)


def _pearson(x: Floats, y: Floats, weights: Floats) -> Floats:
    # Centred beforehand, because a difference of large sums would lose what is small.
    x, y = x - x.mean(), y - y.mean()
    n = weights.sum(axis=1)
    mean_x, mean_y = weights @ x / n, weights @ y / n
    xx, yy, xy = weights @ x**2 / n, weights @ y**2 / n, weights @ (x * y) / n
    return _quotient(xy - mean_x * mean_y, xx - mean_x**2, yy - mean_y**2, xx, yy)


def _spearman(x: Floats, y: Floats, weights: Floats) -> Floats:
    a, b = _ranks(x, weights), _ranks(y, weights)
    n = weights.sum(axis=1)
    xx, yy, xy = ((weights * part).sum(axis=1) / n for part in (a * a, b * b, a * b))
    return _quotient(xy, xx, yy, n**2, n**2)


def _ranks(values: Floats, weights: Floats) -> Floats:
    """(B, N) mid-ranks of each item within each resample, minus their mean."""
    levels, level = np.unique(values, return_inverse=True)
    if len(levels) == len(values):
        order = np.argsort(level)
        held = weights[:, order]
    else:
        order = level
        held = np.stack([weights[:, level == code].sum(axis=1) for code in range(len(levels))], axis=1)
    middle = held.cumsum(axis=1) - (held - 1) / 2
    ranks = np.empty_like(weights)
    if len(levels) == len(values):
        ranks[:, order] = middle
    else:
        ranks = middle[:, order]
    centred: Floats = ranks - (weights.sum(axis=1, keepdims=True) + 1) / 2
    return centred


def _kendall(x: Floats, y: Floats, weights: Floats) -> Floats:
    """Concordant minus discordant pairs over the root of the pairs not tied in x times those not tied in y."""
    both, in_x, in_y = (np.zeros(len(weights)) for _ in range(3))
    for start in range(0, len(x), BLOCK):
        part = slice(start, start + BLOCK)
        sign_x = np.sign(x[part, None] - x[None, :])
        sign_y = np.sign(y[part, None] - y[None, :])
        held = weights[:, part]
        both += (held @ (sign_x * sign_y) * weights).sum(axis=1)
        in_x += (held @ np.abs(sign_x) * weights).sum(axis=1)
        in_y += (held @ np.abs(sign_y) * weights).sum(axis=1)
    return _quotient(both, in_x, in_y, in_x, in_y)


def _quotient(xy: Floats, xx: Floats, yy: Floats, scale_x: Floats, scale_y: Floats) -> Floats:
    defined = (xx > ROUNDING * scale_x) & (yy > ROUNDING * scale_y)
    root = np.sqrt(np.where(defined, xx * yy, 1.0))
    return np.where(defined, np.clip(xy / root, -1, 1), np.nan)


def row_correlations(kind: Kind, x: Floats, y: Floats) -> Floats:
    """The coefficient of each row of x and y (B, S), S small: all pairs of a row are compared at once."""
    if kind == "pearson":
        a, b = x - x.mean(axis=1, keepdims=True), y - y.mean(axis=1, keepdims=True)
        squares = (x**2).sum(axis=1), (y**2).sum(axis=1)
        return _quotient((a * b).sum(axis=1), (a * a).sum(axis=1), (b * b).sum(axis=1), *squares)
    above_x, above_y = (_above(values) for values in (x, y))
    if kind == "kendall":
        pairs = [(part**2).sum(axis=(1, 2)) for part in (above_x, above_y)]
        return _quotient((above_x * above_y).sum(axis=(1, 2)), *pairs, *pairs)
    # Twice a mid-rank is the number below minus the number above, up to a constant.
    return row_correlations("pearson", above_x.sum(axis=2), above_y.sum(axis=2))


def _above(values: Floats) -> Floats:
    """(B, S, S) sign of value i minus value j; differences that are rounding are ties."""
    differences = values[:, :, None] - values[:, None, :]
    noise = 1e-12 * np.abs(values).max(axis=1)[:, None, None]
    return np.where(np.abs(differences) <= noise, 0.0, np.sign(differences))
