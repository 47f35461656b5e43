"""Between the clips of a benchmark and the tensors of a model: sizes, rates and lengths, both ways.

Pictures (F, 3, H, W) float32 in [-1, 1]; sound (T,) float32 in [-1, 1].
"""

from fractions import Fraction

import numpy as np
import soxr
import torch
from scipy.ndimage import correlate1d, minimum_filter1d
from torch import Tensor

from cmmd_bench.media.picture import fitted
from cmmd_bench.types import Audio, Clip, Video

CEILING = 0.99
"""A little below full scale, where a clip would be taken for a clipped one."""
LIMITER_SECONDS = 0.005
"""Long beside a period of the sound, short beside its beats."""


def pictures(clip: Clip, *, fps: Fraction, frames: int, size: int) -> Tensor:
    """`frames` pictures of a clip at `fps`: the nearest in time, cut to the centred square, scaled to `size`.

    A clip that ends before the last one repeats its own last picture.
    """
    assert clip.video is not None  # a request's condition has the side its task names
    times = (np.arange(frames) + 0.5) * float(clip.fps / fps)
    chosen = np.minimum(times.astype(int), len(clip.video) - 1)
    shown = {index: fitted(clip.video[index], (size, size)) for index in dict.fromkeys(chosen.tolist())}
    stacked = np.stack([shown[index] for index in chosen.tolist()])
    return to_tensor(stacked)


def sound(clip: Clip, *, sample_rate: int, samples: int) -> Tensor:
    """`samples` of a clip's sound at `sample_rate`; silence after its end."""
    assert clip.audio is not None  # a request's condition has the side its task names
    audio = resampled(clip.audio, clip.sample_rate, sample_rate)[:samples]
    return torch.from_numpy(np.pad(audio, (0, samples - len(audio))))


def to_tensor(frames: Video) -> Tensor:
    """(F, H, W, 3) uint8 -> (F, 3, H, W) in [-1, 1]."""
    return torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2).float() / 127.5 - 1


def to_video(pictures: Tensor) -> Video:
    """(F, 3, H, W) -> (F, H, W, 3) uint8; values beyond [-1, 1] are cut."""
    scaled = ((pictures.detach().float().cpu().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    return np.ascontiguousarray(scaled.permute(0, 2, 3, 1).numpy())


def to_audio(wav: Tensor, sample_rate: int) -> Audio:
    """(T,) -> float32 in [-1, 1]; turned down around peaks beyond `CEILING`, by `LIMITER_SECONDS` and as much again.

    Cut peaks are heard, and a clip turned down as a whole is not as loud as the model made it.
    """
    audio = np.ascontiguousarray(wav.detach().float().cpu().numpy())
    if not np.any(np.abs(audio) > CEILING):
        return audio
    gain = _limiting_gain(audio, round(LIMITER_SECONDS * sample_rate))
    return np.asarray(audio * gain, np.float32)


def _limiting_gain(audio: Audio, reach: int) -> Audio:
    """Gains (T,) in (0, 1] that keep `audio` below `CEILING`, change smoothly, and are 1 beyond 2 `reach` of a peak.

    The lowest gain needed within `reach`, averaged over `reach`: each of those averaged is low enough for the middle.
    """
    needed = CEILING / np.maximum(np.abs(audio), CEILING)
    lowest = minimum_filter1d(needed, 2 * reach + 1)
    weights = np.hanning(2 * reach + 3)[1:-1]
    return np.asarray(correlate1d(lowest, weights / weights.sum(), mode="nearest"))


def resampled(audio: Audio, rate: int, target: int) -> Audio:
    """`audio` at another rate, of length round(len * target / rate), in [-1, 1]."""
    if rate == target:
        return audio
    length = round(len(audio) * target / rate)
    moved = np.asarray(soxr.resample(audio, rate, target, quality="VHQ"), np.float32)[:length]
    # A sharp filter overshoots full scale.
    return np.clip(np.pad(moved, (0, length - len(moved))), -1, 1)
