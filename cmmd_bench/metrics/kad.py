"""Kernel audio distance (KAD): unbiased MMD² with a kernel of the distance, times 100. Lower is better, 0 in the mean.

    gaussian  k = exp(-γ d²)          iq  k = 1 / (1 + γ d²)          imq  k = 1 / √(1 + γ d²)
    γ = 1 / (2 σ² + 1e-8),  d = |a - b|

Source: Chung et al. 2025 and kadtk@8bda71d. No assumption of normality, no bias that falls with n, so small sets and
single clips may be scored, with more scatter.

The bandwidth σ is the median distance between two frames of one set. Of which set decides the scale of the result, by a
factor of two where one set is narrow (19.3 against 9.3): the paper and the default here take the reference, so that all
models are measured with one kernel; kadtk's command line takes the generated set ("eval"), and so a kernel of its own
for every model and clip. The median of an even number of distances is the lower of the two in the middle, as there.
"""

import math
from collections.abc import Iterable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cmmd_bench.metrics.checks import Rows, check_positive, check_same_width, feature_rows
from cmmd_bench.metrics.mmd import ROWS_AT_ONCE, Kernel
from cmmd_bench.metrics.pairwise import median_distance, squared_distances

Array = NDArray[np.float64]

SCALE = 100.0

Bandwidth = float | Literal["reference", "eval"]
Shape = Literal["gaussian", "iq", "imq"]


def kernel_audio_distance(
    x: Rows, reference: Rows, *, sigma: Bandwidth = "reference", shape: Shape = "gaussian"
) -> float:
    """KAD of frames x (m, D) against the reference's (n, D), m and n >= 2.

    sigma: the bandwidth in feature units, or the set whose median distance it is: "reference", or "eval" for x.
    Memory: both sets as float64 and one block of the kernel matrix; see `median_distance`.
    Raises ValueError for wrong shapes, NaN, infinity, fewer than 2 rows, different D, or a bandwidth of 0.
    """
    x, reference = feature_rows(x, "x", at_least=2), feature_rows(reference, "reference", at_least=2)
    check_same_width(x.shape[1], reference.shape[1], "x", "reference")
    a, b = _doubles(x, reference)
    kernel = distance_kernel(_bandwidth(sigma, a, b), shape=shape)
    return SCALE * (_mean_within(a, kernel) + _mean_within(b, kernel) - 2 * _mean_between(a, b, kernel))


def per_clip_kad(
    clips: Iterable[Rows], reference: Rows, *, sigma: Bandwidth = "reference", shape: Shape = "gaussian"
) -> Array:
    """(N,) KAD of each clip's own frames (n_i, D), n_i >= 2, against the reference.

    With "eval" each clip has a bandwidth of its own, as in kadtk, and the reference's kernel is computed for each anew.
    """
    reference = feature_rows(reference, "reference", at_least=2)
    fixed = None if sigma == "eval" else _bandwidth(sigma, reference, reference)
    within: float | None = None
    values = []
    for index, clip in enumerate(clips):
        name = f"clips[{index}]"
        clip = feature_rows(clip, name, at_least=2)
        check_same_width(clip.shape[1], reference.shape[1], name, "reference")
        a, b = _doubles(clip, reference)
        kernel = distance_kernel(_bandwidth("eval", a, b) if fixed is None else fixed, shape=shape)
        if within is None or fixed is None:
            # Depends on the clip by nothing but a bandwidth of its own.
            within = _mean_within(b, kernel)
        values.append(SCALE * (_mean_within(a, kernel) + within - 2 * _mean_between(a, b, kernel)))
    return np.array(values, dtype=np.float64)


def distance_kernel(sigma: float, *, shape: Shape = "gaussian") -> Kernel:
    """The kernel as a function of two blocks of rows, for `mmd_interval` and `kernel_sums`; multiply by `SCALE`."""
    check_positive(sigma, "sigma")
    if shape not in ("gaussian", "iq", "imq"):
        raise ValueError(f"shape must be gaussian, iq or imq, found {shape!r}")
    gamma = 1 / (2 * sigma**2 + 1e-8)

    def kernel(a: Array, b: Array) -> Array:
        scaled = squared_distances(a, b)
        scaled *= gamma
        if shape == "gaussian":
            return np.asarray(np.exp(-scaled))
        scaled += 1.0
        return np.asarray(1 / (scaled if shape == "iq" else np.sqrt(scaled)))

    return kernel


def _bandwidth(sigma: Bandwidth, x: Rows, reference: Rows) -> float:
    if not isinstance(sigma, str):
        check_positive(sigma, "sigma")
        return sigma
    if sigma not in ("reference", "eval"):
        raise ValueError(f"sigma must be a number, 'reference' or 'eval', found {sigma!r}")
    median = median_distance(reference if sigma == "reference" else x)
    if median == 0:
        raise ValueError(
            f"sigma must be above 0, found a median distance of 0 ({sigma}): half of its pairs of rows are equal"
        )
    return median


def _doubles(x: Rows, reference: Rows) -> tuple[Array, Array]:
    """Both sets moved by the reference's mean: distances stay, and cancel the less."""
    mean = reference.mean(axis=0, dtype=np.float64)
    return x - mean, reference - mean


def _mean_within(a: Array, kernel: Kernel) -> float:
    total = 0.0
    for start in range(0, len(a), ROWS_AT_ONCE):
        values = kernel(a[start : start + ROWS_AT_ONCE], a[start:])
        np.fill_diagonal(values, 0.0)
        square = values[:, : len(values)]
        total += 2 * float(values.sum()) - float(square.sum())
    return total / (len(a) * (len(a) - 1))


def _mean_between(a: Array, b: Array, kernel: Kernel) -> float:
    sums = [float(kernel(a[start : start + ROWS_AT_ONCE], b).sum()) for start in range(0, len(a), ROWS_AT_ONCE)]
    return math.fsum(sums) / (len(a) * len(b))
