"""Decoded frames of one stream from a given time on, in the order of presentation, without decoding all before it.

Times are exact seconds from time 0 of the clip (see `header`). Containers differ in how well they seek: some land on
the keyframe before, some after it, some between two. So each landing is checked, and one that came too late is
repeated further back, at last from the beginning. Damage is an error, never a patched frame, except where a decoder
that was dropped into a stream still warms up.
"""

from collections.abc import Iterator
from fractions import Fraction
from math import floor
from pathlib import Path
from typing import Any

import av
from av.audio.frame import AudioFrame
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from cmmd_bench.media.header import AudioHeader, Header, VideoHeader, time_base
from cmmd_bench.media.opening import damaged, open_container

_STEPS_BACK = (0, 4, 30)
# Codecs carry state from packet to packet: MP3 lends bits over a few frames, Opus asks for 80 ms, AAC overlaps by one.
_WARM_UP = Fraction(1, 2)
_BEYOND = 60
_BACKWARD = 1
_THREADED_PIXELS = 1280 * 720
_CHECKSUMMED = frozenset({"flac", "tta", "wavpack"})


def video_frames(path: Path, header: Header, *, wanted: Fraction) -> Iterator[tuple[Fraction, VideoFrame]]:
    """(time, frame) in order; the first is on screen at `wanted`, or is the first of the stream."""
    video = header.video
    if video is None:
        raise ValueError("header must be of a file with video")
    if not video.counted:
        yield from _frames(path, header, video, wanted, forgiven=Fraction(0))
        return
    for count, (_, frame) in enumerate(_frames(path, header, video, video.start, forgiven=Fraction(0))):
        yield video.start + count / video.fps, frame


def audio_frames(path: Path, header: Header, *, wanted: Fraction) -> Iterator[tuple[Fraction, AudioFrame]]:
    """(time, frame) in order; the decoder has warmed up at `wanted`, or starts with the first of the stream."""
    if header.audio is None:
        raise ValueError("header must be of a file with audio")
    yield from _frames(path, header, header.audio, wanted - _WARM_UP, forgiven=_WARM_UP / 2)


def _frames(
    path: Path, header: Header, stream: VideoHeader | AudioHeader, wanted: Fraction, *, forgiven: Fraction
) -> Iterator[tuple[Fraction, Any]]:
    for back in _STEPS_BACK:
        target = wanted - back
        if target <= stream.start:
            break
        with open_container(path) as container:
            if not _seek(container, container.streams[stream.index], target + header.zero):
                break
            frames = _decoded(path, container, header, stream, forgive_until=wanted + forgiven)
            first = next(frames, None)
            if first is not None and first[0] <= wanted:
                yield first
                yield from frames
                return
    with open_container(path) as container:
        yield from _decoded(path, container, header, stream, forgive_until=None)


def _decoded(
    path: Path,
    container: InputContainer,
    header: Header,
    stream_header: VideoHeader | AudioHeader,
    *,
    forgive_until: Fraction | None,
) -> Iterator[tuple[Fraction, Any]]:
    """From where the container stands; `forgive_until` is None at the beginning of the stream."""
    stream = container.streams[stream_header.index]
    _configure(stream)
    sought = forgive_until is not None
    waits_for_key = sought and isinstance(stream_header, VideoHeader)
    earliest: Fraction | None = forgive_until if sought and not waits_for_key else None
    expected = stream_header.start
    for packet in _packets(path, container, stream, header.zero):
        at = _time(packet, header.zero)
        if waits_for_key:
            if not packet.is_keyframe:
                continue
            # Frames stored after this keyframe but shown before it lean on frames that were not decoded.
            waits_for_key, earliest = False, at
        forgives = earliest is not None and at is not None and at < earliest
        try:
            frames = packet.decode()
        except av.FFmpegError as error:
            if forgives:
                continue
            raise damaged(path, f"cannot be decoded at {_seconds(at, expected)} s ({error.strerror})") from None
        for frame in frames:
            time = _time(frame, header.zero)
            time = expected if time is None else time
            _require_possible(path, time, expected, limit=stream_header.end or header.seconds)
            expected = time + _duration(frame, stream_header)
            if isinstance(stream_header, VideoHeader) and earliest is not None and time < earliest:
                continue
            if frame.is_corrupt and not forgives:
                raise damaged(path, f"has damaged data at {_seconds(time, expected)} s")
            yield time, frame


def _require_possible(path: Path, time: Fraction, expected: Fraction, *, limit: Fraction | None) -> None:
    """Refuse times that would hold a frame for hours, or show the past again: damage, or recordings glued together."""
    if limit is not None and time > limit + _BEYOND:
        raise damaged(path, f"has a timestamp of {_seconds(time, time)} s in {_seconds(limit, limit)} s of media")
    if time < expected - _BACKWARD:
        raise damaged(
            path, f"has timestamps that jump back from {_seconds(expected, time)} to {_seconds(time, time)} s"
        )


def _packets(path: Path, container: InputContainer, stream: Stream, zero: Fraction) -> Iterator["Packet[Any]"]:
    last: Fraction | None = None
    try:
        for packet in container.demux(stream):
            last = _time(packet, zero) or last
            yield packet
    except av.FFmpegError as error:
        raise damaged(path, f"cannot be read on from {_seconds(last, Fraction(0))} s ({error.strerror})") from None
    except IndexError:
        # PyAV does not expect streams that appear on the way.
        raise damaged(path, "has streams that its beginning does not announce") from None


def _configure(stream: Stream) -> None:
    context = stream.codec_context
    if isinstance(context, VideoCodecContext) and context.width * context.height >= _THREADED_PIXELS:
        context.thread_type = "AUTO"
    else:
        # Starting threads costs more than decoding a small clip; the pixels are the same.
        context.thread_count = 1
    if context.name in _CHECKSUMMED:
        context.options = {"err_detect": "crccheck+explode"}


def _seek(container: InputContainer, stream: Stream, clock: Fraction) -> bool:
    try:
        container.seek(floor(clock / time_base(stream)), stream=stream)
    except av.FFmpegError:
        return False
    return True


def _time(timed: Any, zero: Fraction) -> Fraction | None:
    return None if timed.pts is None else timed.pts * timed.time_base - zero


def _duration(frame: Any, header: VideoHeader | AudioHeader) -> Fraction:
    if isinstance(header, AudioHeader):
        return Fraction(frame.samples, frame.sample_rate)
    return frame.duration * frame.time_base if frame.duration else 1 / header.fps


def _seconds(time: Fraction | None, otherwise: Fraction) -> str:
    return f"{float(otherwise if time is None else time):.2f}"
