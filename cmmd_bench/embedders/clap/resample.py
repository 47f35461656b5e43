"""Sound at the network's sample rate as fadtk 1.1.0 makes it: a Kaiser-windowed sinc, then a 16-bit file.

Audio (T,) float32 in [-1, 1]; rates in Hz. The filter is torchaudio's `sinc_interp_kaiser` with a half-width of 64
zero crossings, rolloff 0.9475937167399596 and beta 14.769656459379492 (resampy's "kaiser_best"). libsndfile writes
16 bits as floor(32768 x), kept within -32768..32767; read again they are divided by 32768.
"""

from functools import lru_cache
from math import ceil, gcd

import numpy as np
import torch
from numpy.typing import NDArray

from cmmd_bench.types import Audio

ZERO_CROSSINGS = 64
ROLLOFF = 0.9475937167399596
BETA = 14.769656459379492
PHASES = 64
"""Output phases filtered at once: bounds memory where two rates have hardly a common divisor (44101 and 48000 Hz)."""


def resample(audio: Audio, rate: int, target: int) -> Audio:
    """`audio` at `target` Hz: (ceil(T * target / rate),) float32, not clipped. Equal rates return it as it is.

    Raises ValueError for a rate below 1.
    """
    for name, value in (("rate", rate), ("target", target)):
        if value < 1:
            raise ValueError(f"{name} must be at least 1 Hz, found {value}")
    divisor = gcd(rate, target)
    old, new = rate // divisor, target // divisor
    if old == new:
        return audio
    length = ceil(new * len(audio) / old)
    reach = _reach(old, new)
    # Behind the last sample: enough zeros for the last output's filter.
    padded = torch.nn.functional.pad(torch.from_numpy(np.array(audio, np.float32)), (reach, reach + old))[None, None]
    blocks = []
    for first in range(0, new, PHASES):
        start, kernel = _kernel(old, new, first)
        steps = (padded.shape[-1] - start - kernel.shape[-1]) // old + 1
        if steps < 1:
            break
        blocks.append(torch.nn.functional.conv1d(padded[..., start:], kernel, stride=old)[0])
    steps = min(block.shape[-1] for block in blocks)
    interleaved = torch.cat([block[:, :steps] for block in blocks]).T.reshape(-1)
    return interleaved[:length].numpy()


def pcm16(audio: Audio) -> NDArray[np.int16]:
    """`audio` as libsndfile writes it to a 16-bit file: floor(32768 x) within -32768..32767."""
    steps = np.floor(np.asarray(audio, np.float64) * 32768.0)
    return np.clip(steps, -32768, 32767).astype(np.int16)


def _reach(old: int, new: int) -> int:
    """Input samples that the filter reaches to each side."""
    return ceil(ZERO_CROSSINGS * old / (min(old, new) * ROLLOFF))


@lru_cache(maxsize=32)
def _kernel(old: int, new: int, first: int) -> tuple[int, torch.Tensor]:
    """Filters of the output phases from `first` on, at most `PHASES`, and the padded input sample that they start at.

    Output n lies at input position n * old / new; phase p is the filter of the outputs n with n mod new = p.
    """
    reach = _reach(old, new)
    cutoff = min(old, new) * ROLLOFF
    phases = np.arange(first, min(first + PHASES, new))
    start, end = phases[0] * old // new, phases[-1] * old // new + 2 * reach + 1
    offsets = np.arange(start, min(end + 1, 2 * reach + old)) - reach
    # torchaudio rounds the phase to float32, here and nowhere else; at 44.1 kHz that is 3e-6 in the sound.
    shift = (phases / new).astype(np.float32).astype(np.float64)
    position = np.clip((offsets[None] / old - shift[:, None]) * cutoff, -ZERO_CROSSINGS, ZERO_CROSSINGS)
    window = np.i0(BETA * np.sqrt(1 - (position / ZERO_CROSSINGS) ** 2)) / np.i0(BETA)
    kernel = np.sinc(position) * window * cutoff / old
    return int(start), torch.from_numpy(kernel.astype(np.float32))[:, None]
