"""How loud a sound is (ITU-R BS.1770-4, in LUFS), how high it peaks, and what brings it to a common loudness.

Audio is (T,) float32 mono. Levels are in dB relative to full scale; None is the level of silence.
"""

from math import log10

import numpy as np
import pyloudnorm  # type: ignore[import-untyped]
import soxr

from cmmd_bench.types import Audio

EBU_R128 = -23.0
"""LUFS, the target of broadcasts (EBU R 128)."""
HIGHEST_PEAK = -1.0
"""dB true peak (EBU R 128): what lossy codecs need so as not to clip."""
_BLOCK = 0.4
_OVERSAMPLING = 4


def loudness(audio: Audio, sample_rate: int) -> float | None:
    """Integrated loudness; None below the absolute gate of -70 LUFS. A sound shorter than 0.4 s is one block."""
    if not audio.any():
        return None
    # One sample less, or rounding would make the block longer than the sound.
    block = min(_BLOCK, (len(audio) - 1) / sample_rate)
    if block <= 0:
        return None
    value = float(pyloudnorm.Meter(sample_rate, block_size=block).integrated_loudness(audio.astype(np.float64)))
    return value if np.isfinite(value) else None


def sample_peak(audio: Audio) -> float | None:
    """Of the samples themselves."""
    return _level(float(np.max(np.abs(audio), initial=0.0)))


def true_peak(audio: Audio, sample_rate: int) -> float | None:
    """Between the samples too, by fourfold oversampling."""
    return _level(float(np.max(np.abs(soxr.resample(audio, sample_rate, _OVERSAMPLING * sample_rate)), initial=0.0)))


def gain_to(target: float, audio: Audio, sample_rate: int) -> float:
    """dB that bring a sound to `target` LUFS, or as near as its true peak allows; 0 for silence."""
    found, peak = loudness(audio, sample_rate), true_peak(audio, sample_rate)
    if found is None or peak is None:
        return 0.0
    return min(target - found, HIGHEST_PEAK - max(peak, sample_peak(audio) or peak))


def amplified(audio: Audio, gain: float) -> Audio:
    """`gain` in dB."""
    return np.asarray(np.clip(audio * 10 ** (gain / 20), -1, 1), np.float32)


def _level(peak: float) -> float | None:
    return 20 * log10(peak) if peak > 0 else None
