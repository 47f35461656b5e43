"""Store a clip without loss: Matroska with FFV1 in RGB and 32-bit float PCM.

What is read back is equal pixel for pixel and sample for sample, at the same exact rates, and equal clips make equal
bytes. FLAC would be smaller but holds whole numbers, so it cannot hold float32 samples exactly.
"""

from fractions import Fraction
from io import BytesIO
from math import gcd
from os import PathLike
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.container import OutputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter

from cmmd_bench.atomic import write_bytes
from cmmd_bench.media.encoding import encoded, mux_in_time
from cmmd_bench.media.header import RATE_TAG
from cmmd_bench.types import Audio, Clip, Video

# FFV1 takes a single slice only up to CIF, and cannot cut a picture of one row or column into several.
_UNSLICED_WIDTH, _UNSLICED_HEIGHT = 352, 288


def write_clip(path: str | PathLike[str], clip: Clip) -> None:
    """Write `clip` to a .mkv file, whole or not at all.

    Raises ValueError for another suffix, UserError if the clip cannot be encoded, and one with the exit code of the
    environment if the system refuses the write.
    """
    path = Path(path)
    if path.suffix.lower() != ".mkv":
        raise ValueError(f"path must end in .mkv, which is what is written, found {path.name}")
    write_bytes(path, encoded(path, clip, _matroska))


def _matroska(clip: Clip) -> bytes:
    out = BytesIO()
    packets: list[Packet[Any]] = []
    # Without bitexact, Matroska carries a random identity and the muxer's version.
    with av.open(out, "w", format="matroska", options={"fflags": "+bitexact"}) as container:
        if clip.video is not None:
            packets += _video(container, clip.video, clip.fps)
        if clip.audio is not None:
            packets += _audio(container, clip.audio, clip.sample_rate)
        mux_in_time(container, packets)
    return out.getvalue()


def _video(container: OutputContainer, video: Video, fps: Fraction) -> list["Packet[Any]"]:
    _, height, width, _ = video.shape
    sliced = (width > _UNSLICED_WIDTH or height > _UNSLICED_HEIGHT) and min(height, width) > 1
    options = {"level": "3", "slicecrc": "1", "slices": "4" if sliced else "1"}
    if min(height, width) == 1:
        options = {"level": "1"}
    stream = container.add_stream("ffv1", rate=fps, options=options)
    stream.width, stream.height, stream.pix_fmt = width, height, "bgr0"
    stream.codec_context.time_base = 1 / fps
    stream.codec_context.thread_count = 4 if sliced else 1
    stream.metadata[RATE_TAG] = str(fps)
    reformatter = VideoReformatter()
    packets = []
    for number, pixels in enumerate(video):
        frame = VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
        frame = reformatter.reformat(frame, format="bgr0", threads=1)
        frame.pts, frame.time_base = number, 1 / fps
        packets += stream.encode(frame)
    return packets + stream.encode(None)


def _audio(container: OutputContainer, audio: Audio, sample_rate: int) -> list["Packet[Any]"]:
    stream = container.add_stream("pcm_f32le", rate=sample_rate, layout="mono")
    # Matroska rounds timestamps to milliseconds. Packets of whole milliseconds keep them exact, so that a reader that
    # starts in the middle still knows the place of each sample.
    whole = sample_rate // gcd(sample_rate, 1000)
    length = whole * max(1, round(sample_rate / 4 / whole))
    packets = []
    for begin in range(0, len(audio), length):
        part = np.ascontiguousarray(audio[None, begin : begin + length])
        frame = AudioFrame.from_ndarray(part, format="flt", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = sample_rate, begin, Fraction(1, sample_rate)
        packets += stream.encode(frame)
    return packets + stream.encode(None)
