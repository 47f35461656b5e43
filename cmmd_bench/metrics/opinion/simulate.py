"""Synthetic studies with crossed raters and clips, and the variance components of a real one.

Arrays of ratings are (..., R, C, S, K): raters, clips, systems, samples of each system for each clip. A rating is

    mean of the system + rater + clip + rater x clip + rater x system + clip x system + sample + noise,

every term but the first normal and independent, the sample's shared by all raters; then rounded to the scale's whole
points and cut off at its ends. The interactions with system are what most analyses leave out: a clip on which one
system has luck, and a rater who likes it, are counted there once, not once for every rating.
"""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SCALE = (1, 5)
ROUNDING = 1 / 12
"""Variance that rounding to whole points adds (Sheppard); an estimate contains it, a simulation adds it itself."""


@dataclass(frozen=True, slots=True)
class Components:
    """Standard deviations in points of the scale. The defaults are assumptions for a 5-point scale: replace them by
    those of a pilot (`estimate_components`) as soon as there is one."""

    rater: float = 0.5
    clip: float = 0.5
    rater_clip: float = 0.3
    rater_system: float = 0.2
    clip_system: float = 0.2
    sample: float = 0.3
    noise: float = 0.7

    def __post_init__(self) -> None:
        for field, value in zip(fields(self), astuple(self), strict=True):
            if not 0 <= value < np.inf:
                raise ValueError(f"{field.name} must be a finite standard deviation, 0 or above, found {value!r}")


def simulate_ratings(
    n: int,
    means: Sequence[float],
    *,
    raters: int,
    clips: int,
    samples: int,
    components: Components,
    rng: np.random.Generator,
    scale: tuple[int, int] = SCALE,
) -> Floats:
    """n studies (n, R, C, S, K) of whole ratings; means: (S,) expected rating of each system before rounding."""
    if min(n, raters, clips, samples, len(means)) < 1:
        raise ValueError(
            "studies, raters, clips, samples and systems must be at least 1 each,"
            f" found {n}, {raters}, {clips}, {samples}, {len(means)}"
        )
    systems = len(means)
    shapes = {
        "rater": (n, raters, 1, 1, 1),
        "clip": (n, 1, clips, 1, 1),
        "rater_clip": (n, raters, clips, 1, 1),
        "rater_system": (n, raters, 1, systems, 1),
        "clip_system": (n, 1, clips, systems, 1),
        "sample": (n, 1, clips, systems, samples),
        "noise": (n, raters, clips, systems, samples),
    }
    ratings = np.zeros(shapes["noise"]) + np.asarray(means, dtype=np.float64)[:, None]
    for name, shape in shapes.items():
        ratings += getattr(components, name) * rng.standard_normal(shape)
    rounded: Floats = np.clip(np.rint(ratings), *scale)
    return rounded


def estimate_components(ratings: NDArray[Any], *, whole_points: bool = True) -> Components:
    """Components of one complete study (R, C, S, K), at least 2 raters, clips and systems, from expected mean squares.

    With one sample its variance cannot be told from clip x system, which then holds both. Estimates below 0 become 0.
    whole_points: the ratings were rounded, so that 1/12 of the noise variance is rounding. With few raters or clips
    the estimates are rough: of 5 clips, the variance between clips is known to a factor of 8.
    """
    x = np.asarray(ratings, dtype=np.float64)
    if x.ndim != 4 or min(x.shape[:3]) < 2 or x.shape[3] < 1:
        raise ValueError(f"ratings must be (raters, clips, systems, samples), 2, 2, 2 and 1 at least, found {x.shape}")
    if not np.isfinite(x).all():
        raise ValueError(f"ratings must be complete, found {int((~np.isfinite(x)).sum())} of {x.size} cells missing")
    R, C, S, K = x.shape

    def mean_over(*axes: int) -> Floats:
        mean: Floats = x.mean(axis=axes, keepdims=True)
        return mean

    grand, r, i, s = mean_over(0, 1, 2, 3), mean_over(1, 2, 3), mean_over(0, 2, 3), mean_over(0, 1, 3)
    ri, rs, cs, ris, sample = mean_over(2, 3), mean_over(1, 3), mean_over(0, 3), mean_over(3), mean_over(0)
    ms_r = C * S * K * ((r - grand) ** 2).sum() / (R - 1)
    ms_i = R * S * K * ((i - grand) ** 2).sum() / (C - 1)
    ms_ri = S * K * ((ri - r - i + grand) ** 2).sum() / ((R - 1) * (C - 1))
    ms_rs = C * K * ((rs - r - s + grand) ** 2).sum() / ((R - 1) * (S - 1))
    ms_cs = R * K * ((cs - i - s + grand) ** 2).sum() / ((C - 1) * (S - 1))
    three_way = K * ((ris - ri - rs - cs + r + i + s - grand) ** 2).sum()
    within = ((x - ris - sample + cs) ** 2).sum()
    ms_e = (three_way + within) / ((R - 1) * (C - 1) * (S - 1) + (R - 1) * C * S * (K - 1))
    ms_sample = R * ((sample - cs) ** 2).sum() / (C * S * (K - 1)) if K > 1 else ms_e

    variances = {
        "rater": (ms_r - ms_ri - ms_rs + ms_e) / (C * S * K),
        "clip": (ms_i - ms_ri - ms_cs + ms_e) / (R * S * K),
        "rater_clip": (ms_ri - ms_e) / (S * K),
        "rater_system": (ms_rs - ms_e) / (C * K),
        "clip_system": (ms_cs - ms_sample) / (R * K),
        "sample": (ms_sample - ms_e) / R,
        "noise": ms_e - (ROUNDING if whole_points else 0.0),
    }
    return Components(**{name: float(np.sqrt(max(value, 0.0))) for name, value in variances.items()})
