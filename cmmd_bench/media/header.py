"""What the header of a file says about its streams, on the clip's own timeline.

Times are exact seconds from time 0 of the clip: the moment at which the first of its streams is presented, but never
below 0 of the container's clock, because what lies before that is priming and is not presented. Of several streams of
a kind the first is taken; cover art is no video.
"""

import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from av.audio.stream import AudioStream
from av.container import InputContainer
from av.frame import Frame
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from cmmd_bench.errors import ENVIRONMENT, UserError
from cmmd_bench.media.opening import damaged, open_container, open_sound_file
from cmmd_bench.types import exact_rate

RATE_TAG = "CMMD_BENCH_FPS"
"""Stream tag that keeps the exact frame rate of a clip of ours; Matroska itself holds whole nanoseconds a frame."""

_MICROSECOND = Fraction(1, 1_000_000)
_RATE_OF_UNKNOWN = Fraction(25)
_PRIMING = Fraction(1, 10)
_COUNTED_ABOVE = 500
_SLOWEST, _FASTEST = Fraction(1, 1000), 1000


@dataclass(frozen=True, slots=True)
class VideoHeader:
    """The picture as declared.

    index: of the stream in the container
    start, end: when it is presented, seconds; end None if undeclared
    fps: constant or mean frame rate
    width, height: stored pixels, before rotation
    pixel_aspect: width of a pixel over its height
    frames: None if undeclared
    counted: no frame has a usable timestamp, so frame n is shown at start + n / fps
    """

    index: int
    start: Fraction
    end: Fraction | None
    fps: Fraction
    width: int
    height: int
    pixel_aspect: Fraction
    frames: int | None
    counted: bool


@dataclass(frozen=True, slots=True)
class AudioHeader:
    """The sound as declared.

    index: of the stream in the container
    start, end: when it is presented, seconds; end None if undeclared
    trims: the end cuts into the last packet, as an MP4's edit list does
    """

    index: int
    start: Fraction
    end: Fraction | None
    sample_rate: int
    channels: int
    trims: bool


@dataclass(frozen=True, slots=True)
class Header:
    """A file as declared.

    zero: what the container's clock shows at time 0 of the clip, seconds
    seconds: presented length
    sound_file: libsndfile reads it, not FFmpeg
    """

    zero: Fraction
    seconds: Fraction | None
    video: VideoHeader | None
    audio: AudioHeader | None
    sound_file: bool = False


def read_header(path: Path) -> Header:
    """Read what a file declares; no frame is decoded beyond what FFmpeg needs to know its streams."""
    return _sound_file(path) or _container(path)


def time_base(timed: Stream | Frame) -> Fraction:
    """Seconds a tick of a stream's or a frame's timestamps."""
    if timed.time_base is None:
        raise ValueError("timed must come from a container, which always states a time base")
    return timed.time_base


def _sound_file(path: Path) -> Header | None:
    file = open_sound_file(path)
    if file is None:
        return None
    with file:
        seconds = Fraction(file.frames, file.samplerate)
        # An Ogg declares no length and libsndfile stops at the first damaged page; its last page tells how far it goes.
        page_end = _container(path).seconds if file.format == "OGG" else None
        end = page_end if page_end and page_end > seconds + _PRIMING else seconds
        audio = AudioHeader(0, Fraction(0), end, file.samplerate, file.channels, trims=False)
    return Header(Fraction(0), end, video=None, audio=audio, sound_file=True)


def _container(path: Path) -> Header:
    with open_container(path) as container:
        video = next((s for s in container.streams.video if not _is_cover(s)), None)
        audio = next(iter(container.streams.audio), None)
        for stream in (video, audio):
            _require_decodable(path, stream)
        zero = _zero(video, audio)
        return Header(
            zero=zero,
            seconds=_seconds(container, video or audio, zero),
            video=None if video is None else _video(container, video, zero),
            audio=None if audio is None else _audio(container, audio, zero),
        )


