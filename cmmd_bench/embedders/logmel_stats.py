"""`logmel-stats`: log-mel statistics of half-second windows, for demos and tests that run anywhere without a download.

Audio (T,) float32 -> 16 kHz -> power spectrogram (Hann 512, hop 256) -> 32 Slaney mel bands 0-8 kHz -> dB with a
floor at -80 dB -> for windows of 0.5 s every 0.25 s: mean and standard deviation over time of each band, in units of
20 dB -> (n, 64) float32, n >= 1; audio shorter than a window is one window of its own length.

It hears spectrum, level, and how much they move; it knows nothing of content. There are no weights, so
the digest is empty. Numbers are not comparable with CLAP's, hence the name in every result.
"""

import numpy as np
import soxr
from numpy.typing import NDArray

from cmmd_bench.types import Audio, Clip, Features, Modality

RATE = 16_000
WINDOW = 512
HOP = 256
BANDS = 32
FLOOR_DB = -80.0


class LogmelStats:
    """Mean and spread of a log-mel spectrogram, (n, 64) per clip."""

    name = "logmel-stats"
    version = "1"
    modality: Modality = "audio"

    digest = ""

    def embed(self, clip: Clip) -> Features:
        """Features of the sound, (n, 64), one row each half-second window; raises ValueError without audio."""
        if clip.audio is None:
            raise ValueError("logmel-stats needs audio, found a clip without it")
        audio: Audio = clip.audio
        if clip.sample_rate != RATE:
            audio = soxr.resample(audio, clip.sample_rate, RATE, quality="VHQ")
        decibel = log_mel(audio)
        length, step = RATE // 2 // HOP, RATE // 4 // HOP
        starts = range(0, max(len(decibel) - length, 0) + 1, step)
        windows = [decibel[start : start + length] for start in starts]
        rows = [np.concatenate([window.mean(0), window.std(0)]) for window in windows]
        return (np.stack(rows) / 20.0).astype(np.float32)


def log_mel(audio: Audio, *, bands: int = BANDS, hop: int = HOP) -> NDArray[np.float64]:
    """Log-mel spectrogram of 16 kHz audio in dB below full scale, (frames, bands), a frame every `hop` samples."""
    # Imported here: librosa takes over a second, and video-only work never needs it.
    from librosa.feature import melspectrogram

    padded = np.pad(audio.astype(np.float64), WINDOW // 2)
    power = melspectrogram(
        y=padded, sr=RATE, n_fft=WINDOW, hop_length=hop, n_mels=bands, norm=None, htk=False, center=False
    )
    # The sum of the Hann window is WINDOW / 2: a full-scale sine is then 0 dB in its band, within the filter's shape.
    decibel: NDArray[np.float64] = 10 * np.log10(np.maximum(power.T / (WINDOW / 2) ** 2, 1e-20))
    return np.maximum(decibel, FLOOR_DB)
