"""A copy of a clip for people to watch: MP4 with H.264 and AAC, which every browser plays.

Never measured: both codecs lose. Frames keep their size but for an even number of rows and columns, which 4:2:0 colour
needs; the last one is repeated. The sound is at 48 kHz. The index comes first, so that playing starts at once. AAC's
first 1024 samples are priming; the edit list says so and players leave them out, which keeps the sound on the picture.
"""

from fractions import Fraction
from io import BytesIO
from os import PathLike
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.container import OutputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

from cmmd_bench.atomic import write_bytes
from cmmd_bench.media.encoding import encoded, mux_in_time
from cmmd_bench.media.sound import Sound, cut
from cmmd_bench.types import Audio, Clip, Video

_SAMPLE_RATE = 48_000
_BIT_RATE = 160_000
# Edit lists count in the movie's time scale, by default milliseconds, which would cut sounds off there.
_MP4 = {"movflags": "+faststart", "movie_timescale": str(_SAMPLE_RATE)}
_BT709 = 1
_LIMITED_RANGE = 1
# No B-frames: pictures are stored in the order of display, and no player has to honour an edit list for them.
# No macroblock tree: on processors with AVX-512 it gave other bytes now and then, for pictures up to 64 x 64 at least.
_X264 = {"preset": "medium", "crf": "14", "bf": "0", "mbtree": "0"}


def write_preview(path: str | PathLike[str], clip: Clip) -> None:
    """Write `clip` to an .mp4 file, whole or not at all.

    Raises ValueError for another suffix, UserError (environment) if the system refuses the write.
    """
    path = Path(path)
    if path.suffix.lower() != ".mp4":
        raise ValueError(f"path must end in .mp4, which is what is written, found {path.name}")
    write_bytes(path, preview_bytes(clip, path))


def preview_bytes(clip: Clip, named: Path = Path("preview.mp4")) -> bytes:
    """The same as bytes, for pages that carry their clips; a refusal calls the clip `named`."""
    return encoded(named, clip, _mp4)


def _mp4(clip: Clip) -> bytes:
    out = BytesIO()
    packets: list[Packet[Any]] = []

    def reopened(*_: Any) -> BytesIO:
        # To put the index first the muxer reads its own output once more.
        return BytesIO(out.getvalue())

    with av.open(out, "w", format="mp4", options=_MP4, io_open=reopened) as container:
        if clip.video is not None:
            packets += _video(container, clip.video, clip.fps)
        if clip.audio is not None:
            packets += _audio(container, clip.audio, clip.sample_rate)
        mux_in_time(container, packets)
    return out.getvalue()


def _video(container: OutputContainer, video: Video, fps: Fraction) -> list["Packet[Any]"]:
    odd = ((0, 0), (0, video.shape[1] % 2), (0, video.shape[2] % 2), (0, 0))
    video = np.pad(video, odd, mode="edge")
    stream = container.add_stream("libx264", rate=fps, options=_X264)
    context = stream.codec_context
    stream.height, stream.width, stream.pix_fmt = video.shape[1], video.shape[2], "yuv420p"
    context.time_base = 1 / fps
    # Players guess the colour space of unlabelled files by their size.
    context.colorspace = context.color_primaries = context.color_trc = _BT709
    context.color_range = _LIMITED_RANGE
    reformatter = VideoReformatter()
    packets = []
    for number, pixels in enumerate(video):
        frame = reformatter.reformat(
            VideoFrame.from_ndarray(pixels, format="rgb24"),
            format="yuv420p",
            dst_colorspace=Colorspace.ITU709,
            dst_color_range=ColorRange.MPEG,
            interpolation=int(Interpolation.BICUBIC | Interpolation.FULL_CHR_H_INP | Interpolation.ACCURATE_RND),
            threads=1,
        )
        frame.pts, frame.time_base = number, 1 / fps
        packets += stream.encode(frame)
    return packets + stream.encode(None)


def _audio(container: OutputContainer, audio: Audio, sample_rate: int) -> list["Packet[Any]"]:
    sound = Sound(audio, 0, sample_rate, end=None)
    samples = cut(sound, first=0, count=round(len(audio) * _SAMPLE_RATE / sample_rate) or 1, rate=_SAMPLE_RATE)
    stream = container.add_stream("aac", rate=_SAMPLE_RATE, layout="mono")
    stream.bit_rate = _BIT_RATE
    frame = AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = _SAMPLE_RATE, 0, Fraction(1, _SAMPLE_RATE)
    return stream.encode(frame) + stream.encode(None)
