"""What writing lossless clips and previews have in common: the order of packets, and refusals with names in them."""

from collections.abc import Callable, Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.container import OutputContainer
from av.packet import Packet

from cmmd_bench.errors import UserError
from cmmd_bench.types import Clip


def encoded(path: Path, clip: Clip, encode: Callable[[Clip], bytes]) -> bytes:
    """What `encode` makes of a clip; a refusal of FFmpeg names the clip's sizes and rates."""
    try:
        return encode(clip)
    except (av.FFmpegError, ValueError, OverflowError) as error:
        shape = "no picture" if clip.video is None else f"{clip.video.shape[2]}x{clip.video.shape[1]} at {clip.fps} fps"
        sound = "no sound" if clip.audio is None else f"{clip.sample_rate} Hz"
        raise UserError(f"{path.name} cannot be encoded ({shape}, {sound}): {error}") from error


def mux_in_time(container: OutputContainer, packets: Iterable["Packet[Any]"]) -> None:
    """Write the packets of all streams in the order of their times, so that a reader needs no look ahead."""
    for packet in sorted(packets, key=_time):
        container.mux(packet)


def _time(packet: "Packet[Any]") -> Fraction:
    return (packet.pts or 0) * packet.time_base
