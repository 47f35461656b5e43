"""From a window of sound to the log-mel spectrogram that CLAP's audio networks see.

(T,) float32 -> frames of 1024 samples every `hop`, centred, the ends mirrored -> periodic Hann -> power spectrum ->
64 mel bands -> 10 log10 with a floor at 1e-10 -> (1 + T // hop, 64) float32, in dB. Computed in float64; the
networks' own code computes it by convolutions in float32, which differs by 3e-3 dB at most.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from cmmd_bench.errors import ENVIRONMENT, UserError

WINDOW = 1024
BANDS = 64
FLOOR = 1e-10


@dataclass(frozen=True, slots=True, eq=False)
class FrontEnd:
    """hop: samples from frame to frame; filters: (513, 64) weight of each frequency in each band."""

    hop: int
    filters: NDArray[np.float64]


def log_mel(window: NDArray[np.float32], front_end: FrontEnd) -> NDArray[np.float32]:
    """The log-mel spectrogram of one window (T,), T > 512: (1 + T // hop, bands) in dB."""
    power = power_spectrogram(window, hop=front_end.hop)
    return (10.0 * np.log10(np.maximum(power @ front_end.filters, FLOOR))).astype(np.float32)


def power_spectrogram(window: NDArray[np.float32], *, hop: int) -> NDArray[np.float64]:
    """Squared magnitudes, (1 + T // hop, 513), of one window (T,), T > 512."""
    padded = np.pad(window.astype(np.float64), WINDOW // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::hop]
    spectrum = np.fft.rfft(frames * hann())
    return spectrum.real**2 + spectrum.imag**2


def published_front_end(
    tensors: Mapping[str, torch.Tensor], *, prefix: str, hop: int, filters: NDArray[np.float64], what: str
) -> FrontEnd:
    """The front end that a published checkpoint carries along: its own filters, else the given `filters`.

    The networks' own code overwrites its filters with those in the file, so the file has the last word. Raises
    UserError (environment) if it carries another transform than the Hann window of 1024.
    """
    mel = tensors.get(f"{prefix}logmel_extractor.melW")
    if mel is not None:
        if tuple(mel.shape) != filters.shape:
            raise _other_front_end(what, f"mel filters of shape {tuple(mel.shape)} instead of {filters.shape}")
        filters = mel.double().numpy()
    angles = 2 * np.pi * np.arange(WINDOW) * np.arange(WINDOW // 2 + 1)[:, None] / WINDOW
    for part, kernel in (("real", np.cos(angles)), ("imag", -np.sin(angles))):
        found = tensors.get(f"{prefix}spectrogram_extractor.stft.conv_{part}.weight")
        if found is not None and not (
            tuple(found.shape) == (kernel.shape[0], 1, WINDOW)
            and np.allclose(found[:, 0].double().numpy(), kernel * hann(), atol=1e-4)
        ):
            raise _other_front_end(what, f"another Fourier transform than a Hann window of {WINDOW}")
    return FrontEnd(hop, filters)


def hann() -> NDArray[np.float64]:
    """The periodic Hann window, (1024,)."""
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)


def mel_filters(
    rate: int, *, lowest: float, highest: float, scale: Literal["slaney", "htk"] = "slaney"
) -> NDArray[np.float64]:
    """Triangular filters between `lowest` and `highest` Hz, (513, 64).

    slaney: librosa's default, each of unit area; htk: torchaudio's default, each with a peak of 1. The values are
    those that float32 holds, as in the checkpoints' own copies.
    """
    # Imported here: transformers takes seconds, and only sound that is embedded needs it.
    from transformers.audio_utils import mel_filter_bank

    filters: NDArray[np.float64] = mel_filter_bank(
        num_frequency_bins=WINDOW // 2 + 1,
        num_mel_filters=BANDS,
        min_frequency=lowest,
        max_frequency=highest,
        sampling_rate=rate,
        norm="slaney" if scale == "slaney" else None,
        mel_scale=scale,
    )
    return filters.astype(np.float32).astype(np.float64)


def _other_front_end(what: str, found: str) -> UserError:
    return UserError(
        f"these are not the weights of {what}: the checkpoint's front end has {found}. "
        "Check that the file belongs to this network: `cmmd-bench weights verify`.",
        exit_code=ENVIRONMENT,
    )