def _video(container: InputContainer, stream: VideoStream, zero: Fraction) -> VideoHeader:
    fps, start, end = _rate(Path(container.name), stream), _start(stream, zero), _end(stream, zero)
    is_avi = container.format.name == "avi"
    if is_avi and stream.frames:
        # FFmpeg shortens the duration of an AVI that was cut off, but not its number of frames.
        end = start + stream.frames / fps
    return VideoHeader(
        index=stream.index,
        start=start,
        end=end,
        fps=fps,
        width=stream.codec_context.width,
        height=stream.codec_context.height,
        pixel_aspect=stream.sample_aspect_ratio or Fraction(1),
        frames=stream.frames or None,
        # AVI knows the order of storage only, raw streams no time at all; milliseconds merge our very fast frames.
        counted=(is_avi and stream.codec_context.has_b_frames)
        or stream.start_time is None
        or (RATE_TAG in stream.metadata and fps > _COUNTED_ABOVE),
    )


def _audio(container: InputContainer, stream: AudioStream, zero: Fraction) -> AudioHeader:
    return AudioHeader(
        index=stream.index,
        start=_start(stream, zero),
        end=_end(stream, zero),
        sample_rate=stream.codec_context.sample_rate,
        channels=stream.codec_context.layout.nb_channels,
        trims=container.format.name.startswith("mov,mp4"),
    )


def _zero(*streams: Stream | None) -> Fraction:
    # The container's own start is rounded to microseconds and counts subtitles and data as well.
    starts = [s.start_time * time_base(s) for s in streams if s is not None and s.start_time is not None]
    return max(Fraction(0), min(starts, default=Fraction(0)))


def _start(stream: Stream, zero: Fraction) -> Fraction:
    return Fraction(0) if stream.start_time is None else stream.start_time * time_base(stream) - zero


def _end(stream: Stream, zero: Fraction) -> Fraction | None:
    if stream.duration is not None and stream.start_time is not None:
        return (stream.start_time + stream.duration) * time_base(stream) - zero
    # Matroska keeps a stream's own end as a tag.
    tag = re.fullmatch(r"(\d+):(\d+):(\d+(?:\.\d+)?)\W*", stream.metadata.get("DURATION", ""))
    return tag and int(tag[1]) * 3600 + int(tag[2]) * 60 + Fraction(tag[3]) - zero


def _seconds(container: InputContainer, stream: Stream | None, zero: Fraction) -> Fraction | None:
    if stream is not None and stream.start_time is None:
        # A raw stream without timestamps, such as ADTS: FFmpeg only guesses its length from the bit rate.
        return sum((p.duration * p.time_base for p in container.demux(stream) if p.duration), Fraction(0))
    if container.duration is None:
        return None
    return (container.duration + (container.start_time or 0)) * _MICROSECOND - zero


def _rate(path: Path, stream: VideoStream) -> Fraction:
    tag = stream.metadata.get(RATE_TAG, "")
    if re.fullmatch(r"[1-9]\d*(/[1-9]\d*)?", tag):
        return exact_rate(tag)
    mean, base = _plausible(stream.average_rate), _plausible(stream.base_rate)
    # The mean of a short file suffers from a last frame without a duration; the base rate (the least in which all
    # timestamps are whole) of one with varying frames is a multiple. Where they nearly agree the base rate is exact.
    if base and (not mean or abs(base / mean - 1) < Fraction(1, 10)):
        return base
    if mean is None and stream.average_rate:
        raise damaged(path, f"declares {float(stream.average_rate):g} frames a second")
    return mean or _RATE_OF_UNKNOWN


def _plausible(rate: Fraction | None) -> Fraction | None:
    """The rate, or None for one that only a damaged header has."""
    return exact_rate(rate) if rate and _SLOWEST <= rate <= _FASTEST else None


def _is_cover(stream: Stream) -> bool:
    return bool(stream.disposition & (Disposition.attached_pic | Disposition.timed_thumbnails))


def _require_decodable(path: Path, stream: VideoStream | AudioStream | None) -> None:
    if stream is None:
        return
    if not stream.codec_context:
        raise UserError(
            f"{path}: the FFmpeg of PyAV has no decoder for its {stream.type}. Convert it to H.264 and AAC in MP4.",
            exit_code=ENVIRONMENT,
        )
    known = stream.codec_context.width if isinstance(stream, VideoStream) else stream.codec_context.sample_rate
    if not known:
        raise damaged(path, f"declares {stream.type} but holds nothing that could be decoded")
