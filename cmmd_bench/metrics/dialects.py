"""Published conventions of the Fréchet distance by name: what each does, and how near the exact form comes to it.

Implementations differ in the covariance's divisor (n or n - 1), in what they add to its diagonal, in what they do with
a single row, and in the matrix root they take. Here the first three are followed and the root is always exact (see
`frechet`): no dialect's root is worth copying. `sqrtm` and `eig` of a singular product (n <= D) fall 1e-4 to 3e-4 short
of the value; a root in float32 misses by up to 0.7, depends on the order of rows by as much, and puts a set against
itself at 0.56. `Dialect.tolerance` says how near the exact value was shown to come to the reference implementation, on
400 features; the tests hold every number.

A dialect covers what happens to features. What happens to pixels and samples before is the embedder's.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from cmmd_bench.metrics.checks import Rows, check_same_width, feature_rows
from cmmd_bench.metrics.factors import scatter_factor
from cmmd_bench.metrics.frechet import Distribution, as_gaussian, frechet_distance
from cmmd_bench.metrics.gaussian import Gaussian, GaussianStatistics, accumulate, merge

Root = Literal["sqrtm", "eig", "svd float64", "svd float32"]
"""The reference's root: SciPy's of the product, by its eigenvectors, or TF-GAN's symmetric one by SVD."""

