"""Media made for the tests, whose content says at which time it belongs.

Each picture carries its number in eight vertical stripes, bright for a set bit; a burst of noise marks a time in sound.
"""

from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import numpy as np

STRIPES = 8
QUICK = {
    "libx264": {"preset": "veryfast"},
    "libvpx": {"deadline": "realtime", "cpu-used": "8"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8"},
}


def numbered(number: int, height: int = 64, width: int = 64) -> np.ndarray:
    """A picture that carries `number`, 0 to 255."""
    bits = [(number >> bit) & 1 for bit in range(STRIPES)]
    row = np.repeat(np.where(bits, 220, 30), -(-width // STRIPES))[:width]
    return np.broadcast_to(row[None, :, None], (height, width, 3)).astype(np.uint8)


def number_of(picture: np.ndarray) -> int:
    """The number that a picture carries, after any codec."""
    stripes = np.array_split(picture.astype(float).mean(axis=(0, 2)), STRIPES)
    return sum(
        1 << bit for bit, stripe in enumerate(stripes) if stripe[len(stripe) // 4 : -len(stripe) // 4].mean() > 125
    )


def numbers_of(video: np.ndarray) -> list[int]:
    return [number_of(picture) for picture in video]


@cache
def burst(rate: int, seconds: float = 0.25) -> np.ndarray:
    """Noise between 300 and 3000 Hz, the same at every rate, found again by its correlation."""
    tones = np.random.default_rng(7)
    times = np.arange(round(seconds * rate)) / rate
    waves = [
        np.sin(2 * np.pi * (frequency * times + phase))
        for frequency, phase in zip(tones.uniform(300, 3000, 60), tones.uniform(0, 1, 60), strict=True)
    ]
    return (np.hanning(len(times)) * np.sum(waves, axis=0) / 40).astype(np.float32)


def with_burst(at: float, seconds: float, rate: int) -> np.ndarray:
    """Silence of `seconds` with a burst that begins at `at`."""
    samples = np.zeros(round(seconds * rate), np.float32)
    mark = burst(rate)
    samples[round(at * rate) : round(at * rate) + len(mark)] = mark
    return samples


def burst_at(samples: np.ndarray, rate: int) -> float:
    """When the burst begins, seconds."""
    from scipy.signal import correlate

    return int(np.argmax(correlate(samples, burst(rate), mode="valid", method="fft"))) / rate


def write_media(
    path: Path,
    container: str,
    *,
    pictures: Sequence[tuple[Fraction | float, np.ndarray]] = (),
    codec: str = "libx264",
    fps: Fraction | int = 25,
    ticks: int | None = None,
    sounds: Sequence[tuple[Fraction | float, np.ndarray]] = (),
    sound_codec: str = "aac",
    rate: int = 48_000,
    layout: str = "mono",
    packet: int = 1024,
    options: dict[str, str] | None = None,
    codec_options: dict[str, str] | None = None,
    sound_options: dict[str, str] | None = None,
    aspect: Fraction | None = None,
    rotation: tuple[float, bool, bool] | None = None,
    gop: int = 12,
) -> Path:
    """Write (time, picture) pairs and (time, samples) stretches; samples are (T,) or (channels, T)."""
    packets = []
    with av.open(str(path), "w", format=container, options=options or {}) as out:
        base = Fraction(1, ticks) if ticks else 1 / Fraction(fps)
        if pictures:
            video = out.add_stream(codec, rate=Fraction(fps), options=QUICK.get(codec, {}) | (codec_options or {}))
            video.height, video.width = pictures[0][1].shape[:2]
            video.pix_fmt = {"gif": "rgb8", "mjpeg": "yuvj420p", "ffv1": "bgr0"}.get(codec, "yuv420p")
            video.codec_context.time_base = base
            video.gop_size = gop
            if aspect:
                video.codec_context.sample_aspect_ratio = aspect
            if rotation:
                video.set_display_rotation(rotation[0], hflip=rotation[1], vflip=rotation[2])
        if sounds:
            audio = out.add_stream(sound_codec, rate=rate, layout=layout, options=sound_options or {})
        if pictures:
            for time, picture in pictures:
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
                frame.pts, frame.time_base = round(Fraction(time).limit_denominator(100_000) / base), base
                packets += video.encode(frame)
            packets += video.encode(None)
        if sounds:
            packets += _encoded(audio, sounds, rate, layout, packet)
        for item in sorted(packets, key=lambda p: p.dts * p.time_base):
            out.mux(item)
    return path


def _encoded(audio, sounds, rate: int, layout: str, packet: int) -> list:
    audio.codec_context.open()
    packet = audio.codec_context.frame_size or packet
    name = audio.codec_context.format.name
    packets = []
    for time, samples in sounds:
        stretch = av.AudioFrame.from_ndarray(np.atleast_2d(samples).astype(np.float32), format="fltp", layout=layout)
        stretch.sample_rate = rate
        (converted,) = av.AudioResampler(format=name, layout=layout, rate=rate).resample(stretch)
        data = converted.to_ndarray()
        width = data.shape[1] // converted.samples
        for begin in range(0, converted.samples, packet):
            part = np.ascontiguousarray(data[:, begin * width : (begin + packet) * width])
            frame = av.AudioFrame.from_ndarray(part, format=name, layout=layout)
            frame.sample_rate, frame.time_base = rate, Fraction(1, rate)
            frame.pts = round(Fraction(time).limit_denominator(100_000) * rate) + begin
            packets += audio.encode(frame)
    return packets + audio.encode(None)


def clapper(seconds: float = 3.0, fps: Fraction | int = 25, rate: int = 48_000, at: float = 1.0) -> dict:
    """Keywords for `write_media`: numbered pictures, and a burst at `at`."""
    pictures = [(k / Fraction(fps), numbered(k % 256)) for k in range(round(seconds * Fraction(fps)))]
    return {"pictures": pictures, "fps": fps, "sounds": [(0, with_burst(at, seconds, rate))], "rate": rate}
