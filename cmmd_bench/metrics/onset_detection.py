"""Where onsets come from: librosa's onset detection under named settings; each onset has a time and a strength.

Everyone detects onsets with librosa, and no two with the same settings, so the setting is named with the result:

    fine        our default: 16,000 Hz, a frame of 32 ms every 10 ms, 64 mel bands, each compared with the largest of
                its neighbours in the frame before (so that a gliding tone is none; Böck and Widmer 2013), delta 0.2
    librosa     librosa's defaults at the clip's own rate: a frame of 2048 samples every 512
    av-align    librosa's defaults at 22,050 Hz, as AV-Align (TempoTokens) reads every file
    cdcd        22,050 Hz, wait 1, delta 0.2, pre_avg 1, post_avg 1, post_max 1 (frames): D2M-GAN and CDCD
    condfoley   22,050 Hz, delta 0.3, strength from the waveform: CondFoleyGen

Measured at 16,000 Hz against the true contacts of procedural kitchen clips and the true beats of beatdance clips (test
split; 184 contacts in the 43 of 80 clips of 3.6 s that hold nothing else, 279 beats in 40 clips), within ±50 ms. Lag is
the median of found - true. The music has onsets between its beats, so more than one onset a beat is no fault.

    setting      contacts: precision  recall  lag     beats: recall  lag     onsets a beat
    fine                   0.99       1.00     1 ms          1.00     5 ms   1.2
    librosa                0.51       0.98    26 ms          0.92    34 ms   2.4
    av-align               0.83       1.00    19 ms          0.99    24 ms   1.6
    cdcd                   1.00       0.94    21 ms          0.92    27 ms   0.9
    condfoley              1.00       0.99    22 ms          0.99    29 ms   1.1

At 16,000 Hz librosa's defaults report most onsets twice, because the 30 ms that two onsets must be apart are less than
one hop there, and late. Never compare onsets of two settings.

Every setting scales its envelope to the clip's own largest onset. Loudness therefore does not matter, silence has no
onset, and a steady noise of any level has a few a second (fine 3, librosa 2): chance levels account for them.
"""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from cmmd_bench.metrics.checks import check_finite, describe

Onsets = NDArray[np.float64]
"""(n, 2): time in seconds, increasing, and strength in 0..1."""

SLOWEST, FASTEST = 2_000, 96_000
"""Hz. Outside of it librosa's mel bands have empty filters, or a hop holds more than one onset."""

WAVEFORM_REACH = 0.05
"""Seconds either way within which `condfoley` looks for the waveform's peak."""


@dataclass(frozen=True, slots=True)
class OnsetSettings:
    """Settings of `librosa.onset`; None leaves a value of the peak picking (in frames) to librosa.

    sample_rate: Hz to which the audio is brought first, None for its own; hop, window: samples
    widest: mel bands over which the frame before is maximised, 1 for none
    by_waveform: strength from the peak of the waveform instead of the onset envelope
    """

    sample_rate: int | None
    hop: int = 512
    window: int = 2048
    mels: int = 128
    widest: int = 1
    delta: float = 0.07
    wait: int | None = None
    pre_avg: int | None = None
    post_avg: int | None = None
    post_max: int | None = None
    by_waveform: bool = False


ONSET_SETTINGS = MappingProxyType(
    {
        "fine": OnsetSettings(16_000, hop=160, window=512, mels=64, widest=3, delta=0.2),
        "librosa": OnsetSettings(None),
        "av-align": OnsetSettings(22_050),
        "cdcd": OnsetSettings(22_050, delta=0.2, wait=1, pre_avg=1, post_avg=1, post_max=1),
        "condfoley": OnsetSettings(22_050, delta=0.3, by_waveform=True),
    }
)


class OnsetDetector(Protocol):
    """From mono audio (T,) in [-1, 1] and its sample rate in Hz to onsets (n, 2), in increasing time."""

    def __call__(self, audio: NDArray[np.floating[Any]], sample_rate: int, /) -> Onsets:
        """Onsets; (0, 2) when there are none."""
        ...


def detect_onsets(audio: NDArray[np.floating[Any]], sample_rate: int, *, settings: str = "fine") -> Onsets:
    """Onsets (n, 2) of mono `audio` (T,), time and strength, under the named `settings` (librosa >= 0.11).

    Strength is the onset envelope scaled to 0..1 over the clip, or for `condfoley` the largest |sample| within ±50 ms,
    scaled likewise. Audio at another rate than the settings' is resampled by soxr (HQ), as librosa does on reading.
    Empty for silence and for audio shorter than one window. Raises ValueError for audio that is not finite mono floats,
    a sample rate outside 2,000..96,000 Hz, or an unknown name. The first call in a process loads librosa (seconds).
    """
    audio = np.asarray(audio)
    if audio.ndim != 1 or audio.dtype.kind != "f":
        raise ValueError(f"audio must be mono floats of shape (T,), found {describe(audio)}")
    if not SLOWEST <= sample_rate <= FASTEST:
        raise ValueError(f"sample_rate must be from {SLOWEST} to {FASTEST} Hz to find onsets, found {sample_rate!r}")
    if settings not in ONSET_SETTINGS:
        raise ValueError(f"settings must be one of {', '.join(ONSET_SETTINGS)}, found {settings!r}")
    check_finite(audio, "audio")
    chosen = ONSET_SETTINGS[settings]
    # Resampling and the transform have no half precision.
    heard = audio if audio.dtype.itemsize >= 4 else audio.astype(np.float32)
    if chosen.sample_rate in (None, sample_rate):
        return _detect(heard, sample_rate, chosen)
    if not len(heard):
        return np.empty((0, 2))
    import librosa

    resampled = librosa.resample(heard, orig_sr=sample_rate, target_sr=chosen.sample_rate)
    onsets = _detect(resampled, chosen.sample_rate or sample_rate, chosen)
    # Resampling rounds the length up, and an onset must not lie beyond the end of the clip.
    onsets[:, 0] = np.minimum(onsets[:, 0], len(audio) / sample_rate)
    return onsets


def _detect(audio: NDArray[np.floating[Any]], rate: int, settings: OnsetSettings) -> Onsets:
    if len(audio) < settings.window:
        return np.empty((0, 2))
    import librosa

    envelope = librosa.onset.onset_strength(
        y=audio,
        sr=rate,
        hop_length=settings.hop,
        n_fft=settings.window,
        n_mels=settings.mels,
        max_size=settings.widest,
    )
    picking = {name: getattr(settings, name) for name in ("wait", "pre_avg", "post_avg", "post_max")}
    frames = librosa.onset.onset_detect(
        onset_envelope=envelope,
        sr=rate,
        hop_length=settings.hop,
        delta=settings.delta,
        **{name: value for name, value in picking.items() if value is not None},
    )
    times = librosa.frames_to_time(frames, sr=rate, hop_length=settings.hop)
    strengths = _waveform_peaks(audio, frames * settings.hop, rate) if settings.by_waveform else envelope[frames]
    lowest, highest = (np.abs(audio).min(), np.abs(audio).max()) if settings.by_waveform else (0.0, envelope.max())
    scale = highest - lowest
    scaled = (strengths - lowest) / scale if scale > 0 else np.zeros(len(frames))
    return np.column_stack([times, scaled]).astype(np.float64)


def _waveform_peaks(audio: NDArray[np.floating[Any]], places: NDArray[np.intp], rate: int) -> NDArray[np.floating[Any]]:
    reach = int(WAVEFORM_REACH * rate)
    loud = np.abs(audio)
    return np.array([loud[max(place - reach, 0) : place + reach].max() for place in places.tolist()])
