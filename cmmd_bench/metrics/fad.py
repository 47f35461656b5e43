"""Fréchet audio distance (FAD), per set and per clip, on embedding frames.

A clip is (n_i, D): one row per embedding window, as CLAP gives them. Lower is better, in squared embedding units, not
scaled. Per set, all frames of all clips are pooled: one mean, one covariance. Per clip, each clip's own frames are
compared with the reference. Source: Kilgour et al. 2019; Gui et al. 2023 (per-song FAD); the paper reports both with
CLAP.

Per-clip values lie far above the set's: 10 frames span at most 9 directions, and the variance the clip lacks
in all others costs up to tr Σ_ref. They rank clips of equal n_i against each other and say little as absolute numbers.
"""

import math
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from cmmd_bench.metrics.checks import Rows, check_ddof, check_same_width, feature_rows
from cmmd_bench.metrics.frechet import Distribution, as_gaussian, frechet_distance
from cmmd_bench.metrics.gaussian import Gaussian, GaussianStatistics, accumulate

Frames = Distribution | Iterable[Rows]
"""Frames of a set: one array (N, D), a stream of clips (n_i, D) each, or statistics already taken."""

ROWS_AT_ONCE = 512


def frechet_audio_distance(frames: Frames, reference: Frames, *, ddof: int = 1) -> float:
    """FAD of a set against a reference set, all frames pooled; a stream of clips is read once and not kept.

    A `Gaussian` (a published mean and covariance) may stand for either side. Errors and rounding as `frechet_distance`.
    """
    x = as_gaussian(_pooled(frames), "frames", ddof=ddof)
    y = as_gaussian(_pooled(reference), "reference", ddof=ddof)
    check_same_width(x.mean.size, y.mean.size, "frames", "reference")
    return frechet_distance(x, y)


def per_clip_fad(clips: Iterable[Rows], reference: Frames, *, ddof: int = 1) -> NDArray[np.float64]:
    """(N,) FAD of each clip's own frames against the reference.

    A clip of n_i = 1 has no covariance of its own and gets the value of a point, |μ - μ_ref|² + tr Σ_ref.
    A clip's value does not depend, to the last bit, on the clips beside it.
    Cost: one product with the reference's factor for all frames, then O(n_i² D) a clip.
    """
    check_ddof(ddof)
    against = as_gaussian(_pooled(reference), "reference", ddof=ddof)
    batches = [_batch_values(batch, against, ddof) for batch in _batches(clips, against.mean.size)]
    return np.concatenate(batches) if batches else np.empty(0)


def _pooled(frames: Frames) -> Distribution:
    if isinstance(frames, GaussianStatistics | Gaussian):
        return frames
    if isinstance(frames, np.ndarray) and frames.ndim != 3:
        return frames
    return accumulate(frames)


def _batches(clips: Iterable[Rows], width: int) -> Iterator[list[Rows]]:
    """Consecutive clips of up to `ROWS_AT_ONCE` rows together; a longer clip comes alone."""
    batch: list[Rows] = []
    rows = 0
    for index, clip in enumerate(clips):
        name = f"clips[{index}]"
        clip = feature_rows(clip, name)
        check_same_width(clip.shape[1], width, name, "reference")
        if batch and rows + len(clip) > ROWS_AT_ONCE:
            yield batch
            batch, rows = [], 0
        batch.append(clip)
        rows += len(clip)
    if batch:
        yield batch


def _batch_values(batch: list[Rows], reference: Gaussian, ddof: int) -> NDArray[np.float64]:
    lengths = [len(clip) for clip in batch]
    # Padded with zeros so that the product always has the same shape: for another one BLAS may round in another order.
    centred = np.zeros((-(-sum(lengths) // ROWS_AT_ONCE), ROWS_AT_ONCE, reference.mean.size))
    rows = centred.reshape(-1, reference.mean.size)
    values = np.full(len(batch), reference.trace)
    ends = np.cumsum(lengths)
    for i, (clip, end) in enumerate(zip(batch, ends, strict=True)):
        own = np.ascontiguousarray(clip, dtype=np.float64)
        mean = own.mean(axis=0)
        gap = mean - reference.mean
        block = rows[end - len(clip) : end]
        block[:] = (own - mean) / math.sqrt(max(len(clip) - ddof, 1))
        values[i] += gap @ gap + np.vdot(block, block)
    projected = (centred @ reference.factor.T).reshape(len(rows), -1)
    for i, (length, end) in enumerate(zip(lengths, ends, strict=True)):
        values[i] -= 2 * np.linalg.svd(projected[end - length : end], compute_uv=False).sum()
    return values