SingleRow = Literal["point", "mean only", "refused"]
"""One row is a point with covariance 0, or makes the distance |μx - μy|², or gives NaN or an exception there and a
ValueError here."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """One convention of the Fréchet distance.

    ddof: covariances divide by n - ddof. ridge: added to both covariances' diagonals, in squared feature units.
    tolerance: largest absolute difference from the reference implementation when both sets have more rows than
    features; tolerance_few: when one has not.
    rounded_means: means are taken, clip by clip, in the precision in which the features are stored.
    """

    ddof: Literal[0, 1]
    root: Root
    tolerance: float
    tolerance_few: float
    single_row: SingleRow
    reference: str
    note: str
    ridge: float = 0.0
    rounded_means: bool = False


def _float32_root(reference: str, note: str, single_row: SingleRow = "refused") -> Dialect:
    return Dialect(1, "svd float32", 5e-3, 1.0, single_row, reference, note)


_CENTRES = "Subtracts the means from its inputs in place: a kernel distance taken afterwards lacks the mean term."
_KEEPS = "Leaves its inputs as they are."

DIALECTS: dict[str, Dialect] = {
    "styleganv": Dialect(
        *(0, "sqrtm", 1e-9, 1e-3, "point", "universome/stylegan-v@3fecd69 compute_fvd, FeatureStats"),
        "Covariance as E[xxᵀ] - μμᵀ in float64.",
    ),
    "cd-fvd": Dialect(
        *(0, "sqrtm", 1e-9, 1e-3, "point", "songweige/content-debiased-fvd@a1e037a compute_fvd_from_stats"),
        "As styleganv.",
    ),
    "cd-fvd-utils": _float32_root(
        "songweige/content-debiased-fvd@a1e037a frechet_distance", f"Not what that package's own score uses. {_KEEPS}"
    ),
    "fvd-comparison": Dialect(
        *(1, "sqrtm", 2e-5, 1e-3, "refused", "universome/fvd-comparison@33a5552 our_fvd.compute_fvd"),
        "Means in float32.",
    ),
    "common-metrics-styleganv": Dialect(
        *(1, "sqrtm", 1e-9, 1e-3, "mean only", "JunyaoHu/common_metrics_on_video_quality@5f75173 fvd/styleganv"),
        "A single generated clip drops both covariances.",
    ),
    "common-metrics-videogpt": _float32_root(
        "JunyaoHu/common_metrics_on_video_quality@5f75173 fvd/videogpt",
        f"A single generated clip drops both covariances. {_CENTRES}",
        "mean only",
    ),
    "fastvideo": Dialect(
        *(1, "sqrtm", 2e-5, 2e-5, "refused", "hao-ai-lab/FastVideo@2f3d407 _frechet_distance"),
        "Means in float32. The ridge, always added, moves the value by 0.1 where rows are few.",
        ridge=1e-6,
    ),
    "tf-original": Dialect(
        *(1, "svd float64", 1e-4, 1e-4, "refused", "tensorflow-gan 2.1.0 frechet_classifier_distance_from_activations"),
        "What google-research's FVD calls. The root is in float64, the result is stored in float32.",
    ),
    "videogpt": _float32_root("wilson1yan/VideoGPT@733d2b1 frechet_distance", _CENTRES),
    "mm-diffusion": _float32_root(
        "researchmm/MM-Diffusion@7250222 frechet_distance", f"{_CENTRES} Its evaluator passes copies."
    ),
    "tats": _float32_root("songweige/TATS@03bbce1 frechet_distance", _KEEPS),
    "seer": _float32_root("seervideodiffusion/SeerVideoLDM@f403332 frechet_distance", _CENTRES),
    "fadtk": Dialect(
        *(1, "eig", 1e-6, 1e-6, "refused", "fadtk 1.1.0 calc_frechet_distance, calculate_embd_statistics_online"),
        "Features are cached as float16, and so is each clip's mean: clips move by up to 6e-5, sets by 1e-7. A clip of "
        "one frame makes the covariance of its whole set NaN.",
        rounded_means=True,
    ),
}


def dialect(name: str) -> Dialect:
    """The convention of that name; ValueError that lists the names for any other."""
    if name not in DIALECTS:
        raise ValueError(f"dialect must be one of {', '.join(sorted(DIALECTS))}, found {name!r}")
    return DIALECTS[name]


def frechet_distance_as(name: str, x: Distribution | Iterable[Rows], y: Distribution | Iterable[Rows]) -> float:
    """Fréchet distance of the generated set x from the real set y by the convention `name`, a key of `DIALECTS`.

    x, y: rows (N, D), a stream of clips (n_i, D), statistics, or a `Gaussian`, whose covariance is taken as it is but
    for the ridge. Rows stay in the precision in which the reference would see them: for `fadtk`, as they are cached.
    Raises ValueError as `frechet_distance` does, and for a single row where the reference gives no number.
    """
    convention = dialect(name)
    sides = [_side(convention, side, label) for side, label in ((x, "x"), (y, "y"))]
    if convention.single_row == "mean only" and isinstance(sides[0], GaussianStatistics) and sides[0].n == 1:
        means = [side.mean for side in sides]
        check_same_width(means[0].size, means[1].size, "x", "y")
        return float(np.sum((means[0] - means[1]) ** 2))
    return frechet_distance(*(_with_ridge(convention, side, label) for side, label in zip(sides, "xy", strict=True)))


def gaussian_as(name: str, x: Distribution | Iterable[Rows], label: str = "x") -> Gaussian:
    """One side of `frechet_distance_as`, prepared: worth doing once for a reference that many sets are compared with.

    label: what messages call it.
    """
    convention = dialect(name)
    return _with_ridge(convention, _side(convention, x, label), label)


def _side(convention: Dialect, x: Distribution | Iterable[Rows], label: str) -> GaussianStatistics | Gaussian:
    if isinstance(x, GaussianStatistics | Gaussian):
        return x
    clips = [x] if isinstance(x, np.ndarray) and x.ndim == 2 else x
    if not convention.rounded_means:
        return accumulate(clips)
    total: GaussianStatistics | None = None
    for clip in clips:
        clip = feature_rows(clip, label, at_least=2)
        statistics = GaussianStatistics.from_features(clip)
        rounded = clip.mean(axis=0).astype(np.float64)
        statistics = GaussianStatistics(statistics.n, rounded, statistics.factor)
        total = statistics if total is None else merge(total, statistics)
    if total is None:
        raise ValueError(f"{label} must hold at least 1 clip, found none")
    return total


def _with_ridge(convention: Dialect, side: GaussianStatistics | Gaussian, label: str) -> Gaussian:
    gaussian = as_gaussian(side, label, ddof=convention.ddof)
    if convention.ridge == 0:
        return gaussian
    ridge = np.sqrt(convention.ridge) * np.eye(gaussian.mean.size)
    return Gaussian(
        gaussian.mean, scatter_factor(np.concatenate([gaussian.factor, ridge]), np.zeros_like(gaussian.mean))
    )
