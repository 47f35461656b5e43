"""Faults of the sound: audio (T,) float32 in [-1, 1] in, the same length out, worse by `level`.

Nothing is modified in place. What is drawn at random is drawn from `rng`, so a clip's fault is the same everywhere.
"""

# ruff: noqa: ARG001 (every fault has the same arguments, whether it needs them or not)

from io import BytesIO

import numpy as np

from cmmd_bench.types import Audio

LOW_RATES = (8000, 11025, 12000, 16000, 22050, 24000)
"""Hz, at which MP3 goes down to 8 kbit/s; above, every rate below 32 kbit/s would be 32."""


def noisy(audio: Audio, sample_rate: int, level: float, rng: np.random.Generator) -> Audio:
    """White noise; level: dB by which the noise lies above a signal-to-noise ratio of 40 dB, so 40 is 0 dB SNR."""
    power = float(np.mean(np.square(audio, dtype=np.float64)))
    noise = rng.normal(0.0, np.sqrt(power * 10 ** ((level - 40.0) / 10)), len(audio))
    return np.asarray(np.clip(audio + noise, -1, 1), dtype=np.float32)


def lowpassed(audio: Audio, sample_rate: int, level: float, rng: np.random.Generator) -> Audio:
    """An eighth-order Butterworth low-pass, forward and back; level: octaves below half the sample rate."""
    from scipy.signal import butter, sosfiltfilt

    sections = butter(8, 2.0**-level, output="sos")
    return np.asarray(np.clip(sosfiltfilt(sections, audio.astype(np.float64)), -1, 1), dtype=np.float32)


def quieter(audio: Audio, sample_rate: int, level: float, rng: np.random.Generator) -> Audio:
    """Attenuated; level: dB."""
    return np.asarray(audio * 10 ** (-level / 20), dtype=np.float32)


def muted(audio: Audio, sample_rate: int, level: float, rng: np.random.Generator) -> Audio:
    """Silent for a stretch at a random place; level: share of the clip."""
    silent = round(level * len(audio))
    start = int(rng.integers(0, len(audio) - silent + 1))
    out = audio.copy()
    out[start : start + silent] = 0.0
    return out


def compressed(audio: Audio, sample_rate: int, level: float, rng: np.random.Generator) -> Audio:
    """Through an MP3 of ever fewer bits and back; level: halvings of 64 kbit/s. The codec's delay is taken out."""
    import av

    rate = min(LOW_RATES, key=lambda r: abs(r - sample_rate))
    kbit = 64 / 2**level
    out = BytesIO()
    with av.open(out, "w", format="mp3") as container:
        stream = container.add_stream("libmp3lame", rate=rate, layout="mono")
        stream.bit_rate = int(kbit * 1000)
        frame = av.AudioFrame.from_ndarray(_at_rate(audio, sample_rate, rate)[None], format="fltp", layout="mono")
        frame.sample_rate, frame.pts = rate, 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    out.seek(0)
    # Named, because a clip of a single packet is too short to be recognised.
    with av.open(out, "r", format="mp3") as container:
        parts = [frame.to_ndarray()[0] for frame in container.decode(audio=0)]
    back = _at_rate(np.concatenate(parts).astype(np.float32), rate, sample_rate)
    return np.clip(_aligned(back, audio), -1, 1)


def _at_rate(audio: Audio, source: int, target: int) -> Audio:
    import soxr

    return audio if source == target else np.asarray(soxr.resample(audio, source, target), dtype=np.float32)


def _aligned(late: Audio, original: Audio) -> Audio:
    """`late` without its delay: players do that, and a delay is another fault."""
    from scipy.signal import correlate

    lag = int(np.argmax(correlate(late, original, mode="full"))) - (len(original) - 1)
    moved = late[max(lag, 0) :]
    if lag < 0:
        moved = np.concatenate([np.zeros(-lag, np.float32), moved])
    return np.pad(moved, (0, max(0, len(original) - len(moved))))[: len(original)].astype(np.float32)
